package kit;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/**
 * Runs tasks side by side, one platform thread each, and keeps count of the bytes that those threads allocated: the
 * virtual machine's own sum over threads that have ended exists only since version 21.
 */
public final class Threads {
    private final ThreadMXBean counter = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private long allocatedBytes;

    Threads() {}

    /** Returns when all tasks are done; a single one runs on the calling thread. */
    public void runAll(Runnable[] tasks) {
        if (tasks.length == 1) {
            tasks[0].run();
            return;
        }
        Counted[] threads = new Counted[tasks.length];
        for (int i = 0; i < tasks.length; i++) {
            threads[i] = new Counted(tasks[i], counter);
            threads[i].start();
        }
        for (Counted thread : threads) {
            join(thread);
            allocatedBytes += thread.allocatedBytes;
        }
    }

    /** Bytes allocated so far by the threads that have ended. */
    long allocatedBytes() {
        return allocatedBytes;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException nobodyInterrupts) {
            throw new IllegalStateException(nobodyInterrupts);
        }
    }

    private static final class Counted extends Thread {
        private final Runnable task;
        private final ThreadMXBean counter;
        private long allocatedBytes;

        private Counted(Runnable task, ThreadMXBean counter) {
            this.task = task;
            this.counter = counter;
        }

        /** A failing task ends the process through the default handler, so there is no count to keep of it. */
        @Override
        public void run() {
            task.run();
            allocatedBytes = counter.getCurrentThreadAllocatedBytes();
        }
    }
}
