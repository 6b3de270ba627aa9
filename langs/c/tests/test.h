/* A test is a function that registers itself; a check that fails is printed with its place and makes the program's
 * exit code 1. Checks go on after a failure, so that one run shows all there is to see. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

struct test {
    const char *name;
    void (*run)(void);
};

/* Defines and registers a test: TEST(test_what_when_then) { ... } */
#define TEST(name)                                                                                                     \
    static void name(void);                                                                                            \
    static const struct test name##_test = {#name, name};                                                              \
    static const struct test *const name##_entry __attribute__((used, section("tests"))) = &name##_test;               \
    static void name(void)

/* Reports a failed check of the running test. */
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define CHECK(condition)                                                                                               \
    ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "not true: %s", #condition))

#define CHECK_EQUAL(expected, actual) check_equal(__FILE__, __LINE__, #actual, (expected), (actual))
#define CHECK_TEXT(expected, actual) check_text(__FILE__, __LINE__, (expected), (actual))
#define CHECK_HOLDS(part, text) check_holds(__FILE__, __LINE__, (part), (text))

void check_equal(const char *file, int line, const char *what, uint64_t expected, uint64_t actual);
void check_text(const char *file, int line, const char *expected, const char *actual);
void check_holds(const char *file, int line, const char *part, const char *text);

/* The allocator this build is linked to, as given on the command line. */
const char *expected_allocator(void);

#endif
