/* Ends of the program, kept out of line so that the paths that lead here cost the callers nothing. The message is put
 * together on the stack: there may be no memory left to ask for. */
#include "kit/exit.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void exit_with(enum exit_code code, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* A message that stderr does not take changes nothing about the exit code, which is what the harness reads. */
    dprintf(STDERR_FILENO, "runner: %s\n", length < 0 ? "(unprintable message)" : text);
    _exit((int)code);
}

void exit_out_of_memory(size_t size)
{
    exit_with(EXIT_OUT_OF_MEMORY, "out of memory: an allocation of %zu was refused", size);
}
