/* Tests of the kit's parts one by one: the vectors that all languages share, and what each part makes of input that
 * the kernel or a person could give it. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/allocator.h"
#include "kit/cgroup.h"
#include "kit/checksum.h"
#include "kit/clock.h"
#include "kit/compiler.h"
#include "kit/counting.h"
#include "kit/memory.h"
#include "kit/rng.h"
#include "kit/text.h"
#include "tests/test.h"

TEST(test_rng_when_seeded_with_0_then_starts_with_the_shared_vector)
{
    struct rng rng = rng_seeded(0);
    CHECK_EQUAL(UINT64_C(0xe220a8397b1dcdaf), rng_next(&rng));
    CHECK_EQUAL(UINT64_C(0x6e789e6aa1b965f4), rng_next(&rng));
    CHECK_EQUAL(UINT64_C(0x06c45d188009454f), rng_next(&rng));
}

TEST(test_rng_when_seeded_with_42_then_starts_with_the_shared_vector)
{
    struct rng rng = rng_seeded(42);
    CHECK_EQUAL(UINT64_C(0xbdd732262feb6e95), rng_next(&rng));
    CHECK_EQUAL(UINT64_C(0x28efe333b266f103), rng_next(&rng));
    CHECK_EQUAL(UINT64_C(0x47526757130f9f52), rng_next(&rng));
}

TEST(test_checksum_when_folding_random_words_then_matches_the_shared_vectors)
{
    struct rng rng = rng_seeded(42);
    uint64_t hash = CHECKSUM_START;
    for (int i = 0; i < 1000; i++) {
        hash = checksum_add(hash, rng_next(&rng));
    }
    CHECK_EQUAL(UINT64_C(0x536cee532ddb4678), hash);
    for (int i = 1000; i < 1000000; i++) {
        hash = checksum_add(hash, rng_next(&rng));
    }
    CHECK_EQUAL(UINT64_C(0xd07cdf67a5d64fea), hash);
}

TEST(test_checksum_when_words_change_places_then_differs)
{
    const uint64_t forwards = checksum_add(checksum_add(CHECKSUM_START, 1), 2);
    const uint64_t backwards = checksum_add(checksum_add(CHECKSUM_START, 2), 1);
    CHECK(forwards != backwards);
}

TEST(test_text_when_it_fits_then_grows)
{
    char buffer[8];
    struct text text = text_in(buffer, sizeof buffer);
    text_add(&text, "%s", "abc");
    text_add(&text, "%d", 1234);
    CHECK_TEXT("abc1234", buffer);
    CHECK_EQUAL(7, text.length);
    CHECK(!text.cut);
}

TEST(test_text_when_it_does_not_fit_then_is_cut_inside_the_buffer)
{
    char buffer[9] = {[8] = '!'};
    struct text text = text_in(buffer, 8);
    text_add(&text, "%s", "abcdefgh");
    text_add(&text, "%s", "more");
    CHECK_TEXT("abcdefg", buffer);
    CHECK(text.cut);
    CHECK_EQUAL('!', (uint64_t)buffer[8]);
}

/* A file in memory, open under the number that is returned, and its name. */
static int memory_file(char *name, size_t size, const char *content)
{
    const int file = memfd_create("table", MFD_CLOEXEC);
    const size_t length = strlen(content);
    CHECK(file >= 0 && write(file, content, length) == (ssize_t)length);
    snprintf(name, size, "/proc/self/fd/%d", file);
    return file;
}

/* The folder that the two tables give for a controller; "none" where there is none. */
static const char *folder_from(const char *controller, const char *cgroup, const char *mountinfo)
{
    static char folder[PATH_MAX];
    char cgroup_file[64];
    char mountinfo_file[64];
    const int first = memory_file(cgroup_file, sizeof cgroup_file, cgroup);
    const int second = memory_file(mountinfo_file, sizeof mountinfo_file, mountinfo);
    const bool found = cgroup_folder_from(folder, controller, cgroup_file, mountinfo_file);
    close(first);
    close(second);
    return found ? folder : "none";
}

static const char v1_mounts[] =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw master:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

TEST(test_cgroup_when_v1_mount_begins_at_the_own_group_then_is_the_mount_point)
{
    CHECK_TEXT("/sys/fs/cgroup/cpu,cpuacct",
               folder_from("cpuacct", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n", v1_mounts));
}

TEST(test_cgroup_when_v1_group_lies_below_the_mount_then_is_appended)
{
    CHECK_TEXT("/sys/fs/cgroup/cpu,cpuacct/job",
               folder_from("cpuacct", "4:cpu,cpuacct:/docker/abc/job\n", v1_mounts));
    CHECK_TEXT("/sys/fs/cgroup/memory/a/b", folder_from("memory", "5:memory:/a/b\n", v1_mounts));
    CHECK_TEXT("/sys/fs/cgroup/memory", folder_from("memory", "5:memory:/\n", v1_mounts));
}

TEST(test_cgroup_when_the_group_lies_outside_the_mount_then_there_is_none)
{
    CHECK_TEXT("none", folder_from("cpuacct", "4:cpu,cpuacct:/docker/abcdef\n", v1_mounts));
    CHECK_TEXT("none", folder_from("cpuacct", "4:cpu,cpuacct:/elsewhere\n", v1_mounts));
}

TEST(test_cgroup_when_v2_then_its_line_and_its_mount_are_taken)
{
    static const char mounts[] = "41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n";
    CHECK_TEXT("/sys/fs/cgroup/user/me", folder_from(CGROUP_UNIFIED, "0::/user/me\n", mounts));
    CHECK_TEXT("/sys/fs/cgroup", folder_from(CGROUP_UNIFIED, "1:name=systemd:/s\n0::/\n", mounts));
    CHECK_TEXT("none", folder_from("cpuacct", "0::/\n", mounts));
}

TEST(test_cgroup_when_tables_are_damaged_then_there_is_none)
{
    CHECK_TEXT("none", folder_from("memory", "", ""));
    CHECK_TEXT("none", folder_from("memory", "no colons\n5:memory\n", v1_mounts));
    CHECK_TEXT("none", folder_from("memory", "5:memory:/\n", "33 31 0:30\n33 - cgroup cgroup rw,memory\n"));
}

static void put_file(const char *folder, const char *name, const char *content)
{
    char path[PATH_MAX];
    CHECK(cgroup_path(path, folder, name));
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(content, file) >= 0 && fclose(file) == 0);
}

static void remove_folder(const char *folder, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        CHECK(cgroup_path(path, folder, names[i]) && (unlink(path) == 0 || errno == ENOENT));
    }
    CHECK(rmdir(folder) == 0);
}

TEST(test_cpu_clock_when_the_cgroup_is_not_the_root_then_reads_its_counter)
{
    static const char *const names[] = {"cpuacct.usage", "cpu.stat", "cgroup.type", "release_agent"};
    char folder[] = "/tmp/memverdict-test-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    put_file(folder, "cpuacct.usage", "123456789\n");
    put_file(folder, "cpu.stat", "usage_usec 77\nuser_usec 7\n");

    struct cpu_clock clock = cpu_clock_open_in(folder, NULL);
    CHECK_EQUAL(CPU_CLOCK_CPUACCT, clock.source);
    CHECK_EQUAL(4000000, clock.resolution_ns);
    CHECK_EQUAL(123456789, cpu_clock_read_ns(&clock));
    close(clock.file);

    put_file(folder, "cgroup.type", "domain\n");
    clock = cpu_clock_open_in(NULL, folder);
    CHECK_EQUAL(CPU_CLOCK_CPU_STAT, clock.source);
    CHECK_EQUAL(77000, cpu_clock_read_ns(&clock));
    close(clock.file);
    remove_folder(folder, names, sizeof names / sizeof names[0]);
}

TEST(test_cpu_clock_when_the_cgroup_is_the_root_or_damaged_then_is_the_process_clock)
{
    static const char *const names[] = {"cpuacct.usage", "cpu.stat", "cgroup.type", "release_agent"};
    char folder[] = "/tmp/memverdict-test-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQUAL(CPU_CLOCK_PROCESS, cpu_clock_open_in(NULL, NULL).source);
    CHECK_EQUAL(CPU_CLOCK_PROCESS, cpu_clock_open_in(folder, folder).source);
    put_file(folder, "cpuacct.usage", "5\n");
    put_file(folder, "release_agent", "");
    put_file(folder, "cpu.stat", "usage_usec 5\n");
    const struct cpu_clock clock = cpu_clock_open_in(folder, folder);
    CHECK_EQUAL(CPU_CLOCK_PROCESS, clock.source);
    CHECK_EQUAL(1, clock.resolution_ns);
    put_file(folder, "cgroup.type", "domain\n");
    put_file(folder, "cpu.stat", "nr_periods 5\n");
    CHECK_EQUAL(CPU_CLOCK_PROCESS, cpu_clock_open_in(NULL, folder).source);
    remove_folder(folder, names, sizeof names / sizeof names[0]);
}

TEST(test_memory_limit_when_text_is_a_number_then_is_it_and_else_there_is_none)
{
    uint64_t bytes = 0;
    CHECK(memory_limit_from("536870912\n", &bytes));
    CHECK_EQUAL(536870912, bytes);
    CHECK(!memory_limit_from("max\n", &bytes));
    CHECK(!memory_limit_from("9223372036854771712\n", &bytes));
    CHECK(!memory_limit_from("18446744073709551616\n", &bytes));
    CHECK(!memory_limit_from("", &bytes));
}

TEST(test_memory_when_pages_are_touched_then_all_three_readings_grow_by_them)
{
    enum { BYTES = 32 << 20 };
    const uint64_t resident = memory_resident_bytes();
    const uint64_t proportional = memory_proportional_bytes();
    unsigned char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages, 1, BYTES);
    keep(pages);
    /* The kernel sums resident pages per CPU and may be behind by some; the sanitizers add their own. */
    CHECK(memory_resident_bytes() >= resident + BYTES - (1 << 20));
    CHECK(memory_peak_resident_bytes() >= resident + BYTES - (1 << 20));
    CHECK(memory_proportional_bytes() >= proportional + BYTES - (1 << 20));
    munmap(pages, BYTES);
}

TEST(test_memory_peak_when_reset_then_forgets_what_was_released)
{
    enum { BYTES = 64 << 20 };
    unsigned char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages, 1, BYTES);
    keep(pages);
    const uint64_t peak = memory_peak_resident_bytes();
    munmap(pages, BYTES);
    memory_reset_peak();
    CHECK(memory_peak_resident_bytes() <= peak - BYTES / 2);
}

TEST(test_checkpoints_when_not_enabled_then_record_nothing)
{
    struct checkpoints off = {.enabled = false};
    checkpoint_take(&off, "after_fill", 1);
    CHECK_EQUAL(0, off.count);
    struct checkpoints on = {.enabled = true};
    checkpoint_take(&on, "after_fill", 7);
    CHECK_EQUAL(1, on.count);
    CHECK_TEXT("after_fill", on.items[0].name);
    CHECK_EQUAL(7, on.items[0].live_bytes);
    CHECK(on.items[0].resident_bytes > 0 && on.items[0].proportional_bytes > 0 && on.items[0].at_ns > 0);
}

TEST(test_counting_when_blocks_are_served_then_counts_calls_and_usable_bytes)
{
    const struct served before = counting_served();
    void *blocks[] = {malloc(100), calloc(3, 8), aligned_alloc(64, 128), realloc(NULL, 50)};
    uint64_t usable = 0;
    for (size_t i = 0; i < 4; i++) {
        keep(blocks[i]);
        usable += malloc_usable_size(blocks[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        free(blocks[i]);
    }
    const struct served after = counting_served();
    CHECK_EQUAL(counting_is_on() ? 4 : 0, after.allocations - before.allocations);
    CHECK_EQUAL(counting_is_on() ? usable : 0, after.bytes - before.bytes);
}

TEST(test_allocator_when_looked_up_then_is_the_one_this_build_links)
{
    const struct allocator allocator = allocator_in_force();
    CHECK_TEXT(expected_allocator(), allocator.name);
    /* Two have no version of their own: the compiler's, and ours. */
    CHECK(strcmp(allocator.name, "asan") == 0 || strcmp(allocator.name, "bump") == 0 || allocator.version[0] != '\0');
}
