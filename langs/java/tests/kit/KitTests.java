package kit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The parts of the kit by themselves: the vectors of langs/PROTOCOL.md, the command line, the lines, the kernel's files. */
public final class KitTests {
    private static final String[] COMPLETE = {
        "probe", "variant=one", "mode=exact", "seed=18446744073709551615", "warmup=1", "iterations=2", "size=24"
    };

    public void test_rng_when_seeded_then_gives_the_published_vectors() {
        Rng rng = new Rng(0);
        Check.equal(0xe220a8397b1dcdafL, rng.next(), "seed 0, first");
        Check.equal(0x6e789e6aa1b965f4L, rng.next(), "seed 0, second");
        Check.equal(0x06c45d188009454fL, rng.next(), "seed 0, third");
        rng.seed(42);
        Check.equal(0xbdd732262feb6e95L, rng.next(), "seed 42, first");
        Check.equal(0x28efe333b266f103L, rng.next(), "seed 42, second");
        Check.equal(0x47526757130f9f52L, rng.next(), "seed 42, third");
    }

    public void test_checksum_when_folding_a_thousand_outputs_then_is_the_published_one() {
        Rng rng = new Rng(42);
        Checksum checksum = new Checksum();
        Check.equal(0xcbf29ce484222325L, checksum.value(), "of nothing");
        for (int i = 0; i < 1000; i++) {
            checksum.add(rng.next());
        }
        Check.equal(0x536cee532ddb4678L, checksum.value(), "of a thousand");
        checksum.reset();
        Check.equal(0xcbf29ce484222325L, checksum.value(), "after reset");
    }

    public void test_params_when_complete_then_hold_every_value() {
        Params params = Params.parse(COMPLETE, new Probe());
        Check.equal("one", params.variant(), "variant");
        Check.equal(Mode.EXACT, params.mode(), "mode");
        Check.equal(-1L, params.seed(), "seed");
        Check.equal(1, params.warmup(), "warmup");
        Check.equal(2, params.iterations(), "iterations");
        Check.equal(24, params.getInt("size"), "size");
        Check.equal("other", params.with("other").variant(), "another variant");
    }

    public void test_params_when_keys_come_in_another_order_then_are_the_same() {
        List<String> reversed = new ArrayList<>();
        for (int i = COMPLETE.length - 1; i > 0; i--) {
            reversed.add(COMPLETE[i]);
        }
        reversed.add(0, "probe");
        Check.equal(24L, Params.parse(reversed.toArray(new String[0]), new Probe()).get("size"), "size");
    }

    public void test_params_when_a_key_is_missing_or_repeated_then_fail_naming_it() {
        for (int i = 1; i < COMPLETE.length; i++) {
            String key = COMPLETE[i].substring(0, COMPLETE[i].indexOf('='));
            List<String> without = new ArrayList<>(Arrays.asList(COMPLETE));
            without.remove(i);
            refused(key, without);
            List<String> twice = new ArrayList<>(Arrays.asList(COMPLETE));
            twice.add(COMPLETE[i]);
            refused(key, twice);
        }
    }

    public void test_params_when_a_value_is_malformed_or_out_of_bounds_then_fail_naming_it() {
        String[] wrong = {
            "variant=two", "variant=all", "mode=fast", "mode=", "seed=-1", "seed=+1", "seed=0x1", "seed=",
            "seed=18446744073709551616", "seed=\u0661", "warmup=-1", "warmup=1.5", "iterations=0", "iterations=x",
            "size=9223372036854775808", "size=20", "size=8", "size=1000", "size= 16"
        };
        for (String argument : wrong) {
            String key = argument.substring(0, argument.indexOf('='));
            List<String> changed = new ArrayList<>(Arrays.asList(COMPLETE));
            changed.replaceAll(given -> given.startsWith(key + "=") ? argument : given);
            refused(key, changed);
        }
    }

    public void test_params_when_an_argument_is_no_known_pair_then_fail_saying_what_is_expected() {
        for (String extra : List.of("depth=4", "size", "=x", "")) {
            List<String> more = new ArrayList<>(Arrays.asList(COMPLETE));
            more.add(extra);
            String message = refused(extra.replaceFirst("=[0-9]+$", ""), more);
            Check.that(message.contains("size=16..64 in steps of 8"), message);
        }
    }

    public void test_params_when_a_workload_has_no_operations_then_mode_latency_is_unsupported() {
        String[] latency = COMPLETE.clone();
        latency[2] = "mode=latency";
        Failure failure = Check.fails(Failure.class, () -> Params.parse(latency, new Probe()), "latency");
        Check.equal(Exit.UNSUPPORTED, failure.code(), "exit code");
    }

    private static String refused(String what, List<String> arguments) {
        String[] args = arguments.toArray(new String[0]);
        Failure failure = Check.fails(Failure.class, () -> Params.parse(args, new Probe()), arguments.toString());
        Check.equal(Exit.USAGE, failure.code(), arguments.toString());
        Check.that(failure.getMessage().contains(what), what + " is not named: " + failure.getMessage());
        return failure.getMessage();
    }

    public void test_protocol_when_fields_are_given_then_writes_one_line_of_json() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new Protocol(out)
                .begin("end")
                .number("least", Long.MIN_VALUE)
                .number("zero", 0)
                .number("most", Long.MAX_VALUE)
                .checksum("checksum", 0xabcL)
                .open("counters")
                .close()
                .open("in_force")
                .number("a", 10)
                .text("b", "\"\\\n\u00e9")
                .close()
                .number("last", -7)
                .send();
        String expected = "{\"type\":\"end\",\"least\":-9223372036854775808,\"zero\":0,\"most\":9223372036854775807,"
                + "\"checksum\":\"0000000000000abc\",\"counters\":{},\"in_force\":{\"a\":10,"
                + "\"b\":\"\\\"\\\\\\u000a\\u00e9\"},\"last\":-7}\n";
        Check.equal(expected, out.toString(StandardCharsets.US_ASCII), "line");
    }

    public void test_protocol_when_a_line_exceeds_its_buffer_then_it_leaves_whole() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Protocol protocol = new Protocol(out).begin("histogram").openPairs("none").closePairs().openPairs("counts");
        StringBuilder expected = new StringBuilder("{\"type\":\"histogram\",\"none\":[],\"counts\":[");
        for (int i = 0; i < 33_792; i++) {
            protocol.pair(i, Long.MAX_VALUE - i);
            expected.append(i == 0 ? "[" : ",[").append(i).append(',').append(Long.MAX_VALUE - i).append(']');
        }
        protocol.closePairs().number("last", 1).send();
        Check.equal(expected + "],\"last\":1}\n", out.toString(StandardCharsets.US_ASCII), "line");
    }

    public void test_protocol_when_stdout_is_gone_then_fails() {
        OutputStream gone = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("gone");
            }
        };
        Check.fails(UncheckedIOException.class, () -> new Protocol(gone).begin("ready").send(), "a closed stream");
    }

    public void test_number_file_when_read_again_then_shows_the_new_content() throws IOException {
        Path path = Files.createTempFile("numbers", null);
        Files.writeString(path, "usage_usec 12\nVmHWM:\t  345 kB\n");
        NumberFile file = new NumberFile(path.toString());
        file.read();
        Check.equal(12L, file.number(NumberFile.key("usage_usec ")), "first key");
        Check.equal(345L, file.number(NumberFile.key("VmHWM:")), "second key");
        Check.fails(IOException.class, () -> file.number(NumberFile.key("HWM:")), "a key inside a line");
        Files.writeString(path, "67\n");
        file.read();
        Check.equal(67L, file.number(NumberFile.key("")), "the first number");
        Files.delete(path);
    }

    public void test_cgroup_when_mounted_as_a_container_sees_it_then_is_the_mount_point() {
        Cgroup first = new Cgroup(
                List.of("4:memory:/docker/abc", "2:cpu,cpuacct:/docker/abc"),
                List.of("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755",
                        "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro master:9 - cgroup cgroup rw,cpu,cpuacct"));
        Check.equal("/sys/fs/cgroup/cpu,cpuacct", first.folderOfController("cpuacct"), "version 1");
        Check.equal(null, first.folderOfController("memory"), "a controller without a mount");
        Check.equal(null, first.unifiedFolder(), "no version 2");
        Cgroup second = new Cgroup(List.of("0::/"), List.of("30 29 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw"));
        Check.equal("/sys/fs/cgroup/", second.unifiedFolder(), "version 2");
        Check.equal(null, second.folderOfController("cpuacct"), "no version 1");
    }

    public void test_cgroup_when_the_host_mounts_everything_then_is_below_the_mount_point() {
        Cgroup cgroup = new Cgroup(
                List.of("2:cpuacct:/user/7", "0::/user.slice/a"),
                List.of("33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct",
                        "41 31 0:38 /other /elsewhere rw - cgroup2 cgroup2 rw",
                        "42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"));
        Check.equal("/sys/fs/cgroup/cpuacct/user/7", cgroup.folderOfController("cpuacct"), "version 1");
        Check.equal("/sys/fs/cgroup/unified/user.slice/a", cgroup.unifiedFolder(), "version 2");
    }

    public void test_cgroup_when_it_limits_memory_then_the_limit_is_read_and_none_is_none() throws IOException {
        Path folder = Files.createTempDirectory("cgroup");
        Path first = folder.resolve("memory.limit_in_bytes");
        Path second = folder.resolve("memory.max");
        Cgroup cgroup = new Cgroup(
                List.of("4:memory:/", "0::/"),
                List.of("35 31 0:32 / " + folder + " rw - cgroup cgroup rw,memory",
                        "36 31 0:33 / " + folder + " rw - cgroup2 cgroup2 rw"));
        Check.equal(-1L, cgroup.memoryLimit(), "no file");
        Files.writeString(second, "max\n");
        Check.equal(-1L, cgroup.memoryLimit(), "max");
        Files.writeString(second, "536870912\n");
        Check.equal(536870912L, cgroup.memoryLimit(), "version 2");
        Files.writeString(first, "268435456\n");
        Check.equal(268435456L, cgroup.memoryLimit(), "version 1");
        Files.delete(second);
        Files.writeString(first, "9223372036854771712\n");
        Check.equal(-1L, cgroup.memoryLimit(), "version 1 without a limit");
        Files.delete(first);
        Files.delete(folder);
    }

    public void test_clock_when_the_group_is_its_own_then_its_counter_is_read() throws IOException {
        Path folder = Files.createTempDirectory("cgroup");
        Path usage = Files.writeString(folder.resolve("cpuacct.usage"), "123456789\n");
        Cgroup first = new Cgroup(
                List.of("2:cpuacct:/"), List.of("33 31 0:30 / " + folder + " rw - cgroup cgroup rw,cpuacct"));
        Clock clock = Clock.of(first, new Jvm());
        Check.equal(123456789L, clock.cpu(), "version 1");
        Check.equal(4_000_000L, clock.cpuResolution(), "its resolution");
        Path agent = Files.createFile(folder.resolve("release_agent"));
        Check.equal(10_000_000L, Clock.of(first, new Jvm()).cpuResolution(), "the root of version 1");

        Path stat = Files.writeString(folder.resolve("cpu.stat"), "usage_usec 77\nuser_usec 5\n");
        Cgroup second =
                new Cgroup(List.of("0::/"), List.of("30 29 0:26 / " + folder + " ro - cgroup2 cgroup rw"));
        Check.equal(10_000_000L, Clock.of(second, new Jvm()).cpuResolution(), "the root of version 2");
        Path type = Files.createFile(folder.resolve("cgroup.type"));
        Check.equal(77_000L, Clock.of(second, new Jvm()).cpu(), "version 2");
        for (Path path : List.of(usage, agent, stat, type, folder)) {
            Files.delete(path);
        }
    }

    public void test_result_when_any_field_differs_then_does_not_agree() {
        Result result = result(1, 2, 3, 4, 5, "hits", 6);
        Check.that(result.agrees(result(1, 2, 3, 4, 5, "hits", 6)), "an equal one");
        List<Result> others = List.of(
                result(0, 2, 3, 4, 5, "hits", 6), result(1, 0, 3, 4, 5, "hits", 6), result(1, 2, 0, 4, 5, "hits", 6),
                result(1, 2, 3, 0, 5, "hits", 6), result(1, 2, 3, 4, 0, "hits", 6), result(1, 2, 3, 4, 5, "misses", 6),
                result(1, 2, 3, 4, 5, "hits", 0), Result.of(1, 2, 3, 4, 5));
        for (Result other : others) {
            Check.that(!result.agrees(other), other.describe());
        }
        Check.that(result.describe().endsWith("checksum 5, hits 6"), result.describe());
    }

    private static Result result(long a, long b, long c, long d, long e, String counter, long value) {
        return new Result(a, b, c, d, e, List.of(new Result.Counter(counter, value)));
    }

    public void test_threads_when_tasks_allocate_then_their_bytes_are_counted() {
        Threads threads = new Threads();
        byte[][] kept = new byte[3][];
        Runnable[] tasks = new Runnable[kept.length];
        for (int i = 0; i < tasks.length; i++) {
            int slot = i;
            tasks[i] = () -> kept[slot] = new byte[1_000_000];
        }
        threads.runAll(tasks);
        Check.that(threads.allocatedBytes() >= 3_000_000, "bytes of three threads: " + threads.allocatedBytes());
        Threads alone = new Threads();
        alone.runAll(new Runnable[] {tasks[0]});
        Check.equal(0L, alone.allocatedBytes(), "bytes of other threads than the caller's");
    }

    /** A workload that takes one parameter; only its command line is of interest. */
    private static final class Probe implements Workload<Object> {
        @Override
        public List<String> variants() {
            return List.of("one");
        }

        @Override
        public List<Parameter> parameters() {
            return List.of(Parameter.between("size", 16, 64).multipleOf(8));
        }

        @Override
        public Object setup(Run run) {
            return run;
        }

        @Override
        public void iterate(Object state) {
            throw new AssertionError("not to be run");
        }

        @Override
        public Result teardown(Object state) {
            throw new AssertionError("not to be run");
        }
    }
}
