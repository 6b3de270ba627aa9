/* The one place that adds up what snprintf returns. */
#include "kit/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_in(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct text){.buffer = buffer, .size = size};
}

void text_add(struct text *text, const char *format, ...)
{
    const size_t room = text->size - text->length;
    va_list arguments;
    va_start(arguments, format);
    const int wanted = vsnprintf(text->buffer + text->length, room, format, arguments);
    va_end(arguments);
    if (wanted < 0 || (size_t)wanted >= room) {
        text->cut = true;
        text->length = text->size - 1;
    } else {
        text->length += (size_t)wanted;
    }
}
