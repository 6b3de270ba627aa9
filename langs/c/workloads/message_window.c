/* A large window of recent messages, each replaced in turn: steady churn of one size under a large live set that holds
 * no pointers. Every message is a malloc of its own and is freed when it leaves the window. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

struct window {
    uint64_t length;
    uint64_t size;
    uint64_t pushes;
    unsigned char **slots;
    struct rng rng;
    uint64_t sum;
};

static unsigned char *make_message(struct rng *rng, size_t size)
{
    // allocate: one message
    unsigned char *message = allocate(size);
    // touch: every byte of it
    memset(message, (int)(rng_next(rng) & 0xff), size);
    keep(message);
    return message;
}

static void *setup(const struct run *run)
{
    struct window *window = allocate(sizeof *window);
    *window = (struct window){
        .length = run_parameter(run, "window"),
        .size = run_parameter(run, "size"),
        .pushes = run_parameter(run, "pushes"),
        .rng = rng_seeded(run->seed),
    };
    window->slots = allocate_zeroed(window->length, sizeof *window->slots);
    for (uint64_t i = 0; i < window->length; i++) {
        window->slots[i] = make_message(&window->rng, window->size);
    }
    return window;
}

/* Operations `first` to `end` - 1. One loop for many as for one, so that its body stands in the program once, and the
 * compiler puts it together the same way whoever calls. */
static void push_messages(struct window *window, uint64_t first, uint64_t end)
{
    uint64_t sum = window->sum;
    for (uint64_t i = first; i < end; i++) {
        unsigned char *message = make_message(&window->rng, window->size);
        unsigned char **slot = &window->slots[i % window->length];
        sum += (*slot)[window->size - 1];
        // retire: the oldest message leaves the window
        free(*slot);
        // publish: the new one takes its place
        *slot = message;
    }
    window->sum = sum;
}

static void operate(void *state, uint64_t i)
{
    push_messages(state, i, i + 1);
}

static void iterate(void *state)
{
    struct window *window = state;
    push_messages(window, 0, window->pushes);
}

static uint64_t fold_message(const unsigned char *message, size_t size, uint64_t checksum)
{
    for (size_t offset = 0; offset < size; offset += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, message + offset, sizeof word);
        checksum = checksum_add(checksum, le64toh(word));
    }
    return checksum;
}

static struct result teardown(void *state)
{
    struct window *window = state;
    uint64_t checksum = checksum_add(CHECKSUM_START, window->sum);
    for (uint64_t i = 0; i < window->length; i++) {
        checksum = fold_message(window->slots[i], window->size, checksum);
        free(window->slots[i]);
    }
    const struct result result = {
        .operations = window->pushes,
        .allocations = window->pushes,
        .allocated_bytes = window->pushes * window->size,
        .peak_live_bytes = (window->length + 1) * window->size,
        .checksum = checksum,
    };
    free(window->slots);
    free(window);
    return result;
}

/* Bounds that keep every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "window", .least = 1, .most = UINT64_C(1) << 32},
    {.name = "size", .least = 8, .most = UINT64_C(1) << 30, .words = true},
    {.name = "pushes", .most = UINT64_C(1) << 33},
};

static const struct variant variants[] = {{.id = "heap", .operates = true}};

WORKLOAD(
    .id = "message_window",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown,
    .arrivals = "pushes",
    .operate = operate
);
