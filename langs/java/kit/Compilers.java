package kit;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;

/**
 * The threads of the just-in-time compilers, as the kernel sees them. What a method allocates depends on whether it has
 * been compiled, which happens in the background: exact counts are taken when the compilers have done what they were
 * asked for. (The virtual machine's own count of compilations exists only with UsePerfData.)
 */
final class Compilers {
    private static final int QUIET_LOOKS = 3;
    private static final int MOST_LOOKS = 5_000;

    private Compilers() {}

    /** Returns when the compilers slept at three looks in a row, 1 ms apart; after some 5 s in any case. */
    static void awaitIdle() {
        int quiet = 0;
        for (int i = 0; i < MOST_LOOKS && quiet < QUIET_LOOKS; i++) {
            quiet = anyBusy() ? 0 : quiet + 1;
            try {
                Thread.sleep(1);
            } catch (InterruptedException nobodyInterrupts) {
                throw new IllegalStateException(nobodyInterrupts);
            }
        }
    }

    private static boolean anyBusy() {
        File[] threads = new File("/proc/self/task").listFiles();
        if (threads == null) {
            return false;
        }
        for (File thread : threads) {
            if (isBusyCompiler(thread)) {
                return true;
            }
        }
        return false;
    }

    /** Waiting for a CPU counts as busy: the kernel calls both states R, where an idle compiler is S. */
    private static boolean isBusyCompiler(File thread) {
        try (BufferedReader status = new BufferedReader(new FileReader(new File(thread, "status")))) {
            String name = status.readLine();
            if (name == null || !(name.startsWith("Name:\tC1 ") || name.startsWith("Name:\tC2 "))) {
                return false;
            }
            String line = status.readLine();
            while (line != null && !line.startsWith("State:")) {
                line = status.readLine();
            }
            return line != null && !line.startsWith("State:\tS");
        } catch (IOException ended) {
            // A compiler thread that ends because it had nothing to do takes its folder with it.
            return false;
        }
    }
}
