/* Tests of the stall ticker. What takes time is bounded on the side that no load on the machine can break, and the gap
 * that must be found is one during which the process was truly stopped. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/protocol.h"
#include "kit/ticker.h"
#include "tests/program.h"
#include "tests/test.h"

#define MILLISECOND UINT64_C(1000000)

static struct ticker ticker;

static void sleep_for(uint64_t nanoseconds)
{
    clock_sleep_until_ns(clock_monotonic_ns() + nanoseconds);
}

TEST(test_ticker_when_a_gap_reaches_the_threshold_then_is_kept)
{
    ticker_prepare(&ticker, 1000);
    ticker_note(&ticker, &(const struct gap){5000, 6999, 1});
    CHECK_EQUAL(0, ticker.gap_count);
    ticker_note(&ticker, &(const struct gap){5000, 7000, 3});
    CHECK_EQUAL(1, ticker.gap_count);
    CHECK_EQUAL(5000, ticker.gaps[0].start_ns);
    CHECK_EQUAL(7000, ticker.gaps[0].end_ns);
    CHECK_EQUAL(3, ticker.gaps[0].run_delay_ns);
}

TEST(test_ticker_when_there_is_no_room_then_gaps_are_counted_as_dropped)
{
    ticker_prepare(&ticker, 1);
    for (uint64_t i = 0; i < GAPS_MAX + 3; i++) {
        ticker_note(&ticker, &(const struct gap){i, i + 2, 0});
    }
    CHECK_EQUAL(GAPS_MAX, ticker.gap_count);
    CHECK_EQUAL(3, ticker.dropped);
    CHECK_EQUAL(GAPS_MAX - 1, ticker.gaps[GAPS_MAX - 1].start_ns);
}

TEST(test_ticker_when_it_has_run_then_its_span_is_its_multiples_to_within_one_lateness)
{
    const uint64_t before = clock_monotonic_ns();
    ticker_prepare(&ticker, MILLISECOND);
    ticker_start(&ticker);
    const uint64_t running = clock_monotonic_ns();
    sleep_for(30 * MILLISECOND);
    const uint64_t stopping = clock_monotonic_ns();
    ticker_stop(&ticker);
    CHECK(before <= ticker.start_ns && ticker.start_ns <= running);
    CHECK(ticker.start_ns + ticker.span_ns >= stopping);
    CHECK(ticker.ticks >= 1 && ticker.cpu_ns > 0);
    const uint64_t first = (ticker.ticks + ticker.skipped) * MILLISECOND;
    CHECK(first >= 30 * MILLISECOND);
    CHECK(ticker.span_ns >= first && ticker.span_ns - first < MILLISECOND);

    /* A second run adds to the first, whose start stays. */
    const struct ticker once = ticker;
    ticker_start(&ticker);
    ticker_stop(&ticker);
    const uint64_t both = (ticker.ticks + ticker.skipped) * MILLISECOND;
    CHECK_EQUAL(once.start_ns, ticker.start_ns);
    CHECK(ticker.ticks > once.ticks && ticker.cpu_ns > once.cpu_ns && ticker.span_ns > once.span_ns);
    CHECK(ticker.span_ns >= both && ticker.span_ns - both < 2 * MILLISECOND);
}

TEST(test_ticker_when_its_period_is_0_then_never_runs)
{
    ticker_prepare(&ticker, 0);
    ticker_start(&ticker);
    ticker_stop(&ticker);
    CHECK_EQUAL(0, ticker.start_ns + ticker.ticks + ticker.cpu_ns);
}

TEST(test_ticker_when_it_runs_then_its_thread_alone_has_no_timer_slack)
{
    const int own = prctl(PR_GET_TIMERSLACK);
    ticker_prepare(&ticker, MILLISECOND);
    ticker_start(&ticker);
    ticker_stop(&ticker);
    CHECK_EQUAL(1, ticker.slack_ns);
    CHECK(own > 1);
    CHECK_EQUAL((uint64_t)own, (uint64_t)prctl(PR_GET_TIMERSLACK));
}

static _Noreturn void tick_until_told(struct ticker *shared, int says, int hears)
{
    char byte = 'r';
    ticker_prepare(shared, MILLISECOND);
    ticker_start(shared);
    if (write(says, &byte, 1) != 1 || read(hears, &byte, 1) != 1) {
        _exit(EXIT_FAILURE);
    }
    ticker_stop(shared);
    _exit(EXIT_SUCCESS);
}

TEST(test_ticker_when_the_process_is_stopped_then_one_gap_covers_it)
{
    struct ticker *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int up[2] = {-1, -1};
    int down[2] = {-1, -1};
    if (shared == MAP_FAILED || pipe(up) != 0 || pipe(down) != 0) {
        test_fail(__FILE__, __LINE__, "no memory or no pipes");
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        tick_until_told(shared, up[1], down[0]);
    }
    char byte;
    int status;
    CHECK(read(up[0], &byte, 1) == 1);
    CHECK(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    const uint64_t stopped = clock_monotonic_ns();
    sleep_for(20 * MILLISECOND);
    const uint64_t resumed = clock_monotonic_ns();
    CHECK(kill(child, SIGCONT) == 0 && write(down[1], &byte, 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unsigned covering = 0;
    for (size_t i = 0; i < shared->gap_count; i++) {
        covering += shared->gaps[i].start_ns <= stopped && resumed <= shared->gaps[i].end_ns ? 1 : 0;
    }
    CHECK_EQUAL(1, covering);
    CHECK(shared->skipped >= 19);
    munmap(shared, sizeof *shared);
    for (size_t i = 0; i < 2; i++) {
        close(up[i]);
        close(down[i]);
    }
}

TEST(test_ticker_when_schedstat_cannot_be_opened_then_69)
{
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        const struct rlimit none = {0, 0};
        ticker_prepare(&ticker, MILLISECOND);
        if (nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0 || setrlimit(RLIMIT_NOFILE, &none) != 0) {
            _exit(EXIT_FAILURE);
        }
        ticker_start(&ticker);
        ticker_stop(&ticker);
        _exit(EXIT_SUCCESS);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_EQUAL(69, (uint64_t)WEXITSTATUS(status));
}

TEST(test_ticker_when_the_kernel_gives_no_thread_then_71)
{
    const struct outcome *outcome = program_run(&(struct program){
        .arguments = "message_window variant=heap mode=latency seed=1 warmup=0 iterations=1 rate=1000 tick_us=1000 "
                     "window=1 size=8 pushes=1",
        .input = "gq",
        .stack_bytes = UINT64_C(1) << 46,
    });
    CHECK_EQUAL(71, (uint64_t)outcome->code);
    CHECK_HOLDS("the ticker's thread could not be started", outcome->err);
}

static void print_ticker(void)
{
    protocol_ticker(&ticker);
    protocol_ticker_stall(&(const struct gap){7, 9, 1});
    protocol_operation_stall(&(const struct operation){8, 10});
}

TEST(test_protocol_when_a_ticker_and_stalls_are_printed_then_have_every_field_in_order)
{
    ticker_prepare(&ticker, 1000);
    ticker.start_ns = 5;
    ticker.span_ns = 6;
    ticker.ticks = 1;
    ticker.skipped = 2;
    ticker.dropped = 3;
    ticker.cpu_ns = 4;
    CHECK_TEXT("{\"type\":\"ticker\",\"period_ns\":1000,\"threshold_ns\":2000,\"start_ns\":5,\"end_ns\":11,\"ticks\":1,"
               "\"skipped\":2,\"dropped\":3,\"cpu_ns\":4}\n"
               "{\"type\":\"stall\",\"kind\":\"ticker\",\"start_ns\":7,\"end_ns\":9,\"run_delay_ns\":1}\n"
               "{\"type\":\"stall\",\"kind\":\"operation\",\"start_ns\":8,\"end_ns\":10}\n",
               line_of(print_ticker));
}
