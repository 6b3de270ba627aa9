/* Finds and reads the CPU counter. Nothing here runs between the wall clock's two readings, and nothing allocates
 * once the counter is open. */
#include "kit/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/cgroup.h"
#include "kit/exit.h"

/* The kernel charges a running thread at scheduler ticks: 250 a second. */
#define CGROUP_RESOLUTION_NS UINT64_C(4000000)

/* Reads the counter of a cgroup file from its beginning. */
static bool read_counter(int file, enum cpu_clock_source source, uint64_t *nanoseconds)
{
    char text[1024];
    const ssize_t length = pread(file, text, sizeof text - 1, 0);
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    if (source == CPU_CLOCK_CPUACCT) {
        *nanoseconds = strtoull(text, NULL, 10);
        return true;
    }
    static const char key[] = "usage_usec ";
    const char *value = strstr(text, key);
    if (value == NULL) {
        return false;
    }
    *nanoseconds = strtoull(value + sizeof key - 1, NULL, 10) * 1000;
    return true;
}

static bool open_counter(struct cpu_clock *clock, const char *folder, const char *name, enum cpu_clock_source source)
{
    char path[PATH_MAX];
    if (!cgroup_path(path, folder, name)) {
        return false;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    uint64_t nanoseconds;
    if (!read_counter(file, source, &nanoseconds)) {
        close(file);
        return false;
    }
    *clock = (struct cpu_clock){.source = source, .file = file, .resolution_ns = CGROUP_RESOLUTION_NS};
    return true;
}

struct cpu_clock cpu_clock_open_in(const char *cpuacct_folder, const char *unified_folder)
{
    struct cpu_clock clock;
    if (cpuacct_folder != NULL && !cgroup_has(cpuacct_folder, "release_agent") &&
        open_counter(&clock, cpuacct_folder, "cpuacct.usage", CPU_CLOCK_CPUACCT)) {
        return clock;
    }
    if (unified_folder != NULL && cgroup_has(unified_folder, "cgroup.type") &&
        open_counter(&clock, unified_folder, "cpu.stat", CPU_CLOCK_CPU_STAT)) {
        return clock;
    }
    struct timespec resolution;
    clock_getres(CLOCK_PROCESS_CPUTIME_ID, &resolution);
    return (struct cpu_clock){
        .source = CPU_CLOCK_PROCESS,
        .file = -1,
        .resolution_ns = (uint64_t)resolution.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)resolution.tv_nsec,
    };
}

struct cpu_clock cpu_clock_open(void)
{
    char cpuacct[PATH_MAX];
    char unified[PATH_MAX];
    return cpu_clock_open_in(cgroup_own_folder(cpuacct, "cpuacct") ? cpuacct : NULL,
                             cgroup_own_folder(unified, CGROUP_UNIFIED) ? unified : NULL);
}

void clock_sleep_until_ns(uint64_t moment_ns)
{
    const struct timespec moment = {
        .tv_sec = (time_t)(moment_ns / NANOSECONDS_PER_SECOND),
        .tv_nsec = (long)(moment_ns % NANOSECONDS_PER_SECOND),
    };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) {
    }
}

uint64_t cpu_clock_read_ns(const struct cpu_clock *clock)
{
    sched_yield();
    if (clock->source == CPU_CLOCK_PROCESS) {
        return clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    }
    uint64_t nanoseconds;
    if (!read_counter(clock->file, clock->source, &nanoseconds)) {
        exit_with(EXIT_UNSUPPORTED, "the cgroup's CPU counter can no longer be read");
    }
    return nanoseconds;
}
