/* Small values made and dropped inside one function, on the stack or on the heap. In C the programmer says which: the
 * forms differ in where the value lives and how it is reached, and in nothing else. */
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

enum { RING_SLOTS = 1024, HOT_WORDS = 512, HOT_PER_LARGE = 10 };

struct value {
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint64_t d;
};

_Static_assert(sizeof(struct value) == 32, "a value is four words");

/* How a form repeats its operation, and how many of its values live at once: one, or as many as the ring holds. */
enum kind { SMALL, IN_RING, LARGE, HOT };

/* One form: the sum over all its operations, and the logical bytes of its value (for buffers, their length). */
struct form {
    uint64_t (*sum)(uint64_t seed, uint64_t count);
    size_t bytes;
    enum kind kind;
};

struct escape {
    const struct form *form;
    uint64_t seed;
    uint64_t count;
    uint64_t checksum;
};

/* Where stored values are kept; empty between iterations. */
static struct value *ring[RING_SLOTS];

static void *setup(const struct run *run)
{
    struct escape *escape = allocate(sizeof *escape);
    const struct form *form = run->variant->detail;
    const char *repeats = form->kind == LARGE || form->kind == HOT ? "large_operations" : "operations";
    const uint64_t count = run_parameter(run, repeats);
    *escape = (struct escape){
        .form = form,
        .seed = run->seed,
        .count = form->kind == HOT ? count * HOT_PER_LARGE : count,
        .checksum = CHECKSUM_START,
    };
    return escape;
}

static void iterate(void *state)
{
    struct escape *escape = state;
    escape->checksum = checksum_add(escape->checksum, escape->form->sum(escape->seed, escape->count));
}

static struct result teardown(void *state)
{
    struct escape *escape = state;
    const struct form *form = escape->form;
    const uint64_t allocations = form->kind == HOT ? 1 : escape->count;
    const uint64_t in_ring = escape->count < RING_SLOTS ? escape->count : RING_SLOTS;
    const struct result result = {
        .operations = escape->count,
        .allocations = allocations,
        .allocated_bytes = allocations * form->bytes,
        .peak_live_bytes = form->kind == IN_RING ? in_ring * form->bytes : form->bytes,
        .checksum = escape->checksum,
    };
    free(escape);
    return result;
}

static inline uint64_t word_of(uint64_t seed, uint64_t i)
{
    return (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline struct value value_of(uint64_t x, uint64_t i)
{
    return (struct value){.a = x, .b = x >> 1, .c = x ^ i, .d = x + i};
}

static OUT_OF_LINE uint64_t use(const struct value *value)
{
    return value->a + value->b + value->c + value->d;
}

static OUT_OF_LINE uint64_t use_copy(struct value value)
{
    return value.a + value.b + value.c + value.d;
}

/* Passed by value: the ABI copies the four words onto the callee's stack. gcc stores them one by one and copies two at
 * a time, too soon for the processor to forward the stores: this form is slower than its few instructions look. */
static uint64_t sum_value(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += use_copy(value_of(word_of(seed, i), i));
    }
    return sum;
}

static uint64_t sum_local(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct value value = value_of(word_of(seed, i), i);
        keep(&value);
        sum += use(&value);
    }
    return sum;
}

/* The body of sum_local with malloc and free around it. */
static uint64_t sum_heap(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        // allocate: one value per operation
        struct value *value = allocate(sizeof *value);
        // touch: every field
        *value = value_of(word_of(seed, i), i);
        keep(value);
        sum += use(value);
        // retire: after its only use
        free(value);
    }
    return sum;
}

/* Puts a value into the ring; returns the one whose place it takes, NULL for the first of a slot. */
static inline struct value *swap_in(uint64_t i, struct value *value)
{
    struct value *replaced = ring[i % RING_SLOTS];
    ring[i % RING_SLOTS] = value;
    return replaced;
}

static void empty_ring(void)
{
    for (uint64_t i = 0; i < RING_SLOTS; i++) {
        free(swap_in(i, NULL));
    }
}

static uint64_t sum_stored(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        // allocate: one value per operation
        struct value *value = allocate(sizeof *value);
        // touch: every field
        *value = value_of(word_of(seed, i), i);
        keep(value);
        sum += use(value);
        // publish: in the next slot of the ring
        struct value *replaced = swap_in(i, value);
        // retire: the value whose slot that was
        free(replaced);
    }
    empty_ring();
    return sum;
}

static uint64_t sum_merged(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t x = word_of(seed, i);
        struct value plain;
        struct value negated;
        const struct value *value;
        if ((x >> 17 & 1) != 0) {
            negated = (struct value){.a = ~x, .b = ~(x >> 1), .c = ~(x ^ i), .d = ~(x + i)};
            value = &negated;
        } else {
            plain = value_of(x, i);
            value = &plain;
        }
        keep(value);
        sum += use(value);
    }
    return sum;
}

/* A constructor. It returns what it allocates: a pointer to its own local would dangle. */
__attribute__((always_inline)) static inline struct value *new_value(uint64_t x, uint64_t i)
{
    struct value *value = allocate(sizeof *value);
    *value = value_of(x, i);
    keep(value);
    return value;
}

static OUT_OF_LINE struct value *new_value_out_of_line(uint64_t x, uint64_t i)
{
    return new_value(x, i);
}

static uint64_t sum_constructor_inlined(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct value *value = new_value(word_of(seed, i), i);
        sum += use(value);
        free(value);
    }
    return sum;
}

static uint64_t sum_constructor_noinline(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct value *value = new_value_out_of_line(word_of(seed, i), i);
        sum += use(value);
        free(value);
    }
    return sum;
}

static uint64_t sum_constructor_stored(uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct value *value = new_value(word_of(seed, i), i);
        sum += use(value);
        free(swap_in(i, value));
    }
    empty_ring();
    return sum;
}

/* What a caller knows of an object whose type it does not know: its methods, and where it is. */
struct summable {
    const struct summable_methods { uint64_t (*sum)(const void *self); } *methods;
    const void *self;
};

static uint64_t value_sum(const void *self)
{
    const struct value *value = self;
    return value->a + value->b + value->c + value->d;
}

static OUT_OF_LINE uint64_t use_through(struct summable summable)
{
    return summable.methods->sum(summable.self);
}

static uint64_t sum_interface(uint64_t seed, uint64_t count)
{
    static const struct summable_methods methods = {.sum = value_sum};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct value value = value_of(word_of(seed, i), i);
        keep(&value);
        sum += use_through((struct summable){.methods = &methods, .self = &value});
    }
    return sum;
}

static OUT_OF_LINE uint64_t read_hot(const uint64_t *words, uint64_t s)
{
    for (size_t i = 0; i < HOT_WORDS; i++) {
        s = s * 3 + words[i];
    }
    return s;
}

/* Fills the buffer once and reads it again and again, wherever it lies. */
static uint64_t sum_hot(uint64_t *words, uint64_t seed, uint64_t count)
{
    struct rng rng = rng_seeded(seed);
    for (size_t i = 0; i < HOT_WORDS; i++) {
        words[i] = rng_next(&rng);
    }
    keep(words);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += read_hot(words, i);
    }
    return sum;
}

static uint64_t sum_hot_stack(uint64_t seed, uint64_t count)
{
    uint64_t words[HOT_WORDS];
    return sum_hot(words, seed, count);
}

static uint64_t sum_hot_heap(uint64_t seed, uint64_t count)
{
    uint64_t *words = allocate(HOT_WORDS * sizeof *words);
    const uint64_t sum = sum_hot(words, seed, count);
    free(words);
    return sum;
}

static inline void write_ends(unsigned char *buffer, size_t length, uint64_t x)
{
    buffer[0] = x & 0xff;
    buffer[length - 1] = x >> 8 & 0xff;
    keep(buffer);
}

static OUT_OF_LINE uint64_t use_ends(const unsigned char *buffer, size_t length)
{
    return buffer[0] + UINT64_C(256) * buffer[length - 1];
}

/* A local whose length is known only at run time is a variable length array: the stack pointer moves by it. */
static OUT_OF_LINE uint64_t sum_arrays_of(size_t length, uint64_t seed, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        unsigned char array[length];
        write_ends(array, length, word_of(seed, i));
        sum += use_ends(array, length);
    }
    return sum;
}

static uint64_t sum_variable_32(uint64_t seed, uint64_t count)
{
    return sum_arrays_of(32, seed, count);
}

static uint64_t sum_variable_33(uint64_t seed, uint64_t count)
{
    return sum_arrays_of(33, seed, count);
}

/* Local arrays of a constant length: a function for each, since the length is part of the type. */
#define SUM_OF_ARRAYS(name, length)                                                                                    \
    static uint64_t name(uint64_t seed, uint64_t count)                                                                \
    {                                                                                                                  \
        uint64_t sum = 0;                                                                                              \
        for (uint64_t i = 0; i < count; i++) {                                                                         \
            unsigned char array[length];                                                                               \
            write_ends(array, sizeof array, word_of(seed, i));                                                         \
            sum += use_ends(array, sizeof array);                                                                      \
        }                                                                                                              \
        return sum;                                                                                                    \
    }

SUM_OF_ARRAYS(sum_array_65536, 65536)
SUM_OF_ARRAYS(sum_array_65537, 65537)
SUM_OF_ARRAYS(sum_array_131072, 131072)
SUM_OF_ARRAYS(sum_array_131073, 131073)

#define FORM(sum, bytes, kind) (&(const struct form){(sum), (bytes), (kind)})

static const struct variant variants[] = {
    {.id = "value", .detail = FORM(sum_value, sizeof(struct value), SMALL)},
    {.id = "local", .detail = FORM(sum_local, sizeof(struct value), SMALL)},
    {.id = "heap", .detail = FORM(sum_heap, sizeof(struct value), SMALL)},
    {.id = "stored", .detail = FORM(sum_stored, sizeof(struct value), IN_RING)},
    {.id = "merged", .detail = FORM(sum_merged, sizeof(struct value), SMALL)},
    {.id = "constructor_inlined", .detail = FORM(sum_constructor_inlined, sizeof(struct value), SMALL)},
    {.id = "constructor_noinline", .detail = FORM(sum_constructor_noinline, sizeof(struct value), SMALL)},
    {.id = "constructor_stored", .detail = FORM(sum_constructor_stored, sizeof(struct value), IN_RING)},
    {.id = "interface", .detail = FORM(sum_interface, sizeof(struct value), SMALL)},
    {.id = "hot_stack", .detail = FORM(sum_hot_stack, HOT_WORDS * sizeof(uint64_t), HOT)},
    {.id = "hot_heap", .detail = FORM(sum_hot_heap, HOT_WORDS * sizeof(uint64_t), HOT)},
    {.id = "buffer_variable_32", .detail = FORM(sum_variable_32, 32, SMALL)},
    {.id = "buffer_variable_33", .detail = FORM(sum_variable_33, 33, SMALL)},
    {.id = "buffer_constant_65536", .detail = FORM(sum_array_65536, 65536, LARGE)},
    {.id = "buffer_constant_65537", .detail = FORM(sum_array_65537, 65537, LARGE)},
    {.id = "array_131072", .detail = FORM(sum_array_131072, 131072, LARGE)},
    {.id = "array_131073", .detail = FORM(sum_array_131073, 131073, LARGE)},
    {.id = "all", .every_form = true},
};

/* Bounds that keep every count within 64 bits. */
static const struct parameter parameters[] = {
    {.name = "operations", .least = 1, .most = UINT64_C(1) << 40},
    {.name = "large_operations", .least = 1, .most = UINT64_C(1) << 40},
};

WORKLOAD(
    .id = "escape",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
