/* Parses key=value arguments against what the workload declares. Integers are unsigned decimals and nothing else: no
 * sign, no blank, no base, no silent wrap. */
#include "kit/params.h"

#include <assert.h>
#include <string.h>

#include "kit/exit.h"
#include "kit/text.h"

/* Keys that every workload takes, before its own parameters. */
enum { KEY_VARIANT, KEY_MODE, KEY_SEED, KEY_WARMUP, KEY_ITERATIONS, COMMON_KEYS };

static const struct parameter common[COMMON_KEYS] = {
    [KEY_VARIANT] = {.name = "variant"},
    [KEY_MODE] = {.name = "mode"},
    [KEY_SEED] = {.name = "seed", .most = UINT64_MAX},
    [KEY_WARMUP] = {.name = "warmup", .most = UINT64_MAX},
    [KEY_ITERATIONS] = {.name = "iterations", .least = 1, .most = UINT64_MAX},
};

static const char *const mode_names[] = {
    [MODE_THROUGHPUT] = "throughput",
    [MODE_MEMORY] = "memory",
    [MODE_EXACT] = "exact",
    [MODE_LATENCY] = "latency",
};

/* Ends the program: what is wrong with which text, and what the workload expects instead. */
__attribute__((noreturn)) static void refuse(const struct workload *workload, const char *problem, const char *text)
{
    char buffer[2048];
    struct text expected = text_in(buffer, sizeof buffer);
    text_add(&expected, "%s variant=", workload->id);
    for (size_t i = 0; i < workload->variant_count; i++) {
        text_add(&expected, "%s%s", i > 0 ? "|" : "", workload->variants[i].id);
    }
    text_add(&expected, " mode=throughput|memory|exact|latency seed=N warmup=N iterations=N");
    for (size_t i = 0; i < workload->parameter_count; i++) {
        text_add(&expected, " %s=N", workload->parameters[i].name);
    }
    exit_with(EXIT_USAGE, "%s: %s\nexpected: %s", problem, text, buffer);
}

static const struct parameter *key_at(const struct workload *workload, size_t index)
{
    return index < COMMON_KEYS ? &common[index] : &workload->parameters[index - COMMON_KEYS];
}

/* The index of the key that `argument` begins with; refuses one without a key or with an unknown one. */
static size_t key_of(const struct workload *workload, const char *argument)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL) {
        refuse(workload, "not key=value", argument);
    }
    const size_t length = (size_t)(equals - argument);
    for (size_t i = 0; i < COMMON_KEYS + workload->parameter_count; i++) {
        const char *name = key_at(workload, i)->name;
        if (strlen(name) == length && strncmp(name, argument, length) == 0) {
            return i;
        }
    }
    refuse(workload, "unknown key", argument);
}

/* An unsigned decimal within the bounds of `parameter`; `argument` is quoted when it is not. */
static uint64_t integer_of(const struct workload *workload, const struct parameter *parameter, const char *argument,
                           const char *value)
{
    uint64_t number = 0;
    if (*value == '\0') {
        refuse(workload, "not an unsigned integer", argument);
    }
    for (const char *c = value; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            refuse(workload, "not an unsigned integer", argument);
        }
        const uint64_t digit = (uint64_t)(*c - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            refuse(workload, "more than 64 bits", argument);
        }
        number = number * 10 + digit;
    }
    if (number < parameter->least || number > parameter->most) {
        refuse(workload, "out of range", argument);
    }
    if (parameter->words && number % sizeof(uint64_t) != 0) {
        refuse(workload, "not a multiple of 8", argument);
    }
    return number;
}

static const struct variant *variant_of(const struct workload *workload, const char *argument, const char *value)
{
    for (size_t i = 0; i < workload->variant_count; i++) {
        if (strcmp(workload->variants[i].id, value) == 0) {
            return &workload->variants[i];
        }
    }
    refuse(workload, "unknown variant", argument);
}

static enum mode mode_of(const struct workload *workload, const char *argument, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
        if (strcmp(mode_names[i], value) == 0) {
            return (enum mode)i;
        }
    }
    refuse(workload, "unknown mode", argument);
}

static void store(struct run *run, size_t key, const char *argument)
{
    const char *value = strchr(argument, '=') + 1;
    switch (key) {
    case KEY_VARIANT:
        run->variant = variant_of(run->workload, argument, value);
        return;
    case KEY_MODE:
        run->mode = mode_of(run->workload, argument, value);
        return;
    default:
        break;
    }
    const uint64_t number = integer_of(run->workload, key_at(run->workload, key), argument, value);
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
    default:
        run->values[key - COMMON_KEYS] = number;
        break;
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
    bool given[COMMON_KEYS + PARAMETERS_MAX] = {false};
    for (int i = 2; i < argc; i++) {
        const size_t key = key_of(run.workload, argv[i]);
        if (given[key]) {
            refuse(run.workload, "given twice", argv[i]);
        }
        given[key] = true;
        store(&run, key, argv[i]);
    }
    for (size_t key = 0; key < COMMON_KEYS + run.workload->parameter_count; key++) {
        if (!given[key]) {
            refuse(run.workload, "missing", key_at(run.workload, key)->name);
        }
    }
    assert(run.variant != NULL); /* it was not missing */
    if (run.variant->every_form && run.mode != MODE_EXACT) {
        refuse(run.workload, "this variant serves mode exact only", run.variant->id);
    }
    return run;
}
