package workloads;

import java.util.List;
import kit.Checksum;
import kit.Operations;
import kit.Parameter;
import kit.Params;
import kit.Result;
import kit.Run;

/**
 * A cache that forgets the least recently used entry: objects that live long enough to be promoted and die soon after.
 * Variant {@code heap}: every entry is an object of its own, in a hash table with chains and a doubly linked list. A
 * {@code LinkedHashMap} would box its keys and choose another table, and the languages would no longer do the same.
 */
public final class LruCache implements Operations<LruCache.State> {
    private static final int ENTRY_BYTES = 40;

    @Override
    public List<String> variants() {
        return List.of("heap");
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.between("capacity", 1, 1 << 28), Parameter.between("accesses", 0, 1L << 40));
    }

    @Override
    public String arrivals() {
        return "accesses";
    }

    @Override
    public State setup(Run run) {
        return new State(run.params());
    }

    @Override
    public void iterate(State state) {
        for (long i = 0; i < state.accesses; i++) {
            operate(state, i);
        }
        conclude(state);
    }

    @Override
    public void operate(State state, long i) {
        state.a = Lcg.next(state.a);
        state.cache.put(state.a % state.keys, i);
        state.b = Lcg.next(state.b);
        state.cache.get(state.b % state.keys);
    }

    @Override
    public void conclude(State state) {
        Cache cache = state.cache;
        state.checksum.add(cache.hits);
        state.checksum.add(cache.misses);
        state.checksum.add(cache.sum);
        cache.drain(state.checksum);
    }

    @Override
    public Result teardown(State state) {
        Cache cache = state.cache;
        return new Result(
                state.accesses,
                cache.allocations,
                ENTRY_BYTES * cache.allocations,
                (long) ENTRY_BYTES * cache.mostEntries,
                state.checksum.value(),
                List.of(new Result.Counter("hits", cache.hits), new Result.Counter("misses", cache.misses)));
    }

    /** The generator of keys: the one of the published results that this workload is checked against. */
    private static final class Lcg {
        private static final long MASK = (1L << 31) - 1;

        private static long next(long state) {
            return (1103515245 * state + 12345) & MASK;
        }
    }

    private static final class Entry {
        private final long key;
        private long value;
        private Entry previous;
        private Entry next;
        private Entry chained;

        private Entry(long key, long value) {
            this.key = key;
            this.value = value;
        }
    }

    private static final class Cache {
        private final int capacity;
        private final Entry[] buckets;
        private final int shift;
        private Entry mostRecent;
        private Entry leastRecent;
        private int entries;
        private int mostEntries;
        private long allocations;
        private long hits;
        private long misses;
        private long sum;

        private Cache(int capacity) {
            this.capacity = capacity;
            int bits = Long.SIZE - Long.numberOfLeadingZeros(2L * capacity - 1);
            buckets = new Entry[1 << bits];
            shift = Long.SIZE - bits;
        }

        private int bucketOf(long key) {
            return (int) ((key * 0x9e3779b97f4a7c15L) >>> shift);
        }

        private Entry find(long key) {
            Entry entry = buckets[bucketOf(key)];
            while (entry != null && entry.key != key) {
                entry = entry.chained;
            }
            return entry;
        }

        private void put(long key, long value) {
            Entry entry = find(key);
            if (entry != null) {
                entry.value = value;
                moveToFront(entry);
                return;
            }
            if (entries == capacity) {
                evict();
            }
            insert(key, value);
        }

        private void get(long key) {
            Entry entry = find(key);
            if (entry == null) {
                misses++;
                return;
            }
            hits++;
            sum += entry.value;
            moveToFront(entry);
        }

        private void evict() {
            Entry oldest = leastRecent;
            unlink(oldest);
            removeFromChain(oldest);
            entries--;
            // retire: neither the list nor a chain leads to the oldest entry any more
        }

        private void insert(long key, long value) {
            // allocate: one entry per new key
            // touch: key and value
            Entry entry = new Entry(key, value);
            allocations++;
            // publish: at the head of its chain and in front of the list
            int bucket = bucketOf(key);
            entry.chained = buckets[bucket];
            buckets[bucket] = entry;
            linkInFront(entry);
            entries++;
            mostEntries = Math.max(mostEntries, entries);
        }

        private void removeFromChain(Entry entry) {
            int bucket = bucketOf(entry.key);
            if (buckets[bucket] == entry) {
                buckets[bucket] = entry.chained;
                return;
            }
            Entry before = buckets[bucket];
            while (before.chained != entry) {
                before = before.chained;
            }
            before.chained = entry.chained;
        }

        private void moveToFront(Entry entry) {
            if (entry != mostRecent) {
                unlink(entry);
                linkInFront(entry);
            }
        }

        private void unlink(Entry entry) {
            if (entry.previous == null) {
                mostRecent = entry.next;
            } else {
                entry.previous.next = entry.next;
            }
            if (entry.next == null) {
                leastRecent = entry.previous;
            } else {
                entry.next.previous = entry.previous;
            }
        }

        private void linkInFront(Entry entry) {
            entry.previous = null;
            entry.next = mostRecent;
            if (mostRecent == null) {
                leastRecent = entry;
            } else {
                mostRecent.previous = entry;
            }
            mostRecent = entry;
        }

        /** Empties the cache from the most to the least recently used entry; every bucket loses its chain on the way. */
        private void drain(Checksum checksum) {
            for (Entry entry = mostRecent; entry != null; entry = entry.next) {
                checksum.add(entry.key);
                checksum.add(entry.value);
                buckets[bucketOf(entry.key)] = null;
            }
            mostRecent = null;
            leastRecent = null;
            entries = 0;
        }
    }

    /** One iteration: its parameters, an empty cache, and the two generators of keys. */
    static final class State {
        private final long accesses;
        private final Cache cache;
        private final long keys;
        private final Checksum checksum = new Checksum();
        private long a;
        private long b;

        private State(Params params) {
            accesses = params.get("accesses");
            cache = new Cache(params.getInt("capacity"));
            keys = 10L * cache.capacity;
            a = params.seed() & Lcg.MASK;
            b = (params.seed() + 1) & Lcg.MASK;
        }
    }
}
