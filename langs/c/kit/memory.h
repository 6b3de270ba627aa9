/* What this process's memory is, read from its own /proc: resident, high-water mark, proportional share, and the
 * limit it lives under. Reading allocates nothing, so that a checkpoint does not move what it looks at. */
#ifndef KIT_MEMORY_H
#define KIT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* VmRSS, in bytes. */
uint64_t memory_resident_bytes(void);

/* VmHWM, in bytes: the peak since the start or the last memory_reset_peak(). */
uint64_t memory_peak_resident_bytes(void);

/* Pss of the whole process, in bytes: pages shared with others count by their share. Walks the page tables. */
uint64_t memory_proportional_bytes(void);

/* Asks the kernel to begin VmHWM anew. A refusal is ignored: the mark then covers the process's whole life. */
void memory_reset_peak(void);

/* The limit of the own cgroup in bytes; false where none is visible. */
bool memory_limit_bytes(uint64_t *bytes);

/* The same for the text of a limit file. */
bool memory_limit_from(const char *text, uint64_t *bytes);

/* A named moment of a run in mode memory. `live_bytes` is what the workload knows it holds. */
struct checkpoint {
    const char *name;
    uint64_t at_ns;
    uint64_t live_bytes;
    uint64_t resident_bytes;
    uint64_t peak_resident_bytes;
    uint64_t proportional_bytes;
};

#define CHECKPOINTS_MAX 16

/* The checkpoints of one iteration, kept until it is over: nothing is printed inside one. */
struct checkpoints {
    bool enabled;
    size_t count;
    struct checkpoint items[CHECKPOINTS_MAX];
};

/* Records a checkpoint; does nothing unless they are enabled, which is in mode memory. */
void checkpoint_take(struct checkpoints *checkpoints, const char *name, uint64_t live_bytes);

#endif
