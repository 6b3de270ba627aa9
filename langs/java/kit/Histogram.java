package kit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;

/**
 * Counts of durations in the bucket layout of HdrHistogram, from 1 ns to one hour with three significant digits. Adding
 * allocates nothing, takes no lock, and belongs to one thread. The counts lie outside the heap, or the first collections
 * would copy them and last that much longer.
 */
final class Histogram {
    static final long LOWEST = 1;
    static final long HIGHEST = 3_600_000_000_000L;
    private static final long DIGITS = 3;

    /** Three digits need 2,000 values told apart: 2^11 of them in the first bucket, half as many in each later one. */
    private static final int HALF_BITS = 10;
    private static final long FIRST_BUCKET = (2L << HALF_BITS) - 1;
    /** 2^11 << 31 is the first that exceeds the highest value, which makes 32 buckets, the first counting twice. */
    private static final int COUNTS = 33 << HALF_BITS;

    private final LongBuffer counts = offHeap(COUNTS);
    private long count;
    private long max;

    /** Zeros, and resident: the buffer is cleared by writing to it. */
    static LongBuffer offHeap(int longs) {
        return ByteBuffer.allocateDirect(longs * Long.BYTES).order(ByteOrder.nativeOrder()).asLongBuffer();
    }

    /** Where HdrHistogram counts a value between 0 and the highest. */
    static int index(long value) {
        int bucket = Long.SIZE - Long.numberOfLeadingZeros(value | FIRST_BUCKET) - (HALF_BITS + 1);
        return (bucket << HALF_BITS) + (int) (value >>> bucket);
    }

    /** One duration of at least 0 ns; more than the highest counts as the highest, only the maximum stays exact. */
    void add(long value) {
        int index = index(Math.min(value, HIGHEST));
        counts.put(index, counts.get(index) + 1);
        count++;
        max = Math.max(max, value);
    }

    /** Forgets everything. */
    void clear() {
        for (int i = 0; i < COUNTS; i++) {
            counts.put(i, 0);
        }
        count = 0;
        max = 0;
    }

    /** Writes the message of that name. */
    void send(Protocol out, String name) {
        out.begin("histogram")
                .text("name", name)
                .number("lowest", LOWEST)
                .number("highest", HIGHEST)
                .number("digits", DIGITS)
                .number("count", count)
                .number("max", max)
                .openPairs("counts");
        for (int i = 0; i < COUNTS; i++) {
            if (counts.get(i) > 0) {
                out.pair(i, counts.get(i));
            }
        }
        out.closePairs().send();
    }
}
