package kit;

import java.util.List;

/**
 * An allocation pattern. The kit calls setup, iterate and teardown in this order for every iteration and reads the
 * clock around {@code iterate} alone; an implementation has a public constructor without arguments, by which it is found.
 *
 * @param <S> what setup makes and the other two work on
 */
public interface Workload<S> {
    /** The variant that serves every form in turn, where {@link #forms} names some. */
    String ALL = "all";

    /** The values that {@code variant} may have. */
    List<String> variants();

    /** The integers that the command line must give, each exactly once. */
    List<Parameter> parameters();

    /** The variants that variant {@code all} runs, in order; empty where there is no such variant. */
    default List<String> forms() {
        return List.of();
    }

    /** Prepares one iteration. Whatever iterate needs beyond what it is measured for is made here. */
    S setup(Run run);

    /** The timed work. */
    void iterate(S state);

    /** Drops what setup made and says what iterate did. */
    Result teardown(S state);
}
