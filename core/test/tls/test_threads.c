/* Threads that share one posta_tls, each with sessions of its own, while others make and give up
 * theirs. Rows K08, J22.
 */
#include "peer.h"

#include <pthread.h>
#include <time.h>

#define THREADS 4
#define MAILS   3

static posta_tls *shared;

/* Nothing is asserted off the test's own thread: cmocka could not take it. */
typedef struct worker {
    pthread_t thread;
    unsigned taken;
    posta_status refused; /* what an unknown server came to */
} worker;

static posta_status meet(const char *cert, posta_tls *tls, unsigned *taken) {
    peer p;
    posta_session *s;
    posta_status status;
    posta_receipt r;
    peer_init(&p);
    p.cert = cert;
    posta_session_config c = peer_config(&p, tls);
    s = peer_session(&c);
    status = peer_connect(s);
    if (status == POSTA_OK && peer_send(s, "hello\r\n", 7, &r) == POSTA_OK) ++*taken;
    posta_session_free(&s);
    peer_done(&p);
    return status;
}

static void *work(void *user) {
    worker *w = user;
    posta_tls_config c = peer_tls_config(NULL);
    posta_tls *own = peer_tls(&c);
    for (unsigned i = 0; i < MAILS; i++)
        meet("server", i % 2 ? own : shared, &w->taken);
    posta_tls_free(&own);
    w->refused = meet("unknown", shared, &w->taken);
    return NULL;
}

static void side_by_side(void **state) {
    worker workers[THREADS];
    posta_tls_config c = peer_tls_config(NULL);
    (void)state;
    memset(workers, 0, sizeof workers);
    shared = peer_tls(&c);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].taken, MAILS);
        assert_int_equal(workers[i].refused, POSTA_E_TLS_ISSUER);
    }
    posta_tls_free(&shared);
}

/* The first use of mbedTLS in the process, by all at once. */
static void *first(void *user) {
    posta_tls_config c = peer_tls_config(NULL);
    posta_tls *tls = NULL;
    *(posta_status *)user = posta_tls_new(&c, &tls, NULL);
    posta_tls_free(&tls);
    return NULL;
}

static void first_use(void **state) {
    pthread_t threads[THREADS];
    posta_status status[THREADS];
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, first, &status[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(status[i], POSTA_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_use), cmocka_unit_test(side_by_side)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
