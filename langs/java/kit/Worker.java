package kit;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.List;

/**
 * One invocation from the {@code start} message to {@code end}: says what is in force, waits to be released, runs the
 * iterations and compares each with the first. Between the two readings of the clock there is nothing but the workload.
 */
public final class Worker {
    private static final int FORMAT = 1;
    private static final int PATIENCE_MS = 10_000;

    private final Params params;
    private final Jvm jvm = new Jvm();
    private final Cgroup cgroup;
    private final Clock clock;
    private final Memory memory;
    private final Checkpoints checkpoints;
    private final Threads threads = new Threads();
    private final Protocol out = new Protocol(new FileOutputStream(FileDescriptor.out));
    private final FileInputStream in = new FileInputStream(FileDescriptor.in);

    /** Made when the workload is known; null in every other mode. */
    private Latency latency;
    private int index;
    private boolean measuring;

    public Worker(Params params) throws IOException {
        this.params = params;
        cgroup = Cgroup.ofThisProcess();
        clock = Clock.of(cgroup, jvm);
        memory = new Memory(params.mode() == Mode.MEMORY);
        checkpoints = new Checkpoints(params.mode() == Mode.MEMORY ? memory : null);
    }

    /** Does all of it; returns when the harness has read what it wants of the finished process. */
    public <S> void run(Workload<S> workload) throws IOException {
        sendStart();
        if (params.mode() == Mode.LATENCY) {
            latency = new Latency((Operations<?>) workload, params);
        }
        out.begin("ready").send();
        if (in.read() != 'g') {
            throw Failure.usage("expected the byte g on stdin after ready");
        }
        Result result = null;
        if (params.variant().equals(Workload.ALL)) {
            for (String form : workload.forms()) {
                repeat(workload, params.with(form), form);
            }
        } else {
            result = repeat(workload, params, null);
        }
        End end = new End(memory.peakResident(), memory.resident(), jvm.collections());
        if (latency != null) {
            latency.send(out);
        }
        sendEnd(end, result == null ? List.of() : result.counters());
        waitForDismissal();
    }

    private <S> Result repeat(Workload<S> workload, Params of, String form) {
        Timing timing = new Timing();
        Result expected = null;
        for (int i = 0; i < of.warmup() + of.iterations(); i++) {
            boolean warmup = i < of.warmup();
            if (!warmup && !measuring) {
                memory.resetPeak();
                measuring = true;
            }
            Result result = once(workload, of, warmup, timing);
            sendIteration(warmup ? "warmup" : "measured", form, timing, result);
            checkpoints.send(out);
            if (expected == null) {
                expected = result;
            } else if (!result.agrees(expected)) {
                throw Failure.disagreement("iteration " + index + " does not agree with the first"
                        + (form == null ? "" : " of form " + form) + "\nfirst: " + expected.describe()
                        + "\nthis:  " + result.describe());
            }
            index++;
        }
        return expected;
    }

    /** One iteration. The instruments are read in the order outer to inner: CPU, allocated bytes, wall clock. */
    private <S> Result once(Workload<S> workload, Params of, boolean warmup, Timing timing) {
        if (of.mode() == Mode.EXACT) {
            Compilers.awaitIdle();
        }
        S state = workload.setup(new Run(of, checkpoints, threads));
        if (latency != null && workload instanceof Operations<S> operations) {
            latency.iterate(operations, state, of, warmup, clock, timing);
            return workload.teardown(state);
        }
        long cpu = clock.cpu();
        long bytes = allocatedBytes();
        long start = Clock.now();
        workload.iterate(state);
        long end = Clock.now();
        timing.bytes = allocatedBytes() - bytes;
        timing.cpu = clock.cpu() - cpu;
        timing.start = start;
        timing.elapsed = end - start;
        return workload.teardown(state);
    }

    private long allocatedBytes() {
        return jvm.allocatedByThisThread() + threads.allocatedBytes();
    }

    private void sendStart() throws IOException {
        out.begin("start")
                .number("format", FORMAT)
                .text("language", "java")
                .text("toolchain", jvm.version())
                .open("in_force");
        jvm.report(out);
        out.close().number("cpus", Runtime.getRuntime().availableProcessors());
        long limit = cgroup.memoryLimit();
        if (limit >= 0) {
            out.number("memory_limit", limit);
        }
        out.number("pid", memory.pid())
                .number("cpu_resolution_ns", clock.cpuResolution())
                .send();
    }

    private void sendIteration(String phase, String form, Timing timing, Result result) {
        out.begin("iteration").number("index", index).text("phase", phase);
        if (form != null) {
            out.text("form", form);
        }
        out.number("start_ns", timing.start)
                .number("elapsed_ns", timing.elapsed)
                .number("cpu_ns", timing.cpu)
                .number("operations", result.operations())
                .number("allocations", result.allocations())
                .number("allocated_bytes", result.allocatedBytes())
                .number("peak_live_bytes", result.peakLiveBytes());
        if (params.mode() == Mode.EXACT) {
            out.number("runtime_bytes", timing.bytes);
        }
        out.checksum("checksum", result.checksum()).send();
    }

    private void sendEnd(End end, List<Result.Counter> counters) {
        out.begin("end")
                .text("status", "ok")
                .number("peak_resident_bytes", end.peakResident)
                .number("resident_bytes", end.resident)
                .number("gc_cycles", end.collections)
                .open("counters");
        for (Result.Counter counter : counters) {
            out.number(counter.name(), counter.value());
        }
        out.close().send();
    }

    /** A thread that may stay blocked on stdin: a daemon does not keep the process alive. */
    private void waitForDismissal() {
        Thread reader = new Thread(new Dismissal(in), "dismissal");
        reader.setDaemon(true);
        reader.start();
        try {
            reader.join(PATIENCE_MS);
        } catch (InterruptedException asked) {
            Thread.currentThread().interrupt();
        }
    }

    private record Dismissal(FileInputStream in) implements Runnable {
        @Override
        public void run() {
            try {
                int got = in.read();
                while (got != -1 && got != 'q') {
                    got = in.read();
                }
            } catch (IOException closed) {
                return;
            }
        }
    }

    /** What is read when the last iteration is over, before messages that may be many are put together. */
    private record End(long peakResident, long resident, long collections) {}
}
