/* The checksum that proves equal work: FNV-1a's step taken over whole 64-bit words, modulo 2^64. The hash is a plain
 * value, so that it lives in a register wherever it is folded. */
#ifndef KIT_CHECKSUM_H
#define KIT_CHECKSUM_H

#include <stdint.h>

#define CHECKSUM_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t checksum_add(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x100000001b3);
}

#endif
