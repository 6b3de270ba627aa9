package workloads;

import java.util.Arrays;
import java.util.List;
import kit.Aftermath;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Workload;

/**
 * Most of many small objects of mixed sizes are released, those left lie scattered, and larger ones are wanted. A
 * collector that moves objects can push the survivors together.
 */
public final class Fragmentation implements Workload<Fragmentation.Heap> {
    private static final int LEAST_SMALL_BYTES = 16;
    private static final int OCTAVES = 6;
    private static final int LEAST_LARGE_BYTES = 2048;
    private static final int LARGE_SIZES = 769;
    private static final int SURVIVES_ONE_IN = 10;
    private static final int SMALL_PER_LARGE = 32;

    @Override
    public List<String> variants() {
        return List.of("heap");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("objects", SMALL_PER_LARGE, 1 << 30),
                Parameter.between("cycles", 0, 1 << 16),
                Parameter.between("idle_s", 0, 330));
    }

    private static long[] newObject(Heap heap, int bytes) {
        // allocate: one object, header not counted
        long[] object = new long[bytes / Long.BYTES];
        // touch: every word of it
        Arrays.fill(object, heap.rng.next());
        heap.live++;
        heap.liveBytes += bytes;
        heap.allocations++;
        heap.allocatedBytes += bytes;
        return object;
    }

    private static void hash(Heap heap, long[] object) {
        long sum = 0;
        for (int i = 0; i < object.length; i++) {
            sum += object[i];
        }
        heap.checksum.add(sum);
    }

    private static void release(Heap heap, long[][] slots, int slot) {
        hash(heap, slots[slot]);
        heap.live--;
        heap.liveBytes -= (long) slots[slot].length * Long.BYTES;
        // retire: the object of this slot, which only the slot refers to
        slots[slot] = null;
    }

    private static void notePeak(Heap heap) {
        heap.peakLiveBytes = Math.max(heap.peakLiveBytes, heap.liveBytes);
    }

    private static void fill(Heap heap) {
        for (int slot = 0; slot < heap.small.length; slot++) {
            if (heap.small[slot] == null) {
                long drawn = heap.rng.next();
                int base = LEAST_SMALL_BYTES << Long.remainderUnsigned(drawn, OCTAVES);
                int bytes = base + ((int) (drawn >>> 8) & (base - 1)) & -Long.BYTES;
                // publish: the small object takes the slot
                heap.small[slot] = newObject(heap, bytes);
            }
        }
        notePeak(heap);
    }

    private static void thin(Heap heap) {
        for (int slot = 0; slot < heap.small.length; slot++) {
            if (Long.remainderUnsigned(heap.rng.next(), SURVIVES_ONE_IN) != 0) {
                release(heap, heap.small, slot);
            }
        }
    }

    private static void makeLarge(Heap heap) {
        for (int place = 0; place < heap.large.length; place++) {
            int bytes = LEAST_LARGE_BYTES + 8 * (int) Long.remainderUnsigned(heap.rng.next(), LARGE_SIZES);
            // publish: the large object takes its place
            heap.large[place] = newObject(heap, bytes);
        }
        notePeak(heap);
    }

    private static void hashSurvivors(Heap heap) {
        for (long[] object : heap.small) {
            if (object != null) {
                hash(heap, object);
            }
        }
    }

    @Override
    public Heap setup(Run run) {
        Heap heap = new Heap(run);
        fill(heap);
        thin(heap);
        heap.allocations = 0;
        heap.allocatedBytes = 0;
        return heap;
    }

    private static void checkpoint(Heap heap, boolean taken, String name) {
        if (taken) {
            heap.run.checkpoints().reached(name, heap.liveBytes);
        }
    }

    @Override
    public void iterate(Heap heap) {
        for (int cycle = 1; cycle <= heap.cycles; cycle++) {
            boolean last = cycle == heap.cycles;
            fill(heap);
            checkpoint(heap, last, "after_fill");
            thin(heap);
            checkpoint(heap, last, "after_release");
            makeLarge(heap);
            checkpoint(heap, last, "after_refill");
            hashSurvivors(heap);
            for (int place = 0; place < heap.large.length; place++) {
                release(heap, heap.large, place);
            }
        }
    }

    @Override
    public Result teardown(Heap heap) {
        List<Result.Counter> counters = List.of(
                new Result.Counter("survivors", heap.live), new Result.Counter("survivor_bytes", heap.liveBytes));
        Aftermath.take(heap.run, heap.liveBytes, heap.run.params().getInt("idle_s"));
        for (int slot = 0; slot < heap.small.length; slot++) {
            if (heap.small[slot] != null) {
                release(heap, heap.small, slot);
            }
        }
        return new Result(
                heap.allocations,
                heap.allocations,
                heap.allocatedBytes,
                heap.peakLiveBytes,
                heap.checksum.value(),
                counters);
    }

    /** One iteration: the objects that are alive, and the generator that sizes, contents and deaths come from. */
    static final class Heap {
        private final Run run;
        private final int cycles;
        private final long[][] small;
        private final long[][] large;
        private final Rng rng;
        private final Checksum checksum = new Checksum();
        private long live;
        private long liveBytes;
        private long peakLiveBytes;
        private long allocations;
        private long allocatedBytes;

        private Heap(Run run) {
            Params params = run.params();
            this.run = run;
            cycles = params.getInt("cycles");
            small = new long[params.getInt("objects")][];
            large = new long[small.length / SMALL_PER_LARGE][];
            rng = new Rng(params.seed());
        }
    }
}
