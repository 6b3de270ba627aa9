package kit;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * The one place where the program ends early. It serves every thread, and it makes what it needs in advance: when it is
 * called because the heap is full, nothing can be allocated any more.
 */
public final class Exit implements Thread.UncaughtExceptionHandler {
    static final int CRASH = 1;
    static final int USAGE = 64;
    static final int DISAGREEMENT = 65;
    static final int OUT_OF_MEMORY = 66;
    static final int UNSUPPORTED = 69;
    static final int KERNEL_LIMIT = 71;

    private final FileOutputStream err = new FileOutputStream(FileDescriptor.err);
    private final byte[] noMemory = "out of memory\n".getBytes(StandardCharsets.US_ASCII);
    private final byte[] noThread = "the kernel refused a thread\n".getBytes(StandardCharsets.US_ASCII);
    private final String aboutThreads;
    private final Runtime runtime = Runtime.getRuntime();

    public Exit() {
        // Not where it is used: a literal becomes an object when it is first reached.
        aboutThreads = "native thread";
        try {
            // Halting goes through this class, and with a full heap there is no room to load it when it is needed.
            Class.forName("java.lang.Shutdown");
        } catch (ClassNotFoundException elsewhere) {
            throw new IllegalStateException(elsewhere);
        }
    }

    /** Ends the process because of {@code reason}. */
    @Override
    public void uncaughtException(Thread thread, Throwable reason) {
        if (reason instanceof OutOfMemoryError) {
            outOfMemory(reason.getMessage());
        } else if (reason instanceof Failure failure) {
            System.err.println(failure.getMessage());
            runtime.halt(failure.code());
        } else {
            reason.printStackTrace();
            runtime.halt(CRASH);
        }
    }

    /** HotSpot has one error for a full heap and for a thread that the kernel refused; only the text tells them apart. */
    private void outOfMemory(String text) {
        boolean threads = text != null && text.contains(aboutThreads);
        try {
            err.write(threads ? noThread : noMemory);
        } catch (IOException unreported) {
            // There is nowhere left to write to; the exit code says it all.
            runtime.halt(threads ? KERNEL_LIMIT : OUT_OF_MEMORY);
        }
        runtime.halt(threads ? KERNEL_LIMIT : OUT_OF_MEMORY);
    }
}
