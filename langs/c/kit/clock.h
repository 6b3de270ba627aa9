/* The two clocks of an iteration: monotonic wall time, inline because it stands right at the timed region's edges, and
 * the CPU time of the container, which includes every thread that works for this program. */
#ifndef KIT_CLOCK_H
#define KIT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)

static inline uint64_t clock_nanoseconds(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC in ns: one clock for all containers of a host. */
static inline uint64_t clock_monotonic_ns(void)
{
    return clock_nanoseconds(CLOCK_MONOTONIC);
}

/* Sleeps until that moment of CLOCK_MONOTONIC, through whatever signals come meanwhile. */
void clock_sleep_until_ns(uint64_t moment_ns);

/* Where CPU time is read from. */
struct cpu_clock {
    enum cpu_clock_source { CPU_CLOCK_PROCESS, CPU_CLOCK_CPUACCT, CPU_CLOCK_CPU_STAT } source;
    int file;
    uint64_t resolution_ns;
};

/* The cgroup's counter (v1 cpuacct.usage, v2 cpu.stat) under the process's own cgroup; the process's CPU clock where
 * that cgroup is the root of its hierarchy, which counts the whole machine, or cannot be read. Stays open for the
 * life of the process. */
struct cpu_clock cpu_clock_open(void);

/* The same choice for given folders; NULL where there is no such hierarchy. */
struct cpu_clock cpu_clock_open_in(const char *cpuacct_folder, const char *unified_folder);

/* CPU time so far in ns. Yields once before it reads: a running thread is charged only when the scheduler looks. */
uint64_t cpu_clock_read_ns(const struct cpu_clock *clock);

/* What both clocks said about one iteration; the start is a moment, the rest are lengths. */
struct timing {
    uint64_t start_ns;
    uint64_t elapsed_ns;
    uint64_t cpu_ns;
};

#endif
