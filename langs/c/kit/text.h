/* A piece of text that grows inside a buffer of fixed size: what does not fit is cut off, never written elsewhere, and
 * the caller can tell. Allocates nothing. */
#ifndef KIT_TEXT_H
#define KIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *buffer;
    size_t size;
    size_t length;
    bool cut;
};

/* Empty text over a buffer of at least one byte; the buffer always holds a terminated string. */
struct text text_in(char *buffer, size_t size);

/* Appends as printf would. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
