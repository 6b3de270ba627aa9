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
 * A message is a byte array, the window an array of them, found through the iteration's state in variant {@code heap} and
 * through a static field in variant {@code global}.
 */
public final class MessageWindow implements Operations<MessageWindow.Window> {
    /** The slots of variant {@code global}; the window of an iteration then has none. */
    private static byte[][] globalSlots;

    @Override
    public List<String> variants() {
        return List.of("heap", "global");
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
        byte[][] slots = new byte[run.params().getInt("window")][];
        for (int i = 0; i < slots.length; i++) {
            slots[i] = make(window);
        }
        if (window.global) {
            globalSlots = slots;
        } else {
            window.slots = slots;
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
        if (window.global) {
            push(window, globalSlots, i);
        } else {
            push(window, window.slots, i);
        }
    }

    private static void push(Window window, byte[][] slots, long i) {
        byte[] message = make(window);
        int slot = (int) (i % slots.length);
        window.sum += slots[slot][window.size - 1] & 0xff;
        // retire: the message of this slot, which nothing else refers to
        // publish: the new one takes its place
        slots[slot] = message;
    }

    @Override
    public Result teardown(Window window) {
        byte[][] slots = window.global ? globalSlots : window.slots;
        globalSlots = null;
        window.checksum.add(window.sum);
        for (int i = 0; i < slots.length; i++) {
            ByteBuffer message = ByteBuffer.wrap(slots[i]).order(ByteOrder.LITTLE_ENDIAN);
            while (message.hasRemaining()) {
                window.checksum.add(message.getLong());
            }
            slots[i] = null;
        }
        return Result.of(
                window.pushes,
                window.pushes,
                window.pushes * window.size,
                (slots.length + 1L) * window.size,
                window.checksum.value());
    }

    /** One iteration: the messages, and the generator that their contents come from. */
    static final class Window {
        private final boolean global;
        private final int size;
        private final long pushes;
        private final Rng rng;
        private final Checksum checksum = new Checksum();
        private byte[][] slots;
        private long sum;

        private Window(Params params) {
            global = params.variant().equals("global");
            size = params.getInt("size");
            pushes = params.get("pushes");
            rng = new Rng(params.seed());
        }
    }
}
