/* The stall ticker: a thread that asks to be woken at every multiple of a period and notes when it was woken late. What
 * held it up would have held up the program: a stopped process, a full machine, a page that was not there. */
#ifndef KIT_TICKER_H
#define KIT_TICKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAPS_MAX 65536

/* A gap this many periods long is kept. */
#define GAP_PERIODS 2

/* Two wake-ups with nothing between them, on CLOCK_MONOTONIC, and how long the thread itself waited for a CPU
 * meanwhile. */
struct gap {
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t run_delay_ns;
};

/* One ticker for all measured iterations, in memory that is made beforehand. `start_ns` is when it first started,
 * `span_ns` the sum over all times that it ran, from its start to its last wake-up. */
struct ticker {
    uint64_t period_ns;
    uint64_t start_ns;
    uint64_t span_ns;
    uint64_t ticks;
    uint64_t skipped;
    uint64_t dropped;
    uint64_t cpu_ns;
    uint64_t slack_ns; /* the thread's timer slack, as the kernel says it is in force */
    size_t gap_count;
    struct gap gaps[GAPS_MAX];
    pthread_t thread;
    sem_t started;
    atomic_bool stopping;
};

/* An empty ticker, which by being written is resident too. A period of 0 makes one whose start and stop do nothing. */
void ticker_prepare(struct ticker *ticker, uint64_t period_ns);

/* Returns once the thread ticks. Ends the program with 71 where the kernel gives no thread, with 69 where it does not
 * say how long threads wait. */
void ticker_start(struct ticker *ticker);

/* Returns after the first wake-up that was asked for after the call, at most two periods later: a gap that lies before
 * the call is never lost. */
void ticker_stop(struct ticker *ticker);

/* Notes one gap: kept where it is long enough and there is room, counted as dropped where there is none. */
void ticker_note(struct ticker *ticker, const struct gap *gap);

#endif
