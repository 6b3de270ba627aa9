package kit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * The wall clock and the CPU clock of the container, both in nanoseconds. Everything is opened when the clock is made;
 * reading either allocates nothing.
 */
public final class Clock {
    /** A running thread is charged to its group when the scheduler ticks: 250 times a second. */
    private static final long TICK_NS = 4_000_000;
    /** HotSpot reads the CPU time of the process in units of 1/100 s. */
    private static final long PROCESS_STEP_NS = 10_000_000;

    private static final byte[] WHOLE_FILE = {};
    private static final byte[] USAGE = NumberFile.key("usage_usec ");

    private final NumberFile file;
    private final byte[] key;
    private final long unitNs;
    private final Jvm jvm;

    private Clock(NumberFile file, byte[] key, long unitNs, Jvm jvm) {
        this.file = file;
        this.key = key;
        this.unitNs = unitNs;
        this.jvm = jvm;
    }

    /**
     * The group's counter where the group is this container's own. In the root of a hierarchy it would count the whole
     * machine: there, and where nothing can be read, the clock of the process serves.
     */
    static Clock of(Cgroup cgroup, Jvm jvm) throws IOException {
        String first = cgroup.folderOfController("cpuacct");
        if (first != null && !new File(first, "release_agent").exists() && readable(first, "cpuacct.usage")) {
            return new Clock(new NumberFile(first + "/cpuacct.usage"), WHOLE_FILE, 1, jvm);
        }
        String second = cgroup.unifiedFolder();
        if (second != null && new File(second, "cgroup.type").exists() && readable(second, "cpu.stat")) {
            return new Clock(new NumberFile(second + "/cpu.stat"), USAGE, 1000, jvm);
        }
        return new Clock(null, WHOLE_FILE, 1, jvm);
    }

    private static boolean readable(String folder, String name) {
        return new File(folder, name).canRead();
    }

    /** CLOCK_MONOTONIC: what nanoTime is on Linux, so that its values compare with other processes'. */
    public static long now() {
        return System.nanoTime();
    }

    /** CPU time used so far. Yields first, because the time of a running thread is charged when it gives up the CPU. */
    long cpu() {
        Thread.yield();
        if (file == null) {
            return jvm.processCpu();
        }
        try {
            file.read();
            return file.number(key) * unitNs;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    long cpuResolution() {
        return file == null ? PROCESS_STEP_NS : TICK_NS;
    }
}
