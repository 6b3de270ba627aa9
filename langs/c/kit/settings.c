/* jemalloc answers for itself. glibc's malloc has no function for it, but the loader, which hands it the environment's
 * settings, lists them when it is run as a program: in a process of its own, which leaves this one's heap alone. */
#include "kit/settings.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTING_BYTES 16384

static void add(struct settings *settings, const char *name, uint64_t value)
{
    settings->items[settings->count++] = (struct setting){name, value};
}

static struct settings of_jemalloc(void)
{
    struct settings settings = {0};
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    const void *address = dlsym(RTLD_DEFAULT, "mallctl");
    /* ISO C has no conversion from an object pointer to a function's: POSIX asks for this copy. */
    memcpy(&mallctl, &address, sizeof mallctl);
    bool enabled;
    size_t size = sizeof enabled;
    if (address != NULL && mallctl("background_thread", &enabled, &size, NULL, 0) == 0) {
        add(&settings, "background_thread", enabled ? 1 : 0);
    }
    return settings;
}

struct settings settings_from(const char *listing)
{
    static const char *const names[] = {"arena_max", "mmap_threshold", "trim_threshold"};
    struct settings settings = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char key[64];
        snprintf(key, sizeof key, "glibc.malloc.%s: ", names[i]);
        const char *found = strstr(listing, key);
        if (found != NULL) {
            add(&settings, names[i], strtoull(found + strlen(key), NULL, 0));
        }
    }
    return settings;
}

/* Whether the environment says anything to glibc's malloc; if not, there is nothing to ask the loader. */
static bool environment_sets_malloc(void)
{
    for (char **one = environ; *one != NULL; one++) {
        if (strncmp(*one, "MALLOC_", 7) == 0 || strncmp(*one, "GLIBC_TUNABLES=", 15) == 0) {
            return true;
        }
    }
    return false;
}

static void run_loader(const char *loader, int out)
{
    if (dup2(out, STDOUT_FILENO) >= 0) {
        execl(loader, loader, "--list-tunables", (char *)NULL);
    }
    _exit(127);
}

/* All that comes until the other end is closed, as text; what does not fit is dropped. */
static void read_all(int file, char *text, size_t size)
{
    size_t length = 0;
    for (;;) {
        const ssize_t step = read(file, text + length, size - 1 - length);
        if (step > 0) {
            length += (size_t)step;
        } else if (step == 0 || errno != EINTR) {
            break;
        }
    }
    text[length] = '\0';
}

static struct settings of_glibc(void)
{
    static char listing[LISTING_BYTES];
    Dl_info loader;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel hands the loader's place over as a number. */
    const void *base = (const void *)getauxval(AT_BASE);
    int ends[2];
    if (base == NULL || dladdr(base, &loader) == 0 || pipe(ends) != 0) {
        return (struct settings){0};
    }
    const pid_t child = fork();
    if (child == 0) {
        run_loader(loader.dli_fname, ends[1]);
    }
    close(ends[1]);
    read_all(ends[0], listing, sizeof listing);
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    return settings_from(listing);
}

struct settings settings_in_force(const struct allocator *allocator)
{
    if (strcmp(allocator->name, "jemalloc") == 0) {
        return of_jemalloc();
    }
    if (strcmp(allocator->name, "glibc") == 0 && environment_sets_malloc()) {
        return of_glibc();
    }
    return (struct settings){0};
}
