/* The allocator that never gives anything back, in a program built with ALLOCATOR=bump; it is used through malloc. */
#ifndef KIT_BUMP_H
#define KIT_BUMP_H

#include <stddef.h>

/* How much a thread maps at a time. The build exports it: kit/allocator.c knows the allocator by this name. */
size_t bump_region_bytes(void);

#endif
