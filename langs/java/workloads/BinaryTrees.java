package workloads;

import java.util.List;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Threads;
import kit.Workload;

/**
 * Complete binary trees of many small nodes: one that is kept while a great number of others come and go. Variant
 * {@code node}: every node is an object of its own, and a whole tree becomes garbage at once.
 */
public final class BinaryTrees implements Workload<BinaryTrees.Forest> {
    private static final int LOWEST_DEPTH = 4;
    private static final int NODE_BYTES = 24;

    @Override
    public List<String> variants() {
        return List.of("node");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.between("depth", 0, 28), Parameter.between("threads", 1, 1024));
    }

    @Override
    public Forest setup(Run run) {
        Params params = run.params();
        return new Forest(params.seed(), params.getInt("depth"), params.getInt("threads"), run.threads());
    }

    @Override
    public void iterate(Forest forest) {
        Rng rng = new Rng(0);
        Checksum hash = new Checksum();
        forest.result.add(growAndHash(forest.depth + 1, forest.seed, rng, hash));
        rng.seed(forest.seed + 1);
        Node longLived = build(forest.depth, rng);
        for (int depth = LOWEST_DEPTH; depth <= forest.depth; depth += 2) {
            int trees = treesOf(depth, forest.depth);
            forest.plant(depth, trees);
            for (int i = 0; i < trees; i++) {
                forest.result.add(forest.hashes[i]);
            }
            forest.planted += trees;
        }
        hash.reset();
        walk(longLived, hash);
        forest.result.add(hash.value());
    }

    @Override
    public Result teardown(Forest forest) {
        long stretch = nodesOf(forest.depth + 1);
        long kept = nodesOf(forest.depth);
        long nodes = stretch + kept;
        for (int depth = LOWEST_DEPTH; depth <= forest.depth; depth += 2) {
            nodes += treesOf(depth, forest.depth) * nodesOf(depth);
        }
        long most = Math.max(stretch, kept * (1 + forest.threads));
        return new Result(
                nodes,
                nodes,
                NODE_BYTES * nodes,
                NODE_BYTES * most,
                forest.result.value(),
                List.of(new Result.Counter("trees", forest.planted)));
    }

    /** How many trees of one depth are planted, so that each depth takes about the same number of nodes. */
    private static int treesOf(int depth, int deepest) {
        return 1 << (deepest - depth + LOWEST_DEPTH);
    }

    private static long nodesOf(int depth) {
        return (2L << depth) - 1;
    }

    private static Node build(int depth, Rng rng) {
        // allocate: one node per call, parents before children
        Node node = new Node();
        // touch: the payload, then both links
        node.payload = rng.next();
        if (depth > 0) {
            node.left = build(depth - 1, rng);
            node.right = build(depth - 1, rng);
        }
        return node;
    }

    private static void walk(Node node, Checksum hash) {
        hash.add(node.payload);
        if (node.left != null) {
            walk(node.left, hash);
            walk(node.right, hash);
        }
    }

    private static long growAndHash(int depth, long seed, Rng rng, Checksum hash) {
        rng.seed(seed);
        Node tree = build(depth, rng);
        hash.reset();
        walk(tree, hash);
        // retire: nothing refers to the tree any more once it is hashed; the collector finds out when it likes
        return hash.value();
    }

    private static final class Node {
        private Node left;
        private Node right;
        private long payload;
    }

    /** One iteration: its parameters, the number of the next tree, and the hashes of the trees of one depth. */
    static final class Forest {
        private final long seed;
        private final int depth;
        private final int threads;
        private final Threads runner;
        private final long[] hashes;
        private final Checksum result = new Checksum();
        private long planted = 2;

        private Forest(long seed, int depth, int threads, Threads runner) {
            this.seed = seed;
            this.depth = depth;
            this.threads = threads;
            this.runner = runner;
            hashes = new long[depth < LOWEST_DEPTH ? 0 : treesOf(LOWEST_DEPTH, depth)];
        }

        /** Fills the first {@code trees} hashes, each thread a contiguous range of them. */
        private void plant(int treeDepth, int trees) {
            Runnable[] planters = new Runnable[threads];
            for (int i = 0; i < threads; i++) {
                int from = (int) ((long) i * trees / threads);
                int to = (int) ((i + 1L) * trees / threads);
                planters[i] = new Planter(this, treeDepth, from, to);
            }
            runner.runAll(planters);
        }
    }

    /**
     * Grows the trees number {@code from} up to {@code to} of one depth. The generator and the checksum are made on the
     * thread that uses them: as neighbours on one cache line, those of several threads would slow each other down.
     */
    private record Planter(Forest forest, int depth, int from, int to) implements Runnable {
        @Override
        public void run() {
            Rng rng = new Rng(0);
            Checksum hash = new Checksum();
            for (int i = from; i < to; i++) {
                forest.hashes[i] = growAndHash(depth, forest.seed + forest.planted + i, rng, hash);
            }
        }
    }
}
