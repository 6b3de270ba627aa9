package workloads;

import java.util.List;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Workload;

/**
 * After GCBench: trees that are populated from the top, so that old nodes come to refer to young ones, and trees put
 * together from the bottom, beside a tree and an array that stay.
 */
public final class Gcbench implements Workload<Gcbench.Bench> {
    private static final int LOWEST_DEPTH = 4;
    private static final int NODE_BYTES = 24;

    /** Leaves so many bits of a draw that a double holds them exactly. */
    private static final int EXACT_SHIFT = 11;

    @Override
    public List<String> variants() {
        return List.of("node");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.between("depth", 0, 28), Parameter.between("array", 1, 1 << 30));
    }

    @Override
    public Bench setup(Run run) {
        return new Bench(run.params());
    }

    private static Node newNode(Rng rng, Node left, Node right) {
        // allocate: one node
        Node node = new Node();
        // touch: the payload and both links
        node.left = left;
        node.right = right;
        node.payload = rng.next();
        return node;
    }

    private static void populate(Node node, Rng rng, int depth) {
        if (depth > 0) {
            // publish: two new nodes, in one that is older
            node.left = newNode(rng, null, null);
            node.right = newNode(rng, null, null);
            populate(node.left, rng, depth - 1);
            populate(node.right, rng, depth - 1);
        }
    }

    private static Node topDown(Rng rng, int depth) {
        Node root = newNode(rng, null, null);
        populate(root, rng, depth);
        return root;
    }

    private static Node bottomUp(Rng rng, int depth) {
        Node left = depth > 0 ? bottomUp(rng, depth - 1) : null;
        Node right = depth > 0 ? bottomUp(rng, depth - 1) : null;
        return newNode(rng, left, right);
    }

    private static void walk(Node node, Checksum hash) {
        hash.add(node.payload);
        if (node.left != null) {
            walk(node.left, hash);
            walk(node.right, hash);
        }
    }

    private static double[] newArray(Rng rng, int length) {
        // allocate: the array
        double[] array = new double[length];
        // touch: every element
        for (int i = 0; i < length; i++) {
            array[i] = rng.next() >>> EXACT_SHIFT;
        }
        return array;
    }

    /** Builds the next {@code trees} trees in one direction and folds their hashes, each dropped before the next. */
    private static void buildAndHash(Bench bench, boolean fromTop, int trees, int depth) {
        for (int i = 0; i < trees; i++) {
            bench.rng.seed(bench.seed + bench.number++);
            Node tree = fromTop ? topDown(bench.rng, depth) : bottomUp(bench.rng, depth);
            addHash(bench, tree);
            // retire: the tree has been hashed, and nothing refers to it
        }
    }

    private static void addHash(Bench bench, Node tree) {
        bench.hash.reset();
        walk(tree, bench.hash);
        bench.result.add(bench.hash.value());
    }

    @Override
    public void iterate(Bench bench) {
        bench.rng.seed(bench.seed);
        Node longLived = topDown(bench.rng, bench.depth);
        bench.rng.seed(bench.seed + 1);
        double[] array = newArray(bench.rng, bench.length);

        for (int depth = LOWEST_DEPTH; depth <= bench.depth; depth += 2) {
            int trees = bench.treesOf(depth);
            buildAndHash(bench, true, trees, depth);
            buildAndHash(bench, false, trees, depth);
        }

        addHash(bench, longLived);
        for (double number : array) {
            bench.result.add((long) number);
        }
        // retire: what was kept throughout
    }

    @Override
    public Result teardown(Bench bench) {
        long nodes = nodesOf(bench.depth);
        long largest = 0;
        for (int depth = LOWEST_DEPTH; depth <= bench.depth; depth += 2) {
            nodes += 2L * bench.treesOf(depth) * nodesOf(depth);
            largest = nodesOf(depth);
        }
        long arrayBytes = (long) bench.length * Double.BYTES;
        return Result.of(
                nodes,
                nodes + 1,
                nodes * NODE_BYTES + arrayBytes,
                (nodesOf(bench.depth) + largest) * NODE_BYTES + arrayBytes,
                bench.result.value());
    }

    private static long nodesOf(int depth) {
        return (2L << depth) - 1;
    }

    private static final class Node {
        private Node left;
        private Node right;
        private long payload;
    }

    /** One iteration: its parameters, the number of the next tree, and what trees are drawn from and folded into. */
    static final class Bench {
        private final long seed;
        private final int depth;
        private final int length;
        private final Rng rng = new Rng(0);
        private final Checksum hash = new Checksum();
        private final Checksum result = new Checksum();
        private long number = 2;

        private Bench(Params params) {
            seed = params.seed();
            depth = params.getInt("depth");
            length = params.getInt("array");
        }

        /** How many trees of one depth each direction builds, so that each depth takes about the same number of nodes. */
        private int treesOf(int treeDepth) {
            return 1 << (depth - treeDepth + 3);
        }
    }
}
