/* Which allocator serves this process, as found in the running program and not as asked for: a library that was
 * linked but does not provide malloc would be reported as what really does. */
#ifndef KIT_ALLOCATOR_H
#define KIT_ALLOCATOR_H

struct allocator {
    const char *name;    /* glibc, jemalloc, mimalloc, tcmalloc, bump, asan; unknown for anything else */
    const char *version; /* as the library itself says it; empty where it says nothing */
};

/* Looks at the object that malloc resolves to. The texts live as long as the process. */
struct allocator allocator_in_force(void);

#endif
