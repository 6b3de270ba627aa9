/* malloc for workloads. Each of them allocates through here, because each has the same answer to a refusal: the
 * protocol's exit code for out of memory. */
#ifndef KIT_ALLOCATE_H
#define KIT_ALLOCATE_H

#include <stddef.h>
#include <stdlib.h>

#include "kit/exit.h"

/* Whether every block is zeroed, as languages with a collector do it (a program built with ZERO=1). */
#ifdef ZERO
enum { ALLOCATES_ZEROED = 1 };
#else
enum { ALLOCATES_ZEROED = 0 };
#endif

/* A block of `size` bytes, to be given back with free(); its contents are unspecified unless ALLOCATES_ZEROED. Ends the
 * program with 66 when the allocator refuses. */
__attribute__((malloc, returns_nonnull)) static inline void *allocate(size_t size)
{
    void *block = ALLOCATES_ZEROED ? calloc(1, size) : malloc(size);
    if (__builtin_expect(block == NULL, 0)) {
        exit_out_of_memory(size);
    }
    return block;
}

/* `count` elements of `size` bytes, all zero; refuses with 66 like allocate(), a product beyond size_t included. For
 * what setup prepares: zeroed pages of a large table are not touched until they are used. */
__attribute__((malloc, returns_nonnull)) static inline void *allocate_zeroed(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (__builtin_expect(block == NULL, 0)) {
        exit_out_of_memory(count);
    }
    return block;
}

#endif
