package kit;

import java.util.List;

/**
 * A workload that is a sequence of single operations, so that in mode latency they can arrive one by one. Its
 * {@code iterate} is the plain loop over {@link #operate} followed by {@link #conclude}: every mode does the same work.
 *
 * @param <S> what setup makes and the others work on
 */
public interface Operations<S> extends Workload<S> {
    /** The parameter that counts the operations: what the workload's TOML calls {@code arrivals_replace}. */
    String arrivals();

    /** The variants that have single operations. */
    default List<String> variantsWithOperations() {
        return variants();
    }

    /** Does operation {@code i}; called for 0, 1, 2 and so on in this order. */
    void operate(S state, long i);

    /** What the algorithm does after its last operation; outside the clock in mode latency. */
    default void conclude(S state) {}
}
