/* Bursts of requests, each with a buffer of its own. A buffer is a malloc and a free, or comes from a free list: one
 * that keeps all it gets, or one that keeps no more than a cap. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

#define UNIFORM_BYTES (UINT64_C(16) << 10)
#define SMALL_BYTES (UINT64_C(1) << 10)
#define LARGE_BYTES (UINT64_C(4) << 20)
#define ONE_IN 100

struct buffer {
    uint64_t *words;
    uint64_t capacity; /* in bytes */
};

/* A buffer at work, and how many of its bytes are in use. */
struct request {
    struct buffer buffer;
    uint64_t bytes;
};

/* The buffers that nobody uses, the last one given back on top. There is room for a burst: more never meet here. */
struct free_list {
    struct buffer *buffers;
    uint64_t count;
    uint64_t cap;
    uint64_t retained_bytes;
    uint64_t made;
};

/* One variant: where buffers come from, where they go, and how large they are. */
struct source {
    struct buffer (*take)(struct free_list *list, uint64_t bytes);
    void (*give_back)(struct free_list *list, struct buffer buffer);
    bool bimodal;
    bool capped;
};

struct server {
    const struct run *run;
    const struct source *source;
    uint64_t burst;
    uint64_t rounds;
    struct request *requests;
    struct free_list list;
    struct rng rng;
    uint64_t allocated_bytes;
    uint64_t peak_live_bytes;
    uint64_t checksum;
};

static void *setup(const struct run *run)
{
    const struct source *source = run->variant->detail;
    const uint64_t burst = run_parameter(run, "burst");
    struct server *server = allocate(sizeof *server);
    *server = (struct server){
        .run = run,
        .source = source,
        .burst = burst,
        .rounds = run_parameter(run, source->bimodal ? "bimodal_rounds" : "rounds"),
        .requests = allocate_zeroed(burst, sizeof *server->requests),
        .list =
            {
                .buffers = allocate_zeroed(burst, sizeof *server->list.buffers),
                .cap = run_parameter(run, "cap_kib") << 10,
            },
        .rng = rng_seeded(run->seed),
        .checksum = CHECKSUM_START,
    };
    return server;
}

static struct buffer new_buffer(struct free_list *list, uint64_t bytes)
{
    list->made++;
    // allocate: one buffer, as large as it is asked for
    return (struct buffer){.words = allocate(bytes), .capacity = bytes};
}

static void release(struct free_list *list, struct buffer buffer)
{
    (void)list;
    // retire: the buffer goes back to the allocator
    free(buffer.words);
}

static struct buffer take(struct free_list *list, uint64_t bytes)
{
    if (list->count == 0) {
        return new_buffer(list, bytes);
    }
    const struct buffer buffer = list->buffers[--list->count];
    list->retained_bytes -= buffer.capacity;
    if (buffer.capacity >= bytes) {
        return buffer;
    }
    // retire: a buffer that is too small for this request
    free(buffer.words);
    return new_buffer(list, bytes);
}

static void put(struct free_list *list, struct buffer buffer)
{
    list->buffers[list->count++] = buffer;
    list->retained_bytes += buffer.capacity;
}

static void put_below_cap(struct free_list *list, struct buffer buffer)
{
    if (list->retained_bytes + buffer.capacity <= list->cap) {
        put(list, buffer);
        return;
    }
    // retire: a buffer that would exceed the cap
    free(buffer.words);
}

static uint64_t draw_bytes(struct server *server)
{
    if (!server->source->bimodal) {
        return UNIFORM_BYTES;
    }
    return rng_next(&server->rng) % ONE_IN == 0 ? LARGE_BYTES : SMALL_BYTES;
}

static void begin(struct server *server, struct request *request)
{
    const uint64_t bytes = draw_bytes(server);
    const struct buffer buffer = server->source->take(&server->list, bytes);
    const uint64_t word = rng_next(&server->rng);
    // touch: every word that the request uses
    for (uint64_t i = 0; i < bytes / sizeof word; i++) {
        buffer.words[i] = word;
    }
    keep(buffer.words);
    // publish: the buffer is in flight
    *request = (struct request){.buffer = buffer, .bytes = bytes};
}

static void finish(struct server *server, const struct request *request)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < request->bytes / sizeof sum; i++) {
        sum += request->buffer.words[i];
    }
    server->checksum = checksum_add(server->checksum, sum);
    server->source->give_back(&server->list, request->buffer);
}

static void iterate(void *state)
{
    struct server *server = state;
    for (uint64_t round = 0; round < server->rounds; round++) {
        uint64_t live = 0;
        for (uint64_t k = 0; k < server->burst; k++) {
            begin(server, &server->requests[k]);
            live += server->requests[k].bytes;
        }
        server->allocated_bytes += live;
        server->peak_live_bytes = live > server->peak_live_bytes ? live : server->peak_live_bytes;
        for (uint64_t k = 0; k < server->burst; k++) {
            finish(server, &server->requests[k]);
        }
    }
}

static struct result teardown(void *state)
{
    struct server *server = state;
    const struct free_list *list = &server->list;
    checkpoint_take(server->run->checkpoints, "after_release", 0);
    struct result result = {
        .operations = server->rounds * server->burst,
        .allocations = server->rounds * server->burst,
        .allocated_bytes = server->allocated_bytes,
        .peak_live_bytes = server->peak_live_bytes,
        .checksum = server->checksum,
    };
    if (server->source->capped) {
        result.counters[result.counter_count++] = (struct counter){"made", list->made};
        result.counters[result.counter_count++] = (struct counter){"retained_bytes", list->retained_bytes};
    }
    for (uint64_t i = 0; i < list->count; i++) {
        free(list->buffers[i].words);
    }
    free(list->buffers);
    free(server->requests);
    free(server);
    return result;
}

/* Bounds that keep every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "burst", .least = 1, .most = 1 << 16},
    {.name = "rounds", .most = 1 << 24},
    {.name = "bimodal_rounds", .most = 1 << 24},
    {.name = "cap_kib", .most = UINT64_C(1) << 32},
};

static const struct variant variants[] = {
    {.id = "alloc", .detail = &(const struct source){.take = new_buffer, .give_back = release}},
    {.id = "pool", .detail = &(const struct source){.take = take, .give_back = put}},
    {.id = "capped", .detail = &(const struct source){.take = take, .give_back = put_below_cap, .capped = true}},
    {.id = "alloc_bimodal",
     .detail = &(const struct source){.take = new_buffer, .give_back = release, .bimodal = true}},
    {.id = "pool_bimodal", .detail = &(const struct source){.take = take, .give_back = put, .bimodal = true}},
    {.id = "capped_bimodal",
     .detail = &(const struct source){.take = take, .give_back = put_below_cap, .bimodal = true, .capped = true}},
};

WORKLOAD(
    .id = "buffer_pool",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
