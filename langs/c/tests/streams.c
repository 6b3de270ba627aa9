/* Tests of the worker as a whole: what it prints and how it ends, for right and for wrong calls. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/counting.h"
#include "kit/protocol.h"
#include "kit/workload.h"
#include "tests/program.h"
#include "tests/test.h"

#define PAUSE                                                                                                          \
    "canary variant=pause mode=throughput seed=42 warmup=0 iterations=1 mebibytes=1 hold_ms=0 cpu_ms=0 threads=1 "     \
    "count=1 size=16" NO_STALL

/* A call that must end with 64, the problem and what is expected. */
static void refuses(const char *arguments, const char *problem, const char *expected)
{
    const struct outcome *outcome = program_go(arguments);
    CHECK_EQUAL(64, (uint64_t)outcome->code);
    CHECK_TEXT("", outcome->out);
    CHECK_HOLDS(problem, outcome->err);
    CHECK_HOLDS(expected, outcome->err);
}

TEST(test_params_when_workload_is_missing_or_unknown_then_64_with_all_workloads)
{
    refuses("", "no workload given", "canary");
    refuses("canari", "unknown workload: canari", "canary");
}

TEST(test_params_when_a_key_is_missing_then_64_with_what_is_expected)
{
    static const char expected[] = "expected: message_window variant=heap|global mode=throughput|memory|exact|latency seed=N "
                                   "warmup=N iterations=N window=N size=N pushes=N";
    refuses("message_window variant=heap mode=memory seed=1 warmup=0 iterations=1 window=1 size=8", "missing: pushes",
            expected);
    refuses("message_window mode=memory seed=1 warmup=0 iterations=1 window=1 size=8 pushes=1", "missing: variant",
            expected);
}

TEST(test_params_when_a_key_is_unknown_or_repeated_then_64)
{
    refuses(PAUSE " depth=3", "unknown key: depth=3", "hold_ms=N");
    refuses(PAUSE " siz=16", "unknown key: siz=16", "size=N");
    refuses(PAUSE " size=16", "given twice: size=16", "size=N");
    refuses(PAUSE " mode=memory", "given twice: mode=memory", "mode=throughput|");
}

TEST(test_params_when_a_value_is_malformed_then_64)
{
    static const char call[] = "binary_trees variant=node mode=memory warmup=0 iterations=1 threads=1 depth=1 ";
    static const char *const values[][2] = {
        {"seed=", "not an unsigned integer"},   {"seed=-1", "not an unsigned integer"},
        {"seed=+1", "not an unsigned integer"}, {"seed=1x", "not an unsigned integer"},
        {"seed=0x1", "not an unsigned integer"}, {"seed=18446744073709551616", "more than 64 bits"},
        {"seed=99999999999999999999", "more than 64 bits"}, {"seed", "not key=value"},
        {"=1", "unknown key"},
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "%s%s", call, values[i][0]);
        refuses(arguments, values[i][1], "expected: binary_trees");
    }
}

TEST(test_params_when_a_value_is_out_of_bounds_then_64)
{
    refuses("binary_trees variant=node mode=memory seed=1 warmup=0 iterations=0 threads=1 depth=1", "out of range",
            "iterations=N");
    refuses("binary_trees variant=node mode=memory seed=1 warmup=0 iterations=1 threads=0 depth=1", "out of range",
            "threads=N");
    refuses("message_window variant=heap mode=memory seed=1 warmup=0 iterations=1 window=1 size=12 pushes=1",
            "not a multiple of 8", "size=N");
}

TEST(test_params_when_variant_or_mode_is_unknown_then_64)
{
    refuses("binary_trees variant=forest mode=memory seed=1 warmup=0 iterations=1 threads=1 depth=1",
            "unknown variant: variant=forest", "variant=node");
    refuses("binary_trees variant=node mode=fast seed=1 warmup=0 iterations=1 threads=1 depth=1",
            "unknown mode: mode=fast", "mode=throughput|");
    refuses("escape variant=all mode=throughput seed=1 warmup=0 iterations=1 operations=1 large_operations=1",
            "serves mode exact only: all", "variant=value|");
}

TEST(test_params_when_seed_is_the_largest_then_is_taken)
{
    const struct outcome *outcome = program_go("binary_trees variant=node mode=throughput threads=1 depth=1 "
                                               "iterations=1 warmup=0 seed=18446744073709551615");
    CHECK_EQUAL(0, (uint64_t)outcome->code);
}

TEST(test_worker_when_a_variant_has_no_single_operations_then_mode_latency_is_69)
{
    static const char *const calls[] = {
        "binary_trees variant=node mode=latency seed=1 warmup=0 iterations=1 rate=1 tick_us=0 threads=1 depth=1",
        "canary variant=pause mode=latency seed=42 warmup=0 iterations=1 rate=1 tick_us=0 mebibytes=1 hold_ms=0 "
        "cpu_ms=0 threads=1 count=1 size=16" NO_STALL,
    };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        const struct outcome *outcome = program_go(calls[i]);
        CHECK_EQUAL(69, (uint64_t)outcome->code);
        CHECK_HOLDS("mode latency needs single operations", outcome->err);
        CHECK_TEXT("", outcome->out);
    }
}

TEST(test_worker_when_not_released_then_64_after_ready)
{
    static const char *const inputs[] = {"", "x", "qg"};
    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        const struct outcome *outcome = program_run(&(struct program){.arguments = PAUSE, .input = inputs[i]});
        CHECK_EQUAL(64, (uint64_t)outcome->code);
        CHECK_HOLDS("{\"type\":\"ready\"}\n", outcome->out);
        CHECK_EQUAL(2, occurrences(outcome->out, "\n"));
        CHECK_HOLDS("expected the byte g", outcome->err);
    }
}

TEST(test_worker_when_released_then_prints_start_ready_iterations_end)
{
    const struct outcome *outcome = program_run(&(struct program){
        .arguments = "binary_trees depth=4 threads=2 seed=42 iterations=2 warmup=1 mode=throughput variant=node",
        .input = "g",
    });
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    CHECK_TEXT("", outcome->err);
    CHECK_EQUAL(6, occurrences(outcome->out, "\n"));
    CHECK(strncmp(outcome->out, "{\"type\":\"start\",\"format\":1,\"language\":\"c\",\"toolchain\":\"", 55) == 0);
    CHECK_HOLDS("}\n{\"type\":\"ready\"}\n{\"type\":\"iteration\",\"index\":0,\"phase\":\"warmup\",\"start_ns\":",
                outcome->out);
    CHECK_HOLDS("{\"type\":\"iteration\",\"index\":1,\"phase\":\"measured\"", outcome->out);
    CHECK_HOLDS("{\"type\":\"iteration\",\"index\":2,\"phase\":\"measured\"", outcome->out);
    CHECK_HOLDS("\"counters\":{\"trees\":18}}\n", outcome->out);
    CHECK_EQUAL(1, occurrences(outcome->out, "{\"type\":\"end\",\"status\":\"ok\",\"peak_resident_bytes\":"));
}

TEST(test_worker_when_mode_is_memory_then_canary_adds_its_checkpoints)
{
    static const char parameters[] = "seed=42 warmup=0 iterations=1 mebibytes=8 hold_ms=0 cpu_ms=0 threads=1 count=1 "
                                     "size=16" NO_STALL;
    char arguments[256];
    snprintf(arguments, sizeof arguments, "canary variant=memory mode=memory %s", parameters);
    const struct outcome *outcome = program_go(arguments);
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    CHECK_EQUAL(2, occurrences(outcome->out, "\"type\":\"checkpoint\""));
    CHECK_EQUAL(1, occurrences(outcome->out, "{\"type\":\"checkpoint\",\"name\":\"after_fill\",\"at_ns\":"));
    CHECK_HOLDS("\"live_bytes\":8388608,\"resident_bytes\":", outcome->out);
    CHECK_EQUAL(1, occurrences(outcome->out, "{\"type\":\"checkpoint\",\"name\":\"after_release\",\"at_ns\":"));
    CHECK_HOLDS("\"live_bytes\":0,\"resident_bytes\":", outcome->out);

    snprintf(arguments, sizeof arguments, "canary variant=memory mode=throughput %s", parameters);
    CHECK_EQUAL(0, occurrences(program_go(arguments)->out, "checkpoint"));
}

TEST(test_worker_when_mode_is_exact_then_reports_what_was_served_or_69)
{
    const struct outcome *outcome = program_go("canary variant=bytes mode=exact seed=42 warmup=0 iterations=1 "
                                               "mebibytes=1 hold_ms=0 cpu_ms=0 threads=1 count=1000 size=64" NO_STALL);
    if (counting_is_on()) {
        CHECK_EQUAL(0, (uint64_t)outcome->code);
        CHECK_HOLDS("\"runtime_allocations\":1000,\"runtime_bytes\":", outcome->out);
        CHECK_HOLDS("\"counting\":1", outcome->out);
    } else {
        CHECK_EQUAL(69, (uint64_t)outcome->code);
        CHECK_HOLDS("COUNTING=1", outcome->err);
    }
}

TEST(test_worker_when_iterations_disagree_then_65_and_no_end)
{
    static const char *const variants[] = {"checksum",        "operations",      "allocations",
                                           "allocated_bytes", "peak_live_bytes", "counter"};
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "test_fickle variant=%s mode=throughput seed=1 warmup=1 iterations=1",
                 variants[i]);
        const struct outcome *outcome = program_go(arguments);
        CHECK_EQUAL(65, (uint64_t)outcome->code);
        CHECK_HOLDS("differ from the first one's", outcome->err);
        CHECK_EQUAL(0, occurrences(outcome->out, "\"type\":\"end\""));
    }
}

TEST(test_worker_when_an_allocation_is_refused_then_66)
{
    const struct outcome *outcome = program_go("canary variant=memory mode=throughput seed=42 warmup=0 iterations=1 "
                                               "mebibytes=4294967296 hold_ms=0 cpu_ms=0 threads=1 count=1 size=16"
                                               NO_STALL);
    CHECK_EQUAL(66, (uint64_t)outcome->code);
    CHECK_HOLDS("out of memory", outcome->err);
    outcome = program_go("binary_trees variant=node mode=throughput seed=1 warmup=0 iterations=1 depth=48 threads=1");
    CHECK_EQUAL(66, (uint64_t)outcome->code);
    CHECK_HOLDS("out of memory", outcome->err);
}

TEST(test_worker_when_the_kernel_gives_no_more_threads_then_71)
{
    const struct outcome *outcome = program_run(&(struct program){
        .arguments = "canary variant=cpu mode=throughput seed=42 warmup=0 iterations=1 mebibytes=1 hold_ms=0 "
                     "cpu_ms=3600000 threads=1000 count=1 size=16" NO_STALL,
        .input = "gq",
        .stack_bytes = UINT64_C(1) << 40,
    });
    CHECK_EQUAL(71, (uint64_t)outcome->code);
    CHECK_HOLDS("of 1000 could not be started", outcome->err);
}

TEST(test_worker_when_stdout_takes_nothing_then_fails)
{
    const struct outcome *outcome =
        program_run(&(struct program){.arguments = PAUSE, .input = "gq", .stdout_path = "/dev/full"});
    CHECK_EQUAL(1, (uint64_t)outcome->code);
    CHECK_HOLDS("stdout", outcome->err);
}

/* A small value for a workload's parameter number `index`, no less than it may be: later ones are larger, so that what
 * comes first (a window, a capacity) is exceeded by what comes after (pushes, accesses). Seconds are no size: none. */
static uint64_t small_value(const struct parameter *parameter, size_t index)
{
    const size_t length = strlen(parameter->name);
    const bool waits = length > 2 && strcmp(parameter->name + length - 2, "_s") == 0;
    const uint64_t value = waits ? 0 : 8 + 16 * index;
    return value < parameter->least ? parameter->least : value;
}

/* In a build with sanitizers this is also the proof that nothing leaks and nothing is touched after its end. */
TEST(test_workloads_when_run_small_then_every_variant_ends_well)
{
    for (size_t index = 0; index < workload_count(); index++) {
        const struct workload *workload = workload_at(index);
        for (size_t i = 0; i < workload->variant_count && strncmp(workload->id, "test_", 5) != 0; i++) {
            if (workload->variants[i].every_form) {
                continue;
            }
            char arguments[512];
            struct text text = text_in(arguments, sizeof arguments);
            text_add(&text, "%s variant=%s mode=memory seed=42 warmup=1 iterations=2", workload->id,
                     workload->variants[i].id);
            for (size_t j = 0; j < workload->parameter_count; j++) {
                text_add(&text, " %s=%" PRIu64, workload->parameters[j].name,
                         small_value(&workload->parameters[j], j));
            }
            const struct outcome *outcome = program_go(arguments);
            if (outcome->code != 0 || occurrences(outcome->out, "\"type\":\"iteration\"") != 3) {
                test_fail(__FILE__, __LINE__, "%s: exit %d\n%s", arguments, outcome->code, outcome->err);
            }
        }
    }
}

/* Where each form puts its value, as the counting malloc sees it: locals of whatever size and shape never reach it. */
TEST(test_escape_when_exact_then_only_what_calls_malloc_is_served)
{
    const struct outcome *outcome =
        program_go("escape variant=all mode=exact seed=42 warmup=1 iterations=1 operations=3000 large_operations=5");
    if (!counting_is_on()) {
        CHECK_EQUAL(69, (uint64_t)outcome->code);
        return;
    }
    static const struct {
        const char *form;
        unsigned served;
    } expected[] = {
        {"value", 0},
        {"local", 0},
        {"heap", 3000},
        {"stored", 3000},
        {"merged", 0},
        {"constructor_inlined", 3000},
        {"constructor_noinline", 3000},
        {"constructor_stored", 3000},
        {"interface", 0},
        {"hot_stack", 0},
        {"hot_heap", 1},
        {"buffer_variable_32", 0},
        {"buffer_variable_33", 0},
        {"buffer_constant_65536", 0},
        {"buffer_constant_65537", 0},
        {"array_131072", 0},
        {"array_131073", 0},
    };
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    CHECK_EQUAL(COUNT_OF(expected) * 2, occurrences(outcome->out, "\"form\":"));
    const char *rest = outcome->out;
    for (size_t i = 0; i < COUNT_OF(expected) && rest != NULL; i++) {
        char form[64];
        char served[64];
        snprintf(form, sizeof form, "\"phase\":\"measured\",\"form\":\"%s\"", expected[i].form);
        snprintf(served, sizeof served, "\"runtime_allocations\":%u,", expected[i].served);
        rest = strstr(rest, form);
        CHECK(rest != NULL);
        char line[512] = "";
        if (rest != NULL) {
            snprintf(line, sizeof line, "%.*s", (int)strcspn(rest, "\n"), rest);
        }
        CHECK_HOLDS(served, line);
    }
}

static void print_start(void)
{
    protocol_start(&(struct start){
        .toolchain = "gcc \"14\"\\\n",
        .allocator = {"glibc", "2.41"},
        .settings = {.items = {{"arena_max", 1}}, .count = 1},
        .zeroing = true,
        .cpus = 2,
        .has_memory_limit = true,
        .memory_limit = UINT64_MAX,
        .pid = 7,
        .cpu_resolution_ns = 4000000,
    });
}

TEST(test_protocol_when_start_is_printed_then_strings_are_escaped)
{
    CHECK_TEXT("{\"type\":\"start\",\"format\":1,\"language\":\"c\",\"toolchain\":\"gcc \\\"14\\\"\\\\\\u000a\","
               "\"in_force\":{\"allocator\":\"glibc\",\"allocator_version\":\"2.41\",\"arena_max\":1,\"counting\":0,"
               "\"zeroing\":1},\"cpus\":2,"
               "\"memory_limit\":18446744073709551615,\"pid\":7,\"cpu_resolution_ns\":4000000}\n",
               line_of(print_start));
}

static void print_iteration(void)
{
    protocol_iteration(&(struct iteration){
        .index = 3,
        .measured = true,
        .form = "heap",
        .timing = {.start_ns = 1, .elapsed_ns = 2, .cpu_ns = 3},
        .result = {.operations = 4, .allocations = 5, .allocated_bytes = 6, .peak_live_bytes = 7, .checksum = 0xab},
        .served = &(const struct served){8, 9},
    });
}

TEST(test_protocol_when_an_iteration_is_printed_then_has_every_field_in_order)
{
    CHECK_TEXT("{\"type\":\"iteration\",\"index\":3,\"phase\":\"measured\",\"form\":\"heap\",\"start_ns\":1,"
               "\"elapsed_ns\":2,\"cpu_ns\":3,\"operations\":4,\"allocations\":5,\"allocated_bytes\":6,"
               "\"peak_live_bytes\":7,\"runtime_allocations\":8,\"runtime_bytes\":9,"
               "\"checksum\":\"00000000000000ab\"}\n",
               line_of(print_iteration));
}

static void print_end(void)
{
    protocol_end(2, 1, &(struct result){.counter_count = 2, .counters = {{"hits", 3}, {"misses", 4}}});
}

TEST(test_protocol_when_the_end_is_printed_then_counters_are_a_flat_map)
{
    CHECK_TEXT("{\"type\":\"end\",\"status\":\"ok\",\"peak_resident_bytes\":2,\"resident_bytes\":1,"
               "\"counters\":{\"hits\":3,\"misses\":4}}\n",
               line_of(print_end));
}

TEST(test_protocol_when_nobody_says_quit_then_patience_ends)
{
    int ends[2] = {-1, -1};
    const int own = dup(STDIN_FILENO);
    if (own < 0 || pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) < 0) {
        test_fail(__FILE__, __LINE__, "stdin cannot be redirected");
        return;
    }
    CHECK(write(ends[1], "x", 1) == 1);
    protocol_await_quit(1000000);
    /* The byte that is not q was read and did not end the wait; the pipe is still open, so patience did. */
    CHECK(write(ends[1], "q", 1) == 1);
    protocol_await_quit(UINT64_C(3600000000000));
    close(ends[1]);
    protocol_await_quit(UINT64_C(3600000000000));
    CHECK(dup2(own, STDIN_FILENO) >= 0);
    close(ends[0]);
    close(own);
}
