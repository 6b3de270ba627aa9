/* Most of many small objects of mixed sizes are released, those left lie scattered, and larger ones are wanted: whether
 * the holes serve them, and what of the peak stays resident. Every object is a malloc and a free of its own. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/aftermath.h"
#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

#define LEAST_SMALL_BYTES UINT64_C(16)
#define OCTAVES 6
#define LEAST_LARGE_BYTES UINT64_C(2048)
#define LARGE_SIZES 769
#define SURVIVES_ONE_IN 10
#define SMALL_PER_LARGE 32

/* A slot is empty where `words` is NULL. */
struct object {
    uint64_t *words;
    uint64_t bytes;
};

struct heap {
    const struct run *run;
    uint64_t small_count;
    uint64_t large_count;
    uint64_t cycles;
    struct object *small;
    struct object *large;
    struct rng rng;
    uint64_t live;
    uint64_t live_bytes;
    uint64_t peak_live_bytes;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t checksum;
};

static struct object new_object(struct heap *heap, uint64_t bytes)
{
    // allocate: one object
    uint64_t *words = allocate(bytes);
    // touch: every word of it
    const uint64_t word = rng_next(&heap->rng);
    for (uint64_t i = 0; i < bytes / sizeof word; i++) {
        words[i] = word;
    }
    keep(words);
    heap->live++;
    heap->live_bytes += bytes;
    heap->allocations++;
    heap->allocated_bytes += bytes;
    return (struct object){.words = words, .bytes = bytes};
}

static void hash(struct heap *heap, const struct object *object)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < object->bytes / sizeof sum; i++) {
        sum += object->words[i];
    }
    heap->checksum = checksum_add(heap->checksum, sum);
}

static void release(struct heap *heap, struct object *object)
{
    hash(heap, object);
    heap->live--;
    heap->live_bytes -= object->bytes;
    // retire: the object of this slot
    free(object->words);
    object->words = NULL;
}

static void note_peak(struct heap *heap)
{
    heap->peak_live_bytes = heap->live_bytes > heap->peak_live_bytes ? heap->live_bytes : heap->peak_live_bytes;
}

static void fill(struct heap *heap)
{
    for (uint64_t slot = 0; slot < heap->small_count; slot++) {
        if (heap->small[slot].words == NULL) {
            const uint64_t drawn = rng_next(&heap->rng);
            const uint64_t base = LEAST_SMALL_BYTES << (drawn % OCTAVES);
            const uint64_t bytes = (base + (drawn >> 8) % base) & ~UINT64_C(7);
            // publish: the small object takes the slot
            heap->small[slot] = new_object(heap, bytes);
        }
    }
    note_peak(heap);
}

static void thin(struct heap *heap)
{
    for (uint64_t slot = 0; slot < heap->small_count; slot++) {
        if (rng_next(&heap->rng) % SURVIVES_ONE_IN != 0) {
            release(heap, &heap->small[slot]);
        }
    }
}

static void make_large(struct heap *heap)
{
    for (uint64_t place = 0; place < heap->large_count; place++) {
        const uint64_t bytes = LEAST_LARGE_BYTES + 8 * (rng_next(&heap->rng) % LARGE_SIZES);
        // publish: the large object takes its place
        heap->large[place] = new_object(heap, bytes);
    }
    note_peak(heap);
}

static void hash_survivors(struct heap *heap)
{
    for (uint64_t slot = 0; slot < heap->small_count; slot++) {
        if (heap->small[slot].words != NULL) {
            hash(heap, &heap->small[slot]);
        }
    }
}

static void *setup(const struct run *run)
{
    const uint64_t small_count = run_parameter(run, "objects");
    const uint64_t large_count = small_count / SMALL_PER_LARGE;
    struct heap *heap = allocate(sizeof *heap);
    *heap = (struct heap){
        .run = run,
        .small_count = small_count,
        .large_count = large_count,
        .cycles = run_parameter(run, "cycles"),
        .small = allocate_zeroed(small_count, sizeof *heap->small),
        .large = allocate_zeroed(large_count, sizeof *heap->large),
        .rng = rng_seeded(run->seed),
        .checksum = CHECKSUM_START,
    };
    fill(heap);
    thin(heap);
    heap->allocations = 0;
    heap->allocated_bytes = 0;
    return heap;
}

static void checkpoint(const struct heap *heap, bool taken, const char *name)
{
    if (taken) {
        checkpoint_take(heap->run->checkpoints, name, heap->live_bytes);
    }
}

static void iterate(void *state)
{
    struct heap *heap = state;
    for (uint64_t cycle = 1; cycle <= heap->cycles; cycle++) {
        const bool last = cycle == heap->cycles;
        fill(heap);
        checkpoint(heap, last, "after_fill");
        thin(heap);
        checkpoint(heap, last, "after_release");
        make_large(heap);
        checkpoint(heap, last, "after_refill");
        hash_survivors(heap);
        for (uint64_t place = 0; place < heap->large_count; place++) {
            release(heap, &heap->large[place]);
        }
    }
}

static struct result teardown(void *state)
{
    struct heap *heap = state;
    struct result result = {
        .operations = heap->allocations,
        .allocations = heap->allocations,
        .allocated_bytes = heap->allocated_bytes,
        .peak_live_bytes = heap->peak_live_bytes,
        .counter_count = 2,
        .counters = {{"survivors", heap->live}, {"survivor_bytes", heap->live_bytes}},
    };
    aftermath_take(heap->run->checkpoints, heap->live_bytes, run_parameter(heap->run, "idle_s"));
    for (uint64_t slot = 0; slot < heap->small_count; slot++) {
        if (heap->small[slot].words != NULL) {
            release(heap, &heap->small[slot]);
        }
    }
    result.checksum = heap->checksum;
    free(heap->large);
    free(heap->small);
    free(heap);
    return result;
}

/* Bounds that keep every count within 64 bits, and a place for large objects at least. */
static const struct parameter parameters[] = {
    {.name = "objects", .least = SMALL_PER_LARGE, .most = UINT64_C(1) << 32},
    {.name = "cycles", .most = 1 << 16},
    {.name = "idle_s", .most = 330},
};

static const struct variant variants[] = {{.id = "heap"}};

WORKLOAD(
    .id = "fragmentation",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
