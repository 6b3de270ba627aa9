/* Tests of the aftermath: its checkpoints in their order and at their time, and that the trim of each allocator that a
 * build links gives back what a trim can. */
#include <stdlib.h>
#include <string.h>

#include "kit/aftermath.h"
#include "kit/allocate.h"
#include "kit/compiler.h"
#include "kit/memory.h"
#include "tests/test.h"

/* Whether the allocator in force can be told to give memory back: one that never does has no after_trim. */
static bool trims(void)
{
    return strcmp(expected_allocator(), "bump") != 0;
}

TEST(test_aftermath_when_not_enabled_then_records_nothing_and_does_not_wait)
{
    struct checkpoints off = {.enabled = false};
    aftermath_take(&off, 1, 330);
    CHECK_EQUAL(0, off.count);
}

TEST(test_aftermath_when_idle_for_a_second_then_that_checkpoint_comes_first)
{
    struct checkpoints on = {.enabled = true};
    checkpoint_take(&on, "after_release", 7);
    aftermath_take(&on, 7, 14);
    CHECK_EQUAL(trims() ? 4 : 3, on.count);
    static const char *const names[] = {"after_release", "idle_1s", "after_collection", "after_trim"};
    for (size_t i = 0; i < on.count; i++) {
        CHECK_TEXT(names[i], on.items[i].name);
        CHECK_EQUAL(7, on.items[i].live_bytes);
    }
    CHECK(on.items[1].at_ns - on.items[0].at_ns >= UINT64_C(1000000000));
}

TEST(test_trim_when_allocator_is_not_known_or_not_loaded_then_refuses)
{
    CHECK(!aftermath_trim("unknown"));
    CHECK(!aftermath_trim(strcmp(expected_allocator(), "jemalloc") == 0 ? "tcmalloc" : "jemalloc"));
    CHECK_EQUAL(trims(), aftermath_trim(expected_allocator()));
}

TEST(test_aftermath_when_all_but_the_last_block_is_free_then_the_trim_leaves_little)
{
    enum { BLOCKS = 65536, BYTES = 1024, TOTAL = BLOCKS * BYTES };
    static unsigned char *blocks[BLOCKS];
    struct checkpoints on = {.enabled = true};
    checkpoint_take(&on, "before", 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = allocate(BYTES);
        memset(blocks[i], 1, BYTES);
        keep(blocks[i]);
    }
    checkpoint_take(&on, "after_fill", TOTAL);
    for (size_t i = 0; i < BLOCKS - 1; i++) {
        free(blocks[i]);
    }
    aftermath_take(&on, BYTES, 0);
    free(blocks[BLOCKS - 1]);

    const struct checkpoint *last = &on.items[on.count - 1];
    const uint64_t grown = on.items[1].resident_bytes - on.items[0].resident_bytes;
    CHECK(grown >= TOTAL / 2);
    CHECK_TEXT(trims() ? "after_trim" : "after_collection", last->name);
    CHECK(last->resident_bytes <= on.items[1].resident_bytes - (trims() ? grown / 2 : 0));
}
