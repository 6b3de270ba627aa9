/* The counting malloc: with -Wl,--wrap=malloc the linker sends the program's calls of malloc to __wrap_malloc and the
 * name __real_malloc to the allocator. The C library's own calls stay uncounted: what counts is what the workload asks
 * for. A release is not counted, so free needs no wrapper. */
#include "kit/counting.h"

#ifdef COUNTING

#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

/* Atomic, since workloads may have threads; relaxed, since they are read after the threads have been joined. */
static _Atomic uint64_t allocations;
static _Atomic uint64_t bytes;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static void *counted(void *block)
{
    if (block != NULL) {
        atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&bytes, malloc_usable_size(block), memory_order_relaxed);
    }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    return counted(__real_realloc(block, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return counted(__real_aligned_alloc(alignment, size));
}

bool counting_is_on(void)
{
    return true;
}

struct served counting_served(void)
{
    return (struct served){
        .allocations = atomic_load_explicit(&allocations, memory_order_relaxed),
        .bytes = atomic_load_explicit(&bytes, memory_order_relaxed),
    };
}

#else

bool counting_is_on(void)
{
    return false;
}

struct served counting_served(void)
{
    return (struct served){0};
}

#endif
