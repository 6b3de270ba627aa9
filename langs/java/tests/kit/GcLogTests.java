package kit;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The parser against real lines: each file below {@code logs} is a stretch that a virtual machine of that version wrote
 * with that collector, for the window of messages in a small heap.
 */
public final class GcLogTests {
    /** Stops, their ns, stalls for memory, their ns: counted with a regular expression when the lines were taken. */
    private static final Map<String, List<Long>> EXPECTED = new TreeMap<>(Map.ofEntries(
            Map.entry("17-g1", List.of(3L, 4716256L, 0L, 0L)),
            Map.entry("17-parallel", List.of(3L, 76213367L, 0L, 0L)),
            Map.entry("17-serial", List.of(3L, 28113191L, 0L, 0L)),
            Map.entry("17-shenandoah", List.of(1L, 4310032L, 0L, 0L)),
            Map.entry("17-zgc", List.of(3L, 41512L, 1L, 24675000L)),
            Map.entry("21-g1", List.of(3L, 9404190L, 0L, 0L)),
            Map.entry("21-parallel", List.of(3L, 44861907L, 0L, 0L)),
            Map.entry("21-serial", List.of(3L, 40746856L, 0L, 0L)),
            Map.entry("21-shenandoah", List.of(1L, 4622897L, 0L, 0L)),
            Map.entry("21-zgc", List.of(3L, 211405L, 2L, 10850000L)),
            Map.entry("21-zgc_generational", List.of(4L, 597239L, 2L, 10472000L)),
            Map.entry("25-g1", List.of(3L, 8632903L, 0L, 0L)),
            Map.entry("25-parallel", List.of(3L, 64149450L, 0L, 0L)),
            Map.entry("25-serial", List.of(3L, 41734095L, 0L, 0L)),
            Map.entry("25-shenandoah", List.of(1L, 2033314L, 0L, 0L)),
            Map.entry("25-zgc", List.of(4L, 207467L, 1L, 1464000L))));

    private static final Pattern PAUSE = Pattern.compile("\\[(\\d+)ns\\] GC.* Pause .* ([0-9.]+)ms");

    private final Path logs;

    public GcLogTests(Path logs) {
        this.logs = logs;
    }

    public void test_log_when_lines_are_real_then_every_stop_and_stall_is_found() throws IOException {
        Map<String, List<Long>> found = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(logs)) {
            for (Path file : files) {
                long[] sums = new long[4];
                for (Span span : parsed(file)) {
                    int at = span.kind().equals("stop") ? 0 : 2;
                    sums[at]++;
                    sums[at + 1] += span.end() - span.start();
                }
                String name = file.getFileName().toString().replace(".log", "");
                found.put(name, List.of(sums[0], sums[1], sums[2], sums[3]));
            }
        }
        Check.equal(EXPECTED, found, "stops and stalls");
    }

    public void test_log_when_a_pause_of_the_collector_is_logged_then_it_lies_within_a_stop() throws IOException {
        int pauses = 0;
        for (String name : EXPECTED.keySet()) {
            Path file = logs.resolve(name + ".log");
            List<Span> stops = parsed(file);
            stops.removeIf(span -> !span.kind().equals("stop"));
            long last = stops.get(stops.size() - 1).end();
            for (String line : Files.readAllLines(file)) {
                Matcher matcher = PAUSE.matcher(line);
                if (matcher.matches() && Long.parseLong(matcher.group(1)) < last) {
                    long end = Long.parseLong(matcher.group(1));
                    // Rounded to a microsecond where it is written.
                    long start = end - Math.round(Double.parseDouble(matcher.group(2)) * 1_000_000) + 1000;
                    boolean within = stops.stream().anyMatch(stop -> stop.start() <= start && stop.end() >= end);
                    Check.that(within, name + ": " + line);
                    pauses++;
                }
            }
        }
        Check.that(pauses >= EXPECTED.size(), "pauses looked at: " + pauses);
    }

    private static List<Span> parsed(Path file) throws IOException {
        List<Span> found = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            Span span = GcLog.parse(line);
            if (span != null) {
                found.add(span);
            }
        }
        return found;
    }

    public void test_log_when_a_line_is_parsed_then_start_and_end_are_on_the_clock() {
        String stop = "[13100982338950ns] Safepoint \"SerialCollectForAllocation\", Time since last: 147440877 ns,"
                + " Reaching safepoint: 3205 ns, At safepoint: 8822835 ns, Leaving safepoint: 2874 ns,"
                + " Total: 8828914 ns, Threads: 0 runnable, 10 total";
        Check.equal(
                new Span("stop", 13_100_973_510_036L, 13_100_982_338_950L, Span.UNKNOWN), GcLog.parse(stop), "a stop");
        Check.equal(
                new Span("allocation_stall", 13_091_770_218_688L, 13_091_787_184_688L, Span.UNKNOWN),
                GcLog.parse("[13091787184688ns] Allocation Stall (main) 16.966ms"),
                "a stall");
        List<String> others = List.of(
                "", "text", "[13091787184688ns] ", "[13091770270256ns] GC(0) Garbage Collection (Allocation Stall)",
                "[13102598468175ns] GC(0) Y: Allocation Stalls:          0                0",
                "[13091319366299ns] GC(17) Pause Full (G1 Compaction Pause) 46M->21M(48M) 3.935ms",
                "[13529116514905ns] Relocation Stall (main) 0.417ms");
        for (String other : others) {
            Check.equal(null, GcLog.parse(other), other);
        }
    }

    public void test_log_when_a_line_is_of_a_version_not_known_then_it_fails_showing_it() {
        List<String> lines = List.of(
                "[1ns] Safepoint \"X\", Sum: 5 ns", "[1ns] Safepoint \"X\", Total: 5 us",
                "[1ns] Safepoint \"X\", Total: x ns", "[ans] Safepoint \"X\", Total: 5 ns", "[1ns] Allocation Stall (main) 5 s");
        for (String line : lines) {
            IllegalStateException failure =
                    Check.fails(IllegalStateException.class, () -> GcLog.parse(line), line);
            Check.that(failure.getMessage().endsWith(line), failure.getMessage());
        }
    }

    public void test_log_when_read_then_only_what_began_within_measured_iterations_is_given() throws IOException {
        Path file = Files.createTempFile("gc", ".log");
        StringBuilder text = new StringBuilder();
        for (int end = 100; end <= 1000; end += 100) {
            text.append('[').append(end).append("ns] Safepoint \"X\", Total: 30 ns\n");
        }
        Files.writeString(file, text);
        GcLog log = new GcLog(file.toString(), 2);
        log.measured(timing(170, 100));
        log.measured(timing(571, 299));
        List<Long> starts = new ArrayList<>();
        for (Span span : log.pauses()) {
            starts.add(span.start());
        }
        Check.equal(List.of(170L, 270L, 670L, 770L, 870L), starts, "starts");
        Files.delete(file);
        Check.fails(IOException.class, log::pauses, "a log that is gone");
    }

    private static Timing timing(long start, long elapsed) {
        Timing timing = new Timing();
        timing.start = start;
        timing.elapsed = elapsed;
        return timing;
    }

    public void test_log_when_the_runner_named_none_then_it_fails_saying_so() {
        IllegalStateException failure =
                Check.fails(IllegalStateException.class, () -> GcLog.ofThisProcess(1), "without a property");
        Check.that(failure.getMessage().contains("memverdict.log"), failure.getMessage());
    }
}
