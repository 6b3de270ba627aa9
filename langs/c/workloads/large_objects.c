/* Few blocks of many pages each, a handful alive at a time. Every block is a malloc and a free; whether its pages are
 * ever used is the variant's. */
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

#define MEBIBYTE (UINT64_C(1) << 20)
#define PAGE_WORDS (4096 / sizeof(uint64_t))

enum { SLOTS = 8 };

/* Which words of a block are written and read. */
enum touch { EVERY_PAGE, FIRST_WORD };

struct large {
    uint64_t bytes;   /* of a block */
    uint64_t touched; /* the words before this one are touched, page by page */
    uint64_t blocks;
    uint64_t *slots[SLOTS];
    struct rng rng;
    uint64_t checksum;
};

static void *setup(const struct run *run)
{
    const enum touch *touch = run->variant->detail;
    struct large *large = allocate(sizeof *large);
    const uint64_t bytes = run_parameter(run, "mebibytes") * MEBIBYTE;
    *large = (struct large){
        .bytes = bytes,
        .touched = *touch == EVERY_PAGE ? bytes / sizeof(uint64_t) : 1,
        .blocks = run_parameter(run, "blocks"),
        .rng = rng_seeded(run->seed),
        .checksum = CHECKSUM_START,
    };
    return large;
}

static void empty(struct large *large, uint64_t slot)
{
    uint64_t *block = large->slots[slot];
    if (block == NULL) {
        return;
    }
    for (uint64_t word = 0; word < large->touched; word += PAGE_WORDS) {
        large->checksum = checksum_add(large->checksum, block[word]);
    }
    // retire: the block of this slot
    free(block);
    large->slots[slot] = NULL;
}

static uint64_t *new_block(struct large *large)
{
    // allocate: one block
    uint64_t *block = allocate(large->bytes);
    // touch: one word on each page, or none but the first
    for (uint64_t word = 0; word < large->touched; word += PAGE_WORDS) {
        block[word] = rng_next(&large->rng);
    }
    keep(block);
    return block;
}

static void iterate(void *state)
{
    struct large *large = state;
    for (uint64_t i = 0; i < large->blocks; i++) {
        empty(large, i % SLOTS);
        // publish: the new block takes the slot
        large->slots[i % SLOTS] = new_block(large);
    }
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        empty(large, slot);
    }
}

static struct result teardown(void *state)
{
    struct large *large = state;
    const struct result result = {
        .operations = large->blocks,
        .allocations = large->blocks,
        .allocated_bytes = large->blocks * large->bytes,
        .peak_live_bytes = (large->blocks < SLOTS ? large->blocks : SLOTS) * large->bytes,
        .checksum = large->checksum,
    };
    free(large);
    return result;
}

/* Bounds that keep every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "mebibytes", .least = 1, .most = 1024},
    {.name = "blocks", .most = UINT64_C(1) << 33},
};

static const struct variant variants[] = {
    {.id = "touched", .detail = &(const enum touch){EVERY_PAGE}},
    {.id = "untouched", .detail = &(const enum touch){FIRST_WORD}},
};

WORKLOAD(
    .id = "large_objects",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
