/* The open loop. Late operations start at once and are never dropped, so that a stall is felt by every operation that
 * should have started during it. */
#include "kit/latency.h"

#include "kit/protocol.h"

/* A wake-up from sleep can be late by a timer's slack and a scheduler's mood: so the loop sleeps only where much is
 * missing, and spins on the clock through the rest. */
#define SLEEP_FROM_NS UINT64_C(1000000)
#define SPIN_NS UINT64_C(200000)

#define NANOSECONDS_PER_MICROSECOND UINT64_C(1000)

/* The first reading of the clock that is not before `moment_ns`; `now_ns` is one that is. */
static uint64_t wait_until(uint64_t moment_ns, uint64_t now_ns)
{
    if (moment_ns - now_ns > SLEEP_FROM_NS) {
        clock_sleep_until_ns(moment_ns - SPIN_NS);
    }
    do {
        now_ns = clock_monotonic_ns();
    } while (now_ns < moment_ns);
    return now_ns;
}

/* All operations on schedule from `start_ns` on; the end of the last. The end of one is the start of the next where
 * that is late, the reading that ended the wait where it is not: two readings an operation at most, beside those that
 * spin. */
static uint64_t keep_schedule(struct recorder *recorder, const struct run *run, void *state, uint64_t start_ns)
{
    void (*const operate)(void *, uint64_t) = run->workload->operate;
    const uint64_t count = run_parameter(run, run->workload->arrivals);
    uint64_t now = start_ns;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t intended = start_ns + latency_offset_ns(i, run->rate);
        if (now < intended) {
            now = wait_until(intended, now);
        }
        const uint64_t start = now;
        operate(state, i);
        now = clock_monotonic_ns();
        recorder_add(recorder, intended, start, now);
    }
    return now;
}

/* The same without a schedule: each is due when the one before it ends. */
static uint64_t warm_up(struct recorder *recorder, const struct run *run, void *state, uint64_t start_ns)
{
    void (*const operate)(void *, uint64_t) = run->workload->operate;
    const uint64_t count = run_parameter(run, run->workload->arrivals);
    uint64_t now = start_ns;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t start = now;
        operate(state, i);
        now = clock_monotonic_ns();
        recorder_add(recorder, start, start, now);
    }
    recorder_clear(recorder);
    return now;
}

void latency_prepare(struct latency *latency, uint64_t tick_us)
{
    recorder_clear(&latency->recorder);
    ticker_prepare(&latency->ticker, tick_us * NANOSECONDS_PER_MICROSECOND);
}

struct timing latency_iterate(struct latency *latency, const struct run *run, void *state,
                              const struct cpu_clock *cpu_clock, bool measured)
{
    if (measured) {
        ticker_start(&latency->ticker);
    }
    const uint64_t cpu_start = cpu_clock_read_ns(cpu_clock);
    const uint64_t start = clock_monotonic_ns();
    const uint64_t end = (measured ? keep_schedule : warm_up)(&latency->recorder, run, state, start);
    const uint64_t cpu_end = cpu_clock_read_ns(cpu_clock);
    if (measured) {
        ticker_stop(&latency->ticker);
    }
    if (run->workload->conclude != NULL) {
        run->workload->conclude(state);
    }
    return (struct timing){.start_ns = start, .elapsed_ns = end - start, .cpu_ns = cpu_end - cpu_start};
}

/* The ticker's gaps and the longest operations in one order; either is in its own already. */
static void report_stalls(const struct recorder *recorder, const struct ticker *ticker)
{
    size_t gap = 0;
    size_t operation = 0;
    while (gap < ticker->gap_count || operation < recorder->longest_count) {
        const bool is_gap = operation == recorder->longest_count ||
                            (gap < ticker->gap_count &&
                             ticker->gaps[gap].start_ns <= recorder->longest[operation].start_ns);
        if (is_gap) {
            protocol_ticker_stall(&ticker->gaps[gap++]);
        } else {
            protocol_operation_stall(&recorder->longest[operation++]);
        }
    }
}

void latency_report(struct latency *latency)
{
    protocol_histogram("response", &latency->recorder.response);
    protocol_histogram("service", &latency->recorder.service);
    if (latency->ticker.period_ns != 0) {
        protocol_ticker(&latency->ticker);
    }
    recorder_sort(&latency->recorder);
    report_stalls(&latency->recorder, &latency->ticker);
}
