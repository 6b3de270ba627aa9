package workloads;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Workload;

/**
 * A large table that stays while every operation leaves a block of garbage. What the collector looks through is
 * references to entries, or arrays without a reference: the words of the entries themselves, or bytes.
 */
public final class LiveMap implements Workload<LiveMap.LiveState> {
    private static final int ENTRY_BYTES = 32;
    private static final int ENTRIES_PER_MEBIBYTE = 32768;
    private static final int SLOTS_PER_MEBIBYTE = 49152;

    /** Blocks of garbage that are alive at a time. */
    private static final int RING = 256;

    /** By which a generator's state grows from output to output. */
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    /** The places of an entry's words. */
    private static final int KEY = 0;

    private static final int COUNT = 1;
    private static final int TOTAL = 2;
    private static final int NUMBER = 3;
    private static final int WORDS = 4;

    @Override
    public List<String> variants() {
        return List.of("pointers", "inline", "flat");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("mebibytes", 1, 1024),
                Parameter.between("operations", 0, 1L << 40),
                Parameter.between("garbage", Long.BYTES, 1 << 20).multipleOf(Long.BYTES));
    }

    /** An open-addressing table of entries that are never removed. */
    private abstract static class Table {
        final int slotCount;

        /** Slots looked at by all updates. */
        long probes;

        Table(int slotCount) {
            this.slotCount = slotCount;
        }

        abstract void insert(long key, long number);

        /** Counts the draw in the entry of a key that is there; its total until then. */
        abstract long update(long key, long draw);

        /** Folds the entries in the order of their slots; how many there are. */
        abstract long fold(Checksum checksum);

        final int firstSlot(long key) {
            return scale(key, slotCount);
        }

        final int nextSlot(int slot) {
            return slot + 1 < slotCount ? slot + 1 : 0;
        }
    }

    /** Where x lies among the unsigned 64-bit numbers, as one of {@code many} equal parts. */
    private static int scale(long x, int many) {
        return (int) ((x >>> 32) * many >>> 32);
    }

    private static final class Entry {
        private final long key;
        private long count;
        private long total;
        private final long number;

        private Entry(long key, long number) {
            this.key = key;
            total = key;
            this.number = number;
        }
    }

    private static final class PointerTable extends Table {
        private final Entry[] slots;

        private PointerTable(int slotCount) {
            super(slotCount);
            slots = new Entry[slotCount];
        }

        @Override
        void insert(long key, long number) {
            int slot = firstSlot(key);
            while (slots[slot] != null) {
                slot = nextSlot(slot);
            }
            // allocate: one entry per key
            // touch: all of its words
            Entry entry = new Entry(key, number);
            // publish: in its slot, where it stays
            slots[slot] = entry;
        }

        @Override
        long update(long key, long draw) {
            int slot = firstSlot(key);
            int looked = 1;
            while (slots[slot].key != key) {
                slot = nextSlot(slot);
                looked++;
            }
            probes += looked;
            Entry entry = slots[slot];
            long total = entry.total;
            entry.count++;
            entry.total = total + draw;
            return total;
        }

        @Override
        long fold(Checksum checksum) {
            long entries = 0;
            for (Entry entry : slots) {
                if (entry != null) {
                    checksum.add(entry.key);
                    checksum.add(entry.count);
                    checksum.add(entry.total);
                    checksum.add(entry.number);
                    entries++;
                }
            }
            return entries;
        }
    }

    /** Four words for each slot; an empty one has the number 0. */
    private static final class InlineTable extends Table {
        private final long[] words;

        private InlineTable(int slotCount) {
            super(slotCount);
            words = new long[WORDS * slotCount];
        }

        @Override
        void insert(long key, long number) {
            int slot = firstSlot(key);
            while (words[WORDS * slot + NUMBER] != 0) {
                slot = nextSlot(slot);
            }
            words[WORDS * slot + KEY] = key;
            words[WORDS * slot + TOTAL] = key;
            words[WORDS * slot + NUMBER] = number;
        }

        @Override
        long update(long key, long draw) {
            int slot = firstSlot(key);
            int looked = 1;
            while (words[WORDS * slot + KEY] != key) {
                slot = nextSlot(slot);
                looked++;
            }
            probes += looked;
            long total = words[WORDS * slot + TOTAL];
            words[WORDS * slot + COUNT]++;
            words[WORDS * slot + TOTAL] = total + draw;
            return total;
        }

        @Override
        long fold(Checksum checksum) {
            long entries = 0;
            for (int at = 0; at < words.length; at += WORDS) {
                if (words[at + NUMBER] != 0) {
                    for (int word = 0; word < WORDS; word++) {
                        checksum.add(words[at + word]);
                    }
                    entries++;
                }
            }
            return entries;
        }
    }

    /** The number of an entry for each slot, 0 for an empty one; the entries lie one after the other in the bytes. */
    private static final class FlatTable extends Table {
        private final int[] numbers;
        private final ByteBuffer bytes;

        private FlatTable(int entries, int slotCount) {
            super(slotCount);
            numbers = new int[slotCount];
            bytes = ByteBuffer.allocate(ENTRY_BYTES * entries).order(ByteOrder.LITTLE_ENDIAN);
        }

        private int offsetOf(int slot) {
            return (numbers[slot] - 1) * ENTRY_BYTES;
        }

        @Override
        void insert(long key, long number) {
            int slot = firstSlot(key);
            while (numbers[slot] != 0) {
                slot = nextSlot(slot);
            }
            numbers[slot] = (int) number;
            int offset = offsetOf(slot);
            bytes.putLong(offset + KEY * Long.BYTES, key);
            bytes.putLong(offset + COUNT * Long.BYTES, 0);
            bytes.putLong(offset + TOTAL * Long.BYTES, key);
            bytes.putLong(offset + NUMBER * Long.BYTES, number);
        }

        @Override
        long update(long key, long draw) {
            int slot = firstSlot(key);
            int looked = 1;
            while (bytes.getLong(offsetOf(slot) + KEY * Long.BYTES) != key) {
                slot = nextSlot(slot);
                looked++;
            }
            probes += looked;
            int offset = offsetOf(slot);
            long total = bytes.getLong(offset + TOTAL * Long.BYTES);
            bytes.putLong(offset + COUNT * Long.BYTES, bytes.getLong(offset + COUNT * Long.BYTES) + 1);
            bytes.putLong(offset + TOTAL * Long.BYTES, total + draw);
            return total;
        }

        @Override
        long fold(Checksum checksum) {
            long entries = 0;
            for (int slot = 0; slot < slotCount; slot++) {
                if (numbers[slot] != 0) {
                    for (int word = 0; word < WORDS; word++) {
                        checksum.add(bytes.getLong(offsetOf(slot) + word * Long.BYTES));
                    }
                    entries++;
                }
            }
            return entries;
        }
    }

    @Override
    public LiveState setup(Run run) {
        LiveState map = new LiveState(run.params());
        for (int e = 0; e < map.entries; e++) {
            map.table.insert(map.rng.next(), e + 1);
        }
        for (int j = 0; j < RING; j++) {
            map.ring[j] = newBlock(map.words, j);
        }
        return map;
    }

    private static long[] newBlock(int words, long word) {
        // allocate: one block of garbage
        long[] block = new long[words];
        // touch: every word of it
        Arrays.fill(block, word);
        return block;
    }

    @Override
    public void iterate(LiveState map) {
        long sum = 0;
        for (long i = 0; i < map.operations; i++) {
            long draw = map.rng.next();
            map.keys.seed(map.seed + scale(draw, map.entries) * GAMMA);
            sum += map.table.update(map.keys.next(), draw);
            long[] block = newBlock(map.words, draw);
            int place = (int) (i % RING);
            sum += map.ring[place][map.words - 1];
            // retire: the oldest block of the ring, which only its place refers to
            // publish: the new one takes its place
            map.ring[place] = block;
        }
        map.sum = sum;
    }

    @Override
    public Result teardown(LiveState map) {
        Checksum checksum = new Checksum();
        checksum.add(map.sum);
        long entries = map.table.fold(checksum);
        for (long[] block : map.ring) {
            for (long word : block) {
                checksum.add(word);
            }
        }
        long garbage = (long) map.words * Long.BYTES;
        return new Result(
                map.operations,
                map.operations,
                map.operations * garbage,
                (long) ENTRY_BYTES * map.entries + (RING + 1) * garbage,
                checksum.value(),
                List.of(new Result.Counter("entries", entries), new Result.Counter("probes", map.table.probes)));
    }

    /** One iteration: the table, the blocks of garbage that are alive, and the generators. */
    static final class LiveState {
        private final long seed;
        private final int entries;
        private final long operations;
        private final int words;
        private final Table table;
        private final long[][] ring = new long[RING][];
        private final Rng rng;
        private final Rng keys = new Rng(0);
        private long sum;

        private LiveState(Params params) {
            int mebibytes = params.getInt("mebibytes");
            int slots = mebibytes * SLOTS_PER_MEBIBYTE;
            seed = params.seed();
            entries = mebibytes * ENTRIES_PER_MEBIBYTE;
            operations = params.get("operations");
            words = params.getInt("garbage") / Long.BYTES;
            rng = new Rng(seed);
            table = switch (params.variant()) {
                case "pointers" -> new PointerTable(slots);
                case "inline" -> new InlineTable(slots);
                default -> new FlatTable(entries, slots);
            };
        }
    }
}
