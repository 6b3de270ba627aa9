/* The worker: parses the command line, looks the workload up, runs its iterations, verifies that they agree, reports
 * and exits, all as langs/PROTOCOL.md says. What is measured lies in workloads/, how in kit/. */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/allocate.h"
#include "kit/allocator.h"
#include "kit/clock.h"
#include "kit/counting.h"
#include "kit/exit.h"
#include "kit/latency.h"
#include "kit/memory.h"
#include "kit/params.h"
#include "kit/protocol.h"
#include "kit/settings.h"
#include "kit/workload.h"

#if defined(__clang__)
#define TOOLCHAIN "clang " __clang_version__
#else
#define TOOLCHAIN "gcc " __VERSION__
#endif

/* How long the harness may take to read the container's counters. */
#define QUIT_PATIENCE_NS (10 * NANOSECONDS_PER_SECOND)

/* What lasts over all iterations of the process. */
struct session {
    struct cpu_clock cpu_clock;
    struct checkpoints checkpoints;
    struct latency *latency; /* mode latency only, else NULL */
    uint64_t next_index;
    bool peak_was_reset;
    struct result last;
};

static uint64_t usable_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    }
    return (uint64_t)CPU_COUNT(&set);
}

static void require_support(const struct run *run)
{
    if (run->mode == MODE_LATENCY && !run->variant->operates) {
        exit_with(EXIT_UNSUPPORTED, "mode latency needs single operations, which %s/%s does not have",
                  run->workload->id, run->variant->id);
    }
    if (run->mode == MODE_EXACT && !counting_is_on()) {
        exit_with(EXIT_UNSUPPORTED, "mode exact needs a program built with COUNTING=1");
    }
}

static void announce(const struct session *session)
{
    struct start start = {
        .toolchain = TOOLCHAIN,
        .allocator = allocator_in_force(),
        .counting = counting_is_on(),
        .zeroing = ALLOCATES_ZEROED,
        .cpus = usable_cpus(),
        .pid = (uint64_t)getpid(),
        .cpu_resolution_ns = session->cpu_clock.resolution_ns,
    };
    start.settings = settings_in_force(&start.allocator);
    start.has_memory_limit = memory_limit_bytes(&start.memory_limit);
    protocol_start(&start);
}

/* iterate, between the clocks. */
static struct timing time_iterate(const struct session *session, const struct workload *workload, void *state)
{
    const uint64_t cpu_start = cpu_clock_read_ns(&session->cpu_clock);
    const uint64_t start = clock_monotonic_ns();
    workload->iterate(state);
    const uint64_t end = clock_monotonic_ns();
    const uint64_t cpu_end = cpu_clock_read_ns(&session->cpu_clock);
    return (struct timing){.start_ns = start, .elapsed_ns = end - start, .cpu_ns = cpu_end - cpu_start};
}

/* Setup, what is timed, teardown; then the lines. */
static struct result run_iteration(struct session *session, const struct run *run, bool measured, const char *form)
{
    const struct workload *workload = run->workload;
    session->checkpoints.count = 0;
    void *state = workload->setup(run);

    const struct served before = counting_served();
    const struct timing timing =
        session->latency != NULL
            ? latency_iterate(session->latency, run, state, &session->cpu_clock, measured)
            : time_iterate(session, workload, state);
    const struct served after = counting_served();

    const struct result result = workload->teardown(state);
    const struct served served = {after.allocations - before.allocations, after.bytes - before.bytes};
    protocol_iteration(&(struct iteration){
        .index = session->next_index++,
        .measured = measured,
        .form = form,
        .timing = timing,
        .result = result,
        .served = run->mode == MODE_EXACT ? &served : NULL,
    });
    for (size_t i = 0; i < session->checkpoints.count; i++) {
        protocol_checkpoint(&session->checkpoints.items[i]);
    }
    return result;
}

/* Ends the program with 65 unless two iterations of one form did the same. */
static void require_agreement(const struct result *first, const struct result *other, const struct run *run)
{
    bool agree = first->checksum == other->checksum && first->operations == other->operations &&
                 first->allocations == other->allocations && first->allocated_bytes == other->allocated_bytes &&
                 first->peak_live_bytes == other->peak_live_bytes && first->counter_count == other->counter_count;
    for (size_t i = 0; agree && i < first->counter_count; i++) {
        agree = first->counters[i].value == other->counters[i].value;
    }
    if (!agree) {
        exit_with(EXIT_DISAGREEMENT, "%s/%s: an iteration's checksum or counts differ from the first one's",
                  run->workload->id, run->variant->id);
    }
}

/* All iterations of one variant; `form` is its name where the process serves several. */
static void run_form(struct session *session, const struct run *run, const char *form)
{
    struct result first = {0};
    for (uint64_t i = 0; i < run->warmup + run->iterations; i++) {
        const bool measured = i >= run->warmup;
        if (measured && !session->peak_was_reset) {
            memory_reset_peak();
            session->peak_was_reset = true;
        }
        session->last = run_iteration(session, run, measured, form);
        if (i == 0) {
            first = session->last;
        }
        require_agreement(&first, &session->last, run);
    }
}

static void run_all(struct session *session, const struct run *run)
{
    if (!run->variant->every_form) {
        run_form(session, run, NULL);
        return;
    }
    for (size_t i = 0; i < run->workload->variant_count; i++) {
        const struct variant *variant = &run->workload->variants[i];
        if (!variant->every_form) {
            struct run form = *run;
            form.variant = variant;
            run_form(session, &form, variant->id);
        }
    }
}

int main(int argc, char **argv)
{
    /* Not on the heap, whose layout is the workload's. */
    static struct latency latency;
    struct run run = params_parse(argc, argv);
    require_support(&run);
    struct session session = {
        .cpu_clock = cpu_clock_open(),
        .checkpoints = {.enabled = run.mode == MODE_MEMORY},
    };
    run.checkpoints = &session.checkpoints;
    announce(&session);
    if (run.mode == MODE_LATENCY) {
        latency_prepare(&latency, run.tick_us);
        session.latency = &latency;
    }
    protocol_ready();
    protocol_await_go();
    run_all(&session, &run);
    if (session.latency != NULL) {
        latency_report(session.latency);
    }
    protocol_end(memory_peak_resident_bytes(), memory_resident_bytes(), &session.last);
    protocol_await_quit(QUIT_PATIENCE_NS);
    return EXIT_SUCCESS;
}
