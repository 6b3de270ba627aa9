/* Every allocator has a call of its own for giving memory back, found by name like the allocator itself: a program is
 * linked to one of them and knows none of their headers. */
#include "kit/aftermath.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "kit/allocator.h"
#include "kit/clock.h"

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)

/* ISO C has no conversion from an object pointer, which dlsym returns, to a function's: POSIX asks for this copy. */
#define FUNCTION_AT(function, address) memcpy(&(function), &(address), sizeof(function))

static void trim_glibc(const void *address)
{
    (void)address;
    malloc_trim(0);
}

/* 4096 stands for all arenas; what the thread keeps for itself goes back to them first. */
static void trim_jemalloc(const void *address)
{
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    FUNCTION_AT(mallctl, address);
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

static void trim_mimalloc(const void *address)
{
    void (*collect)(bool force);
    FUNCTION_AT(collect, address);
    collect(true);
}

/* gperftools' ReleaseFreeMemory and the sanitizer's purge take nothing and return nothing. */
static void trim_plainly(const void *address)
{
    void (*trim)(void);
    FUNCTION_AT(trim, address);
    trim();
}

static const struct {
    const char *allocator;
    const char *function;
    void (*trim)(const void *address);
} known[] = {
    {"glibc", "malloc_trim", trim_glibc},
    {"jemalloc", "mallctl", trim_jemalloc},
    {"mimalloc", "mi_collect", trim_mimalloc},
    {"tcmalloc", "MallocExtension_ReleaseFreeMemory", trim_plainly},
    {"asan", "__sanitizer_purge_allocator", trim_plainly},
};

bool aftermath_trim(const char *allocator)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const void *address = dlsym(RTLD_DEFAULT, known[i].function);
        if (address != NULL && strcmp(known[i].allocator, allocator) == 0) {
            known[i].trim(address);
            return true;
        }
    }
    return false;
}

static void sleep_until(uint64_t nanoseconds)
{
    const struct timespec end = {
        .tv_sec = (time_t)(nanoseconds / NANOSECONDS_PER_SECOND),
        .tv_nsec = (long)(nanoseconds % NANOSECONDS_PER_SECOND),
    };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) != 0) {
    }
}

/* When an allocator or a runtime of these languages may have done something of itself: jemalloc within 10 s, Go's
 * forced collection after 120, what two of Java's collectors give back after 300. */
static const struct {
    uint64_t seconds;
    const char *name;
} moments[] = {{1, "idle_1s"}, {15, "idle_15s"}, {150, "idle_150s"}, {330, "idle_330s"}};

void aftermath_take(struct checkpoints *checkpoints, uint64_t live_bytes, uint64_t idle_s)
{
    if (!checkpoints->enabled) {
        return;
    }
    const uint64_t start = clock_monotonic_ns();
    for (size_t i = 0; i < sizeof moments / sizeof moments[0] && moments[i].seconds <= idle_s; i++) {
        sleep_until(start + moments[i].seconds * NANOSECONDS_PER_SECOND);
        checkpoint_take(checkpoints, moments[i].name, live_bytes);
    }
    checkpoint_take(checkpoints, "after_collection", live_bytes);
    if (aftermath_trim(allocator_in_force().name)) {
        checkpoint_take(checkpoints, "after_trim", live_bytes);
    }
}
