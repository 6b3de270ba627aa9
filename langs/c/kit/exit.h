/* The protocol's exit codes, and the ends a program can come to. Text for people goes to stderr; stdout belongs to
 * kit/protocol alone. */
#ifndef KIT_EXIT_H
#define KIT_EXIT_H

#include <stddef.h>

enum exit_code {
    EXIT_USAGE = 64,
    EXIT_DISAGREEMENT = 65,
    EXIT_OUT_OF_MEMORY = 66,
    EXIT_UNSUPPORTED = 69,
    EXIT_KERNEL_LIMIT = 71,
};

/* Writes "runner: ", the message and a line's end to stderr, then ends the process with `code`. Safe on any thread:
 * other threads may still be running, so neither their work nor the handlers of atexit are waited for. */
__attribute__((noreturn, cold, format(printf, 2, 3))) void exit_with(enum exit_code code, const char *format, ...);

/* An allocation of `size` (bytes or elements) was refused. */
__attribute__((noreturn, cold)) void exit_out_of_memory(size_t size);

#endif
