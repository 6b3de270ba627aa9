/* A large window of recent messages, each replaced in turn: steady churn of one size under a large live set that holds
 * no pointers. Every message is a malloc of its own and is freed when it leaves the window. The window's slots are found
 * through the iteration's state, or through a global variable. */
#include <endian.h>
#include <stdbool.h>
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
    bool global;
    unsigned char **slots;
    struct rng rng;
    uint64_t sum;
};

/* The slots of variant global, which then are those of no window. */
static unsigned char **global_slots;

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
    const bool *global = run->variant->detail;
    struct window *window = allocate(sizeof *window);
    *window = (struct window){
        .length = run_parameter(run, "window"),
        .size = run_parameter(run, "size"),
        .pushes = run_parameter(run, "pushes"),
        .global = *global,
        .rng = rng_seeded(run->seed),
    };
    unsigned char **slots = allocate_zeroed(window->length, sizeof *slots);
    for (uint64_t i = 0; i < window->length; i++) {
        slots[i] = make_message(&window->rng, window->size);
    }
    if (window->global) {
        global_slots = slots;
    } else {
        window->slots = slots;
    }
    return window;
}

/* Puts a new message into the slot; the last byte of the one before. */
static inline uint64_t push(struct window *window, unsigned char **slot)
{
    unsigned char *message = make_message(&window->rng, window->size);
    const uint64_t last = (*slot)[window->size - 1];
    // retire: the oldest message leaves the window
    free(*slot);
    // publish: the new one takes its place
    *slot = message;
    return last;
}

/* Operations `first` to `end` - 1. One loop for many as for one, so that its body stands in the program once, and the
 * compiler puts it together the same way whoever calls. */
static void push_messages(struct window *window, uint64_t first, uint64_t end)
{
    uint64_t sum = window->sum;
    for (uint64_t i = first; i < end; i++) {
        sum += push(window, &window->slots[i % window->length]);
    }
    window->sum = sum;
}

/* The same with the slots of the global variable, which is read anew for every message: each is made by a call that
 * might have changed it. */
static void push_to_global(struct window *window, uint64_t first, uint64_t end)
{
    uint64_t sum = window->sum;
    for (uint64_t i = first; i < end; i++) {
        sum += push(window, &global_slots[i % window->length]);
    }
    window->sum = sum;
}

static void push_some(struct window *window, uint64_t first, uint64_t end)
{
    if (window->global) {
        push_to_global(window, first, end);
    } else {
        push_messages(window, first, end);
    }
}

static void operate(void *state, uint64_t i)
{
    push_some(state, i, i + 1);
}

static void iterate(void *state)
{
    struct window *window = state;
    push_some(window, 0, window->pushes);
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
    unsigned char **slots = window->global ? global_slots : window->slots;
    uint64_t checksum = checksum_add(CHECKSUM_START, window->sum);
    for (uint64_t i = 0; i < window->length; i++) {
        checksum = fold_message(slots[i], window->size, checksum);
        free(slots[i]);
    }
    const struct result result = {
        .operations = window->pushes,
        .allocations = window->pushes,
        .allocated_bytes = window->pushes * window->size,
        .peak_live_bytes = (window->length + 1) * window->size,
        .checksum = checksum,
    };
    free(slots);
    global_slots = NULL;
    free(window);
    return result;
}

/* Bounds that keep every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "window", .least = 1, .most = UINT64_C(1) << 32},
    {.name = "size", .least = 8, .most = UINT64_C(1) << 30, .words = true},
    {.name = "pushes", .most = UINT64_C(1) << 33},
};

static const struct variant variants[] = {
    {.id = "heap", .detail = &(const bool){false}, .operates = true},
    {.id = "global", .detail = &(const bool){true}, .operates = true},
};

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
