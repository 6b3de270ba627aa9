/* A workload that breaks its promise: what it reports changes from one iteration to the next, in the way that the
 * variant names. It exists so that the worker's own verification can be seen to refuse it. */
#include <stdint.h>

#include "kit/workload.h"

static uint64_t iterations_so_far;

static void *setup(const struct run *run)
{
    return (void *)run->variant;
}

static void iterate(void *state)
{
    (void)state;
    iterations_so_far++;
}

static struct result teardown(void *state)
{
    const struct variant *variant = state;
    struct result result = {.operations = 1, .counter_count = 1, .counters = {{"steady", 1}}};
    uint64_t *const fields[] = {
        &result.checksum,        &result.operations,      &result.allocations,
        &result.allocated_bytes, &result.peak_live_bytes, &result.counters[0].value,
    };
    *fields[(size_t)variant->detail] = iterations_so_far;
    return result;
}

static const struct variant variants[] = {
    {.id = "checksum", .detail = (const void *)0},        {.id = "operations", .detail = (const void *)1},
    {.id = "allocations", .detail = (const void *)2},     {.id = "allocated_bytes", .detail = (const void *)3},
    {.id = "peak_live_bytes", .detail = (const void *)4}, {.id = "counter", .detail = (const void *)5},
};

WORKLOAD(
    .id = "test_fickle",
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
