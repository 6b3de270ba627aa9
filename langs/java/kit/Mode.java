package kit;

/** What an invocation is for; the numbers of different modes are never mixed. */
public enum Mode {
    THROUGHPUT("throughput"),
    MEMORY("memory"),
    EXACT("exact"),
    LATENCY("latency");

    private final String id;

    Mode(String id) {
        this.id = id;
    }

    /** Its name on the command line. */
    public String id() {
        return id;
    }
}
