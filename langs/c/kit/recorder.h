/* What mode latency keeps of its operations: two histograms in HdrHistogram's bucket layout and the longest operations
 * themselves. All of it is one piece of memory whose size is known beforehand; recording allocates nothing, takes no
 * lock, and belongs to one thread. */
#ifndef KIT_RECORDER_H
#define KIT_RECORDER_H

#include <stddef.h>
#include <stdint.h>

/* From 1 ns to one hour with three significant digits: HdrHistogram's constructor arguments. */
#define HISTOGRAM_LOWEST UINT64_C(1)
#define HISTOGRAM_HIGHEST UINT64_C(3600000000000)
#define HISTOGRAM_DIGITS UINT64_C(3)

/* What follows from them. Three digits need 2 * 10^3 values told apart, so 2^11 to the first bucket and half of it to
 * each later one; 2^11 << 31 is the first to exceed the highest value, so 32 buckets and one more half. */
#define HISTOGRAM_HALF_BITS 10
#define HISTOGRAM_HALF (UINT64_C(1) << HISTOGRAM_HALF_BITS)
#define HISTOGRAM_COUNTS (33 * HISTOGRAM_HALF)

/* `max` is exact. A value above the highest one counts as the highest. */
struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t counts[HISTOGRAM_COUNTS];
};

/* The index in `counts` that HdrHistogram gives a value, which is at most the highest. */
static inline size_t histogram_index(uint64_t value)
{
    const unsigned bits = 64 - (unsigned)__builtin_clzll(value | (2 * HISTOGRAM_HALF - 1));
    const unsigned bucket = bits - (HISTOGRAM_HALF_BITS + 1);
    return (size_t)((uint64_t)bucket << HISTOGRAM_HALF_BITS) + (size_t)(value >> bucket);
}

void histogram_add(struct histogram *histogram, uint64_t value);

/* An operation by its actual start and its end, on CLOCK_MONOTONIC. */
struct operation {
    uint64_t start_ns;
    uint64_t end_ns;
};

#define LONGEST_MAX 64

struct recorder {
    struct histogram response;
    struct histogram service;
    size_t longest_count;
    size_t shortest; /* of the longest: the one that a longer one replaces; valid once there are LONGEST_MAX */
    struct operation longest[LONGEST_MAX];
};

/* Empties the recorder, and by writing all of it makes its pages resident. */
void recorder_clear(struct recorder *recorder);

/* One operation: when it should have started, when it did, when it ended. */
void recorder_add(struct recorder *recorder, uint64_t intended_ns, uint64_t start_ns, uint64_t end_ns);

/* Puts the longest operations in the order of their start; nothing is recorded after that. */
void recorder_sort(struct recorder *recorder);

#endif
