package kit;

import java.util.List;

/**
 * What one iteration did, in logical terms: the same in every language and in every iteration of one invocation.
 * {@code peakLiveBytes} includes what setup made and is live during iterate.
 */
public record Result(
        long operations,
        long allocations,
        long allocatedBytes,
        long peakLiveBytes,
        long checksum,
        List<Counter> counters) {

    /** A number that a workload publishes beside the others. */
    public record Counter(String name, long value) {}

    /** A result without counters. */
    public static Result of(long operations, long allocations, long allocatedBytes, long peakLiveBytes, long checksum) {
        return new Result(operations, allocations, allocatedBytes, peakLiveBytes, checksum, List.of());
    }

    /** Whether both say the same. Not the record's own equals: that one is generated at run time, which costs memory. */
    public boolean agrees(Result other) {
        return operations == other.operations
                && allocations == other.allocations
                && allocatedBytes == other.allocatedBytes
                && peakLiveBytes == other.peakLiveBytes
                && checksum == other.checksum
                && countersAgree(other);
    }

    private boolean countersAgree(Result other) {
        if (counters.size() != other.counters.size()) {
            return false;
        }
        for (int i = 0; i < counters.size(); i++) {
            Counter mine = counters.get(i);
            Counter theirs = other.counters.get(i);
            if (!mine.name.equals(theirs.name) || mine.value != theirs.value) {
                return false;
            }
        }
        return true;
    }

    /** For the message that says what did not agree. */
    public String describe() {
        StringBuilder text = new StringBuilder()
                .append("operations ").append(operations)
                .append(", allocations ").append(allocations)
                .append(", allocated bytes ").append(allocatedBytes)
                .append(", peak live bytes ").append(peakLiveBytes)
                .append(", checksum ").append(Long.toHexString(checksum));
        for (Counter counter : counters) {
            text.append(", ").append(counter.name).append(' ').append(counter.value);
        }
        return text.toString();
    }
}
