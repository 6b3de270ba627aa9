package kit;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * This process's memory as the kernel accounts for it, in bytes. The files are opened once; reading them allocates
 * nothing, so that a checkpoint inside an iteration changes nothing that it reads.
 */
public final class Memory {
    private static final long KIB = 1024;
    private static final byte[] RESIDENT = NumberFile.key("VmRSS:");
    private static final byte[] PEAK_RESIDENT = NumberFile.key("VmHWM:");
    private static final byte[] PID = NumberFile.key("Pid:");
    private static final byte[] PROPORTIONAL = NumberFile.key("Pss:");

    private final NumberFile status;
    private final NumberFile rollup;

    /** {@code proportional}: whether the proportional set size will be asked for (mode memory). */
    Memory(boolean proportional) throws IOException {
        status = new NumberFile("/proc/self/status");
        rollup = proportional ? new NumberFile("/proc/self/smaps_rollup") : null;
    }

    long pid() {
        return read(status, PID);
    }

    long resident() {
        return read(status, RESIDENT) * KIB;
    }

    /** The high-water mark since the start or the last {@link #resetPeak}. */
    long peakResident() {
        return read(status, PEAK_RESIDENT) * KIB;
    }

    /** Resident memory with each shared page divided by the number of its users. */
    long proportional() {
        return read(rollup, PROPORTIONAL) * KIB;
    }

    /** Starts the high-water mark anew. A kernel that refuses leaves it as it is: the harness reads it too and compares. */
    void resetPeak() {
        try (FileOutputStream file = new FileOutputStream("/proc/self/clear_refs")) {
            file.write('5');
        } catch (IOException refused) {
            return;
        }
    }

    private static long read(NumberFile file, byte[] key) {
        try {
            file.read();
            return file.number(key);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
