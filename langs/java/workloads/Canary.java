package workloads;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import kit.Checkpoints;
import kit.Checksum;
import kit.Clock;
import kit.Operations;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Threads;

/**
 * Runs whose truth is their input: exactly so much memory touched, so long a pause, so much CPU burnt, so many bytes
 * allocated, operations held up so long and so often. The harness must read these back; they measure the instruments,
 * not Java.
 */
public final class Canary implements Operations<Canary.State> {
    private static final int PAGE_BYTES = 4096;
    private static final int PAGE_WORDS = PAGE_BYTES / Long.BYTES;
    private static final int MEBIBYTE_WORDS = (1 << 20) / Long.BYTES;
    private static final long US = 1000;
    private static final long MS = 1_000_000;

    /** Volatile, so that no store to it is dropped in favour of a later one and every block has to exist. */
    private static volatile long[] published;

    @Override
    public List<String> variants() {
        return List.of("memory", "pause", "cpu", "bytes", "stall");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("mebibytes", 1, Integer.MAX_VALUE / MEBIBYTE_WORDS),
                Parameter.between("hold_ms", 0, 3_600_000),
                Parameter.between("cpu_ms", 0, 3_600_000),
                Parameter.between("threads", 1, 1024),
                Parameter.between("count", 0, 1L << 32),
                Parameter.between("size", 16, 1 << 30).multipleOf(Long.BYTES),
                Parameter.between("arrivals", 0, 1L << 40),
                Parameter.between("service_us", 0, 3_600_000_000L),
                Parameter.between("stall_every", 1, 1L << 40));
    }

    @Override
    public String arrivals() {
        return "arrivals";
    }

    @Override
    public List<String> variantsWithOperations() {
        return List.of("stall");
    }

    @Override
    public State setup(Run run) {
        return new State(run);
    }

    @Override
    public void iterate(State state) {
        switch (state.params.variant()) {
            case "memory" -> fill(state);
            case "pause" -> hold(state);
            case "cpu" -> burn(state);
            case "stall" -> serve(state);
            default -> churn(state);
        }
    }

    @Override
    public Result teardown(State state) {
        long checksum = state.checksum.value();
        return switch (state.params.variant()) {
            case "memory" -> {
                state.checkpoints.reached("after_release", 0);
                long bytes = (long) state.mebibytes << 20;
                yield Result.of(bytes / PAGE_BYTES, 1, bytes, bytes, checksum);
            }
            case "pause" -> Result.of(1, 0, 0, 0, checksum);
            case "cpu" -> Result.of(state.threads, 0, 0, 0, checksum);
            case "stall" -> Result.of(state.arrivals, 0, 0, 0, checksum);
            default -> Result.of(state.count, state.count, state.count * state.size, state.size, checksum);
        };
    }

    private static void fill(State state) {
        // allocate: one block; the virtual machine zeroes it, which touches every page already
        long[] block = new long[state.mebibytes * MEBIBYTE_WORDS];
        // touch: one word per page
        for (int i = 0; i < block.length; i += PAGE_WORDS) {
            block[i] = state.rng.next();
        }
        state.checkpoints.reached("after_fill", (long) state.mebibytes << 20);
        for (int i = 0; i < block.length; i += PAGE_WORDS) {
            state.checksum.add(block[i]);
        }
        // retire: the block is unreachable when this method returns; its pages stay until a collection
    }

    private static void hold(State state) {
        spin(state.holdMs * MS);
        state.checksum.add(state.holdMs);
    }

    private static void spin(long ns) {
        long end = Clock.now() + ns;
        while (Clock.now() - end < 0) {
            Thread.onSpinWait();
        }
    }

    private static void burn(State state) {
        long share = state.cpuMs * MS / state.threads;
        Runnable[] burners = new Runnable[state.threads];
        for (int i = 0; i < burners.length; i++) {
            burners[i] = new Burner(state.clock, share);
        }
        state.runner.runAll(burners);
        state.checksum.add(state.cpuMs);
        state.checksum.add(state.threads);
    }

    private static void churn(State state) {
        int words = state.size / Long.BYTES;
        for (long i = 0; i < state.count; i++) {
            // allocate: one block of `size` bytes, header not counted
            long[] block = new long[words];
            // touch: its first and its last word
            block[0] = state.rng.next();
            block[words - 1] = state.rng.next();
            // publish: for all to see
            published = block;
            state.checksum.add(block[0]);
            state.checksum.add(block[words - 1]);
            // retire: dropping the global reference makes the block unreachable before the next one is made
            published = null;
        }
    }

    private void serve(State state) {
        for (long i = 0; i < state.arrivals; i++) {
            operate(state, i);
        }
        conclude(state);
    }

    /** Of variant stall: every so many operations one takes longer. */
    @Override
    public void operate(State state, long i) {
        spin(state.serviceUs * US);
        if (i % state.stallEvery == state.stallEvery - 1) {
            spin(state.holdMs * MS);
        }
    }

    @Override
    public void conclude(State state) {
        state.checksum.add(state.arrivals);
        state.checksum.add(state.arrivals / state.stallEvery);
    }

    /** Spins until this thread has used {@code share} ns of CPU. Compiling this loop costs some ms of CPU itself. */
    private record Burner(ThreadMXBean clock, long share) implements Runnable {
        @Override
        public void run() {
            long end = clock.getCurrentThreadCpuTime() + share;
            while (clock.getCurrentThreadCpuTime() < end) {
                Thread.onSpinWait();
            }
        }
    }

    /** The parameters, unpacked, and the instruments of one iteration. */
    static final class State {
        private final Params params;
        private final Checkpoints checkpoints;
        private final Threads runner;
        private final int mebibytes;
        private final long holdMs;
        private final long cpuMs;
        private final int threads;
        private final long count;
        private final int size;
        private final long arrivals;
        private final long serviceUs;
        private final long stallEvery;
        private final Rng rng;
        private final Checksum checksum = new Checksum();
        private final ThreadMXBean clock = ManagementFactory.getThreadMXBean();

        private State(Run run) {
            params = run.params();
            checkpoints = run.checkpoints();
            runner = run.threads();
            mebibytes = params.getInt("mebibytes");
            holdMs = params.get("hold_ms");
            cpuMs = params.get("cpu_ms");
            threads = params.getInt("threads");
            count = params.get("count");
            size = params.getInt("size");
            arrivals = params.get("arrivals");
            serviceUs = params.get("service_us");
            stallEvery = params.get("stall_every");
            rng = new Rng(params.seed());
        }
    }
}
