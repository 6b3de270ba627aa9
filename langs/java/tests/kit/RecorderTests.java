package kit;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What mode latency keeps of its operations, and the schedule on which they arrive. */
public final class RecorderTests {
    /** Values and their indices as the Python package hdrh gives them for (1, 3600000000000, 3). */
    private static final long[][] INDICES = {
        {0, 0}, {1, 1}, {2, 2}, {1023, 1023}, {1024, 1024}, {2047, 2047}, {2048, 2048}, {2049, 2048}, {2050, 2049},
        {4095, 3071}, {4096, 3072}, {100_000, 7706}, {101_919, 7736}, {1_000_000, 11_169}, {20_104_232, 15_563},
        {999_999_999, 21_363}, {1_000_000_000_007L, 31_558}, {3_599_999_999_999L, 33_420},
        {3_600_000_000_000L, 33_420}
    };

    public void test_histogram_when_asked_for_an_index_then_it_is_hdrhistograms() {
        for (long[] pair : INDICES) {
            Check.equal((int) pair[1], Histogram.index(pair[0]), "index of " + pair[0]);
        }
    }

    public void test_histogram_when_values_were_added_then_the_message_has_them_and_the_exact_maximum() {
        Histogram histogram = new Histogram();
        for (long value : new long[] {0, 2048, 2049, 100_000, 3_600_000_000_001L}) {
            histogram.add(value);
        }
        String head = "{\"type\":\"histogram\",\"name\":\"x\",\"lowest\":1,\"highest\":3600000000000,\"digits\":3,"
                + "\"count\":";
        String counts = "\"counts\":[[0,1],[2048,2],[7706,1],[33420,1]]}\n";
        Check.equal(head + "5,\"max\":3600000000001," + counts, sent(histogram), "message");
        histogram.clear();
        Check.equal(head + "0,\"max\":0,\"counts\":[]}\n", sent(histogram), "after clear");
    }

    private static String sent(Histogram histogram) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        histogram.send(new Protocol(out), "x");
        return out.toString(StandardCharsets.US_ASCII);
    }

    public void test_recorder_when_there_are_many_operations_then_the_longest_are_kept() {
        Recorder recorder = new Recorder();
        int count = 1000;
        for (int i = 0; i < count; i++) {
            // Each length from 0 to 999 once, in an order without sense: 7 and 1,000 share no factor.
            long length = 7L * i % count;
            recorder.add(1_000_000L * i, 1_000_000L * i + 5, 1_000_000L * i + 5 + length);
        }
        List<Long> lengths = new ArrayList<>();
        for (Span span : longest(recorder)) {
            Check.equal("operation", span.kind(), "kind");
            Check.equal(7 * (span.start() / 1_000_000) % count, span.end() - span.start(), "length from actual start");
            lengths.add(span.end() - span.start());
        }
        Collections.sort(lengths);
        List<Long> expected = new ArrayList<>();
        for (long length = count - 64; length < count; length++) {
            expected.add(length);
        }
        Check.equal(expected, lengths, "lengths");
        recorder.clear();
        Check.equal(List.of(), longest(recorder), "after clear");
    }

    private static List<Span> longest(Recorder recorder) {
        List<Span> found = new ArrayList<>();
        recorder.addTo(found);
        return found;
    }

    public void test_recorder_when_an_operation_is_late_then_response_counts_from_when_it_was_due() {
        Recorder recorder = new Recorder();
        recorder.add(100, 150, 160);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        recorder.send(new Protocol(out));
        String text = out.toString(StandardCharsets.US_ASCII);
        Check.that(text.contains("\"response\"") && text.contains("\"max\":60,\"counts\":[[60,1]]"), text);
        Check.that(text.contains("\"service\"") && text.contains("\"max\":10,\"counts\":[[10,1]]"), text);
    }

    public void test_recorder_when_recording_then_nothing_is_allocated() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Recorder recorder = new Recorder();
        recorder.add(0, 0, 1);
        long count = 100_000;
        long before = threads.getCurrentThreadAllocatedBytes();
        for (long i = 0; i < count; i++) {
            recorder.add(i, 2 * i, 5 * i);
        }
        long bytes = threads.getCurrentThreadAllocatedBytes() - before;
        // The virtual machine itself makes some 200 bytes when it replaces the code; an object each would be 16 at least.
        Check.that(bytes < count, bytes + " bytes for " + count + " operations");
    }

    public void test_schedule_when_computed_then_it_is_exact_however_long_it_runs() {
        long[] rates = {1, 3, 7, 1000, 250_000, 999_999_937, 1_000_000_000};
        long[] operations = {0, 1, 2, 999, 1000, 123_456_789, 8_999_999_999L, 1L << 40};
        for (long rate : rates) {
            for (long i : operations) {
                BigInteger ns = BigInteger.valueOf(i).multiply(BigInteger.valueOf(1_000_000_000));
                BigInteger exact = ns.divide(BigInteger.valueOf(rate));
                if (exact.bitLength() < 64) {
                    Check.equal(exact.longValue(), OpenLoop.offset(i, rate), i + " at " + rate);
                }
            }
        }
    }
}
