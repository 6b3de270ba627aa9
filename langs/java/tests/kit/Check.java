package kit;

import java.util.Objects;

/** The three things a test says; what does not hold ends the test. */
public final class Check {
    private Check() {}

    public static void equal(Object expected, Object found, String what) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError(what + ": expected " + expected + ", found " + found);
        }
    }

    public static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** Something that has to fail. */
    public interface Action {
        void run() throws Exception;
    }

    /** That {@code action} throws a {@code type}, which is returned. */
    public static <T extends Throwable> T fails(Class<T> type, Action action, String what) {
        try {
            action.run();
        } catch (Throwable thrown) {
            if (type.isInstance(thrown)) {
                return type.cast(thrown);
            }
            throw new AssertionError(what + ": failed otherwise", thrown);
        }
        throw new AssertionError(what + ": did not fail");
    }
}
