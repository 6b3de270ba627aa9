/* What the workloads ask of the compiler, and nothing more: that it neither removes the work nor looks through a call
 * which stands for one into another translation unit. Both cost no instruction of their own. */
#ifndef KIT_COMPILER_H
#define KIT_COMPILER_H

/* Makes everything reachable from `pointer` look used: without it gcc and clang drop malloc/free pairs and the stores
 * into blocks that nobody reads again. */
static inline void keep(const void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

/* A function the caller knows nothing about. gcc's noinline alone is not enough: the callee would still be cloned with
 * its pointer parameter turned into values, and the memory access that is measured would be gone. */
#if defined(__clang__)
#define OUT_OF_LINE __attribute__((noinline))
#else
#define OUT_OF_LINE __attribute__((noipa))
#endif

#endif
