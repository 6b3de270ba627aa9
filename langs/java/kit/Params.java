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
    private static final Parameter WARMUP = Parameter.between("warmup", 0, 1_000_000);
    private static final Parameter ITERATIONS = Parameter.between("iterations", 1, 1_000_000);
    /** What mode latency takes besides. A period of 0 means no ticker, one below the least would be a load itself. */
    private static final Parameter RATE = Parameter.between("rate", 1, 1_000_000_000);
    private static final Parameter TICK = Parameter.between("tick_us", 0, 1_000_000);
    private static final long LEAST_TICK = 100;
    private static final long NS_PER_US = 1000;

    private final String variant;
    private final Mode mode;
    private final long seed;
    private final int warmup;
    private final int iterations;
    private final long rate;
    private final long tick;
    private final Map<String, Long> values;

    private Params(
            String variant,
            Mode mode,
            long seed,
            int warmup,
            int iterations,
            long rate,
            long tick,
            Map<String, Long> values) {
        this.variant = variant;
        this.mode = mode;
        this.seed = seed;
        this.warmup = warmup;
        this.iterations = iterations;
        this.rate = rate;
        this.tick = tick;
        this.values = values;
    }

    /** Reads {@code args} from the second on, as {@code workload} wants them. */
    public static Params parse(String[] args, Workload<?> workload) {
        Expectation expected = new Expectation(args[0], workload);
        Map<String, String> given = split(args, expected);
        Mode mode = expected.mode(given.remove("mode"));
        String variant = expected.variant(given.remove("variant"), mode);
        long seed = expected.seed(given.remove("seed"));
        int warmup = (int) expected.number(given, WARMUP);
        int iterations = (int) expected.number(given, ITERATIONS);
        long rate = mode == Mode.LATENCY ? expected.number(given, RATE) : 0;
        long tickUs = mode == Mode.LATENCY ? expected.tick(given) : 0;
        Map<String, Long> values = new HashMap<>();
        for (Parameter parameter : workload.parameters()) {
            values.put(parameter.name(), expected.number(given, parameter));
        }
        if (!given.isEmpty()) {
            throw expected.failure("unknown key " + given.keySet().iterator().next());
        }
        return new Params(variant, mode, seed, warmup, iterations, rate, tickUs * NS_PER_US, values);
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
        return new Params(otherVariant, mode, seed, warmup, iterations, rate, tick, values);
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

    /** Operations that arrive per second, in mode latency. */
    public long rate() {
        return rate;
    }

    /** The period of the stall ticker in ns, in mode latency; 0 where none is to run. */
    public long tick() {
        return tick;
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
                    if (mode == Mode.LATENCY && !(workload instanceof Operations)) {
                        throw Failure.unsupported("mode latency needs single operations, and " + name + " has none");
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
            if (mode == Mode.LATENCY
                    && workload instanceof Operations<?> operations
                    && !operations.variantsWithOperations().contains(given)) {
                throw Failure.unsupported("mode latency needs single operations, and variant " + given + " has none");
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

        long tick(Map<String, String> arguments) {
            long tick = number(arguments, TICK);
            if (tick > 0 && tick < LEAST_TICK) {
                throw failure("tick_us=" + tick + " is neither 0 nor at least " + LEAST_TICK);
            }
            return tick;
        }

        /** Takes the value of {@code parameter} out of the arguments. */
        long number(Map<String, String> arguments, Parameter parameter) {
            String given = arguments.remove(parameter.name());
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
            boolean latency = workload instanceof Operations;
            if (latency) {
                text.append("\nmode latency: ").append(RATE.expectation()).append(" tick_us=0 or ").append(LEAST_TICK);
                text.append("..").append(TICK.highest());
            }
            text.append("\nvariants: ").append(String.join(" ", workload.variants()));
            if (!workload.forms().isEmpty()) {
                text.append(' ').append(Workload.ALL);
            }
            text.append("\nmodes: throughput memory exact").append(latency ? " latency" : "");
            return Failure.usage(text.toString());
        }
    }
}
