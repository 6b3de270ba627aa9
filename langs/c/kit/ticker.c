/* Absolute times only: each wake-up is asked for at a multiple of the period after the start, so that lateness does not
 * add up, and those that went by during a gap are counted instead of made up for. */
#include "kit/ticker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/exit.h"

/* The second number of schedstat: how long the thread has been ready to run without running, in ns. */
static uint64_t read_run_delay_ns(int schedstat)
{
    char text[128];
    const ssize_t length = pread(schedstat, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    const char *second = strchr(text, ' ');
    if (second == NULL) {
        exit_with(EXIT_UNSUPPORTED, "the ticker cannot read its schedstat");
    }
    return strtoull(second, NULL, 10);
}

void ticker_note(struct ticker *ticker, const struct gap *gap)
{
    if (gap->end_ns - gap->start_ns < GAP_PERIODS * ticker->period_ns) {
        return;
    }
    if (ticker->gap_count == GAPS_MAX) {
        ticker->dropped++;
        return;
    }
    ticker->gaps[ticker->gap_count++] = *gap;
}

/* Ticks until it is told to stop, and once more; the time of the last wake-up. */
static uint64_t tick(struct ticker *ticker, uint64_t start, int schedstat)
{
    uint64_t woken = start;
    uint64_t run_delay = read_run_delay_ns(schedstat);
    uint64_t multiple = 1; /* the one that is waited for */
    bool last;
    do {
        last = atomic_load_explicit(&ticker->stopping, memory_order_acquire);
        clock_sleep_until_ns(start + multiple * ticker->period_ns);
        const uint64_t now = clock_monotonic_ns();
        const uint64_t delay = read_run_delay_ns(schedstat);
        ticker_note(ticker, &(const struct gap){woken, now, delay - run_delay});
        const uint64_t reached = (now - start) / ticker->period_ns;
        ticker->ticks++;
        ticker->skipped += reached - multiple;
        multiple = reached + 1;
        woken = now;
        run_delay = delay;
    } while (!last);
    return woken;
}

static void *body(void *argument)
{
    struct ticker *ticker = argument;
    /* The kernel's own 50 us would be in every gap. */
    prctl(PR_SET_TIMERSLACK, 1UL);
    ticker->slack_ns = (uint64_t)prctl(PR_GET_TIMERSLACK);
    const int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    const uint64_t start = clock_monotonic_ns();
    if (ticker->start_ns == 0) {
        ticker->start_ns = start;
    }
    sem_post(&ticker->started);
    ticker->span_ns += tick(ticker, start, schedstat) - start;
    ticker->cpu_ns += clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    close(schedstat);
    return NULL;
}

void ticker_prepare(struct ticker *ticker, uint64_t period_ns)
{
    memset(ticker, 0, sizeof *ticker);
    ticker->period_ns = period_ns;
}

void ticker_start(struct ticker *ticker)
{
    if (ticker->period_ns == 0) {
        return;
    }
    atomic_store(&ticker->stopping, false);
    sem_init(&ticker->started, 0, 0);
    const int error = pthread_create(&ticker->thread, NULL, body, ticker);
    if (error != 0) {
        exit_with(EXIT_KERNEL_LIMIT, "the ticker's thread could not be started: %s", strerror(error));
    }
    while (sem_wait(&ticker->started) != 0) {
    }
    sem_destroy(&ticker->started);
}

void ticker_stop(struct ticker *ticker)
{
    if (ticker->period_ns == 0) {
        return;
    }
    atomic_store_explicit(&ticker->stopping, true, memory_order_release);
    pthread_join(ticker->thread, NULL);
}
