package kit;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;

/**
 * What the virtual machine says about itself: its version, the settings that are in force, and its counters of
 * allocated bytes, collections and CPU time. The beans are fetched once, before anything is timed.
 */
public final class Jvm {
    /** A collector and how the names of its beans start. */
    private static final String[][] COLLECTORS = {
        {"Copy", "Serial"},
        {"PS ", "Parallel"},
        {"G1 ", "G1"},
        {"ZGC", "ZGC"},
        {"Shenandoah", "Shenandoah"},
        {"Epsilon", "Epsilon"},
    };

    private final List<GarbageCollectorMXBean> collectors = ManagementFactory.getGarbageCollectorMXBeans();
    private final OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** As {@code java -version} names it. */
    String version() {
        return "openjdk " + System.getProperty("java.runtime.version");
    }

    /** The settings in force that decide how memory is managed: what a configuration asked for must be found here. */
    void report(Protocol out) {
        HotSpotDiagnosticMXBean options = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        out.text("collector", collector());
        out.number("heap_max", Long.parseLong(options.getVMOption("MaxHeapSize").getValue()));
        out.number("heap_initial", Long.parseLong(options.getVMOption("InitialHeapSize").getValue()));
        out.number("pre_touch", flag(options, "AlwaysPreTouch"));
        out.number("compressed_oops", flag(options, "UseCompressedOops"));
        out.number("compact_headers", flag(options, "UseCompactObjectHeaders"));
        out.number("escape_analysis", flag(options, "DoEscapeAnalysis"));
    }

    /** 1 where the option is on; a virtual machine that does not know an option does not do what it asks for. */
    private static int flag(HotSpotDiagnosticMXBean options, String name) {
        try {
            return Boolean.parseBoolean(options.getVMOption(name).getValue()) ? 1 : 0;
        } catch (IllegalArgumentException unknown) {
            return 0;
        }
    }

    private String collector() {
        String name = collectors.get(0).getName();
        for (String[] known : COLLECTORS) {
            if (name.startsWith(known[0])) {
                return known[1];
            }
        }
        return name;
    }

    /** Collections so far. Beans that count the pauses of a concurrent cycle would count that cycle again. */
    long collections() {
        long count = 0;
        for (GarbageCollectorMXBean bean : collectors) {
            String name = bean.getName();
            if (!name.endsWith("Pauses") && !name.equals("G1 Concurrent GC")) {
                count += bean.getCollectionCount();
            }
        }
        return count;
    }

    /** CPU time of the process in ns. */
    long processCpu() {
        return system.getProcessCpuTime();
    }

    /** Bytes that this thread has allocated, exact to the byte. */
    long allocatedByThisThread() {
        return threads.getCurrentThreadAllocatedBytes();
    }
}
