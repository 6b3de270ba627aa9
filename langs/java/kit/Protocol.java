package kit;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/**
 * The only writer to stdout: one JSON object a line, fields in the order in which they are given, integers, strings
 * and pairs of integers only. A line is put together in a buffer made at the start and leaves in one write; one that is
 * longer than the buffer, as a histogram may be, leaves in several.
 */
public final class Protocol {
    private static final int BUFFER_BYTES = 16384;
    private static final byte[] HEX = {
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
    };

    private final OutputStream out;
    private final byte[] line = new byte[BUFFER_BYTES];
    private final byte[] digits = new byte[20];
    private int length;
    private boolean first;

    public Protocol(OutputStream out) {
        this.out = out;
    }

    /** Starts a message of that type. */
    public Protocol begin(String type) {
        length = 0;
        put('{');
        first = true;
        return text("type", type);
    }

    public Protocol text(String name, String value) {
        name(name);
        string(value);
        return this;
    }

    public Protocol number(String name, long value) {
        name(name);
        decimal(value);
        return this;
    }

    /** 64 bits as 16 lower-case digits. */
    public Protocol checksum(String name, long value) {
        name(name);
        put('"');
        for (int shift = 60; shift >= 0; shift -= 4) {
            put(HEX[(int) (value >>> shift) & 15]);
        }
        put('"');
        return this;
    }

    /** Opens a flat map: the fields up to {@link #close} belong to it. */
    public Protocol open(String name) {
        name(name);
        put('{');
        first = true;
        return this;
    }

    public Protocol close() {
        put('}');
        first = false;
        return this;
    }

    /** Opens a list of pairs: nothing but {@link #pair} until {@link #closePairs}. */
    public Protocol openPairs(String name) {
        name(name);
        put('[');
        first = true;
        return this;
    }

    public Protocol pair(long left, long right) {
        if (!first) {
            put(',');
        }
        first = false;
        put('[');
        decimal(left);
        put(',');
        decimal(right);
        put(']');
        return this;
    }

    public Protocol closePairs() {
        put(']');
        first = false;
        return this;
    }

    /** Ends the message and writes it. */
    public void send() {
        put('}');
        put('\n');
        flush();
    }

    private void flush() {
        try {
            out.write(line, 0, length);
        } catch (IOException gone) {
            throw new UncheckedIOException(gone);
        }
        length = 0;
    }

    private void name(String name) {
        if (!first) {
            put(',');
        }
        first = false;
        string(name);
        put(':');
    }

    /** Names and versions are plain ASCII; anything else becomes an escape so that the line stays valid JSON. */
    private void string(String value) {
        put('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                put('\\');
                put(c);
            } else if (c >= ' ' && c <= '~') {
                put(c);
            } else {
                put('\\');
                put('u');
                for (int shift = 12; shift >= 0; shift -= 4) {
                    put(HEX[(c >>> shift) & 15]);
                }
            }
        }
        put('"');
    }

    /** Works on negative values, which reach one further than positive ones. */
    private void decimal(long value) {
        long rest = value < 0 ? value : -value;
        int at = digits.length;
        do {
            digits[--at] = (byte) ('0' - rest % 10);
            rest /= 10;
        } while (rest != 0);
        if (value < 0) {
            put('-');
        }
        while (at < digits.length) {
            put(digits[at++]);
        }
    }

    private void put(int ascii) {
        if (length == line.length) {
            flush();
        }
        line[length++] = (byte) ascii;
    }
}
