import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Starts worker processes and gathers what they leave behind. */
final class Programs {
    private static final int PATIENCE_S = 120;

    private final Path built;
    private final Path misbehaving;

    Programs(Path built, Path misbehaving) {
        this.built = built;
        this.misbehaving = misbehaving;
    }

    /** What one process left: its exit code and both streams. */
    record Answer(int code, List<String> out, String err) {
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

    private record Started(Process process, Path out, Path err) {}

    private static Started start(List<String> command, String options) throws IOException {
        Path out = Files.createTempFile("worker", ".out");
        Path err = Files.createTempFile("worker", ".err");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        Map<String, String> environment = builder.environment();
        environment.remove("JDK_JAVA_OPTIONS");
        if (!options.isEmpty()) {
            environment.put("JDK_JAVA_OPTIONS", options);
        }
        return new Started(builder.start(), out, err);
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
                started.process.exitValue(), Files.readAllLines(started.out), Files.readString(started.err));
        Files.delete(started.out);
        Files.delete(started.err);
        return answer;
    }
}
