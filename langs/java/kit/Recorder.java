package kit;

import java.util.List;

/**
 * What mode latency keeps of its operations: how long each took from when it was due and from when it began, and the
 * ones that took longest themselves. Made before the first; recording allocates nothing and takes no lock.
 */
final class Recorder {
    private static final int LONGEST = 64;

    private final Histogram response = new Histogram();
    private final Histogram service = new Histogram();
    private final long[] starts = new long[LONGEST];
    private final long[] ends = new long[LONGEST];
    private int kept;
    /** Of those kept, the one that the next longer one replaces; meaningful when there are as many as are kept. */
    private int shortest;

    /** One operation by three readings of the clock: when it was due, began and ended. */
    void add(long intended, long start, long end) {
        response.add(end - intended);
        service.add(end - start);
        if (kept < LONGEST || end - start > ends[shortest] - starts[shortest]) {
            keep(start, end);
        }
    }

    private void keep(long start, long end) {
        int slot = kept < LONGEST ? kept++ : shortest;
        starts[slot] = start;
        ends[slot] = end;
        shortest = 0;
        for (int i = 1; i < kept; i++) {
            if (ends[i] - starts[i] < ends[shortest] - starts[shortest]) {
                shortest = i;
            }
        }
    }

    /** Forgets everything. */
    void clear() {
        response.clear();
        service.clear();
        kept = 0;
    }

    /** Writes the histograms. */
    void send(Protocol out) {
        response.send(out, "response");
        service.send(out, "service");
    }

    /** Adds the longest operations, in no order. */
    void addTo(List<Span> stalls) {
        for (int i = 0; i < kept; i++) {
            stalls.add(new Span("operation", starts[i], ends[i], Span.UNKNOWN));
        }
    }
}
