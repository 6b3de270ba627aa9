package kit;

/**
 * SplitMix64: the only source of randomness of every workload, the same stream in every language. Small enough that
 * the compiler inlines it; one object may be re-seeded so that a workload does not allocate one per use.
 */
public final class Rng {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;

    public Rng(long seed) {
        state = seed;
    }

    /** Starts the stream that belongs to {@code seed} (any 64 bits). */
    public void seed(long seed) {
        state = seed;
    }

    /** The next 64 bits. */
    public long next() {
        state += GOLDEN;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
