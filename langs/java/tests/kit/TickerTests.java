package kit;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The ticker's account by made-up times, its thread by what holds at any load, and the kernel's account of waiting. */
public final class TickerTests {
    private static final long PERIOD = 1000;
    private static final long START = 5_000_000_000L;

    public void test_gaps_when_wake_ups_are_on_time_then_none_is_kept() {
        Gaps gaps = begun();
        for (int i = 1; i <= 10; i++) {
            Check.equal(START + i * PERIOD, gaps.due(), "due");
            gaps.wake(START + i * PERIOD + i, 0);
        }
        Check.equal(List.of(), kept(gaps), "gaps");
        ticker(gaps, "\"start_ns\":5000000000,\"end_ns\":5000010010,\"ticks\":10,\"skipped\":0,\"dropped\":0,"
                + "\"cpu_ns\":77");
    }

    public void test_gaps_when_one_wake_up_is_late_then_those_gone_by_are_skipped_and_the_schedule_stays() {
        Gaps gaps = begun();
        gaps.wake(START + 1000, 10);
        gaps.wake(START + 5700, 1310);
        Check.equal(START + 6000, gaps.due(), "due");
        gaps.wake(START + 6000, 1310);
        Check.equal(List.of(new Span("ticker", START + 1000, START + 5700, 1300)), kept(gaps), "gaps");
        ticker(gaps, "\"end_ns\":5000006000,\"ticks\":3,\"skipped\":3,");
    }

    public void test_gaps_when_at_the_threshold_then_kept_and_just_below_not() {
        Gaps gaps = begun();
        gaps.wake(START + 1999, 0);
        gaps.wake(START + 3999, 0);
        Check.equal(List.of(new Span("ticker", START + 1999, START + 3999, 0)), kept(gaps), "gaps");
        ticker(gaps, "\"period_ns\":1000,\"threshold_ns\":2000,");
    }

    public void test_gaps_when_waiting_is_unknown_then_the_stall_does_not_tell_it() {
        Gaps gaps = new Gaps(PERIOD);
        gaps.begin(START, Span.UNKNOWN);
        gaps.wake(START + 3000, Span.UNKNOWN);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        kept(gaps).get(0).send(new Protocol(out), "stall");
        Check.equal(
                "{\"type\":\"stall\",\"kind\":\"ticker\",\"start_ns\":5000000000,\"end_ns\":5000003000}\n",
                out.toString(StandardCharsets.US_ASCII),
                "message");
    }

    public void test_gaps_when_there_are_several_iterations_then_their_spans_add_up_after_the_first_start() {
        Gaps gaps = begun();
        gaps.wake(START + 1000, 0);
        gaps.begin(START + 1_000_000, 500);
        gaps.wake(START + 1_001_000, 500);
        gaps.wake(START + 1_004_100, 600);
        Check.equal(List.of(new Span("ticker", START + 1_001_000, START + 1_004_100, 100)), kept(gaps), "gaps");
        ticker(gaps, "\"start_ns\":5000000000,\"end_ns\":5000005100,\"ticks\":3,\"skipped\":2,");
    }

    public void test_gaps_when_the_ring_is_full_then_the_rest_is_counted() {
        Gaps gaps = begun();
        for (long i = 1; i <= 65_540; i++) {
            gaps.wake(START + i * 2 * PERIOD, 0);
        }
        Check.equal(65_536, kept(gaps).size(), "gaps");
        ticker(gaps, "\"ticks\":65540,\"skipped\":65540,\"dropped\":4,");
    }

    private static Gaps begun() {
        Gaps gaps = new Gaps(PERIOD);
        gaps.begin(START, 0);
        return gaps;
    }

    private static List<Span> kept(Gaps gaps) {
        List<Span> found = new ArrayList<>();
        gaps.addTo(found);
        return found;
    }

    private static void ticker(Gaps gaps, String expected) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        gaps.send(new Protocol(out), 77);
        String text = out.toString(StandardCharsets.US_ASCII);
        Check.that(text.contains(expected), text + " does not contain " + expected);
    }

    public void test_ticker_when_it_has_run_twice_then_its_wake_ups_account_for_the_time() throws Exception {
        long period = 1_000_000;
        Ticker ticker = new Ticker(period);
        for (int i = 0; i < 2; i++) {
            ticker.start();
            Thread.sleep(30);
            ticker.stop();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ticker.send(new Protocol(out));
        String line = out.toString(StandardCharsets.US_ASCII);
        long ticks = number(line, "ticks");
        long late = number(line, "end_ns") - number(line, "start_ns") - (ticks + number(line, "skipped")) * period;
        Check.that(ticks >= 2, line);
        Check.that(late >= 0 && late < 2 * period, "two last wake-ups, each late by less than a period: " + late);
        Check.that(number(line, "cpu_ns") > 0, line);
    }

    private static long number(String line, String field) {
        return Long.parseLong(line.replaceAll(".*\"" + field + "\":(\\d+).*\\n", "$1"));
    }

    public void test_run_delay_when_the_file_is_as_the_kernel_writes_it_then_it_is_the_second_field() throws IOException {
        Path file = Files.createTempFile("schedstat", null);
        String[][] cases = {{"123 456 7\n", "456"}, {"0 0 0\n", "0"}, {"5 18446744073 1", "18446744073"}};
        for (String[] one : cases) {
            Files.writeString(file, one[0]);
            try (RunDelay delay = RunDelay.of(file)) {
                Check.equal(Long.parseLong(one[1]), delay.read(), one[0]);
                Check.equal(Long.parseLong(one[1]), delay.read(), one[0] + " again");
            }
        }
        for (String other : List.of("", "123", "123 ", "a b c")) {
            Files.writeString(file, other);
            try (RunDelay delay = RunDelay.of(file)) {
                Check.equal(Span.UNKNOWN, delay.read(), other);
            }
        }
        Files.delete(file);
        try (RunDelay delay = RunDelay.of(file)) {
            Check.equal(Span.UNKNOWN, delay.read(), "no file");
        }
    }

    public void test_run_delay_when_read_again_and_again_then_it_never_falls_and_nothing_is_allocated()
            throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (RunDelay delay = RunDelay.ofThisThread()) {
            long last = delay.read();
            Check.that(last >= 0, "this kernel keeps the account: " + last);
            int readings = 1000;
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < readings; i++) {
                long next = delay.read();
                if (next < last) {
                    throw new AssertionError(next + " after " + last);
                }
                last = next;
            }
            long bytes = threads.getCurrentThreadAllocatedBytes() - before;
            // As with the recorder: an object for each reading would be 16,000 bytes at least.
            Check.that(bytes < readings, bytes + " bytes for " + readings + " readings");
        }
    }
}
