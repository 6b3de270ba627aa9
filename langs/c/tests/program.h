/* Runs the worker as the harness does: a process with arguments, something on stdin, and its two streams read back. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <stdint.h>

struct program {
    const char *arguments;   /* separated by single spaces */
    const char *input;       /* all of stdin; the end of the file follows */
    const char *stdout_path; /* where stdout goes instead of into the outcome; NULL: nowhere else */
    uint64_t stack_bytes;    /* the stack that each thread reserves; 0: as inherited */
};

struct outcome {
    int code; /* the exit code; 128 + the signal's number where one ended it */
    char out[1 << 16];
    char err[1 << 14];
};

/* The outcome of one run; valid until the next. */
const struct outcome *program_run(const struct program *program);

/* The same with "gq" on stdin: the run is released, and not waited for at its end. */
const struct outcome *program_go(const char *arguments);

/* What `print` writes to stdout; valid until the next. */
const char *line_of(void (*print)(void));

/* The canary's parameters that only its variant stall looks at. */
#define NO_STALL " arrivals=1 service_us=0 stall_every=1"

/* How often `part` occurs in `text`. */
unsigned occurrences(const char *text, const char *part);

#endif
