/* Middle-aged objects: a cache of bounded size that evicts the least recently used entry before it takes a new one. A
 * table of chains finds entries, a doubly linked list orders them; both run through the entries themselves. */
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/workload.h"

/* Keys are drawn from this many times the capacity, so that about one access in ten hits. */
#define KEYS_PER_ENTRY 10

struct entry {
    struct entry *previous; /* towards the most recently used */
    struct entry *next;     /* towards the least recently used */
    struct entry *chain;
    uint64_t key;
    uint64_t value;
};

_Static_assert(sizeof(struct entry) == 40, "an entry is three references, a key and a value");

struct cache {
    uint64_t capacity;
    uint64_t accesses;
    unsigned shift; /* takes a hash to the index of its bucket */
    struct entry **buckets;
    struct entry list; /* closes the list into a ring: its next is the most recently used entry, its previous the least */
    uint64_t entries;
    uint64_t allocations;
    uint64_t hits;
    uint64_t misses;
    uint64_t sum;
    uint64_t checksum;
    uint64_t puts; /* the generators' states */
    uint64_t gets;
};

/* The linear congruential generator of the published results that the golden values repeat. */
static uint64_t next_draw(uint64_t *state)
{
    *state = (UINT64_C(1103515245) * *state + 12345) & 0x7fffffff;
    return *state;
}

static void *setup(const struct run *run)
{
    struct cache *cache = allocate(sizeof *cache);
    *cache = (struct cache){
        .capacity = run_parameter(run, "capacity"),
        .accesses = run_parameter(run, "accesses"),
        .puts = run->seed & 0x7fffffff,
        .gets = (run->seed + 1) & 0x7fffffff,
        .checksum = CHECKSUM_START,
    };
    unsigned bits = 1;
    while (UINT64_C(1) << bits < 2 * cache->capacity) {
        bits++;
    }
    cache->shift = 64 - bits;
    cache->buckets = allocate_zeroed(UINT64_C(1) << bits, sizeof(struct entry *));
    cache->list.next = &cache->list;
    cache->list.previous = &cache->list;
    return cache;
}

static struct entry **bucket_of(const struct cache *cache, uint64_t key)
{
    return &cache->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> cache->shift];
}

static struct entry *find(struct entry *entry, uint64_t key)
{
    while (entry != NULL && entry->key != key) {
        entry = entry->chain;
    }
    return entry;
}

static void unlink_entry(struct entry *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
}

static void link_in_front(struct cache *cache, struct entry *entry)
{
    entry->previous = &cache->list;
    entry->next = cache->list.next;
    entry->next->previous = entry;
    cache->list.next = entry;
}

static void move_to_front(struct cache *cache, struct entry *entry)
{
    unlink_entry(entry);
    link_in_front(cache, entry);
}

static void evict(struct cache *cache)
{
    struct entry *oldest = cache->list.previous;
    struct entry **link = bucket_of(cache, oldest->key);
    while (*link != oldest) {
        link = &(*link)->chain;
    }
    *link = oldest->chain;
    unlink_entry(oldest);
    cache->entries--;
    // retire: the least recently used entry, before its successor is allocated
    free(oldest);
}

static void put(struct cache *cache, uint64_t key, uint64_t value)
{
    struct entry **bucket = bucket_of(cache, key);
    struct entry *entry = find(*bucket, key);
    if (entry != NULL) {
        entry->value = value;
        move_to_front(cache, entry);
        return;
    }
    if (cache->entries == cache->capacity) {
        evict(cache);
    }
    // allocate: one entry per new key
    entry = allocate(sizeof *entry);
    // touch: key and value
    entry->key = key;
    entry->value = value;
    keep(entry);
    // publish: at the head of its chain and in front of the list
    entry->chain = *bucket;
    *bucket = entry;
    link_in_front(cache, entry);
    cache->entries++;
    cache->allocations++;
}

static void get(struct cache *cache, uint64_t key)
{
    struct entry *entry = find(*bucket_of(cache, key), key);
    if (entry == NULL) {
        cache->misses++;
        return;
    }
    cache->hits++;
    cache->sum += entry->value;
    move_to_front(cache, entry);
}

/* Folds all entries from most to least recently used and releases them. */
static uint64_t drain(const struct cache *cache, uint64_t checksum)
{
    struct entry *entry = cache->list.next;
    while (entry != &cache->list) {
        struct entry *next = entry->next;
        checksum = checksum_add(checksum, entry->key);
        checksum = checksum_add(checksum, entry->value);
        free(entry);
        entry = next;
    }
    return checksum;
}

/* Operations `first` to `end` - 1. One loop for many as for one, so that its body stands in the program once, and the
 * compiler puts it together the same way whoever calls. */
static void access_keys(struct cache *cache, uint64_t first, uint64_t end)
{
    const uint64_t keys = KEYS_PER_ENTRY * cache->capacity;
    uint64_t puts = cache->puts;
    uint64_t gets = cache->gets;
    for (uint64_t i = first; i < end; i++) {
        put(cache, next_draw(&puts) % keys, i);
        get(cache, next_draw(&gets) % keys);
    }
    cache->puts = puts;
    cache->gets = gets;
}

static void operate(void *state, uint64_t i)
{
    access_keys(state, i, i + 1);
}

static void conclude(void *state)
{
    struct cache *cache = state;
    uint64_t checksum = checksum_add(cache->checksum, cache->hits);
    checksum = checksum_add(checksum, cache->misses);
    checksum = checksum_add(checksum, cache->sum);
    cache->checksum = drain(cache, checksum);
}

static void iterate(void *state)
{
    struct cache *cache = state;
    access_keys(cache, 0, cache->accesses);
    conclude(cache);
}

static struct result teardown(void *state)
{
    struct cache *cache = state;
    const struct result result = {
        .operations = cache->accesses,
        .allocations = cache->allocations,
        .allocated_bytes = cache->allocations * sizeof(struct entry),
        /* The number of entries never falls: an eviction makes room for an insertion. */
        .peak_live_bytes = cache->entries * sizeof(struct entry),
        .checksum = cache->checksum,
        .counter_count = 2,
        .counters = {{"hits", cache->hits}, {"misses", cache->misses}},
    };
    free(cache->buckets);
    free(cache);
    return result;
}

/* Bounds that keep the table's size and every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "capacity", .least = 1, .most = UINT64_C(1) << 32},
    {.name = "accesses", .most = UINT64_C(1) << 40},
};

static const struct variant variants[] = {{.id = "heap", .operates = true}};

WORKLOAD(
    .id = "lru_cache",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown,
    .arrivals = "accesses",
    .operate = operate,
    .conclude = conclude
);
