/* core/test/session: a place that counts and fails on demand, with a clock that moves only while
 * somebody waits, and a transport that leads to the checking server of core/test/smtp/toy.h.
 */
#ifndef POSTA_TEST_NET_H
#define POSTA_TEST_NET_H

#include "../smtp/toy.h"
#include "posta/session.h"

/* An error's sentence. POSTA_TEXTS=OFF says code and fate in other words, but never nothing. */
#if POSTA_TEXTS
#define net_sentence(got, expected) assert_string_equal(got, expected)
#else
#define net_sentence(got, expected)                                                                \
    assert_true((expected)[0] ? strstr(got, "; not sent.") || strstr(got, "; unknown.") : !(got)[0])
#endif

static inline bool has_tls(void) {
    return posta_tls_library()[0] != 0;
}

typedef struct net {
    /* place */
    posta_port port;
    uint64_t now;
    size_t allocations, fail_at, live; /* fail_at: the n-th allocation, from 1; 0: none */

    /* transport */
    posta_transport transport;
    toy toy;
    unsigned open_again; /* `open` says AGAIN that often */
    posta_status open_fault, read_fault;
    size_t write_most; /* octets after which writing fails with E_LOST */
    size_t again_at;   /* octets after which writing says AGAIN, and 50 ms pass */
    size_t piece;      /* octets a call moves at most; 0: all */
    uint32_t slow;     /* ms that each write takes */
    size_t writes;
    bool silent;      /* the server's octets do not come any more */
    bool goes_silent; /* at toy.drop_at it says nothing more instead of closing */
    bool no_greeting; /* the test says it itself */
    bool is_open;
    unsigned opened, closed, waited;
    t_bytes wire; /* what was written */

    /* events */
    char events[2000];
    posta_session **free_in; /* frees it at this event */
    posta_event_type free_at;
    posta_session *in_callback;
} net;

/* ---- place ---- */

static inline uint64_t net_now(void *user) {
    return ((net *)user)->now;
}

static inline int64_t net_time(void *user) {
    (void)user;
    return 1000000000;
}

static inline posta_status net_entropy(void *user, void *out, size_t len) {
    (void)user;
    memset(out, 0x42, len);
    return POSTA_OK;
}

static inline void *net_allocate(void *user, void *old, size_t old_len, size_t len) {
    net *n = user;
    if (len == 0) {
        if (old) n->live--;
        free(old);
        return NULL;
    }
    n->allocations++;
    if (n->allocations == n->fail_at) return NULL;
    void *p = malloc(len);
    assert_non_null(p);
    if (old) memcpy(p, old, old_len < len ? old_len : len);
    if (old)
        free(old);
    else
        n->live++;
    return p;
}

/* ---- transport ---- */

static inline posta_status net_open(void *user, const char *host, uint16_t port) {
    net *n = user;
    assert_true(host[0] != 0 && port != 0);
    if (n->open_again > 0) {
        n->open_again--;
        return POSTA_AGAIN;
    }
    if (n->open_fault) return n->open_fault;
    n->opened++;
    n->is_open = true;
    if (n->no_greeting)
        n->toy.greeted = true;
    else
        toy_greet(&n->toy);
    return POSTA_OK;
}

static inline posta_status net_read(void *user, void *p, size_t cap, size_t *n_out) {
    net *n = user;
    toy *t = &n->toy;
    size_t len = t->out.len - t->out_at;
    assert_true(n->is_open);
    *n_out = 0;
    if (len > t->drop_at - t->said) {
        len = t->drop_at - t->said;
        t->out.len = t->out_at + len;
        t->closing = !n->goes_silent;
    }
    if (n->silent) return POSTA_AGAIN;
    if (len == 0 && n->read_fault) return n->read_fault;
    if (len == 0) return t->closing ? POSTA_OK : POSTA_AGAIN;
    if (len > cap) len = cap;
    if (n->piece > 0 && len > n->piece) len = n->piece;
    memcpy(p, t->out.p + t->out_at, len);
    t->out_at += len;
    t->said += len;
    *n_out = len;
    return POSTA_OK;
}

static inline posta_status net_write(void *user, const void *p, size_t len, size_t *n_out) {
    net *n = user;
    assert_true(n->is_open && len > 0);
    n->writes++;
    *n_out = 0;
    if (n->piece > 0 && len > n->piece) len = n->piece;
    if (n->wire.len >= n->again_at) {
        n->now += 50;
        return POSTA_AGAIN;
    }
    if (len > n->write_most - n->wire.len) len = n->write_most - n->wire.len;
    if (len == 0) return POSTA_E_LOST;
    t_bytes_add(&n->wire, p, len);
    for (size_t i = 0; i < len; i++)
        toy_take(&n->toy, ((const uint8_t *)p)[i]);
    *n_out = len;
    n->now += n->slow;
    return POSTA_OK;
}

static inline void net_close(void *user) {
    net *n = user;
    if (n->is_open) n->closed++;
    n->is_open = false;
}

static inline posta_status net_wait(void *user, unsigned wants, uint32_t ms) {
    net *n = user;
    (void)wants;
    assert_true(ms > 0);
    n->waited++;
    assert_true(n->waited < 100000);
    n->now += ms;
    return POSTA_OK;
}

static inline void net_init(net *n) {
    memset(n, 0, sizeof *n);
    n->now = 5000;
    n->write_most = n->again_at = SIZE_MAX;
    n->port = (posta_port){.size = sizeof n->port,
                           .user = n,
                           .now_ms = net_now,
                           .unix_time = net_time,
                           .entropy = net_entropy,
                           .allocate = net_allocate};
    n->transport = (posta_transport){.size = sizeof n->transport,
                                     .user = n,
                                     .open = net_open,
                                     .read = net_read,
                                     .write = net_write,
                                     .close = net_close,
                                     .wait = net_wait};
    toy_init(&n->toy);
}

static inline void net_done(net *n) {
    assert_int_equal(n->live, 0); /* nothing leaks */
    assert_false(n->is_open);
    assert_int_equal(n->opened, n->closed);
    toy_free(&n->toy);
    t_bytes_free(&n->wire);
}

/* ---- session ---- */

static inline void net_callback(posta_session *s, const posta_event *ev, void *user_data) {
    net *n = user_data;
    size_t len = strlen(n->events);
    snprintf(n->events + len, sizeof n->events - len, "%s%s", len ? " " : "",
             t_event_name(ev->type));
    n->in_callback = s;
    if (n->free_in && ev->type == n->free_at) posta_session_free(n->free_in);
}

static inline posta_session_config net_config(net *n) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    c.url = "smtp://mx.example:2525?security=none";
    c.hello = "client.test";
    c.port = &n->port;
    c.transport = &n->transport;
    c.callback = net_callback;
    c.user_data = n;
    return c;
}

static inline posta_session *net_session(net *n, const posta_session_config *config) {
    posta_session_config c = config ? *config : net_config(n);
    posta_session *s = NULL;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_non_null(s);
    return s;
}

/** A message with a text and an attachment; POSTA_E_MEMORY when that cannot be had. */
static inline posta_status net_message(net *n, posta_message **out) {
    posta_part_options part = POSTA_PART_OPTIONS;
    posta_message *m = NULL;
    posta_status status = posta_message_new(&n->port, &m);
    *out = m;
    if (status != POSTA_OK) return status;
    part.name = "numbers.csv";
    posta_message_addresses(m, POSTA_FROM, "Ana <ana@x.example>");
    posta_message_addresses(m, POSTA_TO, "bob@y.example, eve@y.example");
    posta_message_subject(m, "Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87");
    posta_message_text(m, posta_body_string("hello\n.\nbye"), NULL);
    return posta_message_attach(m, posta_body_string("1,2\n3,4\n"), &part);
}

#endif
