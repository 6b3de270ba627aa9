package workloads;

import java.util.List;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Run;
import kit.Threads;
import kit.Workload;

/** Everything that a workload may do wrong or run into, one variant each, so that every way to end can be seen. */
public final class Misbehaving implements Workload<Misbehaving.State> {
    private static byte[][] hoard;
    private static long iterations;

    @Override
    public List<String> variants() {
        return List.of("disagrees", "fills_heap", "fills_heap_on_thread", "too_many_threads", "throws_on_thread");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of();
    }

    @Override
    public State setup(Run run) {
        return new State(run.params(), run.threads());
    }

    @Override
    public void iterate(State state) {
        Runnable fill = () -> fillHeap();
        Runnable fail = () -> {
            throw new IllegalStateException("on purpose");
        };
        switch (state.params.variant()) {
            case "fills_heap" -> fill.run();
            case "fills_heap_on_thread" -> state.threads.runAll(new Runnable[] {fill, fill});
            // What HotSpot throws when the kernel refuses a thread; reaching the kernel's limit would harm others.
            case "too_many_threads" -> throw new OutOfMemoryError(
                    "unable to create native thread: possibly out of memory or process/resource limits reached");
            case "throws_on_thread" -> state.threads.runAll(new Runnable[] {fail, fail});
            default -> iterations++;
        }
    }

    @Override
    public Result teardown(State state) {
        return Result.of(1, 0, 0, 0, iterations);
    }

    private static void fillHeap() {
        hoard = new byte[1 << 20][];
        for (int i = 0; i < hoard.length; i++) {
            hoard[i] = new byte[1 << 16];
        }
    }

    record State(Params params, Threads threads) {}
}
