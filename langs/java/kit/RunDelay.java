package kit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * How long a thread has waited for a CPU while it could have run: the second field of its {@code schedstat}. Opened
 * once; a reading is one system call and allocates nothing. Where a kernel keeps no such account it is unknown.
 */
final class RunDelay implements AutoCloseable {
    private final FileChannel file;
    private final ByteBuffer text = ByteBuffer.allocateDirect(128);

    private RunDelay(FileChannel file) {
        this.file = file;
    }

    /** Of the thread that calls this; other threads may read it afterwards. */
    static RunDelay ofThisThread() {
        return of(Path.of("/proc/thread-self/schedstat"));
    }

    static RunDelay of(Path schedstat) {
        try {
            return new RunDelay(FileChannel.open(schedstat));
        } catch (IOException absent) {
            return new RunDelay(null);
        }
    }

    /** In ns since the thread began, or {@link Span#UNKNOWN}. */
    long read() throws IOException {
        if (file == null) {
            return Span.UNKNOWN;
        }
        text.clear();
        int length = file.read(text, 0);
        int at = 0;
        while (at < length && text.get(at) != ' ') {
            at++;
        }
        long delay = 0;
        int digits = at + 1;
        for (at = digits; at < length && text.get(at) >= '0' && text.get(at) <= '9'; at++) {
            delay = delay * 10 + (text.get(at) - '0');
        }
        return at > digits ? delay : Span.UNKNOWN;
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            file.close();
        }
    }
}
