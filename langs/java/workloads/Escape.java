package workloads;

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
 * One small value made and used, in every way that decides whether the compiler must put it on the heap. Java has no
 * objects on the stack: what C2 can prove local it replaces by its fields. One operation is one method, as small as it
 * would be in a program, so that it is compiled and inlined like any other; HotSpot has no annotation that keeps a
 * method out of line, so none is.
 */
public final class Escape implements Workload<Escape.State> {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;
    private static final int VALUE_BYTES = 32;
    private static final int SLOTS = 1024;
    private static final int HOT_WORDS = 512;

    /** Where values are kept that must outlive the method that made them; empty between iterations. */
    private static final Quad[] RING = new Quad[SLOTS];

    @Override
    public List<String> variants() {
        return forms();
    }

    @Override
    public List<String> forms() {
        return List.of(
                "local",
                "heap",
                "stored",
                "merged",
                "constructor_inlined",
                "constructor_stored",
                "interface",
                "closure",
                "hot_heap");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("operations", 0, 1L << 40), Parameter.between("large_operations", 0, 1L << 36));
    }

    @Override
    public State setup(Run run) {
        return new State(run.params());
    }

    @Override
    public void iterate(State state) {
        long seed = state.seed;
        long count = state.count;
        state.checksum.add(switch (state.form) {
            case "local" -> sumLocal(seed, count);
            case "heap" -> sumHeap(seed, count);
            case "stored" -> sumStored(seed, count);
            case "merged" -> sumMerged(seed, count);
            case "constructor_inlined" -> sumConstructorInlined(seed, count);
            case "constructor_stored" -> sumConstructorStored(seed, count);
            case "interface" -> sumInterface(seed, count);
            case "closure" -> sumClosure(seed, count);
            default -> sumHotHeap(state.rng, count);
        });
    }

    @Override
    public Result teardown(State state) {
        long checksum = state.checksum.value();
        return switch (state.form) {
            case "hot_heap" -> {
                long bytes = (long) HOT_WORDS * Long.BYTES;
                yield Result.of(state.count, 1, bytes, bytes, checksum);
            }
            case "stored", "constructor_stored" -> ofValues(state, Math.min(state.count, SLOTS));
            default -> ofValues(state, 1);
        };
    }

    private static Result ofValues(State state, long mostLive) {
        return Result.of(
                state.count,
                state.count,
                VALUE_BYTES * state.count,
                VALUE_BYTES * mostLive,
                state.checksum.value());
    }

    /** The word that the value of operation {@code i} is made from. */
    private static long wordOf(long seed, long i) {
        return (seed + i) * GOLDEN;
    }

    /** What every form does with its value, through a reference. */
    private static long use(Quad value) {
        return value.a + value.b + value.c + value.d;
    }

    private static long sumLocal(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += local(wordOf(seed, i), i);
        }
        return sum;
    }

    private static long local(long x, long i) {
        Quad value = new Quad(x, x >>> 1, x ^ i, x + i);
        return use(value);
    }

    private static long sumHeap(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += heap(wordOf(seed, i), i);
        }
        Arrays.fill(RING, null);
        return sum;
    }

    /** A store that never happens would be compiled away and the value with it: only one that happens forces the heap. */
    private static long heap(long x, long i) {
        // allocate: one value per operation
        // touch: every field
        Quad value = new Quad(x, x >>> 1, x ^ i, x + i);
        // retire: the value that was in the slot before
        RING[(int) i & (SLOTS - 1)] = value;
        return use(value);
    }

    private static long sumStored(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += stored(wordOf(seed, i), i);
        }
        Arrays.fill(RING, null);
        return sum;
    }

    private static long stored(long x, long i) {
        // allocate: one value per operation
        // touch: every field
        Quad value = new Quad(x, x >>> 1, x ^ i, x + i);
        // publish: in the next slot of the ring
        RING[(int) i & (SLOTS - 1)] = value;
        // retire: the value whose slot that was
        return use(value);
    }

    private static long sumMerged(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += merged(wordOf(seed, i), i);
        }
        return sum;
    }

    private static long merged(long x, long i) {
        Quad value;
        if ((x >>> 17 & 1) == 0) {
            value = new Quad(x, x >>> 1, x ^ i, x + i);
        } else {
            value = new Quad(~x, ~(x >>> 1), ~(x ^ i), ~(x + i));
        }
        return use(value);
    }

    private static long sumConstructorInlined(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += constructorInlined(wordOf(seed, i), i);
        }
        return sum;
    }

    private static long constructorInlined(long x, long i) {
        return use(Quad.of(x, i));
    }

    private static long sumConstructorStored(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += constructorStored(wordOf(seed, i), i);
        }
        Arrays.fill(RING, null);
        return sum;
    }

    private static long constructorStored(long x, long i) {
        Quad value = Quad.of(x, i);
        RING[(int) i & (SLOTS - 1)] = value;
        return use(value);
    }

    private static long sumInterface(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += throughInterface(wordOf(seed, i), i);
        }
        return sum;
    }

    /** Up to two receivers C2 would inline behind a test of the type; from three on the call stays a dynamic one. */
    private static long throughInterface(long x, long i) {
        Summed value = switch ((int) i & 3) {
            case 0 -> new Forward(x, x >>> 1, x ^ i, x + i);
            case 1 -> new Backward(x, x >>> 1, x ^ i, x + i);
            case 2 -> new Pairwise(x, x >>> 1, x ^ i, x + i);
            default -> new Crosswise(x, x >>> 1, x ^ i, x + i);
        };
        return value.sum();
    }

    private static long sumClosure(long seed, long count) {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += throughClosure(wordOf(seed, i), i);
        }
        return sum;
    }

    private static long throughClosure(long x, long i) {
        return closeOver(new Quad(x, x >>> 1, x ^ i, x + i)).sum();
    }

    private static Summed closeOver(Quad value) {
        return new Closure(value);
    }

    private static long sumHotHeap(Rng rng, long count) {
        long[] words = new long[HOT_WORDS];
        for (int i = 0; i < HOT_WORDS; i++) {
            words[i] = rng.next();
        }
        long sum = 0;
        for (long i = 0; i < count; i++) {
            sum += readAll(words, i);
        }
        return sum;
    }

    private static long readAll(long[] words, long start) {
        long s = start;
        for (long word : words) {
            s = s * 3 + word;
        }
        return s;
    }

    /** The value: 32 logical bytes. */
    private record Quad(long a, long b, long c, long d) {
        /** A small constructor function, as it is written where a constructor's name should say something. */
        private static Quad of(long x, long i) {
            return new Quad(x, x >>> 1, x ^ i, x + i);
        }
    }

    /** Something of four words that can be summed. */
    private interface Summed {
        long sum();
    }

    private record Forward(long a, long b, long c, long d) implements Summed {
        @Override
        public long sum() {
            return a + b + c + d;
        }
    }

    private record Backward(long a, long b, long c, long d) implements Summed {
        @Override
        public long sum() {
            return d + c + b + a;
        }
    }

    private record Pairwise(long a, long b, long c, long d) implements Summed {
        @Override
        public long sum() {
            return (a + b) + (c + d);
        }
    }

    private record Crosswise(long a, long b, long c, long d) implements Summed {
        @Override
        public long sum() {
            return (a + d) + (b + c);
        }
    }

    /** What a lambda over a value is, written out: linking a real one at run time would cost megabytes. */
    private record Closure(Quad captured) implements Summed {
        @Override
        public long sum() {
            return use(captured);
        }
    }

    /** One iteration of a form. */
    static final class State {
        private final String form;
        private final long seed;
        private final long count;
        private final Rng rng;
        private final Checksum checksum = new Checksum();

        private State(Params params) {
            form = params.variant();
            seed = params.seed();
            count = form.equals("hot_heap") ? params.get("large_operations") * 10 : params.get("operations");
            rng = new Rng(seed);
        }
    }
}
