/* Parses key=value arguments against what the workload declares. Integers are unsigned decimals and nothing else: no
 * sign, no blank, no base, no silent wrap. */
#include "kit/params.h"

#include <assert.h>
#include <string.h>

#include "kit/exit.h"
#include "kit/text.h"

/* Keys that every workload takes, before its own parameters; the last two in mode latency only. */
enum { KEY_VARIANT, KEY_MODE, KEY_SEED, KEY_WARMUP, KEY_ITERATIONS, KEY_RATE, KEY_TICK_US, COMMON_KEYS };

/* The shortest period of the ticker, unless it does not run: below it the ticker would be the load. */
#define TICK_US_LEAST 100

static const struct parameter common[COMMON_KEYS] = {
    [KEY_VARIANT] = {.name = "variant"},
    [KEY_MODE] = {.name = "mode"},
    [KEY_SEED] = {.name = "seed", .most = UINT64_MAX},
    [KEY_WARMUP] = {.name = "warmup", .most = UINT64_MAX},
    [KEY_ITERATIONS] = {.name = "iterations", .least = 1, .most = UINT64_MAX},
    [KEY_RATE] = {.name = "rate", .least = 1, .most = 1000000000},
    [KEY_TICK_US] = {.name = "tick_us", .most = 1000000},
};

static const char *const mode_names[] = {
    [MODE_THROUGHPUT] = "throughput",
    [MODE_MEMORY] = "memory",
    [MODE_EXACT] = "exact",
    [MODE_LATENCY] = "latency",
};

static size_t key_count(const struct run *run)
{
    return COMMON_KEYS + run->workload->parameter_count;
}

static const struct parameter *key_at(const struct run *run, size_t key)
{
    return key < COMMON_KEYS ? &common[key] : &run->workload->parameters[key - COMMON_KEYS];
}

/* Whether a call of the run's mode has that key. */
static bool is_expected(const struct run *run, size_t key)
{
    return run->mode == MODE_LATENCY || (key != KEY_RATE && key != KEY_TICK_US);
}

/* Ends the program: what is wrong with which text, and what the workload expects instead. */
__attribute__((noreturn)) static void refuse(const struct run *run, const char *problem, const char *text)
{
    const struct workload *workload = run->workload;
    char buffer[2048];
    struct text expected = text_in(buffer, sizeof buffer);
    text_add(&expected, "%s variant=", workload->id);
    for (size_t i = 0; i < workload->variant_count; i++) {
        text_add(&expected, "%s%s", i > 0 ? "|" : "", workload->variants[i].id);
    }
    text_add(&expected, " mode=throughput|memory|exact|latency");
    for (size_t key = KEY_SEED; key < key_count(run); key++) {
        if (is_expected(run, key)) {
            text_add(&expected, " %s=N", key_at(run, key)->name);
        }
    }
    exit_with(EXIT_USAGE, "%s: %s\nexpected: %s", problem, text, buffer);
}

/* The index of the key that `argument` begins with; refuses one without a key or with an unknown one. */
static size_t key_of(const struct run *run, const char *argument)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL) {
        refuse(run, "not key=value", argument);
    }
    const size_t length = (size_t)(equals - argument);
    for (size_t key = 0; key < key_count(run); key++) {
        const char *name = key_at(run, key)->name;
        if (is_expected(run, key) && strlen(name) == length && strncmp(name, argument, length) == 0) {
            return key;
        }
    }
    refuse(run, "unknown key", argument);
}

/* An unsigned decimal within the bounds of `parameter`; `argument` is quoted when it is not. */
static uint64_t integer_of(const struct run *run, const struct parameter *parameter, const char *argument,
                           const char *value)
{
    uint64_t number = 0;
    if (*value == '\0') {
        refuse(run, "not an unsigned integer", argument);
    }
    for (const char *c = value; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            refuse(run, "not an unsigned integer", argument);
        }
        const uint64_t digit = (uint64_t)(*c - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            refuse(run, "more than 64 bits", argument);
        }
        number = number * 10 + digit;
    }
    if (number < parameter->least || number > parameter->most) {
        refuse(run, "out of range", argument);
    }
    if (parameter->words && number % sizeof(uint64_t) != 0) {
        refuse(run, "not a multiple of 8", argument);
    }
    return number;
}

static const struct variant *variant_of(const struct run *run, const char *argument, const char *value)
{
    const struct workload *workload = run->workload;
    for (size_t i = 0; i < workload->variant_count; i++) {
        if (strcmp(workload->variants[i].id, value) == 0) {
            return &workload->variants[i];
        }
    }
    refuse(run, "unknown variant", argument);
}

static enum mode mode_of(const struct run *run, const char *argument, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
        if (strcmp(mode_names[i], value) == 0) {
            return (enum mode)i;
        }
    }
    refuse(run, "unknown mode", argument);
}

static void store(struct run *run, size_t key, const char *argument)
{
    const char *value = strchr(argument, '=') + 1;
    switch (key) {
    case KEY_VARIANT:
        run->variant = variant_of(run, argument, value);
        return;
    case KEY_MODE:
        return; /* find_mode() has been here */
    default:
        break;
    }
    const uint64_t number = integer_of(run, key_at(run, key), argument, value);
    switch (key) {
    case KEY_SEED:
        run->seed = number;
        break;
    case KEY_WARMUP:
        run->warmup = number;
        break;
    case KEY_ITERATIONS:
        run->iterations = number;
        break;
    case KEY_RATE:
        run->rate = number;
        break;
    case KEY_TICK_US:
        if (number != 0 && number < TICK_US_LEAST) {
            refuse(run, "out of range", argument);
        }
        run->tick_us = number;
        break;
    default:
        run->values[key - COMMON_KEYS] = number;
        break;
    }
}

/* The mode decides which keys there are, so it is looked for first, wherever it stands. */
static void find_mode(struct run *run, int argc, char **argv)
{
    static const char key[] = "mode=";
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], key, sizeof key - 1) == 0) {
            run->mode = mode_of(run, argv[i], argv[i] + sizeof key - 1);
        }
    }
}

struct run params_parse(int argc, char **argv)
{
    char known[1024];
    struct text list = text_in(known, sizeof known);
    workload_list(&list);
    if (argc < 2) {
        exit_with(EXIT_USAGE, "no workload given\nexpected: WORKLOAD key=value ..., WORKLOAD one of: %s", known);
    }
    struct run run = {.workload = workload_find(argv[1])};
    if (run.workload == NULL) {
        exit_with(EXIT_USAGE, "unknown workload: %s\nexpected one of: %s", argv[1], known);
    }
    find_mode(&run, argc, argv);
    bool given[COMMON_KEYS + PARAMETERS_MAX] = {false};
    for (int i = 2; i < argc; i++) {
        const size_t key = key_of(&run, argv[i]);
        if (given[key]) {
            refuse(&run, "given twice", argv[i]);
        }
        given[key] = true;
        store(&run, key, argv[i]);
    }
    for (size_t key = 0; key < key_count(&run); key++) {
        if (is_expected(&run, key) && !given[key]) {
            refuse(&run, "missing", key_at(&run, key)->name);
        }
    }
    assert(run.variant != NULL); /* it was not missing */
    if (run.variant->every_form && run.mode != MODE_EXACT) {
        refuse(&run, "this variant serves mode exact only", run.variant->id);
    }
    return run;
}
