/* The settings of malloc that are in force, as the allocator or the loader says them, so that a configuration whose
 * environment did not arrive, or was misspelt, is found out. */
#ifndef KIT_SETTINGS_H
#define KIT_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "kit/allocator.h"

struct setting {
    const char *name;
    uint64_t value;
};

enum { SETTINGS_MAX = 4 };

struct settings {
    struct setting items[SETTINGS_MAX];
    size_t count;
};

/* jemalloc: background_thread (0 or 1). glibc, where the environment sets anything of its malloc: arena_max,
 * mmap_threshold and trim_threshold (bytes), 0 where that is left to the library. Nothing of what cannot be read. */
struct settings settings_in_force(const struct allocator *allocator);

/* What the loader's listing of its tunables says about glibc's malloc. */
struct settings settings_from(const char *listing);

#endif
