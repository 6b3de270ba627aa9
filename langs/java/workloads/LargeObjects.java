package workloads;

import java.util.List;
import kit.Checksum;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Rng;
import kit.Run;
import kit.Workload;

/**
 * Few blocks of many pages each, a handful alive at a time. The virtual machine zeroes every block, so its pages are
 * used even where the variant does not use them.
 */
public final class LargeObjects implements Workload<LargeObjects.Ring> {
    private static final int SLOTS = 8;
    private static final int PAGE_WORDS = 4096 / Long.BYTES;
    private static final int MEBIBYTE_WORDS = (1 << 20) / Long.BYTES;

    @Override
    public List<String> variants() {
        return List.of("touched", "untouched");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.between("mebibytes", 1, 1024), Parameter.between("blocks", 0, 1L << 33));
    }

    @Override
    public Ring setup(Run run) {
        return new Ring(run.params());
    }

    private static void empty(Ring ring, int slot) {
        long[] block = ring.slots[slot];
        if (block == null) {
            return;
        }
        for (int word = 0; word < ring.touched; word += PAGE_WORDS) {
            ring.checksum.add(block[word]);
        }
        // retire: the block of this slot, which only the slot refers to
        ring.slots[slot] = null;
    }

    private static long[] newBlock(Ring ring) {
        // allocate: one block; the virtual machine zeroes it, which touches every page already
        long[] block = new long[ring.words];
        // touch: one word on each page, or none but the first
        for (int word = 0; word < ring.touched; word += PAGE_WORDS) {
            block[word] = ring.rng.next();
        }
        return block;
    }

    @Override
    public void iterate(Ring ring) {
        int slot = 0;
        for (long i = 0; i < ring.blocks; i++) {
            empty(ring, slot);
            // publish: the new block takes the slot
            ring.slots[slot] = newBlock(ring);
            slot = slot + 1 < SLOTS ? slot + 1 : 0;
        }
        for (slot = 0; slot < SLOTS; slot++) {
            empty(ring, slot);
        }
    }

    @Override
    public Result teardown(Ring ring) {
        long bytes = (long) ring.words * Long.BYTES;
        return Result.of(
                ring.blocks,
                ring.blocks,
                ring.blocks * bytes,
                Math.min(ring.blocks, SLOTS) * bytes,
                ring.checksum.value());
    }

    /** One iteration: the blocks that are alive, and the generator that their words come from. */
    static final class Ring {
        private final int words;
        private final long blocks;
        private final long[][] slots = new long[SLOTS][];
        private final Rng rng;
        private final Checksum checksum = new Checksum();

        /** The words before this one are touched, page by page. */
        private final int touched;

        private Ring(Params params) {
            words = params.getInt("mebibytes") * MEBIBYTE_WORDS;
            blocks = params.get("blocks");
            rng = new Rng(params.seed());
            touched = params.variant().equals("touched") ? words : 1;
        }
    }
}
