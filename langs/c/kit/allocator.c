/* Every allocator exports a function of its own beside malloc. Where that function and malloc lie in the same loaded
 * object, that allocator is in force; being loaded alone proves nothing. */
#include "kit/allocator.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ISO C has no conversion from an object pointer, which dlsym returns, to a function's: POSIX asks for this copy. */
#define FUNCTION_AT(function, address) memcpy(&(function), &(address), sizeof(function))

static const char *jemalloc_version(const void *address)
{
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    FUNCTION_AT(mallctl, address);
    const char *version = "";
    size_t size = sizeof(void *);
    return mallctl("version", (void *)&version, &size, NULL, 0) == 0 ? version : "";
}

/* One number, as mimalloc counts: 209 for 2.0.9. */
static const char *mimalloc_version(const void *address)
{
    static char text[16];
    int (*version)(void);
    FUNCTION_AT(version, address);
    snprintf(text, sizeof text, "%d", version());
    return text;
}

static const char *tcmalloc_version(const void *address)
{
    const char *(*version)(int *, int *, const char **);
    FUNCTION_AT(version, address);
    return version(NULL, NULL, NULL);
}

static const char *glibc_version(const void *address)
{
    (void)address;
    return gnu_get_libc_version();
}

static const char *no_version(const void *address)
{
    (void)address;
    return "";
}

static const struct {
    const char *name;
    const char *function;
    const char *(*version)(const void *address);
} known[] = {
    {"jemalloc", "mallctl", jemalloc_version},
    {"mimalloc", "mi_version", mimalloc_version},
    {"tcmalloc", "tc_version", tcmalloc_version},
    {"asan", "__asan_init", no_version},
    {"bump", "bump_region_bytes", no_version},
    {"glibc", "gnu_get_libc_version", glibc_version},
};

struct allocator allocator_in_force(void)
{
    Dl_info server;
    void *malloc_address = dlsym(RTLD_DEFAULT, "malloc");
    if (malloc_address == NULL || dladdr(malloc_address, &server) == 0) {
        return (struct allocator){"unknown", ""};
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        Dl_info owner;
        void *address = dlsym(RTLD_DEFAULT, known[i].function);
        if (address != NULL && dladdr(address, &owner) != 0 && owner.dli_fbase == server.dli_fbase) {
            return (struct allocator){known[i].name, known[i].version(address)};
        }
    }
    return (struct allocator){"unknown", server.dli_fname};
}
