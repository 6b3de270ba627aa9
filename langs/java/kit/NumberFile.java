package kit;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;

/**
 * A small file of the kernel that is opened once and read many times without allocating: either one number, or lines of
 * a key and a number. Such files are at most a few kilobytes; what lies beyond the buffer is not seen.
 */
final class NumberFile {
    private final RandomAccessFile file;
    private final byte[] buffer = new byte[8192];
    private int length;

    NumberFile(String path) throws IOException {
        file = new RandomAccessFile(path, "r");
    }

    /** A key as it stands at the start of a line, for {@link #number}. */
    static byte[] key(String name) {
        return name.getBytes(StandardCharsets.US_ASCII);
    }

    /** Reads the file anew. */
    void read() throws IOException {
        file.seek(0);
        length = 0;
        int got = file.read(buffer, 0, buffer.length);
        while (got > 0) {
            length += got;
            got = file.read(buffer, length, buffer.length - length);
        }
    }

    /** The number after {@code key} on the first line that starts with it; with an empty key the first number. */
    long number(byte[] key) throws IOException {
        int line = 0;
        while (line < length) {
            if (startsWith(line, key)) {
                return numberFrom(line + key.length);
            }
            while (line < length && buffer[line] != '\n') {
                line++;
            }
            line++;
        }
        throw new IOException("no line starts with " + new String(key, StandardCharsets.US_ASCII));
    }

    private boolean startsWith(int at, byte[] key) {
        if (at + key.length > length) {
            return false;
        }
        for (int i = 0; i < key.length; i++) {
            if (buffer[at + i] != key[i]) {
                return false;
            }
        }
        return true;
    }

    private long numberFrom(int start) {
        int at = start;
        while (at < length && (buffer[at] == ' ' || buffer[at] == '\t')) {
            at++;
        }
        long value = 0;
        while (at < length && buffer[at] >= '0' && buffer[at] <= '9') {
            value = value * 10 + (buffer[at] - '0');
            at++;
        }
        return value;
    }
}
