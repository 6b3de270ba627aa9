package kit;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line of a worker after the workload's name: {@code key=value} in any order, every key exactly once.
 * Anything else is a usage failure that names what was expected. What a workload does depends on these values alone.
 */
public final class Params {
    private static final List<String> COMMON = List.of("variant", "mode", "seed", "warmup", "iterations");

    private final String variant;
    private final Mode mode;
    private final long seed;
    private final int warmup;
    private final int iterations;
    private final Map<String, Long> values;

    private Params(String variant, Mode mode, long seed, int warmup, int iterations, Map<String, Long> values) {
        this.variant = variant;
        this.mode = mode;
        this.seed = seed;
        this.warmup = warmup;
        this.iterations = iterations;
        this.values = values;
    }

    /** Reads {@code args} from the second on, as {@code workload} wants them. */
    public static Params parse(String[] args, Workload<?> workload) {
        Expectation expected = new Expectation(args[0], workload);
        Map<String, String> given = split(args, expected);
        Mode mode = expected.mode(given.remove("mode"));
        String variant = expected.variant(given.remove("variant"), mode);
        long seed = expected.seed(given.remove("seed"));
        int warmup = (int) expected.number(given.remove("warmup"), Parameter.between("warmup", 0, 1_000_000));
        int iterations =
                (int) expected.number(given.remove("iterations"), Parameter.between("iterations", 1, 1_000_000));
        Map<String, Long> values = new HashMap<>();
        for (Parameter parameter : workload.parameters()) {
            values.put(parameter.name(), expected.number(given.remove(parameter.name()), parameter));
        }
        if (!given.isEmpty()) {
            throw expected.failure("unknown key " + given.keySet().iterator().next());
        }
        return new Params(variant, mode, seed, warmup, iterations, values);
    }

    private static Map<String, String> split(String[] args, Expectation expected) {
        Map<String, String> given = new HashMap<>();
        for (int i = 1; i < args.length; i++) {
            int equals = args[i].indexOf('=');
            if (equals < 1) {
                throw expected.failure("not key=value: " + args[i]);
            }
            if (given.put(args[i].substring(0, equals), args[i].substring(equals + 1)) != null) {
                throw expected.failure("repeated key " + args[i].substring(0, equals));
            }
        }
        return given;
    }

    /** The same values for another variant. */
    public Params with(String otherVariant) {
        return new Params(otherVariant, mode, seed, warmup, iterations, values);
    }

    public String variant() {
        return variant;
    }

    public Mode mode() {
        return mode;
    }

    /** 64 unsigned bits. */
    public long seed() {
        return seed;
    }

    public int warmup() {
        return warmup;
    }

    public int iterations() {
        return iterations;
    }

    /** A parameter of the workload, within the bounds it declared. */
    public long get(String name) {
        return values.get(name);
    }

    /** The same where the declared bounds fit an int. */
    public int getInt(String name) {
        return Math.toIntExact(get(name));
    }

    /** What a workload wants, with checks that fail saying so. */
    private record Expectation(String name, Workload<?> workload) {
        Mode mode(String given) {
            for (Mode mode : Mode.values()) {
                if (mode.id().equals(given)) {
                    if (mode == Mode.LATENCY) {
                        throw Failure.unsupported("mode latency is not supported by this program");
                    }
                    return mode;
                }
            }
            throw failure(given == null ? "missing key mode" : "unknown mode " + given);
        }

        String variant(String given, Mode mode) {
            if (given == null) {
                throw failure("missing key variant");
            }
            if (given.equals(Workload.ALL) && !workload.forms().isEmpty()) {
                if (mode != Mode.EXACT) {
                    throw failure("variant " + given + " has only mode exact");
                }
            } else if (!workload.variants().contains(given)) {
                throw failure("unknown variant " + given);
            }
            return given;
        }

        long seed(String given) {
            if (given == null) {
                throw failure("missing key seed");
            }
            if (isDecimal(given)) {
                try {
                    return Long.parseUnsignedLong(given);
                } catch (NumberFormatException tooLarge) {
                    throw failure("seed=" + given + " has more than 64 bits");
                }
            }
            throw failure("seed=" + given + " is not an unsigned integer");
        }

        long number(String given, Parameter parameter) {
            if (given == null) {
                throw failure("missing key " + parameter.name());
            }
            if (isDecimal(given)) {
                try {
                    long value = Long.parseLong(given);
                    if (parameter.allows(value)) {
                        return value;
                    }
                } catch (NumberFormatException tooLarge) {
                    throw failure(parameter.name() + "=" + given + " has more than 63 bits");
                }
            }
            throw failure(parameter.name() + "=" + given + " is not " + parameter.expectation());
        }

        /** Stricter than Java's parsers, which accept a sign and the digits of every script. */
        private static boolean isDecimal(String text) {
            for (int i = 0; i < text.length(); i++) {
                if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                    return false;
                }
            }
            return !text.isEmpty();
        }

        Failure failure(String problem) {
            StringBuilder text = new StringBuilder(problem).append("\nexpected: ").append(name);
            for (String key : COMMON) {
                text.append(' ').append(key).append("=...");
            }
            for (Parameter parameter : workload.parameters()) {
                text.append(' ').append(parameter.expectation());
            }
            text.append("\nvariants: ").append(String.join(" ", workload.variants()));
            if (!workload.forms().isEmpty()) {
                text.append(' ').append(Workload.ALL);
            }
            text.append("\nmodes: throughput memory exact");
            return Failure.usage(text.toString());
        }
    }
}
