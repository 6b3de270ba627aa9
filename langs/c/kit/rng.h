/* SplitMix64, the one source of randomness of every workload in every language. A generator is its 64-bit state, so
 * that a workload can have as many as it likes without allocating; everything is inline because draws happen inside
 * timed regions. */
#ifndef KIT_RNG_H
#define KIT_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline struct rng rng_seeded(uint64_t seed)
{
    return (struct rng){.state = seed};
}

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
