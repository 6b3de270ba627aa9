package workloads;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import kit.Checksum;
import kit.Operations;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;

/**
 * A large window of recent messages, each replaced in turn: steady churn under a live set that holds no references.
 * Variant {@code heap}: a message is a byte array, the window an array of them.
 */
public final class MessageWindow implements Operations<MessageWindow.Window> {
    @Override
    public List<String> variants() {
        return List.of("heap");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("window", 1, 1 << 30),
                Parameter.between("size", Long.BYTES, 1 << 30).multipleOf(Long.BYTES),
                Parameter.between("pushes", 0, 1L << 33));
    }

    @Override
    public String arrivals() {
        return "pushes";
    }

    @Override
    public Window setup(Run run) {
        Window window = new Window(run.params());
        for (int i = 0; i < window.slots.length; i++) {
            window.slots[i] = make(window);
        }
        return window;
    }

    private static byte[] make(Window window) {
        // allocate: one message
        byte[] message = new byte[window.size];
        // touch: every byte, with one draw per message
        Arrays.fill(message, (byte) window.rng.next());
        return message;
    }

    @Override
    public void iterate(Window window) {
        for (long i = 0; i < window.pushes; i++) {
            operate(window, i);
        }
    }

    @Override
    public void operate(Window window, long i) {
        byte[] message = make(window);
        int slot = (int) (i % window.slots.length);
        window.sum += window.slots[slot][window.size - 1] & 0xff;
        // retire: the message of this slot, which nothing else refers to
        // publish: the new one takes its place
        window.slots[slot] = message;
    }

    @Override
    public Result teardown(Window window) {
        window.checksum.add(window.sum);
        for (int i = 0; i < window.slots.length; i++) {
            ByteBuffer message = ByteBuffer.wrap(window.slots[i]).order(ByteOrder.LITTLE_ENDIAN);
            while (message.hasRemaining()) {
                window.checksum.add(message.getLong());
            }
            window.slots[i] = null;
        }
        return Result.of(
                window.pushes,
                window.pushes,
                window.pushes * window.size,
                (window.slots.length + 1L) * window.size,
                window.checksum.value());
    }

    /** One iteration: the messages, and the generator that their contents come from. */
    static final class Window {
        private final byte[][] slots;
        private final int size;
        private final long pushes;
        private final Rng rng;
        private final Checksum checksum = new Checksum();
        private long sum;

        private Window(Params params) {
            slots = new byte[params.getInt("window")][];
            size = params.getInt("size");
            pushes = params.get("pushes");
            rng = new Rng(params.seed());
        }
    }
}
