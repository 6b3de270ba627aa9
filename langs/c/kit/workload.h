/* What a workload is to the kit: setup, iterate, teardown, and what one iteration amounted to. A workload registers
 * itself with WORKLOAD at the end of its file and exports nothing else; there is no list of workloads anywhere. */
#ifndef KIT_WORKLOAD_H
#define KIT_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit/memory.h"
#include "kit/text.h"

enum mode { MODE_THROUGHPUT, MODE_MEMORY, MODE_EXACT, MODE_LATENCY };

#define PARAMETERS_MAX 12
#define COUNTERS_MAX 4

/* An integer on the command line: from `least` to `most`, and a multiple of 8 where it measures whole words. */
struct parameter {
    const char *name;
    uint64_t least;
    uint64_t most;
    bool words;
};

/* One shape of a workload. `detail` is the workload's own; `every_form` marks the one that runs all others in turn,
 * `operates` the one whose operations can be asked for one by one, which is what mode latency needs. */
struct variant {
    const char *id;
    const void *detail;
    bool every_form;
    bool operates;
};

/* What the command line asks for. `values` are those of the workload's parameters, in their order; `rate` (arrivals
 * per second) and `tick_us` (period of the ticker, 0 for none) are set in mode latency. */
struct run {
    const struct workload *workload;
    const struct variant *variant;
    enum mode mode;
    uint64_t seed;
    uint64_t warmup;
    uint64_t iterations;
    uint64_t rate;
    uint64_t tick_us;
    uint64_t values[PARAMETERS_MAX];
    struct checkpoints *checkpoints;
};

/* The value of a parameter that the workload declares; asking for another one aborts. */
uint64_t run_parameter(const struct run *run, const char *name);

/* A number that the workload publishes beside its result. */
struct counter {
    const char *name;
    uint64_t value;
};

/* What one iteration did: logical counts as the algorithm defines them, never what the allocator made of them. */
struct result {
    uint64_t operations;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t peak_live_bytes;
    uint64_t checksum;
    size_t counter_count;
    struct counter counters[COUNTERS_MAX];
};

/* `iterate` alone is timed. `setup` makes the state from the run, `teardown` releases all of it and says what the
 * iteration amounted to: all counting that needs no clock's company happens there.
 *
 * Where a variant operates, `iterate` is `operate` for i = 0, 1, ... as often as the parameter `arrivals` says, then
 * `conclude`. Mode latency calls the two itself: the operations when they are due, `conclude` (NULL: nothing is left to
 * do) after the clock. */
struct workload {
    const char *id;
    const struct parameter *parameters;
    size_t parameter_count;
    const struct variant *variants;
    size_t variant_count;
    void *(*setup)(const struct run *run);
    void (*iterate)(void *state);
    struct result (*teardown)(void *state);
    const char *arrivals;
    void (*operate)(void *state, uint64_t i);
    void (*conclude)(void *state);
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Registers the workload that the initialisers describe: the linker gathers the pointers of all files into one array. */
#define WORKLOAD(...)                                                                                                  \
    static const struct workload this_workload = {__VA_ARGS__};                                                        \
    static const struct workload *const registered_workload __attribute__((used, section("workloads"))) = &this_workload

/* How many workloads there are, and each of them, in the linker's order. */
size_t workload_count(void);
const struct workload *workload_at(size_t index);

/* The workload of that id; NULL when there is none. */
const struct workload *workload_find(const char *id);

/* Adds the ids of all workloads, separated by spaces. */
void workload_list(struct text *text);

#endif
