/* A large table that stays while every operation leaves a block of garbage: what a collector has to look through again
 * and again, as pointers to entries, as entries in the table itself, or as numbers of entries in one buffer. Here nobody
 * looks: a block is a malloc and a free, and the table lies still. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

#define ENTRIES_PER_MEBIBYTE UINT64_C(32768)
#define SLOTS_PER_MEBIBYTE UINT64_C(49152)

/* Blocks of garbage that are alive at a time. */
#define RING 256

/* By which a generator's state grows from output to output. */
#define GAMMA UINT64_C(0x9e3779b97f4a7c15)

struct entry {
    uint64_t key;
    uint64_t count;
    uint64_t total;
    uint64_t number; /* from 1 */
};

_Static_assert(sizeof(struct entry) == 32, "an entry is four words");

/* One table in one of three layouts, and how many slots were looked at in it. */
struct table {
    uint64_t slot_count;
    uint64_t probes;
    struct entry **pointers;
    struct entry *entries;
    uint32_t *numbers;
    unsigned char *buffer;
};

struct layout {
    void (*prepare)(struct table *table, uint64_t entries);
    void (*insert)(struct table *table, uint64_t key, uint64_t number);
    /* Counts the draw in the entry of a key that is there; its total until then. */
    uint64_t (*update)(struct table *table, uint64_t key, uint64_t draw);
    /* The entry in a slot; all zero where the slot is empty. */
    struct entry (*entry_in)(const struct table *table, uint64_t slot);
    void (*release)(struct table *table);
};

struct map {
    const struct layout *layout;
    uint64_t seed;
    uint64_t entries;
    uint64_t operations;
    uint64_t words; /* of a block */
    struct rng rng;
    struct table table;
    uint64_t sum;
    uint64_t *ring[RING];
};

/* Where x lies among the 64-bit numbers, as one of `many` (below 2^32) equal parts. */
static uint64_t scale(uint64_t x, uint64_t many)
{
    return ((x >> 32) * many) >> 32;
}

static uint64_t first_slot(const struct table *table, uint64_t key)
{
    return scale(key, table->slot_count);
}

static uint64_t next_slot(const struct table *table, uint64_t slot)
{
    return slot + 1 < table->slot_count ? slot + 1 : 0;
}

static void prepare_pointers(struct table *table, uint64_t entries)
{
    (void)entries;
    table->pointers = allocate_zeroed(table->slot_count, sizeof(struct entry *));
}

static void insert_pointer(struct table *table, uint64_t key, uint64_t number)
{
    uint64_t slot = first_slot(table, key);
    while (table->pointers[slot] != NULL) {
        slot = next_slot(table, slot);
    }
    // allocate: one entry per key
    struct entry *entry = allocate(sizeof *entry);
    // touch: all of its words
    *entry = (struct entry){.key = key, .total = key, .number = number};
    keep(entry);
    // publish: in its slot, where it stays
    table->pointers[slot] = entry;
}

static uint64_t update_entry(struct entry *entry, uint64_t draw)
{
    const uint64_t total = entry->total;
    entry->count++;
    entry->total += draw;
    return total;
}

static uint64_t update_pointer(struct table *table, uint64_t key, uint64_t draw)
{
    uint64_t slot = first_slot(table, key);
    uint64_t probes = 1;
    while (table->pointers[slot]->key != key) {
        slot = next_slot(table, slot);
        probes++;
    }
    table->probes += probes;
    return update_entry(table->pointers[slot], draw);
}

static struct entry entry_at_pointer(const struct table *table, uint64_t slot)
{
    const struct entry *entry = table->pointers[slot];
    return entry != NULL ? *entry : (struct entry){0};
}

static void release_pointers(struct table *table)
{
    for (uint64_t slot = 0; slot < table->slot_count; slot++) {
        free(table->pointers[slot]);
    }
    free(table->pointers);
}

static void prepare_inline(struct table *table, uint64_t entries)
{
    (void)entries;
    table->entries = allocate_zeroed(table->slot_count, sizeof(struct entry));
}

static void insert_inline(struct table *table, uint64_t key, uint64_t number)
{
    uint64_t slot = first_slot(table, key);
    while (table->entries[slot].number != 0) {
        slot = next_slot(table, slot);
    }
    table->entries[slot] = (struct entry){.key = key, .total = key, .number = number};
}

static uint64_t update_inline(struct table *table, uint64_t key, uint64_t draw)
{
    uint64_t slot = first_slot(table, key);
    uint64_t probes = 1;
    while (table->entries[slot].key != key) {
        slot = next_slot(table, slot);
        probes++;
    }
    table->probes += probes;
    return update_entry(&table->entries[slot], draw);
}

static struct entry entry_inline(const struct table *table, uint64_t slot)
{
    return table->entries[slot];
}

static void release_inline(struct table *table)
{
    free(table->entries);
}

static void prepare_flat(struct table *table, uint64_t entries)
{
    table->numbers = allocate_zeroed(table->slot_count, sizeof(uint32_t));
    table->buffer = allocate_zeroed(entries, sizeof(struct entry));
}

/* The bytes of the entry that a slot names. */
static unsigned char *bytes_in(const struct table *table, uint64_t slot)
{
    return table->buffer + (table->numbers[slot] - UINT64_C(1)) * sizeof(struct entry);
}

static uint64_t load(const unsigned char *bytes, size_t word)
{
    uint64_t value;
    memcpy(&value, bytes + word * sizeof value, sizeof value);
    return le64toh(value);
}

static void store(unsigned char *bytes, size_t word, uint64_t value)
{
    value = htole64(value);
    memcpy(bytes + word * sizeof value, &value, sizeof value);
}

/* The places of an entry's words. */
enum { KEY, COUNT, TOTAL, NUMBER };

static void insert_flat(struct table *table, uint64_t key, uint64_t number)
{
    uint64_t slot = first_slot(table, key);
    while (table->numbers[slot] != 0) {
        slot = next_slot(table, slot);
    }
    table->numbers[slot] = (uint32_t)number;
    unsigned char *bytes = bytes_in(table, slot);
    store(bytes, KEY, key);
    store(bytes, COUNT, 0);
    store(bytes, TOTAL, key);
    store(bytes, NUMBER, number);
}

static uint64_t update_flat(struct table *table, uint64_t key, uint64_t draw)
{
    uint64_t slot = first_slot(table, key);
    uint64_t probes = 1;
    while (load(bytes_in(table, slot), KEY) != key) {
        slot = next_slot(table, slot);
        probes++;
    }
    table->probes += probes;
    unsigned char *bytes = bytes_in(table, slot);
    const uint64_t total = load(bytes, TOTAL);
    store(bytes, COUNT, load(bytes, COUNT) + 1);
    store(bytes, TOTAL, total + draw);
    return total;
}

static struct entry entry_flat(const struct table *table, uint64_t slot)
{
    if (table->numbers[slot] == 0) {
        return (struct entry){0};
    }
    const unsigned char *bytes = bytes_in(table, slot);
    return (struct entry){load(bytes, KEY), load(bytes, COUNT), load(bytes, TOTAL), load(bytes, NUMBER)};
}

static void release_flat(struct table *table)
{
    free(table->numbers);
    free(table->buffer);
}

static uint64_t *new_block(uint64_t words, uint64_t word)
{
    // allocate: one block of garbage
    uint64_t *block = allocate(words * sizeof *block);
    // touch: every word of it
    for (uint64_t i = 0; i < words; i++) {
        block[i] = word;
    }
    keep(block);
    return block;
}

static uint64_t key_of(const struct map *map, uint64_t entry)
{
    struct rng rng = rng_seeded(map->seed + entry * GAMMA);
    return rng_next(&rng);
}

static void *setup(const struct run *run)
{
    const uint64_t mebibytes = run_parameter(run, "mebibytes");
    struct map *map = allocate(sizeof *map);
    *map = (struct map){
        .layout = run->variant->detail,
        .seed = run->seed,
        .entries = mebibytes * ENTRIES_PER_MEBIBYTE,
        .operations = run_parameter(run, "operations"),
        .words = run_parameter(run, "garbage") / sizeof(uint64_t),
        .rng = rng_seeded(run->seed),
        .table = {.slot_count = mebibytes * SLOTS_PER_MEBIBYTE},
    };
    map->layout->prepare(&map->table, map->entries);
    for (uint64_t e = 0; e < map->entries; e++) {
        map->layout->insert(&map->table, rng_next(&map->rng), e + 1);
    }
    for (uint64_t j = 0; j < RING; j++) {
        map->ring[j] = new_block(map->words, j);
    }
    return map;
}

static void iterate(void *state)
{
    struct map *map = state;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < map->operations; i++) {
        const uint64_t draw = rng_next(&map->rng);
        sum += map->layout->update(&map->table, key_of(map, scale(draw, map->entries)), draw);
        uint64_t *block = new_block(map->words, draw);
        uint64_t **place = &map->ring[i % RING];
        sum += (*place)[map->words - 1];
        // retire: the oldest block of the ring
        free(*place);
        // publish: the new one takes its place
        *place = block;
    }
    map->sum = sum;
}

/* Folds the entries in the order of their slots; how many there are. */
static uint64_t fold_table(const struct map *map, uint64_t *checksum)
{
    uint64_t entries = 0;
    for (uint64_t slot = 0; slot < map->table.slot_count; slot++) {
        const struct entry entry = map->layout->entry_in(&map->table, slot);
        if (entry.number != 0) {
            *checksum = checksum_add(*checksum, entry.key);
            *checksum = checksum_add(*checksum, entry.count);
            *checksum = checksum_add(*checksum, entry.total);
            *checksum = checksum_add(*checksum, entry.number);
            entries++;
        }
    }
    return entries;
}

static struct result teardown(void *state)
{
    struct map *map = state;
    const uint64_t garbage = map->words * sizeof(uint64_t);
    uint64_t checksum = checksum_add(CHECKSUM_START, map->sum);
    const uint64_t entries = fold_table(map, &checksum);
    for (uint64_t j = 0; j < RING; j++) {
        for (uint64_t i = 0; i < map->words; i++) {
            checksum = checksum_add(checksum, map->ring[j][i]);
        }
        free(map->ring[j]);
    }
    const struct result result = {
        .operations = map->operations,
        .allocations = map->operations,
        .allocated_bytes = map->operations * garbage,
        .peak_live_bytes = map->entries * sizeof(struct entry) + (RING + 1) * garbage,
        .checksum = checksum,
        .counter_count = 2,
        .counters = {{"entries", entries}, {"probes", map->table.probes}},
    };
    map->layout->release(&map->table);
    free(map);
    return result;
}

/* Bounds that keep every count within 64 bits, and an entry's number within 32. */
static const struct parameter parameters[] = {
    {.name = "mebibytes", .least = 1, .most = 1024},
    {.name = "operations", .most = UINT64_C(1) << 40},
    {.name = "garbage", .least = 8, .most = 1 << 20, .words = true},
};

static const struct layout pointers = {
    prepare_pointers, insert_pointer, update_pointer, entry_at_pointer, release_pointers,
};
static const struct layout inlined = {prepare_inline, insert_inline, update_inline, entry_inline, release_inline};
static const struct layout flat = {prepare_flat, insert_flat, update_flat, entry_flat, release_flat};

static const struct variant variants[] = {
    {.id = "pointers", .detail = &pointers},
    {.id = "inline", .detail = &inlined},
    {.id = "flat", .detail = &flat},
};

WORKLOAD(
    .id = "live_map",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
