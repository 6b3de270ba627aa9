import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.Check;

/** Whole workers: what they print, how they end, and what the virtual machine really allocates in each form. */
public final class ProgramTests {
    private static final String[] CANARY = {
        "canary", "variant=bytes", "mode=throughput", "seed=42", "warmup=1", "iterations=2", "mebibytes=8", "hold_ms=1",
        "cpu_ms=1", "threads=2", "count=10", "size=64", "arrivals=10", "service_us=0", "stall_every=1"
    };
    private static final long OPERATIONS = 2_000_000;
    private static final Map<String, String> COLLECTORS = Map.of(
            "-XX:+UseSerialGC", "Serial",
            "-XX:+UseParallelGC", "Parallel",
            "-XX:+UseG1GC", "G1",
            "-XX:+UseZGC", "ZGC",
            "-XX:+UseShenandoahGC", "Shenandoah",
            "-XX:+UnlockExperimentalVMOptions -XX:+UseEpsilonGC", "Epsilon");
    /** What an exact claim tolerates in a whole invocation. */
    private static final long SLACK_BYTES = 4096;
    /** C2 replaces an object that comes from one of two branches by its fields since this version. */
    private static final int MERGES_SINCE = 22;

    private final Programs programs;

    public ProgramTests(Programs programs) {
        this.programs = programs;
    }

    private static String[] canary(String... changes) {
        String[] arguments = CANARY.clone();
        for (String change : changes) {
            String key = change.substring(0, change.indexOf('=') + 1);
            for (int i = 1; i < arguments.length; i++) {
                arguments[i] = arguments[i].startsWith(key) ? change : arguments[i];
            }
        }
        return arguments;
    }

    private static void ends(int code, Programs.Answer answer, String what) {
        Check.equal(code, answer.code(), what + " exits; stderr: " + answer.err());
    }

    public void test_worker_when_all_goes_well_then_messages_come_in_order_and_it_exits_0() throws Exception {
        Programs.Answer answer = programs.runner("gq", "", canary());
        ends(0, answer, "canary");
        Check.equal(List.of("start", "ready", "iteration", "iteration", "iteration", "end"), answer.types(), "types");
        Check.equal(List.of(0L, 1L, 2L), answer.numbers("index"), "indices");
        Check.that(answer.out().get(2).contains("\"phase\":\"warmup\""), answer.out().get(2));
        Check.that(answer.out().get(3).contains("\"phase\":\"measured\""), answer.out().get(3));
    }

    public void test_worker_when_stdin_ends_after_g_then_it_exits_0() throws Exception {
        ends(0, programs.runner("g", "", canary()), "canary");
    }

    public void test_worker_when_nobody_dismisses_it_then_it_exits_0_by_itself() throws Exception {
        ends(0, programs.runnerLeftAlone("g", canary()), "canary");
    }

    public void test_worker_when_not_released_by_g_then_it_exits_64_after_ready() throws Exception {
        for (String given : List.of("", "q", "\n")) {
            Programs.Answer answer = programs.runner(given, "", canary());
            ends(64, answer, "released by '" + given + "'");
            Check.equal(List.of("start", "ready"), answer.types(), "types");
        }
    }

    public void test_worker_when_called_wrongly_then_it_exits_64_with_stdout_empty() throws Exception {
        List<String[]> calls = List.of(
                new String[0],
                new String[] {"no_such_workload"},
                new String[] {"BinaryTrees"},
                new String[] {"binary__trees"},
                new String[] {"canary"},
                canary("variant=none"),
                canary("size=65"));
        for (String[] call : calls) {
            Programs.Answer answer = programs.runner("gq", "", call);
            ends(64, answer, String.join(" ", call));
            Check.equal(List.of(), answer.out(), "stdout");
            Check.that(answer.err().contains("expected: "), answer.err());
        }
    }

    public void test_worker_when_the_workload_is_unknown_then_stderr_lists_those_there_are() throws Exception {
        Programs.Answer answer = programs.runner("gq", "", "no_such_workload");
        Check.that(answer.err().contains("workloads: binary_trees "), answer.err());
        Check.that(answer.err().contains(" canary "), answer.err());
    }

    public void test_worker_when_iterations_disagree_then_it_exits_65_showing_both() throws Exception {
        Programs.Answer answer = programs.misbehaving("disagrees", "", 2);
        ends(65, answer, "disagrees");
        Check.that(answer.err().contains("checksum 1") && answer.err().contains("checksum 2"), answer.err());
        Check.that(!answer.types().contains("end"), "no end");
    }

    public void test_worker_when_the_heap_is_full_then_it_exits_66_from_any_thread() throws Exception {
        for (String variant : List.of("fills_heap", "fills_heap_on_thread")) {
            for (String collector : COLLECTORS.keySet()) {
                Programs.Answer answer = programs.misbehaving(variant, collector, 1);
                ends(66, answer, variant + " with " + collector);
                Check.that(answer.err().endsWith("out of memory\n"), answer.err());
            }
        }
    }

    public void test_worker_when_the_kernel_refuses_a_thread_then_it_exits_71() throws Exception {
        Programs.Answer answer = programs.misbehaving("too_many_threads", "", 1);
        ends(71, answer, "too_many_threads");
        Check.that(answer.err().endsWith("the kernel refused a thread\n"), answer.err());
    }

    public void test_worker_when_a_thread_fails_then_it_crashes_with_the_reason() throws Exception {
        Programs.Answer answer = programs.misbehaving("throws_on_thread", "", 1);
        ends(1, answer, "throws_on_thread");
        Check.that(answer.err().contains("on purpose"), answer.err());
    }

    public void test_worker_when_the_virtual_machine_talks_then_stdout_has_messages_only() throws Exception {
        Programs.Answer answer =
                programs.runner("gq", "-XX:+PrintCompilation -XX:+PrintFlagsFinal -Xlog:gc", canary());
        ends(0, answer, "canary");
        Check.that(answer.err().contains("UseSerialGC"), "the flags are on stderr");
        Check.equal(6, answer.out().size(), "lines");
        for (String line : answer.out()) {
            Check.that(line.startsWith("{\"type\":\"") && line.endsWith("}"), line);
        }
    }

    public void test_worker_when_a_collector_is_chosen_then_it_is_reported_in_force() throws Exception {
        for (Map.Entry<String, String> entry : COLLECTORS.entrySet()) {
            Programs.Answer answer = programs.runner("gq", entry.getKey() + " -Xmx64m", canary());
            ends(0, answer, entry.getKey());
            String start = answer.out().get(0);
            Check.that(start.contains("\"collector\":\"" + entry.getValue() + "\",\"heap_max\":67108864,"), start);
        }
    }

    public void test_worker_when_threads_allocate_then_runtime_bytes_hold_theirs() throws Exception {
        Programs.Answer answer = programs.runner("gq", "", "binary_trees", "variant=node", "mode=exact", "seed=42",
                "warmup=0", "iterations=1", "depth=8", "threads=3");
        ends(0, answer, "binary_trees");
        long logical = answer.numbers("allocated_bytes").get(0);
        long served = answer.numbers("runtime_bytes").get(0);
        Check.that(served >= logical && served < 2 * logical, served + " for " + logical);
    }

    public void test_canary_when_in_mode_memory_then_checkpoints_follow_the_iteration() throws Exception {
        Programs.Answer answer =
                programs.runner("gq", "", canary("variant=memory", "mode=memory", "warmup=0", "iterations=1"));
        ends(0, answer, "canary");
        Check.equal(List.of("start", "ready", "iteration", "checkpoint", "checkpoint", "end"), answer.types(), "types");
        Check.equal(List.of(8L << 20, 0L), answer.numbers("live_bytes"), "live bytes");
        Check.that(answer.numbers("pss_bytes").get(0) >= 8 << 20, "the block is resident");
    }

    public void test_fragmentation_when_in_mode_memory_then_its_aftermath_follows_and_comes_in_time() throws Exception {
        Programs.Answer answer = programs.runner("gq", "", "fragmentation", "variant=heap", "mode=memory", "seed=42",
                "warmup=0", "iterations=1", "objects=1000", "cycles=2", "idle_s=1");
        ends(0, answer, "fragmentation");
        List<String> names = List.of(
                "after_fill", "after_release", "after_refill", "idle_1s", "after_collection", "after_trim");
        for (int i = 0; i < names.size(); i++) {
            String line = answer.out().get(3 + i);
            Check.that(line.startsWith("{\"type\":\"checkpoint\",\"name\":\"" + names.get(i) + "\","), line);
        }
        List<Long> at = answer.numbers("at_ns");
        Check.equal(names.size(), at.size(), "checkpoints");
        Check.that(at.get(3) - at.get(2) >= 1_000_000_000, "idle for a second");
    }

    public void test_canary_when_blocks_are_counted_then_each_is_served_with_its_header() throws Exception {
        Programs.Answer answer = programs.runner("gq", "", canary("mode=exact", "count=100000"));
        ends(0, answer, "canary");
        for (long served : answer.numbers("runtime_bytes")) {
            near(100_000 * (64 + 16), served, "bytes");
        }
    }

    public void test_escape_when_counted_after_warm_up_then_bytes_per_operation_are_the_known_ones() throws Exception {
        boolean merges = Runtime.version().feature() >= MERGES_SINCE;
        Map<String, Long> expected = new TreeMap<>(Map.of(
                "local", 0L, "heap", 48L, "stored", 48L, "merged", merges ? 0L : 48L, "constructor_inlined", 0L,
                "constructor_stored", 48L, "interface", 48L, "closure", 0L));
        Map<String, Long> found = servedBytes("");
        Check.equal(4112L, found.remove("hot_heap"), "the one hot buffer and its header");
        Check.equal(expected.keySet(), found.keySet(), "forms");
        for (Map.Entry<String, Long> form : expected.entrySet()) {
            near(form.getValue() * OPERATIONS, found.get(form.getKey()), form.getKey());
        }
    }

    public void test_escape_when_analysis_is_off_then_the_merged_value_is_allocated() throws Exception {
        Map<String, Long> found = servedBytes("-XX:-DoEscapeAnalysis");
        near(48 * OPERATIONS, found.get("merged"), "merged");
        near(48 * OPERATIONS, found.get("stored"), "stored");
    }

    private static void near(long expected, long found, String what) {
        Check.that(Math.abs(found - expected) <= SLACK_BYTES, what + ": " + found + " instead of " + expected);
    }

    /** What the virtual machine served in the one measured iteration of every form. */
    private Map<String, Long> servedBytes(String options) throws Exception {
        Programs.Answer answer = programs.runner("gq", options, "escape", "variant=all", "mode=exact", "seed=7",
                "warmup=4", "iterations=1", "operations=" + OPERATIONS, "large_operations=100");
        ends(0, answer, "escape");
        Pattern pattern = Pattern.compile("\"measured\",\"form\":\"([a-z_]+)\".*\"runtime_bytes\":(\\d+)");
        Map<String, Long> found = new TreeMap<>();
        for (String line : answer.out()) {
            Matcher matcher = pattern.matcher(line);
            if (matcher.find()) {
                found.put(matcher.group(1), Long.parseLong(matcher.group(2)));
            }
        }
        return found;
    }
}
