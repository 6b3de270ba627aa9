import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Starts worker processes, each in a folder of its own, and gathers what they leave behind. */
final class Programs {
    private static final int PATIENCE_S = 120;

    private final Path built;
    private final Path misbehaving;

    Programs(Path built, Path misbehaving) {
        this.built = built;
        this.misbehaving = misbehaving;
    }

    /** What one process left: its exit code, both streams, and the files in its folder by name. */
    record Answer(int code, List<String> out, String err, Map<String, String> files) {
        /** The lines that contain all of {@code texts}. */
        List<String> lines(String... texts) {
            List<String> found = new ArrayList<>();
            for (String line : out) {
                if (List.of(texts).stream().allMatch(line::contains)) {
                    found.add(line);
                }
            }
            return found;
        }

        /** An integer field of one line. */
        static long number(String line, String field) {
            Matcher matcher = Pattern.compile("\"" + field + "\":(-?\\d+)").matcher(line);
            if (!matcher.find()) {
                throw new AssertionError("no " + field + " in " + line);
            }
            return Long.parseLong(matcher.group(1));
        }

        /** The values of an integer field, in the order of the lines that have it. */
        List<Long> numbers(String field) {
            Pattern pattern = Pattern.compile("\"" + field + "\":(-?\\d+)");
            List<Long> found = new ArrayList<>();
            for (String line : out) {
                Matcher matcher = pattern.matcher(line);
                if (matcher.find()) {
                    found.add(Long.parseLong(matcher.group(1)));
                }
            }
            return found;
        }

        /** The {@code type} of each line. */
        List<String> types() {
            List<String> found = new ArrayList<>();
            for (String line : out) {
                found.add(line.replaceAll("^\\{\"type\":\"([a-z_]+)\".*", "$1"));
            }
            return found;
        }
    }

    /** The runner as {@code build} left it, with JDK_JAVA_OPTIONS set to {@code options}. */
    Answer runner(String given, String options, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(built.resolve("runner").toString()));
        command.addAll(List.of(arguments));
        return answer(start(command, options), given);
    }

    /** The runner with the workload that misbehaves, which the tests lay beside the others, and a heap of 32 MiB. */
    Answer misbehaving(String variant, String options, int iterations) throws Exception {
        List<String> command = List.of(misbehaving.resolve("runner").toString(), "misbehaving", "variant=" + variant,
                "mode=throughput", "seed=1", "warmup=0", "iterations=" + iterations);
        return answer(start(command, ("-Xmx32m " + options).strip()), "gq");
    }

    /** A runner whose stdin stays open after {@code given} until the process has ended by itself. */
    Answer runnerLeftAlone(String given, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(built.resolve("runner").toString()));
        command.addAll(List.of(arguments));
        Started started = start(command, "");
        try (OutputStream in = started.process.getOutputStream()) {
            in.write(given.getBytes(StandardCharsets.US_ASCII));
            in.flush();
            return finish(started);
        }
    }

    /** What happens to a process while it runs. */
    interface Disturbance {
        void to(Process process) throws Exception;
    }

    /** The runner, released and dismissed, with {@code disturbance} in between. */
    Answer disturbed(Disturbance disturbance, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(built.resolve("runner").toString()));
        command.addAll(List.of(arguments));
        Started started = start(command, "");
        try (OutputStream in = started.process.getOutputStream()) {
            in.write('g');
            in.flush();
            disturbance.to(started.process);
        }
        return finish(started);
    }

    /** The runner where it cannot write: no file can be made among the kernel's. */
    Answer runnerWithoutFolder(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(built.resolve("runner").toString()));
        command.addAll(List.of(arguments));
        return answer(start(command, "", Path.of("/proc/self")), "gq");
    }

    private record Started(Process process, Path folder, Path out, Path err) {}

    private static Started start(List<String> command, String options) throws IOException {
        return start(command, options, Files.createTempDirectory("worker"));
    }

    private static Started start(List<String> command, String options, Path folder) throws IOException {
        Path out = Files.createTempFile("worker", ".out");
        Path err = Files.createTempFile("worker", ".err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        Map<String, String> environment = builder.environment();
        environment.remove("JDK_JAVA_OPTIONS");
        if (!options.isEmpty()) {
            environment.put("JDK_JAVA_OPTIONS", options);
        }
        return new Started(builder.start(), folder, out, err);
    }

    private static Answer answer(Started started, String given) throws Exception {
        try (OutputStream in = started.process.getOutputStream()) {
            in.write(given.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException alreadyEnded) {
            // A worker that refuses its arguments does not wait for its stdin: the exit code is what counts.
            return finish(started);
        }
        return finish(started);
    }

    private static Answer finish(Started started) throws Exception {
        if (!started.process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
            started.process.destroyForcibly();
            throw new AssertionError("still running after " + PATIENCE_S + " s");
        }
        Answer answer = new Answer(
                started.process.exitValue(),
                Files.readAllLines(started.out),
                Files.readString(started.err),
                started.folder.startsWith("/proc") ? Map.of() : taken(started.folder));
        Files.delete(started.out);
        Files.delete(started.err);
        return answer;
    }

    /** What lies in a folder, which is removed with it. */
    private static Map<String, String> taken(Path folder) throws IOException {
        Map<String, String> found = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                found.put(file.getFileName().toString(), Files.readString(file));
                Files.delete(file);
            }
        }
        Files.delete(folder);
        return found;
    }
}
