/* Counting into preallocated memory, and the few longest operations kept apart, where a histogram forgets when
 * something happened. */
#include "kit/recorder.h"

#include <stdlib.h>
#include <string.h>

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[histogram_index(value < HISTOGRAM_HIGHEST ? value : HISTOGRAM_HIGHEST)]++;
    histogram->count++;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

void recorder_clear(struct recorder *recorder)
{
    memset(recorder, 0, sizeof *recorder);
}

static uint64_t length_of(const struct operation *operation)
{
    return operation->end_ns - operation->start_ns;
}

static void find_shortest(struct recorder *recorder)
{
    size_t shortest = 0;
    for (size_t i = 1; i < LONGEST_MAX; i++) {
        if (length_of(&recorder->longest[i]) < length_of(&recorder->longest[shortest])) {
            shortest = i;
        }
    }
    recorder->shortest = shortest;
}

/* After n operations of the same law the n + 1st belongs to the longest with a chance of 64 / n, so that looking for
 * the shortest anew is rare and a sorted structure would gain nothing. */
static void keep_if_long(struct recorder *recorder, const struct operation *operation)
{
    size_t place = recorder->shortest;
    if (recorder->longest_count < LONGEST_MAX) {
        place = recorder->longest_count++;
    } else if (length_of(operation) <= length_of(&recorder->longest[place])) {
        return;
    }
    recorder->longest[place] = *operation;
    if (recorder->longest_count == LONGEST_MAX) {
        find_shortest(recorder);
    }
}

void recorder_add(struct recorder *recorder, uint64_t intended_ns, uint64_t start_ns, uint64_t end_ns)
{
    histogram_add(&recorder->response, end_ns - intended_ns);
    histogram_add(&recorder->service, end_ns - start_ns);
    keep_if_long(recorder, &(const struct operation){start_ns, end_ns});
}

static int by_start(const void *left, const void *right)
{
    const uint64_t a = ((const struct operation *)left)->start_ns;
    const uint64_t b = ((const struct operation *)right)->start_ns;
    return (a > b) - (a < b);
}

void recorder_sort(struct recorder *recorder)
{
    qsort(recorder->longest, recorder->longest_count, sizeof recorder->longest[0], by_start);
}
