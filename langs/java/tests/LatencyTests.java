import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.Check;

/** Mode latency in whole workers: the stream, the schedule, and stops of the program that both its clocks must show. */
public final class LatencyTests {
    private static final String[] CANARY = {
        "canary", "variant=stall", "mode=latency", "seed=42", "warmup=1", "iterations=2", "rate=1000", "tick_us=1000",
        "mebibytes=1", "hold_ms=0", "cpu_ms=1", "threads=1", "count=1", "size=16", "arrivals=100", "service_us=0",
        "stall_every=10"
    };
    private static final long MS = 1_000_000;
    private static final long HELD_MS = 100;
    private static final int PATIENCE_MS = 10_000;
    /** Which field of a thread's schedstat counts how often it was on a CPU. */
    private static final int RUNS = 2;

    private final Programs programs;

    public LatencyTests(Programs programs) {
        this.programs = programs;
    }

    /** The canary's arguments with some changed; a change without a value leaves the key out. */
    private static String[] canary(String... changes) {
        List<String> arguments = new ArrayList<>(List.of(CANARY));
        for (String change : changes) {
            String key = change.substring(0, change.indexOf('=') + 1);
            arguments.replaceAll(argument -> argument.startsWith(key) ? change : argument);
            if (change.equals(key)) {
                arguments.remove(change);
            }
        }
        return arguments.toArray(new String[0]);
    }

    private Programs.Answer completed(String options, String... arguments) throws Exception {
        Programs.Answer answer = programs.runner("gq", options, arguments);
        Check.equal(0, answer.code(), "exit; stderr: " + answer.err());
        return answer;
    }

    public void test_worker_when_in_mode_latency_then_messages_come_in_the_protocols_order() throws Exception {
        Programs.Answer answer = completed("", canary());
        String types = String.join(" ", answer.types());
        String expected = "start ready iteration iteration iteration histogram histogram ticker( stall)+( gc_pause)* end";
        Check.that(types.matches(expected), types);
        Check.that(answer.out().get(5).contains("\"name\":\"response\""), answer.out().get(5));
        Check.that(answer.out().get(6).contains("\"name\":\"service\""), answer.out().get(6));
        for (String type : List.of("stall", "gc_pause")) {
            long last = 0;
            for (String line : answer.lines("\"type\":\"" + type + "\"")) {
                Check.that(last <= Programs.Answer.number(line, "start_ns"), "by start: " + line);
                last = Programs.Answer.number(line, "start_ns");
            }
        }
        Check.equal(64, answer.lines("\"kind\":\"operation\"").size(), "longest operations");
        for (String line : answer.lines("\"kind\":\"ticker\"")) {
            Check.that(Programs.Answer.number(line, "run_delay_ns") >= 0, line);
        }
    }

    public void test_worker_when_it_warmed_up_then_the_recorder_has_the_measured_operations_only() throws Exception {
        Programs.Answer answer = completed("", canary());
        for (String line : answer.lines("histogram")) {
            Check.equal(200L, Programs.Answer.number(line, "count"), "count");
            long sum = 0;
            Matcher pair = Pattern.compile("\\[\\d+,(\\d+)\\]").matcher(line);
            while (pair.find()) {
                sum += Long.parseLong(pair.group(1));
            }
            Check.equal(200L, sum, "sum of the counts");
        }
    }

    public void test_worker_when_no_ticker_is_asked_for_then_none_runs() throws Exception {
        Programs.Answer answer = completed("", canary("tick_us=0"));
        Check.equal(List.of(), answer.lines("ticker"), "messages of a ticker");
        Check.equal(64, answer.lines("\"type\":\"stall\"").size(), "operations");
    }

    public void test_worker_when_measured_then_it_keeps_to_the_schedule_and_when_warming_up_it_does_not_wait()
            throws Exception {
        Programs.Answer answer = completed("", canary("rate=100", "arrivals=50"));
        List<Long> elapsed = answer.numbers("elapsed_ns");
        for (int i = 1; i <= 2; i++) {
            Check.that(elapsed.get(i) >= 49 * 10 * MS, "49 waits of 10 ms: " + elapsed.get(i));
        }
        Check.that(elapsed.get(0) < 49 * 10 * MS, "operations of no length: " + elapsed.get(0));
    }

    public void test_worker_when_arrivals_outrun_it_then_response_holds_the_wait_but_service_not() throws Exception {
        Programs.Answer answer = completed("", canary("rate=10000", "service_us=1000", "warmup=0", "iterations=1"));
        long response = Programs.Answer.number(answer.lines("\"response\"").get(0), "max");
        long last = 100 * MS - 99 * MS / 10;
        Check.that(response >= last, "100 ms of work, the last of it due after 9.9: " + response);
        List<String> longest = answer.lines("\"operation\"");
        for (String line : longest) {
            long length = Programs.Answer.number(line, "end_ns") - Programs.Answer.number(line, "start_ns");
            Check.that(length >= MS, "an operation takes 1 ms: " + line);
        }
        long elapsed = answer.numbers("elapsed_ns").get(0);
        long service = Programs.Answer.number(answer.lines("\"service\"").get(0), "max");
        Check.that(elapsed >= 99 * MS + service, "99 operations of 1 ms and the longest: " + elapsed + " " + service);
    }

    public void test_workload_when_in_either_mode_then_results_and_counters_are_the_same() throws Exception {
        List<String[]> calls = List.of(
                new String[] {"message_window", "window=100", "size=64", "pushes=1234"},
                new String[] {"lru_cache", "capacity=100", "accesses=1234"},
                new String[] {"canary", "mebibytes=1", "hold_ms=0", "cpu_ms=1", "threads=1", "count=1", "size=16",
                    "arrivals=1234", "service_us=0", "stall_every=100"});
        for (String[] call : calls) {
            List<String> results = new ArrayList<>();
            for (String[] mode : new String[][] {{"mode=throughput"}, {"mode=latency", "rate=10000", "tick_us=0"}}) {
                List<String> arguments = new ArrayList<>(List.of(call));
                arguments.add("variant=" + (call[0].equals("canary") ? "stall" : "heap"));
                arguments.addAll(List.of("seed=42", "warmup=1", "iterations=1"));
                arguments.addAll(List.of(mode));
                Programs.Answer answer = completed("", arguments.toArray(new String[0]));
                String iteration = answer.lines("\"measured\"").get(0);
                String end = answer.out().get(answer.out().size() - 1);
                results.add(iteration.replaceAll(".*\"operations\"", "") + end.replaceAll(".*\"counters\"", ""));
            }
            Check.equal(results.get(0), results.get(1), call[0]);
        }
    }

    public void test_worker_when_a_variant_has_no_single_operations_then_it_exits_69() throws Exception {
        List<String[]> calls = List.of(
                canary("variant=bytes"),
                new String[] {"binary_trees", "variant=node", "mode=latency", "seed=42", "warmup=0", "iterations=1",
                    "rate=10", "tick_us=0", "depth=4", "threads=1"},
                new String[] {"escape", "variant=all", "mode=latency"});
        for (String[] call : calls) {
            ends(69, call, "single operations");
        }
    }

    public void test_worker_when_rate_or_period_is_wrong_then_it_exits_64_naming_it() throws Exception {
        for (String wrong : List.of("rate=0", "rate=1000000001", "rate=", "tick_us=99", "tick_us=1000001", "tick_us=")) {
            ends(64, canary(wrong), wrong.substring(0, wrong.indexOf('=')));
        }
        ends(64, canary("mode=throughput", "tick_us="), "unknown key rate");
        ends(64, canary("mode=memory", "rate="), "unknown key tick_us");
    }

    private void ends(int code, String[] call, String words) throws Exception {
        Programs.Answer answer = programs.runner("gq", "", call);
        Check.equal(code, answer.code(), String.join(" ", call) + " exits; stderr: " + answer.err());
        Check.equal(List.of(), answer.out(), "stdout");
        Check.that(answer.err().contains(words), answer.err());
    }

    public void test_log_when_in_mode_latency_then_it_lies_in_the_folder_and_in_no_other_mode() throws Exception {
        Map<String, String> files = completed("-Xlog:gc", canary()).files();
        Check.equal(1, files.size(), "files: " + files.keySet());
        Map.Entry<String, String> log = files.entrySet().iterator().next();
        Check.that(log.getKey().matches("gc-[0-9]+\\.log"), log.getKey());
        Check.that(log.getValue().matches("(?s)\\[\\d+ns\\] .*"), log.getValue());
        String[] throughput = canary("mode=throughput", "rate=", "tick_us=");
        Check.equal(Map.of(), completed("", throughput).files(), "files in mode throughput");
    }

    public void test_log_when_it_cannot_be_written_then_the_worker_fails_with_stdout_empty() throws Exception {
        Programs.Answer answer = programs.runnerWithoutFolder(canary());
        Check.equal(1, answer.code(), "exit; stderr: " + answer.err());
        Check.equal(List.of(), answer.out(), "stdout");
        Check.that(answer.err().contains("gc-"), answer.err());
    }

    public void test_ticker_when_the_process_is_held_up_then_a_stall_spans_it() throws Exception {
        long[] held = new long[2];
        Programs.Answer answer = programs.disturbed(
                process -> {
                    Path ticker = awaitTicks(process.pid());
                    signal(process, "STOP");
                    awaitStopped(ticker);
                    held[0] = System.nanoTime();
                    Thread.sleep(HELD_MS);
                    held[1] = System.nanoTime();
                    signal(process, "CONT");
                },
                canary("warmup=0", "iterations=1", "arrivals=3000"));
        Check.equal(0, answer.code(), "exit; stderr: " + answer.err());
        List<String> spanning = new ArrayList<>();
        for (String line : answer.lines("\"kind\":\"ticker\"")) {
            boolean spans = Programs.Answer.number(line, "start_ns") <= held[0]
                    && Programs.Answer.number(line, "end_ns") >= held[1];
            spanning.addAll(spans ? List.of(line) : List.of());
        }
        Check.equal(1, spanning.size(), "stalls that span " + held[0] + ".." + held[1]);
        long response = Programs.Answer.number(answer.lines("\"response\"").get(0), "max");
        // One operation was due within the first millisecond of it.
        Check.that(response >= (HELD_MS - 2) * MS, "the operations that were due meanwhile: " + response);
    }

    private static void signal(Process process, String name) throws Exception {
        Process kill = new ProcessBuilder("sh", "-c", "kill -" + name + " " + process.pid()).start();
        Check.equal(0, kill.waitFor(), "kill -" + name);
    }

    /** A stopping process stops its threads one after the other, which takes a while where CPUs are busy. */
    private static void awaitStopped(Path thread) throws Exception {
        for (int i = 0; i < PATIENCE_MS; i++) {
            if (Files.readString(thread.resolve("stat")).contains(") T ")) {
                return;
            }
            Thread.sleep(1);
        }
        throw new AssertionError("the ticker did not stop");
    }

    /** The ticker's thread when it is seen to run for more than the 20th time: measuring is under way. */
    private static Path awaitTicks(long pid) throws Exception {
        for (int i = 0; i < PATIENCE_MS; i++) {
            try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
                for (Path thread : threads) {
                    String[] account = Files.readString(thread.resolve("schedstat")).strip().split(" ");
                    boolean ticker = Files.readString(thread.resolve("comm")).equals("ticker\n");
                    if (ticker && Long.parseLong(account[RUNS]) > 20) {
                        return thread;
                    }
                }
            } catch (NoSuchFileException threadEnded) {
                continue;
            }
            Thread.sleep(1);
        }
        throw new AssertionError("no ticker was seen to run");
    }

    public void test_stops_when_the_collector_is_serial_then_ticker_and_log_show_the_same() throws Exception {
        Programs.Answer answer = completed("-XX:+UseSerialGC -Xms512m -Xmx512m", "message_window", "variant=heap",
                "mode=latency", "seed=42", "warmup=0", "iterations=1", "rate=200000", "tick_us=1000", "window=100000",
                "size=1024", "pushes=200000");
        String iteration = answer.lines("\"measured\"").get(0);
        long start = Programs.Answer.number(iteration, "start_ns");
        long end = start + Programs.Answer.number(iteration, "elapsed_ns");
        List<String> stops = answer.lines("gc_pause", "\"stop\"");
        int compared = 0;
        for (String stop : stops) {
            long from = Programs.Answer.number(stop, "start_ns");
            long to = Programs.Answer.number(stop, "end_ns");
            Check.that(start <= from && from <= end, "within the measured iteration: " + stop);
            // Until all threads have reached the safepoint the ticker may still run: only long stops are sure to show.
            if (to - from >= 10 * MS) {
                Check.that(felt(answer, from, to), "no stall beside " + stop);
                compared++;
            }
        }
        Check.that(compared >= 1, "copying 100 MB stops the program for 10 ms: " + stops);
    }

    private static boolean felt(Programs.Answer answer, long from, long to) {
        for (String line : answer.lines("\"kind\":\"ticker\"")) {
            if (Programs.Answer.number(line, "start_ns") < to && Programs.Answer.number(line, "end_ns") > from) {
                return true;
            }
        }
        return false;
    }
}
