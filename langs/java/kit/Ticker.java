package kit;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that wakes on an absolute schedule and notes when it was late: whatever holds up the program holds it up too.
 * It sleeps parked, where the virtual machine can stop it. One thread for each measured iteration, one account for all.
 */
final class Ticker {
    private final Gaps gaps;
    private final ThreadMXBean clock = ManagementFactory.getThreadMXBean();
    private Beat beat;
    private long cpu;

    /** {@code period} in ns. */
    Ticker(long period) {
        gaps = new Gaps(period);
    }

    /** Returns when the thread has begun. */
    void start() {
        beat = new Beat(gaps, clock);
        beat.start();
        await(beat.begun);
    }

    /** Returns when the thread has ended. A wake-up that is overdue comes first, so that no gap is lost. */
    void stop() {
        beat.stopping = true;
        LockSupport.unpark(beat);
        try {
            beat.join();
        } catch (InterruptedException nobodyInterrupts) {
            throw new IllegalStateException(nobodyInterrupts);
        }
        cpu += beat.cpu;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException nobodyInterrupts) {
            throw new IllegalStateException(nobodyInterrupts);
        }
    }

    /** Writes the message {@code ticker}. */
    void send(Protocol out) {
        gaps.send(out, cpu);
    }

    /** Adds the gaps that were kept, by start. */
    void addTo(List<Span> stalls) {
        gaps.addTo(stalls);
    }

    private static final class Beat extends Thread {
        private final CountDownLatch begun = new CountDownLatch(1);
        private final Gaps gaps;
        private final ThreadMXBean clock;
        private volatile boolean stopping;
        private long cpu;

        private Beat(Gaps gaps, ThreadMXBean clock) {
            super("ticker");
            this.gaps = gaps;
            this.clock = clock;
        }

        @Override
        public void run() {
            wakeOnTime();
            try (RunDelay delay = RunDelay.ofThisThread()) {
                gaps.begin(Clock.now(), delay.read());
                long used = clock.getCurrentThreadCpuTime();
                begun.countDown();
                for (long now = awaitDue(); now - gaps.due() >= 0; now = awaitDue()) {
                    gaps.wake(now, delay.read());
                }
                cpu = clock.getCurrentThreadCpuTime() - used;
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        /** The time when the next wake-up is due, or earlier when the ticker is to stop. */
        private long awaitDue() {
            long now = Clock.now();
            while (now - gaps.due() < 0 && !stopping) {
                LockSupport.parkNanos(gaps.due() - now);
                now = Clock.now();
            }
            return now;
        }

        /**
         * By default the kernel may wake a thread 50 µs late in order to save power. The file is not among those of the
         * process's threads, only in the folder that the thread has as if it were a process, and nobody else may write
         * it. Where the kernel refuses, the ticker is that much later.
         */
        private static void wakeOnTime() {
            try {
                Path self = Files.readSymbolicLink(Path.of("/proc/thread-self"));
                try (FileOutputStream slack = new FileOutputStream("/proc/" + self.getFileName() + "/timerslack_ns")) {
                    slack.write('1');
                }
            } catch (IOException refused) {
                return;
            }
        }
    }
}
