package kit;

/**
 * Named moments at which a workload has its memory read, in mode memory; in every other mode reaching one does nothing.
 * The readings are kept in arrays made beforehand and written after the iteration.
 */
public final class Checkpoints {
    private static final int MOST = 64;

    private final Memory memory;
    private final String[] names = new String[MOST];
    private final long[] atNs = new long[MOST];
    private final long[] live = new long[MOST];
    private final long[] resident = new long[MOST];
    private final long[] peakResident = new long[MOST];
    private final long[] proportional = new long[MOST];
    private int count;

    /** {@code memory} is null where nothing is to be read. */
    Checkpoints(Memory memory) {
        this.memory = memory;
    }

    /** The moment {@code name}, at which the workload knows {@code liveBytes} to be live. */
    public void reached(String name, long liveBytes) {
        if (memory == null) {
            return;
        }
        names[count] = name;
        live[count] = liveBytes;
        atNs[count] = Clock.now();
        resident[count] = memory.resident();
        peakResident[count] = memory.peakResident();
        proportional[count] = memory.proportional();
        count++;
    }

    /** Writes what was reached since the last call, one message each. */
    void send(Protocol out) {
        for (int i = 0; i < count; i++) {
            out.begin("checkpoint")
                    .text("name", names[i])
                    .number("at_ns", atNs[i])
                    .number("live_bytes", live[i])
                    .number("resident_bytes", resident[i])
                    .number("peak_resident_bytes", peakResident[i])
                    .number("pss_bytes", proportional[i])
                    .send();
        }
        count = 0;
    }
}
