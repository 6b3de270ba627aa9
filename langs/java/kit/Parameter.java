package kit;

/**
 * One integer that a workload takes from the command line, with the values that make sense for it: from {@code lowest}
 * to {@code highest}, a multiple of {@code step}. Checked before anything is printed, so that a workload can rely on it.
 */
public record Parameter(String name, long lowest, long highest, long step) {
    public static Parameter between(String name, long lowest, long highest) {
        return new Parameter(name, lowest, highest, 1);
    }

    public Parameter multipleOf(long factor) {
        return new Parameter(name, lowest, highest, factor);
    }

    boolean allows(long value) {
        return value >= lowest && value <= highest && value % step == 0;
    }

    /** What is allowed, for a person who typed something else. */
    String expectation() {
        return name + "=" + lowest + ".." + highest + (step == 1 ? "" : " in steps of " + step);
    }
}
