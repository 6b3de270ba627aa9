package workloads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
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
 * {@code node}: every node is an object of its own, and a whole tree becomes garbage at once. Variant {@code arena}: nodes
 * lie in the arrays of a region and are linked by their numbers; a region forgets all of them at once.
 */
public final class BinaryTrees implements Workload<BinaryTrees.Forest> {
    private static final int LOWEST_DEPTH = 4;
    private static final int NODE_BYTES = 24;

    @Override
    public List<String> variants() {
        return List.of("node", "arena");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.between("depth", 0, 28), Parameter.between("threads", 1, 1024));
    }

    @Override
    public Forest setup(Run run) {
        Params params = run.params();
        Maker maker = params.variant().equals("arena") ? new RegionMaker() : new NodeMaker();
        return new Forest(params.seed(), params.getInt("depth"), params.getInt("threads"), run.threads(), maker);
    }

    @Override
    public void iterate(Forest forest) {
        forest.result.add(forest.maker.keep(forest.depth + 1, forest.seed).hash());
        Tree longLived = forest.maker.keep(forest.depth, forest.seed + 1);
        for (int depth = LOWEST_DEPTH; depth <= forest.depth; depth += 2) {
            int trees = treesOf(depth, forest.depth);
            forest.plant(depth, trees);
            for (int i = 0; i < trees; i++) {
                forest.result.add(forest.hashes[i]);
            }
            forest.planted += trees;
        }
        forest.result.add(longLived.hash());
    }

    @Override
    public Result teardown(Forest forest) {
        long stretch = nodesOf(forest.depth + 1);
        long kept = nodesOf(forest.depth);
        long nodes = stretch + kept;
        for (int depth = LOWEST_DEPTH; depth <= forest.depth; depth += 2) {
            nodes += treesOf(depth, forest.depth) * nodesOf(depth);
        }
        List<Result.Counter> counters = new ArrayList<>();
        counters.add(new Result.Counter("trees", forest.planted));
        counters.addAll(forest.maker.counters());
        long most = Math.max(stretch, kept * (1 + forest.threads));
        return new Result(
                nodes,
                nodes,
                NODE_BYTES * nodes,
                NODE_BYTES * most,
                forest.result.value(),
                counters);
    }

    /** How many trees of one depth are planted, so that each depth takes about the same number of nodes. */
    private static int treesOf(int depth, int deepest) {
        return 1 << (deepest - depth + LOWEST_DEPTH);
    }

    private static long nodesOf(int depth) {
        return (2L << depth) - 1;
    }

    /** How trees are made, and with what each of them goes. Serves several threads. */
    private abstract static class Maker {
        /** A tree that lives as long as somebody refers to it. */
        abstract Tree keep(int depth, long seed);

        /** Stores the hashes of trees that live one after the other; their seeds count on from {@code seed}. */
        abstract void hashRange(int depth, long seed, long[] hashes, int from, int to);

        /** Those that there are beside the number of trees. */
        List<Result.Counter> counters() {
            return List.of();
        }
    }

    private abstract static class Tree {
        abstract long hash();
    }

    private static final class NodeMaker extends Maker {
        @Override
        Tree keep(int depth, long seed) {
            return new NodeTree(build(depth, new Rng(seed)));
        }

        @Override
        void hashRange(int depth, long seed, long[] hashes, int from, int to) {
            Rng rng = new Rng(0);
            Checksum hash = new Checksum();
            for (int i = from; i < to; i++) {
                hashes[i] = growAndHash(depth, seed + i, rng, hash);
            }
        }
    }

    private static final class NodeTree extends Tree {
        private final Node root;

        private NodeTree(Node root) {
            this.root = root;
        }

        @Override
        long hash() {
            Checksum hash = new Checksum();
            walk(root, hash);
            return hash.value();
        }
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

    /** A region for each tree that is kept, and one for all trees of a range. */
    private static final class RegionMaker extends Maker {
        private final AtomicLong chunks = new AtomicLong();

        @Override
        Tree keep(int depth, long seed) {
            Region region = new Region(depth);
            int root = region.build(depth, new Rng(seed));
            chunks.addAndGet(region.chunks);
            return new RegionTree(region, root);
        }

        @Override
        void hashRange(int depth, long seed, long[] hashes, int from, int to) {
            Region region = new Region(depth);
            Rng rng = new Rng(0);
            Checksum hash = new Checksum();
            for (int i = from; i < to; i++) {
                rng.seed(seed + i);
                hash.reset();
                region.walk(region.build(depth, rng), hash);
                hashes[i] = hash.value();
                region.empty();
            }
            chunks.addAndGet(region.chunks);
        }

        @Override
        List<Result.Counter> counters() {
            return List.of(new Result.Counter("chunks", chunks.get()));
        }
    }

    private static final class RegionTree extends Tree {
        private final Region region;
        private final int root;

        private RegionTree(Region region, int root) {
            this.region = region;
            this.root = root;
        }

        @Override
        long hash() {
            Checksum hash = new Checksum();
            region.walk(root, hash);
            return hash.value();
        }
    }

    /**
     * Hands out nodes one after the other and forgets them together. A node is its number: its payload and its links, the
     * left one first, are found by it in the arrays of a chunk. A tree begins with its root, so that no child has the
     * number 0, and the links of a leaf are 0.
     */
    private static final class Region {
        private static final int CHUNK_BITS = 12;
        private static final int CHUNK_NODES = 1 << CHUNK_BITS;

        private final long[][] payloads;
        private final int[][] links;
        private int chunks;
        private int used;

        /** Has room for a tree of {@code depth}. */
        private Region(int depth) {
            int most = (int) ((nodesOf(depth) + CHUNK_NODES - 1) / CHUNK_NODES);
            payloads = new long[most][];
            links = new int[most][];
        }

        private int build(int depth, Rng rng) {
            if (used == chunks * CHUNK_NODES) {
                payloads[chunks] = new long[CHUNK_NODES];
                links[chunks] = new int[2 * CHUNK_NODES];
                chunks++;
            }
            // allocate: the next node of the region
            int number = used++;
            int[] linksOfChunk = links[number >>> CHUNK_BITS];
            int place = number & (CHUNK_NODES - 1);
            // touch: the payload, then both links, which are a former node's
            payloads[number >>> CHUNK_BITS][place] = rng.next();
            linksOfChunk[2 * place] = depth > 0 ? build(depth - 1, rng) : 0;
            linksOfChunk[2 * place + 1] = depth > 0 ? build(depth - 1, rng) : 0;
            return number;
        }

        private void empty() {
            // retire: all nodes at once; the chunks stay for the next tree
            used = 0;
        }

        private void walk(int number, Checksum hash) {
            int chunk = number >>> CHUNK_BITS;
            int place = number & (CHUNK_NODES - 1);
            hash.add(payloads[chunk][place]);
            int[] linksOfChunk = links[chunk];
            int left = linksOfChunk[2 * place];
            if (left != 0) {
                walk(left, hash);
                walk(linksOfChunk[2 * place + 1], hash);
            }
        }
    }

    /** One iteration: its parameters, the number of the next tree, and the hashes of the trees of one depth. */
    static final class Forest {
        private final long seed;
        private final int depth;
        private final int threads;
        private final Threads runner;
        private final Maker maker;
        private final long[] hashes;
        private final Checksum result = new Checksum();
        private long planted = 2;

        private Forest(long seed, int depth, int threads, Threads runner, Maker maker) {
            this.seed = seed;
            this.depth = depth;
            this.threads = threads;
            this.runner = runner;
            this.maker = maker;
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
     * Grows the trees number {@code from} up to {@code to} of one depth. What a maker needs for it is made on the thread
     * that uses it: as neighbours on one cache line, those of several threads would slow each other down.
     */
    private record Planter(Forest forest, int depth, int from, int to) implements Runnable {
        @Override
        public void run() {
            forest.maker.hashRange(depth, forest.seed + forest.planted, forest.hashes, from, to);
        }
    }
}
