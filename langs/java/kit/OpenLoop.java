package kit;

import java.util.concurrent.locks.LockSupport;

/**
 * Operations that arrive on a schedule which does not wait for the program: one that is late starts at once and counts
 * from when it was due. Each is recorded; the clock is read at its end, and once more at its start if it had to wait.
 */
final class OpenLoop {
    private static final long SECOND = 1_000_000_000;
    /** A wait of more than this is slept through, up to a rest that is spun: waking up takes the kernel a while. */
    private static final long LONG_WAIT = 1_000_000;
    private static final long SPUN_REST = 200_000;

    private final Recorder recorder;

    OpenLoop(Recorder recorder) {
        this.recorder = recorder;
    }

    /** When operation {@code i} is due, in ns after the first: i · 10^9 / rate, rounded down; exact up to 63 bits. */
    static long offset(long i, long rate) {
        return i / rate * SECOND + i % rate * SECOND / rate;
    }

    /** Does {@code count} operations, {@code rate} in each second; start and length of it all go to {@code timing}. */
    <S> void onSchedule(Operations<S> workload, S state, long count, long rate, Timing timing) {
        long first = Clock.now();
        long end = first;
        for (long i = 0; i < count; i++) {
            long due = first + offset(i, rate);
            long start = end - due < 0 ? await(due) : end;
            workload.operate(state, i);
            end = Clock.now();
            recorder.add(due, start, end);
        }
        timing.start = first;
        timing.elapsed = end - first;
    }

    /** The same without a schedule: each operation is due when the one before it has ended. */
    <S> void oneAfterTheOther(Operations<S> workload, S state, long count, Timing timing) {
        long first = Clock.now();
        long end = first;
        for (long i = 0; i < count; i++) {
            long start = end;
            workload.operate(state, i);
            end = Clock.now();
            recorder.add(start, start, end);
        }
        timing.start = first;
        timing.elapsed = end - first;
    }

    /** The time, when it is {@code due} or later. */
    private static long await(long due) {
        long now = Clock.now();
        while (now - due < 0) {
            if (due - now > LONG_WAIT) {
                LockSupport.parkNanos(due - now - SPUN_REST);
            } else {
                Thread.onSpinWait();
            }
            now = Clock.now();
        }
        return now;
    }
}
