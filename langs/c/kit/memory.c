/* Reads single numbers out of the kernel's text files, with buffers on the stack. */
#include "kit/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/cgroup.h"
#include "kit/clock.h"
#include "kit/exit.h"

/* cgroup v1 writes "no limit" as the largest multiple of the page size; nothing that large is ever a real limit. */
#define NO_LIMIT (UINT64_C(1) << 62)

/* The beginning of a file as text; false where it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t length = read(file, text, size - 1);
    close(file);
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    return true;
}

/* The value, in kB, that follows `key` at the beginning of a line. */
static uint64_t kilobytes_after(const char *path, const char *key)
{
    char text[4096];
    if (!read_text(path, text, sizeof text)) {
        exit_with(EXIT_UNSUPPORTED, "%s cannot be read", path);
    }
    const char *value = strstr(text, key);
    if (value == NULL) {
        exit_with(EXIT_UNSUPPORTED, "%s does not say %s", path, key + 1);
    }
    return strtoull(value + strlen(key), NULL, 10);
}

uint64_t memory_resident_bytes(void)
{
    return kilobytes_after("/proc/self/status", "\nVmRSS:") * 1024;
}

uint64_t memory_peak_resident_bytes(void)
{
    return kilobytes_after("/proc/self/status", "\nVmHWM:") * 1024;
}

uint64_t memory_proportional_bytes(void)
{
    return kilobytes_after("/proc/self/smaps_rollup", "\nPss:") * 1024;
}

void memory_reset_peak(void)
{
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        const ssize_t ignored = write(file, "5", 1);
        (void)ignored;
        close(file);
    }
}

bool memory_limit_from(const char *text, uint64_t *bytes)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || errno != 0 || value >= NO_LIMIT) {
        return false;
    }
    *bytes = value;
    return true;
}

/* The limit that stands in a file of the own cgroup of one hierarchy. */
static bool limit_in(const char *controller, const char *name, uint64_t *bytes)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    char text[64];
    return cgroup_own_folder(folder, controller) && cgroup_path(path, folder, name) &&
           read_text(path, text, sizeof text) && memory_limit_from(text, bytes);
}

bool memory_limit_bytes(uint64_t *bytes)
{
    return limit_in("memory", "memory.limit_in_bytes", bytes) || limit_in(CGROUP_UNIFIED, "memory.max", bytes);
}

void checkpoint_take(struct checkpoints *checkpoints, const char *name, uint64_t live_bytes)
{
    if (!checkpoints->enabled) {
        return;
    }
    assert(checkpoints->count < CHECKPOINTS_MAX);
    checkpoints->items[checkpoints->count++] = (struct checkpoint){
        .name = name,
        .at_ns = clock_monotonic_ns(),
        .live_bytes = live_bytes,
        .resident_bytes = memory_resident_bytes(),
        .peak_resident_bytes = memory_peak_resident_bytes(),
        .proportional_bytes = memory_proportional_bytes(),
    };
}
