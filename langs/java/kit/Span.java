package kit;

/**
 * From when to when something stood still, on the clock of {@link Clock#now}: a stall or a pause that is to be printed.
 * {@code runDelay} is how long the thread waited for a CPU meanwhile, or {@link #UNKNOWN}. Ordered by start.
 */
record Span(String kind, long start, long end, long runDelay) implements Comparable<Span> {
    static final long UNKNOWN = -1;

    @Override
    public int compareTo(Span other) {
        return Long.compare(start, other.start);
    }

    /** Writes it as a message of that type. */
    void send(Protocol out, String type) {
        out.begin(type).text("kind", kind).number("start_ns", start).number("end_ns", end);
        if (runDelay != UNKNOWN) {
            out.number("run_delay_ns", runDelay);
        }
        out.send();
    }
}
