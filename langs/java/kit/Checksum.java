package kit;

/**
 * FNV-1a folded over 64-bit words instead of bytes: order matters, every bit of every word counts, and it is the same
 * in every language because Java's {@code long} arithmetic wraps modulo 2^64.
 */
public final class Checksum {
    private static final long OFFSET = 0xcbf29ce484222325L;
    private static final long PRIME = 0x100000001b3L;

    private long hash = OFFSET;

    /** Forgets every word, as if newly made. */
    public void reset() {
        hash = OFFSET;
    }

    public void add(long word) {
        hash = (hash ^ word) * PRIME;
    }

    public long value() {
        return hash;
    }
}
