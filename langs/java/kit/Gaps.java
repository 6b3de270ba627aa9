package kit;

import java.nio.LongBuffer;
import java.util.List;

/**
 * The ticker's account, without the ticker: which wake-ups came, which went by, and the gaps that were too long. It is
 * told the time and takes none itself; nothing is allocated after it is made, and what it keeps lies outside the heap.
 */
final class Gaps {
    private static final int ROOM = 65_536;
    private static final int FIELDS = 3;

    private final long period;
    private final long threshold;
    private final LongBuffer ring = Histogram.offHeap(ROOM * FIELDS);
    private int kept;
    private long dropped;
    private long ticks;
    private long skipped;
    private long firstStart;
    private long spans;
    private boolean begun;

    /** When this iteration's ticker began, when it last woke, its wait for a CPU by then, and how many were due. */
    private long start;
    private long previous;
    private long previousDelay;
    private long passed;

    /** {@code period} in ns. */
    Gaps(long period) {
        this.period = period;
        threshold = 2 * period;
    }

    /** A ticker begins at {@code now}; {@code delay} is what its thread has waited for a CPU, as in {@link #wake}. */
    void begin(long now, long delay) {
        if (!begun) {
            firstStart = now;
            begun = true;
        }
        start = now;
        previous = now;
        previousDelay = delay;
        passed = 0;
    }

    /** When the next wake-up is due. */
    long due() {
        return start + (passed + 1) * period;
    }

    /** The ticker is awake at {@code now}, when it is due or later; {@code delay} in ns since its thread began. */
    void wake(long now, long delay) {
        long due = (now - start) / period;
        skipped += due - passed - 1;
        passed = due;
        ticks++;
        if (now - previous >= threshold) {
            keep(now, delay);
        }
        spans += now - previous;
        previous = now;
        previousDelay = delay;
    }

    private void keep(long now, long delay) {
        if (kept == ROOM) {
            dropped++;
            return;
        }
        int at = kept * FIELDS;
        ring.put(at, previous);
        ring.put(at + 1, now);
        ring.put(at + 2, delay == Span.UNKNOWN ? Span.UNKNOWN : delay - previousDelay);
        kept++;
    }

    /** Writes the message {@code ticker}; several iterations are added up as if each had begun where the last ended. */
    void send(Protocol out, long cpu) {
        out.begin("ticker")
                .number("period_ns", period)
                .number("threshold_ns", threshold)
                .number("start_ns", firstStart)
                .number("end_ns", firstStart + spans)
                .number("ticks", ticks)
                .number("skipped", skipped)
                .number("dropped", dropped)
                .number("cpu_ns", cpu)
                .send();
    }

    /** Adds the gaps that were kept, by start. */
    void addTo(List<Span> stalls) {
        for (int at = 0; at < kept * FIELDS; at += FIELDS) {
            stalls.add(new Span("ticker", ring.get(at), ring.get(at + 1), ring.get(at + 2)));
        }
    }
}
