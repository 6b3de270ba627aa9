/* malloc over regions that only grow, and a free that does nothing: what allocating costs where nothing is ever given
 * back. In a program built with ALLOCATOR=bump these functions stand before the C library's, for its own calls too;
 * glibc's manual ("Replacing malloc") says which there have to be.
 *
 * Each thread has a region of its own, so there is no lock; where it is full the next one is mapped. */
#include "kit/bump.h"

#ifdef BUMP

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks lie on multiples of 16, as the ABI asks for, and right behind their size, as in the C library. */
#define ALIGNMENT ((size_t)16)
#define HEADER sizeof(size_t)

/* Large enough for its system call to vanish beside its 1,024 page faults, small enough for thousands of threads. */
#define REGION ((size_t)4 << 20)

/* Where the next block's size goes (8 beyond a multiple of 16), and the end of the region. */
static _Thread_local char *next;
static _Thread_local char *limit;

/* Fresh pages, all zero; NULL with ENOMEM where the kernel refuses. */
static char *map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static void *with_size(char *block, size_t size)
{
    memcpy(block - HEADER, &size, HEADER);
    return block;
}

static size_t size_of(const void *block)
{
    size_t size;
    memcpy(&size, (const char *)block - HEADER, HEADER);
    return size;
}

/* A block that was never used before and therefore is zero. */
static void *take(size_t size)
{
    if (size > PTRDIFF_MAX - REGION) {
        errno = ENOMEM;
        return NULL;
    }
    const size_t whole = (size + HEADER + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (whole > REGION / 4) {
        /* Pages of its own, so that it does not waste what is left of the region. */
        char *pages = map(whole + ALIGNMENT);
        return pages == NULL ? NULL : with_size(pages + ALIGNMENT, whole - HEADER);
    }
    if (whole > (size_t)(limit - next)) {
        char *region = map(REGION);
        if (region == NULL) {
            return NULL;
        }
        next = region + ALIGNMENT - HEADER;
        limit = region + REGION;
    }
    char *block = next + HEADER;
    next += whole;
    return with_size(block, whole - HEADER);
}

/* The C library's headers name the parameters in its own reserved way.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

void *malloc(size_t size)
{
    return take(size);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(bytes);
}

void *realloc(void *block, size_t size)
{
    if (block != NULL && size <= size_of(block)) {
        return block;
    }
    void *larger = take(size);
    if (block != NULL && larger != NULL) {
        memcpy(larger, block, size_of(block));
    }
    return larger;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment <= ALIGNMENT) {
        return take(size);
    }
    if (size > PTRDIFF_MAX - alignment) {
        errno = ENOMEM;
        return NULL;
    }
    char *block = take(size + alignment);
    if (block == NULL) {
        return NULL;
    }
    const size_t beyond = (uintptr_t)block & (alignment - 1);
    const size_t skipped = beyond == 0 ? 0 : alignment - beyond;
    return with_size(block + skipped, size_of(block) - skipped);
}

size_t malloc_usable_size(void *block)
{
    return block == NULL ? 0 : size_of(block);
}

void free(void *block)
{
    (void)block;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

size_t bump_region_bytes(void)
{
    return REGION;
}

#endif
