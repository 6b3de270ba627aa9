/* Starts threads that each do one share of a piece of work, and waits for all of them. Inside timed regions this is
 * what the workload's text asks for: threads are made and joined there, in every language. */
#ifndef KIT_THREADS_H
#define KIT_THREADS_H

#include <pthread.h>
#include <stddef.h>

/* Runs `body` once per share, each on a thread of its own, and returns when all have ended. `shares` is an array of
 * `count` elements of `size` bytes; `handles` has room for `count`. Ends the program with 71 when the kernel gives no
 * more threads. */
void threads_run(size_t count, pthread_t *handles, void *(*body)(void *), void *shares, size_t size);

#endif
