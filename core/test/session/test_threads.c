/* Sessions over real sockets: the async notice, cancelling from other threads, many at once, a slow
 * peer, a deaf one. Threads meet only where posta/session.h says; run under ThreadSanitizer too. */
#define _GNU_SOURCE
#include "net.h"
#include "server.h"

#include <dirent.h>
#include <semaphore.h>
#include <time.h>

static unsigned open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static posta_session_config config_for(const server *srv) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    c.url = srv->url;
    c.non_blocking = true;
    return c;
}

static posta_session *session_for(const posta_session_config *c) {
    posta_session *s = NULL;
    assert_int_equal(posta_session_new(c, &s, NULL), POSTA_OK);
    return s;
}

/* By poll, as a host would. */
static posta_status finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
        struct pollfd p = {posta_session_pollfd(s), 0, 0};
        unsigned wants = posta_session_wants(s);
        if (wants & POSTA_WANT_RX) p.events |= POLLIN;
        if (wants & POSTA_WANT_TX) p.events |= POLLOUT;
        poll(&p, 1, (int)posta_session_timeout(s));
    }
    return status;
}

/* ---- the async notice ---- */

#if POSTA_THREADS

typedef struct notice {
    sem_t work;
    atomic_uint calls;
} notice;

static void has_work(posta_session *s, void *user_data) {
    notice *n = user_data;
    posta_session_read_timer(s);
    n->calls++;
    sem_post(&n->work);
}

/* The model's loop. A missed call would make it wait for the whole timer: it is given ten seconds.
 */
static posta_status finish_told(posta_session *s, notice *n) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
        struct timespec until;
        assert_true(posta_session_read_timer(s) > 0);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 10;
        while (sem_timedwait(&n->work, &until) != 0)
            assert_int_equal(errno, EINTR);
    }
    return status;
}

static void told(void **state) {
    server srv = {0};
    notice n = {.calls = 0};
    (void)state;
    server_start(&srv);
    sem_init(&n.work, 0, 0);
    posta_session_config c = config_for(&srv);
    c.user_data = &n;
    posta_session *s = session_for(&c);
    assert_int_equal(posta_session_set_async_callback(s, has_work), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(finish_told(s, &n), POSTA_OK);
    posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
    assert_int_equal(finish_told(s, &n), POSTA_OK);
    unsigned before = n.calls;
    for (unsigned i = 0; i < 100; i++) {
        posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_BCC);
        assert_int_equal(finish_told(s, &n), POSTA_OK);
    }
    /* one for the call, one or two for the reply (none where it is there already): never a poll */
    assert_in_range(n.calls - before, 0, 400);
    posta_session_begin_message(s, NULL, NULL, 0);
    assert_int_equal(finish_told(s, &n), POSTA_OK);
    posta_session_end_message(s);
    assert_int_equal(finish_told(s, &n), POSTA_OK);
    assert_int_equal(posta_session_set_async_callback(s, NULL), POSTA_OK);
    before = n.calls;
    posta_session_noop(s);
    assert_int_equal(finish(s), POSTA_OK);
    assert_int_equal(n.calls, before);
    posta_session_free(&s);
    server_stop(&srv);
    assert_int_equal(srv.mails, 1);
}

/* The timer of the session wakes too: nobody would hear of a silent server otherwise. */
static void told_of_time(void **state) {
    server srv = {.silent_after = 1};
    notice n = {.calls = 0};
    (void)state;
    server_start(&srv);
    sem_init(&n.work, 0, 0);
    posta_session_config c = config_for(&srv);
    c.user_data = &n;
    c.engine.timeouts.command = 60;
    posta_session *s = session_for(&c);
    posta_session_set_async_callback(s, has_work);
    posta_session_connect(s);
    assert_int_equal(finish_told(s, &n), POSTA_E_TIMEOUT);
    assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_TIMEOUT_COMMAND);
    posta_session_free(&s);
    server_stop(&srv);
}
#endif

#if POSTA_THREADS
/* Nobody waits for anything: a peer that resets must not make the watcher call again and again. */
static void idle_peer_goes(void **state) {
    server srv = {0};
    notice n = {.calls = 0};
    (void)state;
    server_start(&srv);
    sem_init(&n.work, 0, 0);
    posta_session_config c = config_for(&srv);
    c.user_data = &n;
    posta_session *s = session_for(&c);
    posta_session_set_async_callback(s, has_work);
    posta_session_connect(s);
    assert_int_equal(finish_told(s, &n), POSTA_OK);
    server_stop(&srv);
    unsigned before = n.calls;
    for (unsigned i = 0; i < 50; i++) {
        posta_session_execute(s, 0);
        usleep(1000);
    }
    assert_in_range(n.calls - before, 0, 3);
    posta_session_noop(s);
    assert_int_equal(finish_told(s, &n), POSTA_E_LOST);
    posta_session_free(&s);
}
#endif

static void by_hand(posta_session *s, void *user_data) {
    (void)s;
    ++*(unsigned *)user_data;
}

/* A transport of the host's: the callback comes from signal, once per arming. */
static void signalled(void **state) {
    net n;
    unsigned calls = 0;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.non_blocking = true;
    c.callback = NULL;
    c.user_data = &calls;
    posta_session *s = session_for(&c);
    assert_int_equal(posta_session_set_async_callback(s, by_hand), POSTA_OK);
    calls = 0;
    posta_session_connect(s);
    assert_int_equal(calls, 0); /* never from within a call of the host's own */
    posta_session_signal(s);
    posta_session_signal(s);
    assert_int_equal(calls, 1); /* not armed */
    n.silent = true;
    posta_session_execute(s, 0);
    posta_session_signal(s);
    posta_session_signal(s);
    assert_int_equal(calls, 2);
    posta_session_set_async_callback(s, NULL);
    posta_session_signal(s);
    assert_int_equal(calls, 2);
    posta_session_free(&s);
    net_done(&n);
}

/* ---- cancelling from another thread ---- */

typedef struct canceller {
    posta_session *s;
    unsigned after_us;
} canceller;

static void *cancel_it(void *user) {
    canceller *c = user;
    usleep(c->after_us);
    posta_session_cancel(c->s);
    return NULL;
}

/* A blocking call returns at once, wherever it waits, with the right outcome (row F05). */
static void cancelled_while_blocking(void **state) {
    (void)state;
    for (unsigned replies = 1; replies <= 6; replies++) { /* greeting EHLO MAIL RCPT DATA text */
        server srv = {.silent_after = replies};
        pthread_t thread;
        unsigned files = open_files();
        server_start(&srv);
        posta_session_config c = config_for(&srv);
        c.non_blocking = false;
        posta_session *s = session_for(&c);
        canceller cancel = {s, 20000};
        assert_int_equal(pthread_create(&thread, NULL, cancel_it, &cancel), 0);
        posta_status status = posta_session_connect(s);
        if (status == POSTA_OK) status = posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
        if (status == POSTA_OK)
            status = posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
        if (status == POSTA_OK) status = posta_session_begin_message(s, NULL, NULL, 0);
        if (status == POSTA_OK) status = posta_session_end_message(s);
        if (status == POSTA_OK) status = posta_session_noop(s);
        assert_int_equal(status, POSTA_E_CANCELLED);
        pthread_join(thread, NULL);
        assert_int_equal(posta_session_receipt(s)->outcome,
                         replies == 5 ? POSTA_DELIVERY_UNKNOWN : POSTA_DELIVERY_NOT_SENT);
        assert_false(posta_session_is_connected(s));
        assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
        posta_session_free(&s);
        server_stop(&srv);
        assert_int_equal(open_files(), files);
    }
}

/* At any moment of a whole mail, without blocking; the session ends well whenever it comes. */
static void cancelled_any_time(void **state) {
    server srv = {0};
    (void)state;
    server_start(&srv);
    for (unsigned i = 0; i < 60; i++) {
        pthread_t thread;
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        posta_recipient to[1] = {{.address = "b@y.example"}};
        posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 1};
        posta_receipt receipt = {.status = POSTA_OK};
        posta_session_config c = config_for(&srv);
        posta_session *s = session_for(&c);
        canceller cancel = {s, i * 20};
        assert_int_equal(pthread_create(&thread, NULL, cancel_it, &cancel), 0);
        posta_session_connect(s);
        posta_status status = finish(s);
        if (status == POSTA_OK &&
            posta_session_send(s, &env, &source, &receipt) == POSTA_E_IN_PROGRESS)
            status = finish(s);
        pthread_join(thread, NULL);
        if (status != POSTA_OK)
            assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_CANCELLED);
        posta_session_execute(s, 0);
        posta_session_free(&s);
    }
    server_stop(&srv);
}

/* ---- many ---- */

#define MANY 500u

typedef struct many {
    posta_session *s;
    posta_source source;
    t_body body;
    posta_recipient to[1];
    posta_envelope env;
    posta_receipt receipt;
    bool done;
} many;

static void next_step(posta_session *s, const posta_event *ev, void *user_data) {
    many *m = user_data;
    if (ev->type == POSTA_EVENT_CONNECTED)
        assert_int_equal(posta_session_send(s, &m->env, &m->source, &m->receipt),
                         POSTA_E_IN_PROGRESS);
    else if (ev->type == POSTA_EVENT_SENT)
        assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
    else if (ev->type != POSTA_EVENT_RECIPIENT_ACK)
        m->done = true;
}

/* 500 sessions in one thread, one poll for all; every mail is accounted for. */
static void many_at_once(void **state) {
    server srv = {0};
    many *all = calloc(MANY, sizeof *all);
    unsigned files = open_files(), done = 0, ok = 0;
    (void)state;
    assert_non_null(all);
    server_start(&srv);
    for (unsigned i = 0; i < MANY; i++) {
        many *m = &all[i];
        posta_session_config c = config_for(&srv);
        m->body = (t_body)T_BODY("hi\r\n", 4);
        m->source = t_body_source(&m->body, 4);
        m->to[0].address = "b@y.example";
        m->env = (posta_envelope){.from = "a@x.example", .to = m->to, .to_n = 1};
        c.callback = next_step;
        c.user_data = m;
        m->s = session_for(&c);
        assert_int_equal(posta_session_connect(m->s), POSTA_E_IN_PROGRESS);
    }
    while (done < MANY) {
        static struct pollfd fds[MANY];
        int64_t least = 10000;
        done = 0;
        for (unsigned i = 0; i < MANY; i++) {
            many *m = &all[i];
            posta_session_execute(m->s, 0);
            unsigned wants = posta_session_wants(m->s);
            int64_t timeout = posta_session_timeout(m->s);
            fds[i] = (struct pollfd){m->done ? -1 : posta_session_pollfd(m->s), 0, 0};
            if (wants & POSTA_WANT_RX) fds[i].events |= POLLIN;
            if (wants & POSTA_WANT_TX) fds[i].events |= POLLOUT;
            if (!m->done && timeout >= 0 && timeout < least) least = timeout;
            done += m->done;
        }
        if (done < MANY) assert_true(poll(fds, MANY, (int)least) > 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        ok += all[i].receipt.outcome == POSTA_DELIVERY_ACCEPTED;
        posta_session_free(&all[i].s);
    }
    server_stop(&srv);
    assert_int_equal(ok, MANY);
    assert_int_equal(srv.mails, MANY);
    assert_int_equal(srv.connections, MANY);
    assert_int_equal(open_files(), files);
    free(all);
}

/* ---- the model's loop: all of it in the callback ---- */

typedef struct upload {
    size_t len;
    posta_status status;
} upload;

static void send_it_all(posta_session *s, const posta_event *ev, void *user_data) {
    static const char line[] = "0123456789012345678901234567890123456789012345678901234567890\n";
    upload *u = user_data;
    if (ev->type != POSTA_EVENT_BEGIN_ACK) return;
    for (size_t at = 0; at < u->len && u->status == POSTA_OK;) {
        size_t from = at % (sizeof line - 1), n = sizeof line - 1 - from;
        if (n > u->len - at) n = u->len - at;
        at += posta_session_body(s, line + from, n, &u->status);
    }
    posta_session_end_message(s);
}

static posta_session *upload_to(server *srv, upload *u, uint32_t block_ms) {
    server_start(srv);
    posta_session_config c = config_for(srv);
    c.callback = send_it_all;
    c.user_data = u;
    c.engine.timeouts.block = block_ms;
    posta_session *s = session_for(&c);
    posta_session_connect(s);
    assert_int_equal(finish(s), POSTA_OK);
    posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
    assert_int_equal(finish(s), POSTA_OK);
    posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
    assert_int_equal(finish(s), POSTA_OK);
    posta_session_begin_message(s, NULL, NULL, 0);
    return s;
}

/* 5 MB against a peer that reads 16 KB at a time, with pauses. */
static void all_in_the_callback(void **state) {
    server srv = {.read_most = 16384};
    upload u = {.len = 5000000};
    (void)state;
    posta_session *s = upload_to(&srv, &u, 180000);
    assert_int_equal(finish(s), POSTA_OK);
    assert_int_equal(u.status, POSTA_OK);
    posta_session_free(&s);
    server_stop(&srv);
    assert_int_equal(srv.mails, 1);
    assert_true(srv.octets > u.len);
}

/* The same against a peer that stops reading: it ends, in TIMEOUT. */
static void deaf_peer(void **state) {
    server srv = {.deaf_after = 1000};
    upload u = {.len = 50000000};
    (void)state;
    posta_session *s = upload_to(&srv, &u, 150);
    assert_int_equal(finish(s), POSTA_E_TIMEOUT);
    assert_int_equal(u.status, POSTA_E_TIMEOUT);
    assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_TIMEOUT_BLOCK);
    assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_NOT_SENT);
    posta_session_free(&s);
    server_stop(&srv);
    assert_int_equal(srv.mails, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if POSTA_THREADS
        cmocka_unit_test(told),
        cmocka_unit_test(told_of_time),
        cmocka_unit_test(idle_peer_goes),
#endif
        cmocka_unit_test(signalled),
        cmocka_unit_test(cancelled_while_blocking),
        cmocka_unit_test(cancelled_any_time),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(all_in_the_callback),
        cmocka_unit_test(deaf_peer)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
