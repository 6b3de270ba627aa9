/* A struct of 8 bytes to 64 KiB made by one function and read by another: passed by value, by pointer, or by pointer
 * that escapes, for which C has malloc. The forms differ in how the struct gets there and how much is read, and in
 * nothing else. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/workload.h"

/* One form: the sum over all its operations, the words of its struct, and whether each is allocated. */
struct form {
    uint64_t (*sum)(uint64_t seed, uint64_t count);
    uint64_t words;
    bool allocates;
};

struct pass {
    const struct form *form;
    uint64_t seed;
    uint64_t count;
    uint64_t checksum;
};

static void *setup(const struct run *run)
{
    const struct form *form = run->variant->detail;
    struct pass *pass = allocate(sizeof *pass);
    *pass = (struct pass){
        .form = form,
        .seed = run->seed,
        .count = run_parameter(run, "words") / form->words,
        .checksum = CHECKSUM_START,
    };
    return pass;
}

static void iterate(void *state)
{
    struct pass *pass = state;
    pass->checksum = checksum_add(pass->checksum, pass->form->sum(pass->seed, pass->count));
}

static struct result teardown(void *state)
{
    struct pass *pass = state;
    const uint64_t bytes = pass->form->words * sizeof(uint64_t);
    const uint64_t allocations = pass->form->allocates ? pass->count : 0;
    const struct result result = {
        .operations = pass->count,
        .allocations = allocations,
        .allocated_bytes = allocations * bytes,
        .peak_live_bytes = pass->form->allocates ? bytes : 0,
        .checksum = pass->checksum,
    };
    free(pass);
    return result;
}

static inline uint64_t word_of(uint64_t seed, uint64_t i)
{
    return (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* What escaping takes in C: the address of a local would dangle, so the struct is a block of its own. */
static inline void *new_struct(size_t size)
{
    // allocate: one struct per operation, where it escapes
    return allocate(size);
}

static inline void fill(void *value, uint64_t length, uint64_t x)
{
    uint64_t *word = value;
    // touch: every word
    for (uint64_t j = 0; j < length; j++) {
        word[j] = x + j;
    }
    keep(word);
}

static inline void release(void *value)
{
    // retire: after its only use
    free(value);
}

static inline uint64_t read1(const uint64_t *word, uint64_t length)
{
    return word[length - 1];
}

static inline uint64_t readall(const uint64_t *word, uint64_t length)
{
    uint64_t sum = 0;
    for (uint64_t j = 0; j < length; j++) {
        sum += word[j];
    }
    return sum;
}

/* The forms of one size and one way to read: a callee for each way to pass, kept out of line, and the sums over it. */
#define SUMS_OF(length, read)                                                                                          \
    static OUT_OF_LINE uint64_t read##_value_##length(struct words_##length value)                                     \
    {                                                                                                                  \
        return read(value.word, length);                                                                               \
    }                                                                                                                  \
                                                                                                                       \
    static OUT_OF_LINE uint64_t read##_pointer_##length(const struct words_##length *value)                            \
    {                                                                                                                  \
        return read(value->word, length);                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static uint64_t sum_value_##length##_##read(uint64_t seed, uint64_t count)                                         \
    {                                                                                                                  \
        uint64_t sum = 0;                                                                                              \
        for (uint64_t i = 0; i < count; i++) {                                                                         \
            struct words_##length value;                                                                               \
            fill(&value, length, word_of(seed, i));                                                                    \
            sum += read##_value_##length(value);                                                                       \
        }                                                                                                              \
        return sum;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static uint64_t sum_pointer_##length##_##read(uint64_t seed, uint64_t count)                                       \
    {                                                                                                                  \
        uint64_t sum = 0;                                                                                              \
        for (uint64_t i = 0; i < count; i++) {                                                                         \
            struct words_##length value;                                                                               \
            fill(&value, length, word_of(seed, i));                                                                    \
            sum += read##_pointer_##length(&value);                                                                    \
        }                                                                                                              \
        return sum;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static uint64_t sum_escape_##length##_##read(uint64_t seed, uint64_t count)                                        \
    {                                                                                                                  \
        uint64_t sum = 0;                                                                                              \
        for (uint64_t i = 0; i < count; i++) {                                                                         \
            struct words_##length *value = new_struct(sizeof *value);                                                  \
            fill(value, length, word_of(seed, i));                                                                     \
            sum += read##_pointer_##length(value);                                                                     \
            release(value);                                                                                            \
        }                                                                                                              \
        return sum;                                                                                                    \
    }

/* A struct of so many words, and everything that is done with it. */
#define STRUCT_OF(length)                                                                                              \
    struct words_##length {                                                                                            \
        uint64_t word[length];                                                                                         \
    };                                                                                                                 \
    SUMS_OF(length, read1)                                                                                             \
    SUMS_OF(length, readall)

STRUCT_OF(1)
STRUCT_OF(9)
STRUCT_OF(128)
STRUCT_OF(8192)

#define FORM(sum, length, allocates) (&(const struct form){(sum), (length), (allocates)})

#define VARIANTS_OF(bytes, length, read)                                                                               \
    {.id = "value_" #bytes "_" #read, .detail = FORM(sum_value_##length##_##read, length, false)},                     \
    {.id = "pointer_" #bytes "_" #read, .detail = FORM(sum_pointer_##length##_##read, length, false)},                 \
    {.id = "escape_" #bytes "_" #read, .detail = FORM(sum_escape_##length##_##read, length, true)}

static const struct variant variants[] = {
    VARIANTS_OF(8, 1, read1),
    VARIANTS_OF(8, 1, readall),
    VARIANTS_OF(72, 9, read1),
    VARIANTS_OF(72, 9, readall),
    VARIANTS_OF(1024, 128, read1),
    VARIANTS_OF(1024, 128, readall),
    VARIANTS_OF(65536, 8192, read1),
    VARIANTS_OF(65536, 8192, readall),
};

/* At least the words of the largest struct, so that every form has an operation. */
static const struct parameter parameters[] = {{.name = "words", .least = 8192, .most = UINT64_C(1) << 56}};

WORKLOAD(
    .id = "pass_large",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
