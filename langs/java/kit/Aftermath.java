package kit;

import java.util.concurrent.locks.LockSupport;

/**
 * What becomes of memory after its use: checkpoints while the program idles, after a collection was forced, and after
 * the virtual machine was told to give memory back. For teardown: all of this takes its time.
 */
public final class Aftermath {
    private static final long SECOND = 1_000_000_000;

    /**
     * When an allocator or a runtime of these languages may have done something of itself: jemalloc within 10 s, Go's
     * forced collection after 120, what two of Java's collectors give back after 300.
     */
    private static final int[] MOMENTS = {1, 15, 150, 330};

    private static final String[] NAMES = {"idle_1s", "idle_15s", "idle_150s", "idle_330s"};

    private Aftermath() {}

    /**
     * Takes idle_1s, idle_15s, idle_150s and idle_330s, as far as they come within {@code idleSeconds}, then
     * after_collection and after_trim; does nothing unless in mode memory. There is no call that trims a heap: a second
     * full collection is the nearest to it, since a collector that shrinks its heap does so at the end of one.
     */
    public static void take(Run run, long liveBytes, int idleSeconds) {
        if (run.params().mode() != Mode.MEMORY) {
            return;
        }
        long start = Clock.now();
        for (int i = 0; i < MOMENTS.length && MOMENTS[i] <= idleSeconds; i++) {
            sleepUntil(start + MOMENTS[i] * SECOND);
            run.checkpoints().reached(NAMES[i], liveBytes);
        }
        System.gc();
        run.checkpoints().reached("after_collection", liveBytes);
        System.gc();
        run.checkpoints().reached("after_trim", liveBytes);
    }

    private static void sleepUntil(long end) {
        for (long left = end - Clock.now(); left > 0; left = end - Clock.now()) {
            LockSupport.parkNanos(left);
        }
    }
}
