/* Tests of mode latency: the recorder against HdrHistogram, the schedule, and what the worker prints of both. Bounds on
 * times are one-sided, in the direction that no load on the machine can break. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/latency.h"
#include "kit/protocol.h"
#include "kit/rng.h"
#include "tests/program.h"
#include "tests/test.h"

#define MILLISECOND UINT64_C(1000000)

static struct recorder recorder;

/* From hdrh.histogram.HdrHistogram(1, 3600000000000, 3)._counts_index_for(value). */
TEST(test_histogram_index_when_compared_then_is_hdrhistograms_own)
{
    static const uint64_t expected[][2] = {
        {0, 0},
        {1, 1},
        {2, 2},
        {1023, 1023},
        {1024, 1024},
        {2046, 2046},
        {2047, 2047},
        {2048, 2048},
        {2049, 2048},
        {2050, 2049},
        {4095, 3071},
        {4096, 3072},
        {4099, 3072},
        {10000, 4322},
        {65535, 7167},
        {65536, 7168},
        {123456, 8073},
        {1000000, 11169},
        {20100507, 15562},
        {UINT64_C(2147483647), 22527},
        {UINT64_C(2147483648), 22528},
        {UINT64_C(1099511627775), 31743},
        {UINT64_C(1099511627776), 31744},
        {HISTOGRAM_HIGHEST, 33420},
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        CHECK_EQUAL(expected[i][1], histogram_index(expected[i][0]));
    }
    CHECK_EQUAL(33792, HISTOGRAM_COUNTS);
}

/* The same histogram's get_lowest_equivalent_value and get_highest_equivalent_value: what a quantile reads as. */
TEST(test_histogram_index_when_values_are_at_a_buckets_edges_then_changes_there_alone)
{
    static const uint64_t buckets[][2] = {
        {100032, 100095}, {20086784, 20103167}, {UINT64_C(3599182594048), UINT64_C(3601330077695)}};
    for (size_t i = 0; i < COUNT_OF(buckets); i++) {
        const size_t index = histogram_index(buckets[i][0]);
        CHECK_EQUAL(index, histogram_index(buckets[i][1]));
        CHECK_EQUAL(index - 1, histogram_index(buckets[i][0] - 1));
        CHECK_EQUAL(index + 1, histogram_index(buckets[i][1] + 1));
    }
}

TEST(test_recorder_when_a_value_is_beyond_the_highest_then_counts_as_it_and_max_is_exact)
{
    recorder_clear(&recorder);
    recorder_add(&recorder, 0, 0, UINT64_MAX);
    CHECK_EQUAL(1, recorder.service.counts[33420]);
    CHECK_EQUAL(1, recorder.service.count);
    CHECK_EQUAL(UINT64_MAX, recorder.service.max);
}

TEST(test_recorder_when_an_operation_starts_late_then_only_its_response_has_the_delay)
{
    recorder_clear(&recorder);
    recorder_add(&recorder, 1000, 1500, 1600);
    CHECK_EQUAL(1, recorder.response.counts[600]);
    CHECK_EQUAL(600, recorder.response.max);
    CHECK_EQUAL(1, recorder.service.counts[100]);
    CHECK_EQUAL(100, recorder.service.max);
    recorder_clear(&recorder);
    CHECK_EQUAL(0, recorder.response.count + recorder.response.max + recorder.response.counts[600]);
    CHECK_EQUAL(0, recorder.longest_count);
}

TEST(test_recorder_when_there_are_more_operations_than_places_then_keeps_the_longest_by_start)
{
    enum { OPERATIONS = 1000 };
    recorder_clear(&recorder);
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        /* Lengths 0 to 999, each once, in an order that goes up and down. */
        const uint64_t start = i * OPERATIONS;
        recorder_add(&recorder, start, start, start + i * 389 % OPERATIONS);
    }
    recorder_sort(&recorder);
    CHECK_EQUAL(LONGEST_MAX, recorder.longest_count);
    uint64_t sum = 0;
    for (size_t i = 0; i < recorder.longest_count; i++) {
        const struct operation *operation = &recorder.longest[i];
        CHECK(operation->end_ns - operation->start_ns >= OPERATIONS - LONGEST_MAX);
        CHECK(i == 0 || recorder.longest[i - 1].start_ns < operation->start_ns);
        sum += operation->end_ns - operation->start_ns;
    }
    CHECK_EQUAL(64 * (936 + 999) / 2, sum);
}

TEST(test_recorder_when_there_are_fewer_operations_than_places_then_keeps_all_by_start)
{
    recorder_clear(&recorder);
    recorder_add(&recorder, 5, 5, 5);
    recorder_add(&recorder, 3, 3, 4);
    recorder_sort(&recorder);
    CHECK_EQUAL(2, recorder.longest_count);
    CHECK_EQUAL(3, recorder.longest[0].start_ns);
    CHECK_EQUAL(5, recorder.longest[1].start_ns);
}

TEST(test_schedule_when_offsets_are_large_then_neither_overflows_nor_drifts)
{
    CHECK_EQUAL(0, latency_offset_ns(0, 3));
    CHECK_EQUAL(333333333, latency_offset_ns(1, 3));
    CHECK_EQUAL(UINT64_C(1000000000), latency_offset_ns(3, 3));
    struct rng rng = rng_seeded(42);
    for (int i = 0; i < 10000; i++) {
        const uint64_t rate = 1 + rng_next(&rng) % NANOSECONDS_PER_SECOND;
        /* Up to 100 years. */
        const uint64_t operation = rng_next(&rng) % (rate * UINT64_C(3155760000));
        __extension__ const unsigned __int128 exact = (unsigned __int128)operation * NANOSECONDS_PER_SECOND / rate;
        CHECK_EQUAL((uint64_t)exact, latency_offset_ns(operation, rate));
    }
}

TEST(test_params_when_the_mode_is_latency_then_rate_and_tick_us_belong_to_it_alone)
{
    static const struct {
        const char *arguments;
        int code;
        const char *problem;
    } calls[] = {
        {"mode=latency tick_us=0", 64, "missing: rate\nexpected: "},
        {"mode=latency rate=1", 64, "missing: tick_us"},
        {"mode=latency rate=1 tick_us=0 rate=1", 64, "given twice: rate=1"},
        {"mode=throughput rate=1", 64, "unknown key: rate=1"},
        {"tick_us=0 mode=memory", 64, "unknown key: tick_us=0"},
        {"mode=latency rate=0 tick_us=0", 64, "out of range: rate=0"},
        {"mode=latency rate=1000000001 tick_us=0", 64, "out of range: rate=1000000001"},
        {"mode=latency rate=1 tick_us=99", 64, "out of range: tick_us=99"},
        {"mode=latency rate=1 tick_us=1000001", 64, "out of range: tick_us=1000001"},
        {"rate=1000000000 tick_us=100 mode=latency", 0, ""},
        {"rate=1 tick_us=1000000 mode=latency", 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments,
                 "message_window variant=heap %s seed=1 warmup=0 iterations=1 window=1 size=8 pushes=1",
                 calls[i].arguments);
        const struct outcome *outcome = program_go(arguments);
        CHECK_EQUAL((uint64_t)calls[i].code, (uint64_t)outcome->code);
        CHECK_HOLDS(calls[i].problem, outcome->err);
    }
    CHECK_HOLDS("iterations=N rate=N tick_us=N window=N",
                program_go("message_window mode=latency rate=1 tick_us=1")->err);
}

/* The number after `key` in the first line from `text` on that has one; 0 where none has. */
static uint64_t number_after(const char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(text, quoted);
    CHECK(found != NULL);
    return found == NULL ? 0 : strtoull(found + strlen(quoted), NULL, 10);
}

static const char *histogram_in(const char *out, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "{\"type\":\"histogram\",\"name\":\"%s\",", name);
    const char *found = strstr(out, start);
    CHECK(found != NULL);
    return found == NULL ? "" : found;
}

/* How many values a printed histogram has in the buckets from that of `least` on. */
static uint64_t count_from(const char *histogram, uint64_t least)
{
    uint64_t count = 0;
    const char *rest = strstr(histogram, "\"counts\":[");
    for (rest = rest == NULL ? NULL : rest + strlen("\"counts\":["); rest != NULL && *rest == '[';) {
        char *end = NULL;
        const uint64_t index = strtoull(rest + 1, &end, 10);
        const uint64_t here = strtoull(end + 1, &end, 10);
        count += index >= histogram_index(least) ? here : 0;
        rest = end + (end[1] == ',' ? 2 : 1);
    }
    return count;
}

#define STALL(mode, rest)                                                                                              \
    "canary variant=stall seed=42 mode=" mode " mebibytes=1 cpu_ms=0 threads=1 count=1 size=16 arrivals=40 "           \
    "service_us=10 stall_every=20 hold_ms=20 " rest

TEST(test_latency_when_an_operation_stalls_then_all_that_were_due_meanwhile_feel_it)
{
    const struct outcome *outcome = program_go(STALL("latency", "warmup=0 iterations=1 rate=1000 tick_us=0"));
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    const char *response = histogram_in(outcome->out, "response");
    const char *service = histogram_in(outcome->out, "service");
    CHECK_EQUAL(40, number_after(response, "count"));
    CHECK_EQUAL(40, count_from(response, 0));
    CHECK_EQUAL(40, count_from(service, 0));
    CHECK_EQUAL(40, count_from(service, 10000));
    CHECK(count_from(service, 20 * MILLISECOND) >= 2);
    CHECK(number_after(service, "max") >= 20 * MILLISECOND);
    /* Operation 19 holds for 20 ms; those up to 29 were due in its first 10 ms; and 39 holds as well. */
    CHECK(count_from(response, 10 * MILLISECOND) >= 12);
    /* The last is due after 39 ms and takes 20. */
    CHECK(number_after(outcome->out, "elapsed_ns") >= 59 * MILLISECOND);
    CHECK_EQUAL(0, occurrences(outcome->out, "ticker"));
    CHECK_EQUAL(40, occurrences(outcome->out, "{\"type\":\"stall\",\"kind\":\"operation\",\"start_ns\":"));
}

TEST(test_latency_when_operations_are_far_apart_then_none_starts_before_it_is_due)
{
    const struct outcome *outcome = program_go("message_window variant=heap mode=latency seed=1 warmup=0 iterations=1 "
                                               "rate=100 tick_us=0 window=1 size=8 pushes=5");
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    const uint64_t start = number_after(outcome->out, "start_ns");
    const char *stall = outcome->out;
    for (uint64_t i = 0; i < 5; i++) {
        stall = strstr(stall + 1, "{\"type\":\"stall\"");
        CHECK(stall != NULL);
        if (stall == NULL) {
            return;
        }
        CHECK(number_after(stall, "start_ns") >= start + i * 10 * MILLISECOND);
    }
}

TEST(test_latency_when_iterations_warm_up_then_only_measured_ones_are_recorded_on_schedule)
{
    const struct outcome *outcome = program_go(STALL("latency", "warmup=2 iterations=3 rate=1000 tick_us=1000"));
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    CHECK_EQUAL(5, occurrences(outcome->out, "\"type\":\"iteration\""));
    CHECK_EQUAL(120, number_after(histogram_in(outcome->out, "response"), "count"));
    CHECK_EQUAL(120, number_after(histogram_in(outcome->out, "service"), "count"));
    CHECK_EQUAL(1, occurrences(outcome->out, "\"type\":\"ticker\""));
    CHECK_EQUAL(64, occurrences(outcome->out, "\"kind\":\"operation\""));
    /* Three measured iterations of 59 ms at least, the ticker around each of them. */
    const char *ticker = strstr(outcome->out, "\"type\":\"ticker\"");
    if (ticker != NULL) {
        const uint64_t span = number_after(ticker, "end_ns") - number_after(ticker, "start_ns");
        const uint64_t multiples = number_after(ticker, "ticks") + number_after(ticker, "skipped");
        CHECK(span >= UINT64_C(3) * 59 * MILLISECOND);
        CHECK(span >= multiples * MILLISECOND && span < (multiples + 3) * MILLISECOND);
        const char *measured = strstr(outcome->out, "\"phase\":\"measured\"");
        CHECK(measured != NULL && number_after(ticker, "start_ns") < number_after(measured, "start_ns"));
    }
}

TEST(test_latency_when_it_ends_then_histograms_ticker_stalls_and_end_come_in_this_order)
{
    const struct outcome *outcome = program_go(STALL("latency", "warmup=0 iterations=1 rate=1000 tick_us=1000"));
    static const char *const heads[] = {
        "{\"type\":\"start\"",
        "{\"type\":\"ready\"}",
        "{\"type\":\"iteration\",\"index\":0,\"phase\":\"measured\"",
        "{\"type\":\"histogram\",\"name\":\"response\",\"lowest\":1,\"highest\":3600000000000,\"digits\":3,\"count\":",
        "{\"type\":\"histogram\",\"name\":\"service\",\"lowest\":1,\"highest\":3600000000000,\"digits\":3,\"count\":",
        "{\"type\":\"ticker\",\"period_ns\":1000000,\"threshold_ns\":2000000,\"start_ns\":",
    };
    const char *line = outcome->out;
    for (size_t i = 0; i < COUNT_OF(heads) && line != NULL; i++) {
        CHECK(strncmp(heads[i], line, strlen(heads[i])) == 0);
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    uint64_t before = 0;
    while (line != NULL && strncmp(line, "{\"type\":\"stall\"", 15) == 0) {
        CHECK(number_after(line, "start_ns") >= before);
        CHECK(number_after(line, "end_ns") >= number_after(line, "start_ns"));
        before = number_after(line, "start_ns");
        line = strchr(line, '\n') + 1;
    }
    CHECK(before > 0);
    CHECK(line != NULL && strncmp(line, "{\"type\":\"end\"", 13) == 0);
}

/* What follows "checksum": in the first iteration; valid until the next. */
static const char *checksum_of(const char *arguments)
{
    static char checksum[17];
    const struct outcome *outcome = program_go(arguments);
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    const char *found = strstr(outcome->out, "\"checksum\":\"");
    CHECK(found != NULL);
    snprintf(checksum, sizeof checksum, "%.16s", found == NULL ? "" : found + strlen("\"checksum\":\""));
    return checksum;
}

TEST(test_latency_when_compared_to_throughput_then_the_work_is_the_same)
{
    static const char *const workloads[][2] = {
        {"message_window variant=heap", "window=20 size=64 pushes=500"},
        {"lru_cache variant=heap", "capacity=10 accesses=500"},
        {"canary variant=stall", "mebibytes=1 hold_ms=0 cpu_ms=0 threads=1 count=1 size=16 arrivals=50 service_us=1 "
                                 "stall_every=7"},
    };
    for (size_t i = 0; i < COUNT_OF(workloads); i++) {
        char arguments[256];
        char throughput[17];
        snprintf(arguments, sizeof arguments, "%s mode=throughput seed=7 warmup=0 iterations=1 %s", workloads[i][0],
                 workloads[i][1]);
        snprintf(throughput, sizeof throughput, "%s", checksum_of(arguments));
        snprintf(arguments, sizeof arguments,
                 "%s mode=latency rate=1000000 tick_us=100 seed=7 warmup=1 iterations=2 %s", workloads[i][0],
                 workloads[i][1]);
        CHECK_TEXT(throughput, checksum_of(arguments));
    }
}

static void print_histogram(void)
{
    protocol_histogram("service", &recorder.service);
}

TEST(test_protocol_when_a_histogram_is_empty_or_fills_every_bucket_then_is_one_whole_line)
{
    recorder_clear(&recorder);
    CHECK_TEXT("{\"type\":\"histogram\",\"name\":\"service\",\"lowest\":1,\"highest\":3600000000000,\"digits\":3,"
               "\"count\":0,\"max\":0,\"counts\":[]}\n",
               line_of(print_histogram));
    for (size_t i = 0; i < HISTOGRAM_COUNTS; i++) {
        recorder.service.counts[i] = UINT64_C(1000000) + i;
    }
    const char *line = line_of(print_histogram);
    CHECK_EQUAL(1, occurrences(line, "\n"));
    CHECK_HOLDS("\"counts\":[[0,1000000],[1,1000001],", line);
    CHECK_HOLDS(",[33791,1033791]]}\n", line);
    CHECK_EQUAL(HISTOGRAM_COUNTS - 1, occurrences(line, "],["));
    uint64_t expected = 0;
    for (size_t i = 0; i < HISTOGRAM_COUNTS; i++) {
        expected += UINT64_C(1000000) + i;
    }
    CHECK_EQUAL(expected, count_from(line, 0));
}
