/* Tests of what a program allocates through: the contract of malloc, which each build's allocator has to keep (one of
 * them is ours), zeroing, and the settings that are said to be in force. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kit/allocate.h"
#include "kit/compiler.h"
#include "kit/memory.h"
#include "kit/settings.h"
#include "tests/program.h"
#include "tests/test.h"

#define CANARY                                                                                                         \
    "canary variant=bytes mode=throughput seed=1 warmup=0 iterations=1 mebibytes=1 hold_ms=1 cpu_ms=1 threads=1 "      \
    "count=10 size=64 arrivals=1 service_us=0 stall_every=1"

static bool served_by(const char *allocator)
{
    return strcmp(expected_allocator(), allocator) == 0;
}

/* Sizes on both sides of where allocators change their ways, up to several times what a thread of ours maps at once. */
static const size_t sizes[] = {1, 7, 8, 9, 24, 25, 1000, 4096, 65536, (1 << 20) - 8, 1 << 20, (1 << 20) + 1, 9 << 20};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

TEST(test_malloc_when_blocks_live_together_then_each_is_aligned_and_keeps_what_was_written)
{
    unsigned char *blocks[SIZES];
    for (size_t i = 0; i < SIZES; i++) {
        blocks[i] = malloc(sizes[i]);
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % (sizes[i] < 16 ? 8 : 16) == 0);
        CHECK(malloc_usable_size(blocks[i]) >= sizes[i]);
        memset(blocks[i], (int)i + 1, sizes[i]);
        keep(blocks[i]);
    }
    for (size_t i = 0; i < SIZES; i++) {
        size_t right = 0;
        while (right < sizes[i] && blocks[i][right] == i + 1) {
            right++;
        }
        CHECK_EQUAL(sizes[i], right);
        free(blocks[i]);
    }
}

TEST(test_realloc_when_grown_and_shrunk_then_the_common_beginning_stays)
{
    unsigned char *block = NULL;
    size_t filled = 0;
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *larger = realloc(block, sizes[i]);
        CHECK(larger != NULL && malloc_usable_size(larger) >= sizes[i]);
        block = larger;
        memset(block + filled, 7, sizes[i] - filled);
        filled = sizes[i];
        keep(block);
        CHECK_EQUAL(7, block[0]);
        CHECK_EQUAL(7, block[filled / 2]);
    }
    unsigned char *smaller = realloc(block, 100);
    keep(smaller);
    CHECK(smaller != NULL && smaller[99] == 7);
    free(smaller);
}

TEST(test_calloc_when_served_then_is_zero_and_a_product_beyond_size_t_is_refused)
{
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *dirty = allocate(sizes[i]);
        memset(dirty, 255, sizes[i]);
        keep(dirty);
        free(dirty);
        unsigned char *block = calloc(1, sizes[i]);
        CHECK(block != NULL && block[0] == 0 && memcmp(block, block + 1, sizes[i] - 1) == 0);
        keep(block);
        free(block);
    }
    /* Volatile, or the compiler knows the answer. */
    volatile size_t half = (SIZE_MAX >> 1) + 1;
    if (!served_by("asan")) {
        void *none = calloc(half, 2);
        keep(none);
        CHECK(none == NULL);
        free(none);
    }
}

TEST(test_malloc_when_no_address_space_is_large_enough_then_is_refused)
{
    volatile size_t most = SIZE_MAX - 64;
    if (!served_by("asan")) {
        void *none[] = {malloc(most), malloc(most / 2), aligned_alloc(4096, most & ~(size_t)4095)};
        for (size_t i = 0; i < 3; i++) {
            keep(none[i]);
            CHECK(none[i] == NULL);
            free(none[i]);
        }
    }
}

TEST(test_aligned_alloc_when_asked_for_a_power_of_two_then_lies_on_a_multiple_and_is_large_enough)
{
    /* Not 256 and 512, where bookworm's mimalloc 2.0.9 does not keep the contract. */
    static const size_t alignments[] = {16, 64, 128, 1024, 4096, 8192};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        const size_t alignment = alignments[i];
        unsigned char *block = aligned_alloc(alignment, 2 * alignment);
        CHECK(block != NULL && (uintptr_t)block % alignment == 0);
        CHECK(malloc_usable_size(block) >= 2 * alignment);
        memset(block, 1, 2 * alignment);
        keep(block);
        free(block);
    }
}

enum { ROUNDS = 500000, SMALL = 64 };

TEST(test_free_when_blocks_are_released_at_once_then_memory_grows_only_where_nothing_is_given_back)
{
    const uint64_t before = memory_resident_bytes();
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char *block = allocate(SMALL);
        *block = 1;
        keep(block);
        free(block);
    }
    const bool grown = memory_resident_bytes() - before >= ROUNDS * SMALL / 2;
    /* The address sanitizer keeps what is freed for a while, to see who still uses it. */
    CHECK_EQUAL(served_by("bump") || served_by("asan"), grown);
}

struct mine {
    pthread_t thread;
    unsigned char mark;
    size_t right;
};

static void *fill_and_check(void *argument)
{
    struct mine *mine = argument;
    static _Thread_local unsigned char *blocks[20000];
    for (size_t i = 0; i < 20000; i++) {
        blocks[i] = malloc(SMALL);
        memset(blocks[i], mine->mark, SMALL);
        keep(blocks[i]);
    }
    for (size_t i = 0; i < 20000; i++) {
        mine->right += blocks[i][0] == mine->mark && blocks[i][SMALL - 1] == mine->mark ? 1 : 0;
        free(blocks[i]);
    }
    return NULL;
}

TEST(test_malloc_when_threads_allocate_together_then_no_block_is_anothers)
{
    struct mine threads[4] = {{.mark = 1}, {.mark = 2}, {.mark = 3}, {.mark = 4}};
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQUAL(0, (uint64_t)pthread_create(&threads[i].thread, NULL, fill_and_check, &threads[i]));
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i].thread, NULL);
        CHECK_EQUAL(20000, threads[i].right);
    }
}

TEST(test_allocate_when_a_dirty_block_comes_back_then_it_is_zero_where_the_build_zeroes)
{
    unsigned char *block = allocate(SMALL);
    memset(block, 255, SMALL);
    keep(block);
    free(block);
    block = allocate(SMALL);
    keep(block);
    static const unsigned char zeros[SMALL];
    const bool zero = memcmp(block, zeros, SMALL) == 0;
    free(block);
    CHECK(zero || !ALLOCATES_ZEROED);
    /* The C library gives the same block again, and the sanitizer fills it with what is not zero. */
    CHECK(!zero || ALLOCATES_ZEROED || !(served_by("glibc") || served_by("asan")));
}

static void check_setting(const char *name, uint64_t value, struct settings settings)
{
    for (size_t i = 0; i < settings.count; i++) {
        if (strcmp(settings.items[i].name, name) == 0) {
            CHECK_EQUAL(value, settings.items[i].value);
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "there is no %s", name);
}

TEST(test_settings_when_the_loader_lists_them_then_those_of_malloc_are_read)
{
    const struct settings settings = settings_from("glibc.rtld.nns: 0x4 (min: 0x1, max: 0x10)\n"
                                                   "glibc.malloc.trim_threshold: 0x20000 (min: 0x0, max: 0xff)\n"
                                                   "glibc.malloc.arena_max: 0x1 (min: 0x1, max: 0xff)\n");
    CHECK_EQUAL(2, settings.count);
    check_setting("arena_max", 1, settings);
    check_setting("trim_threshold", 131072, settings);
    CHECK_EQUAL(0, settings_from("").count);
}

/* What the runner says at its start under one more variable of the environment. */
static const char *started_under(const char *name, const char *value)
{
    setenv(name, value, 1);
    const struct outcome *outcome = program_go(CANARY);
    unsetenv(name);
    CHECK_EQUAL(0, (uint64_t)outcome->code);
    return outcome->out;
}

TEST(test_runner_when_the_environment_sets_glibc_then_it_reports_what_arrived)
{
    if (served_by("glibc")) {
        CHECK_HOLDS("\"arena_max\":1,\"mmap_threshold\":0,\"trim_threshold\":0,", started_under("MALLOC_ARENA_MAX", "1"));
        CHECK_HOLDS("\"arena_max\":0,\"mmap_threshold\":33554432,", started_under("MALLOC_MMAP_THRESHOLD_", "33554432"));
        CHECK_HOLDS("\"trim_threshold\":131072,", started_under("MALLOC_TRIM_THRESHOLD_", "131072"));
        /* Misspelt: nothing arrived, and that is said. */
        CHECK_HOLDS("\"arena_max\":0,", started_under("MALLOC_ARENAS_MAX", "1"));
    }
    /* Nothing to ask the loader for, or not its library. */
    CHECK_EQUAL(0, occurrences(program_go(CANARY)->out, "arena_max"));
}

TEST(test_runner_when_jemalloc_has_a_background_thread_then_it_says_so)
{
    const unsigned asked = occurrences(started_under("MALLOC_CONF", "background_thread:true"), "\"background_thread\":1,");
    CHECK_EQUAL(served_by("jemalloc") ? 1 : 0, asked);
    CHECK_EQUAL(served_by("jemalloc") ? 1 : 0, occurrences(program_go(CANARY)->out, "\"background_thread\":0,"));
}

TEST(test_runner_when_started_then_it_reports_whether_it_zeroes)
{
    CHECK_HOLDS(ALLOCATES_ZEROED ? "\"zeroing\":1}" : "\"zeroing\":0}", program_go(CANARY)->out);
}
