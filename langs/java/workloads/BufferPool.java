package workloads;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import kit.Checkpoints;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Workload;

/**
 * Bursts of requests, each with a buffer of its own. A buffer is a new array, or comes from a deque: the thread's own,
 * which keeps all it gets, or one that keeps no more than a cap.
 */
public final class BufferPool implements Workload<BufferPool.Server> {
    private static final int UNIFORM_BYTES = 16 << 10;
    private static final int SMALL_BYTES = 1 << 10;
    private static final int LARGE_BYTES = 4 << 20;
    private static final int ONE_IN = 100;

    @Override
    public List<String> variants() {
        return List.of("alloc", "pool", "capped", "alloc_bimodal", "pool_bimodal", "capped_bimodal");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("burst", 1, 1 << 16),
                Parameter.between("rounds", 0, 1 << 24),
                Parameter.between("bimodal_rounds", 0, 1 << 24),
                Parameter.between("cap_kib", 0, 1L << 32));
    }

    @Override
    public Server setup(Run run) {
        return new Server(run);
    }

    /** Where buffers come from and go to. The array may be longer than it was asked for. */
    private abstract static class Source {
        abstract long[] take(int words);

        abstract void giveBack(long[] buffer);

        /** Forgets what it has kept. */
        void drop() {}

        List<Result.Counter> counters() {
            return List.of();
        }

        static long[] newBuffer(int words) {
            // allocate: one buffer, as large as it is asked for
            return new long[words];
        }
    }

    private static final class Allocator extends Source {
        @Override
        long[] take(int words) {
            return newBuffer(words);
        }

        @Override
        void giveBack(long[] buffer) {
            // retire: the request was the only one to know the buffer
        }
    }

    /** A buffer that was kept, or a new one where there is none or it is too small. */
    private static long[] fit(long[] kept, int words) {
        if (kept == null || kept.length < words) {
            // retire: a buffer that is too small for this request
            return Source.newBuffer(words);
        }
        return kept;
    }

    private static final class ThreadPool extends Source {
        private static final ThreadLocal<ArrayDeque<long[]>> FREE = new ThreadLocal<>() {
            @Override
            protected ArrayDeque<long[]> initialValue() {
                return new ArrayDeque<>();
            }
        };

        @Override
        long[] take(int words) {
            return fit(FREE.get().pollFirst(), words);
        }

        @Override
        void giveBack(long[] buffer) {
            FREE.get().addFirst(buffer);
        }

        @Override
        void drop() {
            FREE.remove();
        }
    }

    private static final class CappedPool extends Source {
        private final ArrayDeque<long[]> free;
        private final long capBytes;
        private long retainedBytes;
        private long made;

        private CappedPool(int burst, long capBytes) {
            free = new ArrayDeque<>(burst);
            this.capBytes = capBytes;
        }

        @Override
        long[] take(int words) {
            long[] kept = free.pollFirst();
            if (kept != null) {
                retainedBytes -= bytesOf(kept);
            }
            long[] buffer = fit(kept, words);
            if (buffer != kept) {
                made++;
            }
            return buffer;
        }

        @Override
        void giveBack(long[] buffer) {
            long bytes = bytesOf(buffer);
            if (retainedBytes + bytes <= capBytes) {
                free.addFirst(buffer);
                retainedBytes += bytes;
            }
            // retire: a buffer that would exceed the cap
        }

        @Override
        List<Result.Counter> counters() {
            return List.of(new Result.Counter("made", made), new Result.Counter("retained_bytes", retainedBytes));
        }

        private static long bytesOf(long[] buffer) {
            return (long) buffer.length * Long.BYTES;
        }
    }

    private static int drawBytes(Server server) {
        if (!server.bimodal) {
            return UNIFORM_BYTES;
        }
        return Long.remainderUnsigned(server.rng.next(), ONE_IN) == 0 ? LARGE_BYTES : SMALL_BYTES;
    }

    private static int begin(Server server, int k) {
        int bytes = drawBytes(server);
        int words = bytes / Long.BYTES;
        long[] buffer = server.source.take(words);
        // touch: every word that the request uses
        Arrays.fill(buffer, 0, words, server.rng.next());
        // publish: the buffer is in flight
        server.buffers[k] = buffer;
        server.words[k] = words;
        return bytes;
    }

    private static void finish(Server server, int k) {
        long[] buffer = server.buffers[k];
        server.buffers[k] = null;
        server.checksum.add(sum(buffer, server.words[k]));
        server.source.giveBack(buffer);
    }

    private static long sum(long[] buffer, int words) {
        long sum = 0;
        for (int i = 0; i < words; i++) {
            sum += buffer[i];
        }
        return sum;
    }

    @Override
    public void iterate(Server server) {
        for (int round = 0; round < server.rounds; round++) {
            long live = 0;
            for (int k = 0; k < server.buffers.length; k++) {
                live += begin(server, k);
            }
            server.allocatedBytes += live;
            server.peakLiveBytes = Math.max(server.peakLiveBytes, live);
            for (int k = 0; k < server.buffers.length; k++) {
                finish(server, k);
            }
        }
    }

    @Override
    public Result teardown(Server server) {
        server.checkpoints.reached("after_release", 0);
        server.source.drop();
        long asked = (long) server.rounds * server.buffers.length;
        return new Result(
                asked,
                asked,
                server.allocatedBytes,
                server.peakLiveBytes,
                server.checksum.value(),
                server.source.counters());
    }

    /** One iteration: the buffers in flight, how much of each is in use, and where they come from. */
    static final class Server {
        private final Checkpoints checkpoints;
        private final Source source;
        private final boolean bimodal;
        private final int rounds;
        private final long[][] buffers;
        private final int[] words;
        private final Rng rng;
        private final Checksum checksum = new Checksum();
        private long allocatedBytes;
        private long peakLiveBytes;

        private Server(Run run) {
            Params params = run.params();
            checkpoints = run.checkpoints();
            bimodal = params.variant().endsWith("_bimodal");
            rounds = params.getInt(bimodal ? "bimodal_rounds" : "rounds");
            buffers = new long[params.getInt("burst")][];
            words = new int[buffers.length];
            rng = new Rng(params.seed());
            source = switch (params.variant()) {
                case "alloc", "alloc_bimodal" -> new Allocator();
                case "pool", "pool_bimodal" -> new ThreadPool();
                default -> new CappedPool(buffers.length, params.get("cap_kib") << 10);
            };
        }
    }
}
