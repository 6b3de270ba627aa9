package kit;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The stops that the virtual machine reports, from its unified log of versions 17 to 25 (tags {@code safepoint} and
 * {@code gc}, decorated with {@code timenanos}, which is the clock of {@link Clock#now}). The runner turns the log on
 * and says where it is; it is read after measuring. Management beans would not do: their times leave out most of a stop.
 */
final class GcLog {
    private static final String PROPERTY = "memverdict.log";

    private static final String SAFEPOINT = "Safepoint \"";
    private static final String TOTAL = ", Total: ";
    private static final String STALL = "Allocation Stall (";
    private static final String STALL_LENGTH = ") ";
    private static final String DECORATION_END = "ns] ";

    private final String path;
    private final long[] starts;
    private final long[] ends;
    private int measured;

    /** The log at {@code path}, of which {@code iterations} stretches are wanted. */
    GcLog(String path, int iterations) {
        this.path = path;
        starts = new long[iterations];
        ends = new long[iterations];
    }

    static GcLog ofThisProcess(int iterations) {
        String path = System.getProperty(PROPERTY);
        if (path == null) {
            throw new IllegalStateException("the runner has to name the log in the property " + PROPERTY);
        }
        return new GcLog(path, iterations);
    }

    /** What begins within that iteration is wanted. */
    void measured(Timing timing) {
        starts[measured] = timing.start;
        ends[measured] = timing.start + timing.elapsed;
        measured++;
    }

    /** The stops and stalls that began within the measured iterations, as the log has them: by their end. */
    List<Span> pauses() throws IOException {
        List<Span> found = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new FileReader(path))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                Span span = parse(line);
                if (span != null && isMeasured(span.start())) {
                    found.add(span);
                }
            }
        }
        return found;
    }

    private boolean isMeasured(long moment) {
        for (int i = 0; i < measured; i++) {
            if (moment - starts[i] >= 0 && moment - ends[i] <= 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * What one line reports, or null. Both kinds are written when they are over. A pause of the collector is not looked
     * at, whatever its name: it lies within a safepoint, and its own time leaves out reaching it.
     */
    static Span parse(String line) {
        int decoration = line.indexOf(DECORATION_END);
        if (decoration < 0 || line.charAt(0) != '[') {
            return null;
        }
        int message = decoration + DECORATION_END.length();
        if (line.startsWith(SAFEPOINT, message)) {
            return span("stop", line, decoration, 1, valueAfter(TOTAL, line, message, " ns"));
        }
        // With generations it may follow the number of a collection.
        int stall = line.indexOf(STALL, message);
        if (stall >= 0) {
            String milliseconds = valueAfter(STALL_LENGTH, line, stall, "ms");
            return span("allocation_stall", line, decoration, 1_000_000, milliseconds);
        }
        return null;
    }

    /** The number between {@code label} and {@code unit}; a line that looks otherwise is of a version not known here. */
    private static String valueAfter(String label, String line, int from, String unit) {
        int start = line.indexOf(label, from);
        int end = start < 0 ? -1 : line.indexOf(unit, start);
        if (end < 0) {
            throw unknown(line);
        }
        return line.substring(start + label.length(), end).strip();
    }

    private static Span span(String kind, String line, int decoration, long unit, String value) {
        try {
            long end = Long.parseLong(line.substring(1, decoration).strip());
            long length = Math.round(Double.parseDouble(value) * unit);
            return new Span(kind, end - length, end, Span.UNKNOWN);
        } catch (NumberFormatException otherwise) {
            throw unknown(line);
        }
    }

    private static IllegalStateException unknown(String line) {
        return new IllegalStateException("not understood in the log of the virtual machine: " + line);
    }
}
