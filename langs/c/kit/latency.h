/* Mode latency: operations arrive on a schedule that does not wait for the program, and what they felt is recorded and
 * printed after the last iteration. This is section 6 of langs/PROTOCOL.md. */
#ifndef KIT_LATENCY_H
#define KIT_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/clock.h"
#include "kit/recorder.h"
#include "kit/ticker.h"
#include "kit/workload.h"

/* What lasts over all iterations. */
struct latency {
    struct recorder recorder;
    struct ticker ticker;
};

/* How long after the first arrival operation `i` arrives, in ns: floor(i * 10^9 / rate), exact for every `i` whose
 * result fits and every `rate` up to 10^9. */
static inline uint64_t latency_offset_ns(uint64_t i, uint64_t rate)
{
    /* The remainder is below 10^9, so that neither product leaves 64 bits before the result does. */
    return i / rate * NANOSECONDS_PER_SECOND + i % rate * NANOSECONDS_PER_SECOND / rate;
}

/* Empties everything and makes it resident; before `ready`. A ticker of 0 us does not run. */
void latency_prepare(struct latency *latency, uint64_t tick_us);

/* The operations of one iteration, then what the workload does after the last, outside the clock. A measured iteration
 * keeps to the schedule and is recorded; one that warms up does them one after the other and leaves nothing. */
struct timing latency_iterate(struct latency *latency, const struct run *run, void *state,
                              const struct cpu_clock *cpu_clock, bool measured);

/* Prints what was recorded: the histograms, the ticker where one ran, the stalls by start. */
void latency_report(struct latency *latency);

#endif
