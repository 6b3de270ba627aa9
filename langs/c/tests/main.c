/* Runs all native tests: `tests ALLOCATOR`, where ALLOCATOR is the one that the build links. The runner under test
 * lies beside this program. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

extern const struct test *const __start_tests[] __attribute__((visibility("hidden")));
extern const struct test *const __stop_tests[] __attribute__((visibility("hidden")));

static const struct test *running;
static const struct test *last_failed;
static unsigned failed;
static const char *allocator;

void test_fail(const char *file, int line, const char *format, ...)
{
    failed += last_failed != running ? 1 : 0;
    last_failed = running;
    fprintf(stderr, "%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void check_equal(const char *file, int line, const char *what, uint64_t expected, uint64_t actual)
{
    if (expected != actual) {
        test_fail(file, line, "%s: expected %" PRIu64 " (%#" PRIx64 "), got %" PRIu64 " (%#" PRIx64 ")", what, expected,
                  expected, actual, actual);
    }
}

void check_text(const char *file, int line, const char *expected, const char *actual)
{
    if (strcmp(expected, actual) != 0) {
        test_fail(file, line, "expected: %s\n     got: %s", expected, actual);
    }
}

void check_holds(const char *file, int line, const char *part, const char *text)
{
    if (strstr(text, part) == NULL) {
        test_fail(file, line, "expected part: %s\n     got: %s", part, text);
    }
}

const char *expected_allocator(void)
{
    return allocator;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "expected: tests ALLOCATOR\n");
        return 64;
    }
    allocator = argv[1];
    const size_t count = ((uintptr_t)__stop_tests - (uintptr_t)__start_tests) / sizeof(const struct test *);
    for (size_t i = 0; i < count; i++) {
        running = __start_tests[i];
        running->run();
        fprintf(stderr, "%s %s\n", last_failed == running ? "not ok" : "ok", running->name);
    }
    fprintf(stderr, "%u of %zu failed\n", failed, count);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
