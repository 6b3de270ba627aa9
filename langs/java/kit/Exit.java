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
    private final byte[] outOfMemory = "out of memory\n".getBytes(StandardCharsets.US_ASCII);
    private final Runtime runtime = Runtime.getRuntime();

    /** Ends the process because of {@code reason}; an out-of-memory error is reported without allocating. */
    @Override
    public void uncaughtException(Thread thread, Throwable reason) {
        int code = codeOf(reason);
        try {
            if (code == OUT_OF_MEMORY) {
                err.write(outOfMemory);
            } else if (reason instanceof Failure) {
                System.err.println(reason.getMessage());
            } else {
                reason.printStackTrace();
            }
        } catch (IOException | OutOfMemoryError unreported) {
            // The exit code says it all; there is nowhere left to write to.
            runtime.halt(code);
        }
        runtime.halt(code);
    }

    /** HotSpot has one error for a full heap and for a thread that the kernel refused; only the text tells them apart. */
    private static int codeOf(Throwable reason) {
        if (reason instanceof Failure failure) {
            return failure.code();
        }
        if (reason instanceof OutOfMemoryError) {
            String message = reason.getMessage();
            return message != null && message.contains("native thread") ? KERNEL_LIMIT : OUT_OF_MEMORY;
        }
        return CRASH;
    }
}
