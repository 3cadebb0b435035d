/* core/test/tls: calloc of the whole program, where mbedTLS takes its memory; it fails on demand. The
 * peer's own is left alone. For one file of a program. */
#ifndef POSTA_TEST_HEAP_H
#define POSTA_TEST_HEAP_H

#include "peer.h"

static bool heap_is_counted;
static size_t heap_n, heap_fail_at; /* heap_fail_at: the n-th from 1, once; 0: none */

void *calloc(size_t n, size_t size);

/* Through a pointer, since a compiler would make malloc and memset a calloc. */
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
    static void *(*volatile get)(size_t len) = malloc;
    void *p;
    if (heap_is_counted && !peer_is_running && ++heap_n == heap_fail_at) return NULL;
    if (size > 0 && n > SIZE_MAX / size) return NULL;
    p = get(n * size > 0 ? n * size : 1);
    if (p) memset(p, 0, n * size);
    return p;
}

static inline void heap_arm(size_t fail_at) {
    heap_n = 0;
    heap_fail_at = fail_at;
    heap_is_counted = true;
}

/** True: the allocation that was to fail has been asked for. */
static inline bool heap_disarm(void) {
    heap_is_counted = false;
    return heap_fail_at > 0 && heap_n >= heap_fail_at;
}

#endif
