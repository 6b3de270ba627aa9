/* What becomes of memory after its use: checkpoints while the program idles, after a collection was forced, and after
 * the allocator was told to give back what it does not need. For teardown: all of this takes its time. */
#ifndef KIT_AFTERMATH_H
#define KIT_AFTERMATH_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/memory.h"

/* Takes idle_1s, idle_15s, idle_150s and idle_330s, as far as they come within `idle_s` seconds, then after_collection
 * (C has no collector: what is there) and, where the allocator in force can be trimmed, after_trim. Does nothing unless
 * checkpoints are enabled. */
void aftermath_take(struct checkpoints *checkpoints, uint64_t live_bytes, uint64_t idle_s);

/* Has the allocator of that name, as kit/allocator.h tells it, give back what it does not need; false, with nothing
 * done, where no such allocator is loaded or its way to do so is not known. */
bool aftermath_trim(const char *allocator);

#endif
