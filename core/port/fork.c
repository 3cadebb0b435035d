/* core/port: has the process been forked since? A child has a copy of every connection, and what it
 * wrote there would be mixed into what its parent writes (row K07). Asked at every read and write,
 * so it costs no system call: the child's copy of a count goes up as it is made.
 *
 * BUGS: a fork that bypasses libc is not seen.
 */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"

#if POSTA_THREADS

#include <pthread.h>

static struct {
    pthread_once_t once;
    atomic_uint count; /* forks between this process and the first one */
} forks = {.once = PTHREAD_ONCE_INIT};

static void in_child(void) {
    atomic_fetch_add(&forks.count, 1);
}

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}

unsigned posta__forks(void) {
    pthread_once(&forks.once, watch_forks);
    return atomic_load(&forks.count);
}

#else

#include <unistd.h>

unsigned posta__forks(void) {
    return (unsigned)getpid();
}

#endif
