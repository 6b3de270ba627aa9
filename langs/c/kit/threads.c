/* pthreads, with the one failure that a program can meet: no more of them. */
#include "kit/threads.h"

#include <string.h>

#include "kit/exit.h"

void threads_run(size_t count, pthread_t *handles, void *(*body)(void *), void *shares, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        const int error = pthread_create(&handles[i], NULL, body, (char *)shares + i * size);
        if (error != 0) {
            exit_with(EXIT_KERNEL_LIMIT, "thread %zu of %zu could not be started: %s", i + 1, count, strerror(error));
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(handles[i], NULL);
    }
}
