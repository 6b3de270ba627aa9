/* The messages of langs/PROTOCOL.md and the only writer to stdout. Lines are put together in a buffer that is part of
 * the program and written between iterations; where a line may be longer than the buffer, in parts. */
#ifndef KIT_PROTOCOL_H
#define KIT_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/allocator.h"
#include "kit/clock.h"
#include "kit/counting.h"
#include "kit/memory.h"
#include "kit/recorder.h"
#include "kit/settings.h"
#include "kit/ticker.h"
#include "kit/workload.h"

struct start {
    const char *toolchain;
    struct allocator allocator;
    struct settings settings;
    bool counting;
    bool zeroing;
    uint64_t cpus;
    bool has_memory_limit;
    uint64_t memory_limit;
    uint64_t pid;
    uint64_t cpu_resolution_ns;
};

/* `form` is NULL where a process serves one variant; `served` belongs to mode exact, else NULL. */
struct iteration {
    uint64_t index;
    bool measured;
    const char *form;
    struct timing timing;
    struct result result;
    const struct served *served;
};

void protocol_start(const struct start *start);
void protocol_ready(void);
void protocol_iteration(const struct iteration *iteration);
void protocol_checkpoint(const struct checkpoint *checkpoint);

/* The non-empty buckets of a histogram, however many. */
void protocol_histogram(const char *name, const struct histogram *histogram);

/* What the ticker did, without its gaps. */
void protocol_ticker(const struct ticker *ticker);

/* One of those. */
void protocol_ticker_stall(const struct gap *gap);

/* One of the longest operations. */
void protocol_operation_stall(const struct operation *operation);

/* The last line; the counters are those of one iteration. */
void protocol_end(uint64_t peak_resident_bytes, uint64_t resident_bytes, const struct result *result);

/* Reads one byte from stdin; anything but `g`, the end of the file included, ends the program with 64. */
void protocol_await_go(void);

/* Waits for `q` or the end of stdin, but no longer than `patience_ns`: meanwhile the harness reads the container's
 * counters. */
void protocol_await_quit(uint64_t patience_ns);

#endif
