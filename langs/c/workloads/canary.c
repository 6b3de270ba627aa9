/* Runs whose truth is their input: so many MiB touched, so many milliseconds held, so much CPU burned, so many bytes
 * allocated, operations of so many microseconds of which some stall. The harness must read back what was asked for. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/clock.h"
#include "kit/compiler.h"
#include "kit/memory.h"
#include "kit/rng.h"
#include "kit/threads.h"
#include "kit/workload.h"

#define MEBIBYTE (UINT64_C(1) << 20)
#define PAGE_WORDS (4096 / sizeof(uint64_t))
#define NANOSECONDS_PER_MILLISECOND UINT64_C(1000000)
#define NANOSECONDS_PER_MICROSECOND UINT64_C(1000)

struct canary {
    const struct run *run;
    pthread_t *handles;
    uint64_t *shares; /* CPU time in ns that each thread is to burn */
    uint64_t arrivals;
    uint64_t service_ns;
    uint64_t hold_ns;
    uint64_t stall_every;
    uint64_t checksum;
};

/* One variant: what is timed, and how its result is put together afterwards. */
struct shape {
    void (*iterate)(struct canary *canary);
    void (*finish)(const struct run *run, struct result *result);
};

/* The block of the variant bytes, where every other file could see it. */
static uint64_t *published;

static void *setup(const struct run *run)
{
    struct canary *canary = allocate(sizeof *canary);
    const uint64_t threads = run_parameter(run, "threads");
    *canary = (struct canary){
        .run = run,
        .handles = allocate_zeroed(threads, sizeof *canary->handles),
        .shares = allocate_zeroed(threads, sizeof *canary->shares),
        .arrivals = run_parameter(run, "arrivals"),
        .service_ns = run_parameter(run, "service_us") * NANOSECONDS_PER_MICROSECOND,
        .hold_ns = run_parameter(run, "hold_ms") * NANOSECONDS_PER_MILLISECOND,
        .stall_every = run_parameter(run, "stall_every"),
        .checksum = CHECKSUM_START,
    };
    for (uint64_t i = 0; i < threads; i++) {
        canary->shares[i] = run_parameter(run, "cpu_ms") * NANOSECONDS_PER_MILLISECOND / threads;
    }
    return canary;
}

static void touch_memory(struct canary *canary)
{
    const uint64_t bytes = run_parameter(canary->run, "mebibytes") * MEBIBYTE;
    const uint64_t words = bytes / sizeof(uint64_t);
    struct rng rng = rng_seeded(canary->run->seed);

    // allocate: the one block
    uint64_t *block = allocate(bytes);
    // touch: the first word of every page
    for (uint64_t word = 0; word < words; word += PAGE_WORDS) {
        block[word] = rng_next(&rng);
    }
    keep(block);
    checkpoint_take(canary->run->checkpoints, "after_fill", bytes);

    for (uint64_t word = 0; word < words; word += PAGE_WORDS) {
        canary->checksum = checksum_add(canary->checksum, block[word]);
    }
    // retire: the block is released where its use ends
    free(block);
}

static void finish_memory(const struct run *run, struct result *result)
{
    const uint64_t bytes = run_parameter(run, "mebibytes") * MEBIBYTE;
    result->operations = bytes / (PAGE_WORDS * sizeof(uint64_t));
    result->allocations = 1;
    result->allocated_bytes = bytes;
    result->peak_live_bytes = bytes;
    checkpoint_take(run->checkpoints, "after_release", 0);
}

static void wait_busily(uint64_t nanoseconds)
{
    const uint64_t end = clock_monotonic_ns() + nanoseconds;
    while (clock_monotonic_ns() < end) {
    }
}

static void hold(struct canary *canary)
{
    wait_busily(canary->hold_ns);
    canary->checksum = checksum_add(canary->checksum, run_parameter(canary->run, "hold_ms"));
}

static void finish_pause(const struct run *run, struct result *result)
{
    (void)run;
    result->operations = 1;
}

static void *burn(void *share)
{
    const uint64_t *nanoseconds = share;
    const uint64_t end = clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID) + *nanoseconds;
    while (clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
    return NULL;
}

static void burn_cpu(struct canary *canary)
{
    const uint64_t threads = run_parameter(canary->run, "threads");
    if (threads == 1) {
        burn(canary->shares);
    } else {
        threads_run(threads, canary->handles, burn, canary->shares, sizeof *canary->shares);
    }
    canary->checksum = checksum_add(canary->checksum, run_parameter(canary->run, "cpu_ms"));
    canary->checksum = checksum_add(canary->checksum, threads);
}

static void finish_cpu(const struct run *run, struct result *result)
{
    result->operations = run_parameter(run, "threads");
}

static void allocate_blocks(struct canary *canary)
{
    const uint64_t count = run_parameter(canary->run, "count");
    const uint64_t size = run_parameter(canary->run, "size");
    const uint64_t last = size / sizeof(uint64_t) - 1;
    struct rng rng = rng_seeded(canary->run->seed);
    uint64_t checksum = canary->checksum;

    for (uint64_t i = 0; i < count; i++) {
        // allocate: one block per step
        uint64_t *block = allocate(size);
        // touch: its first and its last word
        block[0] = rng_next(&rng);
        block[last] = rng_next(&rng);
        keep(block);
        // publish: the block can be reached from outside
        published = block;
        checksum = checksum_add(checksum, block[0]);
        checksum = checksum_add(checksum, block[last]);
        // retire: right before the next is allocated
        published = NULL;
        free(block);
    }
    canary->checksum = checksum;
}

static void finish_bytes(const struct run *run, struct result *result)
{
    const uint64_t count = run_parameter(run, "count");
    const uint64_t size = run_parameter(run, "size");
    result->operations = count;
    result->allocations = count;
    result->allocated_bytes = count * size;
    result->peak_live_bytes = size;
}

static void operate(void *state, uint64_t i)
{
    const struct canary *canary = state;
    const bool stalls = i % canary->stall_every == canary->stall_every - 1;
    wait_busily(canary->service_ns);
    if (stalls) {
        wait_busily(canary->hold_ns);
    }
}

static void conclude(void *state)
{
    struct canary *canary = state;
    canary->checksum = checksum_add(canary->checksum, canary->arrivals);
    canary->checksum = checksum_add(canary->checksum, canary->arrivals / canary->stall_every);
}

static void stall(struct canary *canary)
{
    for (uint64_t i = 0; i < canary->arrivals; i++) {
        operate(canary, i);
    }
    conclude(canary);
}

static void finish_stall(const struct run *run, struct result *result)
{
    result->operations = run_parameter(run, "arrivals");
}

static const struct shape *shape_of(const struct canary *canary)
{
    return canary->run->variant->detail;
}

static void iterate(void *state)
{
    struct canary *canary = state;
    shape_of(canary)->iterate(canary);
}

static struct result teardown(void *state)
{
    struct canary *canary = state;
    struct result result = {.checksum = canary->checksum};
    shape_of(canary)->finish(canary->run, &result);
    free(canary->shares);
    free(canary->handles);
    free(canary);
    return result;
}

static const struct parameter parameters[] = {
    {.name = "mebibytes", .least = 1, .most = UINT64_C(1) << 32},
    {.name = "hold_ms", .most = 3600000},
    {.name = "cpu_ms", .most = 3600000},
    {.name = "threads", .least = 1, .most = 32768},
    {.name = "count", .most = UINT64_C(1) << 32},
    {.name = "size", .least = 16, .most = UINT64_C(1) << 30, .words = true},
    {.name = "arrivals", .most = UINT64_C(1) << 32},
    {.name = "service_us", .most = UINT64_C(3600000000)},
    {.name = "stall_every", .least = 1, .most = UINT64_C(1) << 32},
};

static const struct variant variants[] = {
    {.id = "memory", .detail = &(const struct shape){touch_memory, finish_memory}},
    {.id = "pause", .detail = &(const struct shape){hold, finish_pause}},
    {.id = "cpu", .detail = &(const struct shape){burn_cpu, finish_cpu}},
    {.id = "bytes", .detail = &(const struct shape){allocate_blocks, finish_bytes}},
    {.id = "stall", .detail = &(const struct shape){stall, finish_stall}, .operates = true},
};

WORKLOAD(
    .id = "canary",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown,
    .arrivals = "arrivals",
    .operate = operate,
    .conclude = conclude
);
