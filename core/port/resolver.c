/* core/port: one question to getaddrinfo, which waits as long as it likes. It is asked in a
 * detached thread, and the answer lies in a block that thread and asker own together: who gives up
 * just drops its share. The block is from malloc, since it may outlive the session and its
 * allocator.
 *
 * BUGS: a resolver that hangs keeps its thread until it gives up, and each new question makes
 * another.
 */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"

#if POSTA_THREADS
#include <pthread.h>
#include <signal.h>
#endif
#include <netdb.h>
#include <stdlib.h>

struct posta__lookup {
    atomic_uint owners;
    atomic_bool is_done; /* what follows is written before, and read after */
    const char *fault;   /* static; null: none */
    size_t n;
    posta__peer peers[POSTA__MAX_PEERS];
    posta__bell bell;
    char host[]; /* NUL-terminated */
};

#if POSTA_RESOLVER

static void ask(posta__lookup *l) {
    struct addrinfo hints, *list = NULL;
    int error;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    error = getaddrinfo(l->host, NULL, &hints, &list);
    if (error != 0) {
        l->fault = gai_strerror(error);
    } else {
        for (const struct addrinfo *a = list; a && l->n < POSTA__MAX_PEERS; a = a->ai_next)
            if (posta__peer_of(a->ai_addr, &l->peers[l->n])) l->n++;
        freeaddrinfo(list);
    }
    atomic_store_explicit(&l->is_done, true, memory_order_release);
}

#else

static void ask(posta__lookup *l) {
    if (strcmp(l->host, "localhost") == 0)
        l->n = posta__peer_read("127.0.0.1", &l->peers[0]);
    else
        l->fault = "this build of posta takes addresses only";
    atomic_store_explicit(&l->is_done, true, memory_order_release);
}

#endif

void posta__lookup_drop(posta__lookup **lookup) {
    posta__lookup *l = *lookup;
    *lookup = NULL;
    if (!l || atomic_fetch_sub_explicit(&l->owners, 1, memory_order_acq_rel) != 1) return;
    posta__bell_close(&l->bell);
    free(l);
}

#if POSTA_THREADS && POSTA_RESOLVER

static void *thread(void *user) {
    posta__lookup *l = user;
    ask(l);
    posta__bell_ring(l->bell.tx);
    posta__lookup_drop(&l);
    return NULL;
}

/* The host's signals stay with the host's threads. */
static bool start_thread(posta__lookup *l) {
    pthread_attr_t attr;
    pthread_t id;
    sigset_t all, old;
    bool done;
    if (pthread_attr_init(&attr) != 0) return false;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    done = pthread_create(&id, &attr, thread, l) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return done;
}

static bool ask_beside(posta__lookup *l) {
    if (!posta__bell_open(&l->bell)) return false;
    atomic_store(&l->owners, 2);
    if (start_thread(l)) return true;
    atomic_store(&l->owners, 1);
    posta__bell_close(&l->bell);
    return false;
}

#else

static bool ask_beside(posta__lookup *l) {
    (void)l;
    return false;
}

#endif

posta_status posta__lookup_start(const char *host, bool may_wait, posta__lookup **out,
                                 const char **why_out) {
    size_t len = strlen(host) + 1;
    posta__lookup *l = calloc(1, sizeof *l + len);
    *out = l;
    if (!l) return POSTA_E_MEMORY;
    l->bell = POSTA__NO_BELL;
    memcpy(l->host, host, len);
    atomic_init(&l->owners, 1);
    atomic_init(&l->is_done, false);
    if (ask_beside(l)) return POSTA_OK;
    if (may_wait || !POSTA_RESOLVER) {
        ask(l);
        return POSTA_OK;
    }
    posta__lookup_drop(out);
    *why_out = "no thread for names: give an address or a resolver";
    return POSTA_E_NOT_BUILT;
}

int posta__lookup_fd(const posta__lookup *l) {
    return l->bell.rx;
}

posta_status posta__lookup_take(const posta__lookup *l, posta__peer *out, size_t cap, size_t *n_out,
                                const char **why_out) {
    *n_out = 0;
    if (!atomic_load_explicit(&l->is_done, memory_order_acquire)) return POSTA_AGAIN;
    if (l->n == 0) {
        *why_out = l->fault ? l->fault : "the name has no address";
        return POSTA_E_DNS;
    }
    *n_out = l->n < cap ? l->n : cap;
    memcpy(out, l->peers, *n_out * sizeof *out);
    return POSTA_OK;
}
