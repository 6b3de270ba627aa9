/* What the allocator really served, in a program built with COUNTING=1, whose calls to malloc and its kin the linker
 * leads through kit/counting.c. The workloads' machine code is the same in both builds. */
#ifndef KIT_COUNTING_H
#define KIT_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

struct served {
    uint64_t allocations;
    uint64_t bytes;
};

/* Whether this program counts. */
bool counting_is_on(void);

/* Everything served so far, over all threads: successful calls, and the usable size of what they returned. Zeros where
 * nothing counts. */
struct served counting_served(void);

#endif
