/* core/test/tls: a server that speaks TLS and SMTP inside the test, over a wire of two queues that
 * a test can cut, delay, split and tamper with; and two clients for it, a session over a transport
 * of memory and a link over its windows. Behind TLS is the checking server of core/test/smtp/toy.h.
 *
 * Each octet that the client writes is looked at: once TLS has begun all of them stand in records
 * (row A09). Waiting is strict: a wait for what does not come lets time pass.
 */
#ifndef POSTA_TEST_PEER_H
#define POSTA_TEST_PEER_H

#include "../smtp/toy.h"
#include "posta/session.h"

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* of 3.x: what a good server would not do */
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#define PEER_HOST "mail.example.org"
#define PEER_TIME ((int64_t)time(NULL))

/* ---- what depends on the version of mbedTLS ---- */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define PEER_3 1
#else
#define PEER_3 0
#endif
#if PEER_3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define PEER_HAS_1_3 1
#else
#define PEER_HAS_1_3 0
#endif

/* 3.6 hides fields that 2.28 shows. */
#if PEER_3
#define PEER_FIELD(name) MBEDTLS_PRIVATE(name)
#else
#define PEER_FIELD(name) name
#endif

typedef int (*peer_rng)(void *user, unsigned char *out, size_t len);

static inline int peer_parse_key(mbedtls_pk_context *key, const char *path, peer_rng rng,
                                 void *user) {
#if PEER_3
    return mbedtls_pk_parse_keyfile(key, path, NULL, rng, user);
#else
    (void)rng;
    (void)user;
    return mbedtls_pk_parse_keyfile(key, path, NULL);
#endif
}

/* 12 for TLS 1.2; 10 and 11 on 2.28 only, 13 on 3.x only. */
static inline void peer_limit_versions(mbedtls_ssl_config *c, unsigned min, unsigned max) {
#if PEER_3
    if (min) mbedtls_ssl_conf_min_tls_version(c, (mbedtls_ssl_protocol_version)(0x300 + min - 9));
    if (max) mbedtls_ssl_conf_max_tls_version(c, (mbedtls_ssl_protocol_version)(0x300 + max - 9));
#else
    if (min) mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, (int)min - 9);
    if (max) mbedtls_ssl_conf_max_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, (int)max - 9);
#endif
}

static inline bool peer_is_shaken(mbedtls_ssl_context *ssl) {
#if PEER_3
    return mbedtls_ssl_is_handshake_over(ssl) != 0;
#else
    return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
#endif
}

/* ---- tables: each row that is wrong is told ---- */

static unsigned peer_wrongs;

#define peer_wrong(...) (peer_wrongs++, print_error("wrong: " __VA_ARGS__), print_error("\n"))

static inline void peer_right(void) {
    unsigned n = peer_wrongs;
    peer_wrongs = 0;
    assert_int_equal(n, 0);
}

/* ---- the peer ---- */

typedef struct peer_queue {
    t_bytes bytes;
    size_t at; /* taken from the front */
} peer_queue;

typedef struct peer {
    /* how it is: set between peer_init and peer_start */
    const char *cert;               /* NAME.pem and NAME.key of POSTA_CERTS */
    bool is_implicit, wants_client; /* TLS from the first octet; a client certificate of ca's */
    bool no_notify;                 /* it closes without close_notify */
    unsigned min, max;              /* versions, 12 and 13; 0: any */
    const int *suites;              /* null: mbedTLS's */

    /* the wire */
    size_t piece;    /* octets a call moves at most; 0: all */
    uint32_t seed;   /* not 0: 1 to 300 octets a call */
    bool reluctant;  /* every other call says AGAIN */
    size_t cut_down; /* octets to the client, then the end; SIZE_MAX: never */
    size_t cut_up;   /* octets from the client, then writing fails, and reading ends */
    size_t stall_up; /* octets from the client, then no write is taken */
    size_t dribble;  /* not 0: ms that pass for each octet to the client */
    bool silent;     /* nothing reaches the client any more */
    void (*meddle)(struct peer *p, size_t from); /* `from` on is new in down.bytes */

    /* TLS */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain, ca;
    mbedtls_pk_context key;
    bool is_tls, is_up, is_over, is_started; /* is_over: the server is done with the wire */
    int result, ended;                       /* why handshake and reading ended */
    uint32_t random;

    toy toy;
    peer_queue up, down;        /* client to server, server to client */
    t_bytes seen;               /* all that the client wrote */
    size_t clear_n;             /* octets of it before TLS; SIZE_MAX: TLS has not begun */
    size_t record_at;           /* of seen: where the next record begins */
    size_t delivered;           /* octets to the client */
    unsigned turns_left;        /* the test's */
    bool read_turn, write_turn; /* whose call the reluctant wire refuses */

    /* place */
    posta_port port;
    posta_transport transport;
    uint64_t now;
    int64_t time; /* unix_time's answer */
    size_t allocations, fail_at, live;
    bool is_open;
    unsigned opened, closed, waited;
    char events[2000];
    posta_status secure_status; /* SECURE_OK's or SECURE_FAIL's */
} peer;

static _Thread_local bool peer_is_running; /* the server's work, not posta's: for hooks of calloc */

static inline int peer_random_octets(void *user, unsigned char *out, size_t len) {
    peer *p = user;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(t_random(&p->random) >> 7);
    return 0;
}

static inline int peer_take(void *user, unsigned char *out, size_t len) {
    peer *p = user;
    size_t n = p->up.bytes.len - p->up.at;
    if (n == 0) return MBEDTLS_ERR_SSL_WANT_READ;
    if (n > len) n = len;
    memcpy(out, p->up.bytes.p + p->up.at, n);
    p->up.at += n;
    return (int)n;
}

static inline int peer_give(void *user, const unsigned char *p, size_t len) {
    t_bytes_add(&((peer *)user)->down.bytes, p, len);
    return (int)len;
}

static inline void peer_path(char out[512], const char *name, const char *suffix) {
    snprintf(out, 512, "%s/%s%s", POSTA_CERTS, name, suffix);
}

static inline void peer_load(peer *p) {
    char path[512];
    mbedtls_x509_crt_init(&p->chain);
    mbedtls_x509_crt_init(&p->ca);
    mbedtls_pk_init(&p->key);
    peer_path(path, p->cert, ".pem");
    assert_int_equal(mbedtls_x509_crt_parse_file(&p->chain, path), 0);
    /* It would not show all. */
    p->chain.PEER_FIELD(ext_types) &= ~(MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE | MBEDTLS_X509_EXT_KEY_USAGE);
    peer_path(path, p->cert, ".key");
    assert_int_equal(peer_parse_key(&p->key, path, peer_random_octets, p), 0);
    peer_path(path, "ca", ".pem");
    assert_int_equal(mbedtls_x509_crt_parse_file(&p->ca, path), 0);
}

/* Any key will do for the server: what the client thinks of it is what is tested. */
static const mbedtls_x509_crt_profile peer_profile = {0xFFFFFFF, 0xFFFFFFF, 0xFFFFFFF, 512};

static inline void peer_start(peer *p) {
    mbedtls_ssl_config *c = &p->config;
    peer_is_running = true;
    peer_load(p);
    mbedtls_ssl_init(&p->ssl);
    mbedtls_ssl_config_init(c);
    assert_int_equal(mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_SERVER,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(c, peer_random_octets, p);
    mbedtls_ssl_conf_cert_profile(c, &peer_profile);
    mbedtls_ssl_conf_ca_chain(c, &p->ca, NULL);
    mbedtls_ssl_conf_authmode(c, p->wants_client ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                 : MBEDTLS_SSL_VERIFY_NONE);
    if (p->suites) mbedtls_ssl_conf_ciphersuites(c, p->suites);
    peer_limit_versions(c, p->min, p->max);
    assert_int_equal(mbedtls_ssl_conf_own_cert(c, &p->chain, &p->key), 0);
    assert_int_equal(mbedtls_ssl_setup(&p->ssl, c), 0);
    mbedtls_ssl_set_bio(&p->ssl, p, peer_give, peer_take, NULL);
    p->is_started = true;
    peer_is_running = false;
}

static inline void peer_begin_tls(peer *p) {
    if (!p->is_started) peer_start(p);
    p->toy.is_tls = p->is_tls = true;
    p->clear_n = p->record_at = p->seen.len;
}

/* ---- the server at work ---- */

static inline bool peer_say(peer *p) {
    toy *t = &p->toy;
    size_t n = t->out.len - t->out_at;
    if (n == 0 || p->is_over) return false;
    if (p->is_tls) {
        int written = mbedtls_ssl_write(&p->ssl, t->out.p + t->out_at, n);
        assert_true(written > 0);
        t->out_at += (size_t)written;
    } else {
        t_bytes_add(&p->down.bytes, t->out.p + t->out_at, n);
        t->out_at = t->out.len;
    }
    if (t->out_at == t->out.len) t->out_at = t->out.len = 0;
    return true;
}

static inline bool peer_hear_clear(peer *p) {
    bool moved = false;
    while (p->up.at < p->up.bytes.len && p->toy.out.len == 0 && !p->toy.closing) {
        toy_take(&p->toy, p->up.bytes.p[p->up.at++]);
        moved = true;
    }
    return moved;
}

static inline bool peer_hear_tls(peer *p) {
    unsigned char buf[4096];
    size_t at = p->up.at;
    int n = mbedtls_ssl_read(&p->ssl, buf, sizeof buf);
    for (int i = 0; i < n && !p->toy.closing; i++)
        toy_take(&p->toy, buf[i]);
    if (n > 0 || n == MBEDTLS_ERR_SSL_WANT_READ) return n > 0 || p->up.at > at;
    p->ended = n;
    p->is_over = true;
    return false;
}

/** What the client said last, after the server had closed its side. */
static inline void peer_hear_rest(peer *p) {
    unsigned char buf[4096];
    int n;
    if (!p->is_up || p->ended) return;
    while ((n = mbedtls_ssl_read(&p->ssl, buf, sizeof buf)) > 0) {
    }
    if (n != MBEDTLS_ERR_SSL_WANT_READ) p->ended = n;
}

static inline bool peer_shake(peer *p) {
    int result = mbedtls_ssl_handshake(&p->ssl);
    if (result == MBEDTLS_ERR_SSL_WANT_READ) return false;
    p->result = result;
    p->is_over = result != 0;
    p->is_up = result == 0 && peer_is_shaken(&p->ssl);
    if (p->is_up && p->is_implicit) toy_greet(&p->toy);
    return true;
}

static inline bool peer_step(peer *p) {
    bool moved = peer_say(p);
    if (p->is_over) return false;
    if (p->toy.closing && p->toy.out.len == 0) {
        if (p->is_up && !p->no_notify) mbedtls_ssl_close_notify(&p->ssl);
        p->is_over = true;
        return true;
    }
    if (!p->is_tls && p->toy.is_tls && p->toy.out.len == 0) { /* it has said 220 */
        peer_begin_tls(p);
        return true;
    }
    if (!p->is_tls) return peer_hear_clear(p) || moved;
    if (!p->is_up) return peer_shake(p) || moved;
    return peer_hear_tls(p) || moved;
}

/** The server does what it can. */
static inline void peer_run(peer *p) {
    size_t from = p->down.bytes.len;
    peer_is_running = true;
    while (peer_step(p)) {
    }
    if (p->meddle && p->down.bytes.len > from) p->meddle(p, from);
    peer_is_running = false;
}

/* ---- the wire ---- */

static inline size_t peer_some(peer *p, size_t n) {
    size_t most = p->seed ? 1 + t_random(&p->seed) % 300 : p->piece ? p->piece : n;
    return n < most ? n : most;
}

static inline size_t peer_waiting(const peer *p) {
    size_t n = p->down.bytes.len - p->down.at;
    if (p->silent) return 0;
    return n < p->cut_down - p->delivered ? n : p->cut_down - p->delivered;
}

static inline bool peer_has_ended(const peer *p) {
    if (p->silent) return false;
    if (p->delivered >= p->cut_down || p->seen.len >= p->cut_up) return true;
    return p->is_over && p->down.at == p->down.bytes.len;
}

/* Row A09. The client's stream from clear_n on is records, each whole or cut off at the end. */
static inline void peer_check_records(peer *p) {
    const uint8_t *s = p->seen.p;
    if (p->clear_n == SIZE_MAX) return;
    while (p->record_at < p->seen.len) {
        size_t n = p->seen.len - p->record_at;
        const uint8_t *r = s + p->record_at;
        assert_in_range(r[0], 20, 23);
        if (n > 1) assert_int_equal(r[1], 3);
        if (n > 2) assert_in_range(r[2], 1, 4);
        if (n < 5) return;
        size_t len = (size_t)r[3] << 8 | r[4];
        assert_in_range(len, 1, 16384 + 256);
        if (n < 5 + len) return;
        p->record_at += 5 + len;
    }
}

/** How many of the client's octets go onto the wire; 0 with *lost: it is broken. */
static inline size_t peer_write_some(peer *p, const void *data, size_t len, bool *lost) {
    size_t n = peer_some(p, len);
    *lost = false;
    if (p->reluctant && (p->write_turn = !p->write_turn)) return 0;
    if (p->seen.len >= p->stall_up) return 0;
    if (n > p->stall_up - p->seen.len) n = p->stall_up - p->seen.len;
    if (n > p->cut_up - p->seen.len) n = p->cut_up - p->seen.len;
    *lost = n == 0;
    if (n == 0) return 0;
    assert_true(p->seen.len < 1000000); /* it has an end */
    t_bytes_add(&p->seen, data, n);
    t_bytes_add(&p->up.bytes, data, n);
    peer_check_records(p);
    return n;
}

static inline size_t peer_read_some(peer *p, void *out, size_t cap) {
    size_t n = peer_waiting(p);
    if (p->reluctant && (p->read_turn = !p->read_turn)) return 0;
    n = peer_some(p, n < cap ? n : cap);
    if (n > 0 && p->dribble) n = 1;
    if (n > 0) memcpy(out, p->down.bytes.p + p->down.at, n);
    p->down.at += n;
    p->delivered += n;
    p->now += n * p->dribble;
    return n;
}

/* ---- place and transport ---- */

static inline uint64_t peer_now(void *user) {
    return ((peer *)user)->now;
}

static inline int64_t peer_time(void *user) {
    return ((peer *)user)->time;
}

static inline posta_status peer_entropy(void *user, void *out, size_t len) {
    return peer_random_octets(user, out, len) == 0 ? POSTA_OK : POSTA_E_ENTROPY;
}

static inline void *peer_allocate(void *user, void *old, size_t old_len, size_t len) {
    peer *p = user;
    void *fresh = NULL;
    if (len > 0) {
        if (++p->allocations == p->fail_at) return NULL;
        fresh = malloc(len);
        assert_non_null(fresh);
        p->live++;
        if (old) memcpy(fresh, old, old_len < len ? old_len : len);
    }
    if (old) p->live--;
    free(old);
    return fresh;
}

static inline posta_status peer_open(void *user, const char *host, uint16_t port) {
    peer *p = user;
    (void)host;
    (void)port;
    p->opened++;
    p->is_open = true;
    if (p->is_implicit)
        peer_begin_tls(p);
    else
        toy_greet(&p->toy);
    p->toy.greeted = true;
    return POSTA_OK;
}

static inline posta_status peer_read(void *user, void *out, size_t cap, size_t *n_out) {
    peer *p = user;
    assert_true(p->is_open && cap > 0);
    peer_run(p);
    *n_out = peer_read_some(p, out, cap);
    return *n_out > 0 || (peer_waiting(p) == 0 && peer_has_ended(p)) ? POSTA_OK : POSTA_AGAIN;
}

static inline posta_status peer_write(void *user, const void *data, size_t len, size_t *n_out) {
    peer *p = user;
    bool lost;
    assert_true(p->is_open && len > 0);
    *n_out = peer_write_some(p, data, len, &lost);
    if (*n_out > 0) return POSTA_OK;
    return lost ? POSTA_E_LOST : POSTA_AGAIN;
}

static inline void peer_close(void *user) {
    peer *p = user;
    if (p->is_open) p->closed++;
    p->is_open = false;
}

static inline posta_status peer_wait(void *user, unsigned wants, uint32_t ms) {
    peer *p = user;
    assert_true(ms > 0);
    assert_true(++p->waited < 2000000);
    peer_run(p);
    if ((wants & POSTA_WANT_RX) && (peer_waiting(p) > 0 || peer_has_ended(p))) return POSTA_OK;
    if ((wants & POSTA_WANT_TX) && p->seen.len < p->stall_up) return POSTA_OK;
    p->now += ms;
    return POSTA_OK;
}

static inline void peer_init(peer *p) {
    memset(p, 0, sizeof *p);
    p->cert = "server";
    p->cut_down = p->cut_up = p->stall_up = p->clear_n = SIZE_MAX;
    p->random = 4711;
    p->now = 5000;
    p->time = PEER_TIME;
    p->port = (posta_port){.size = sizeof p->port,
                           .user = p,
                           .now_ms = peer_now,
                           .unix_time = peer_time,
                           .entropy = peer_entropy,
                           .allocate = peer_allocate};
    p->transport = (posta_transport){.size = sizeof p->transport,
                                     .user = p,
                                     .open = peer_open,
                                     .read = peer_read,
                                     .write = peer_write,
                                     .close = peer_close,
                                     .wait = peer_wait};
    toy_init(&p->toy);
    p->toy.offers = "250-PIPELINING\r\n250-8BITMIME\r\n250-STARTTLS\r\n250-SIZE 1000000\r\n";
}

/** Frees the server, and its side of the wire. */
static inline void peer_done(peer *p) {
    assert_int_equal(p->live, 0); /* nothing leaks */
    assert_false(p->is_open);
    assert_int_equal(p->opened, p->closed);
    toy_free(&p->toy);
    t_bytes_free(&p->up.bytes);
    t_bytes_free(&p->down.bytes);
    t_bytes_free(&p->seen);
    if (!p->is_started) return;
    mbedtls_ssl_free(&p->ssl);
    mbedtls_ssl_config_free(&p->config);
    mbedtls_x509_crt_free(&p->chain);
    mbedtls_x509_crt_free(&p->ca);
    mbedtls_pk_free(&p->key);
}

/* ---- what the client trusts ---- */

/** A configuration that trusts "ca"; `p` may be null. */
static inline posta_tls_config peer_tls_config(peer *p) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    c.ca_file = POSTA_CERTS "/ca.pem";
    c.port = p ? &p->port : NULL;
    return c;
}

static inline posta_tls *peer_tls(const posta_tls_config *c) {
    posta_tls *tls = NULL;
    posta_problem problem;
    if (posta_tls_new(c, &tls, &problem) != POSTA_OK) fail_msg("%s", problem.text);
    assert_non_null(tls);
    return tls;
}

/* ---- a session ---- */

static inline void peer_note(peer *p, const posta_event *ev) {
    size_t len = strlen(p->events);
    if (ev->type == POSTA_EVENT_SECURE_OK || ev->type == POSTA_EVENT_SECURE_FAIL)
        p->secure_status = ev->status;
    snprintf(p->events + len, sizeof p->events - len, "%s%s", len ? " " : "",
             t_event_name(ev->type));
}

static inline void peer_callback(posta_session *s, const posta_event *ev, void *user_data) {
    (void)s;
    peer_note(user_data, ev);
}

/** `tls` null: what trusts "ca". The configuration can be changed before peer_session. */
static inline posta_session_config peer_config(peer *p, posta_tls *tls) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    c.host = PEER_HOST;
    c.security = p->is_implicit ? POSTA_SECURITY_TLS : POSTA_SECURITY_STARTTLS;
    c.hello = "client.test";
    c.port = &p->port;
    c.transport = &p->transport;
    c.callback = peer_callback;
    c.user_data = p;
    c.tls = tls;
    return c;
}

static inline posta_session *peer_session(const posta_session_config *c) {
    posta_session *s = NULL;
    posta_receipt why;
    if (posta_session_new(c, &s, &why) != POSTA_OK) fail_msg("%s", why.message);
    return s;
}

/** Drives an action of a session that does not block, by its own `wants` and `timeout` only. */
static inline posta_status peer_finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS)
        posta_session_wait(s, 3600000);
    return status;
}

static inline posta_status peer_connect(posta_session *s) {
    posta_status status = posta_session_connect(s);
    return status == POSTA_E_IN_PROGRESS ? peer_finish(s) : status;
}

/** One message to one recipient. */
static inline posta_status peer_send(posta_session *s, const char *text, size_t len,
                                     posta_receipt *receipt) {
    posta_recipient to = {.address = "b@y.example"};
    posta_envelope envelope = {.from = "a@x.example", .to = &to, .to_n = 1, .has_crlf = true};
    t_body body = T_BODY(text, len);
    posta_source source = t_body_source(&body, len);
    posta_status status = posta_session_send(s, &envelope, &source, receipt);
    if (status == POSTA_E_IN_PROGRESS) status = peer_finish(s);
    receipt->recipients = NULL;
    return status;
}

/** Lines of 50 octets; free it. */
static inline char *peer_text(size_t len) {
    char *text = malloc(len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + (i + i / 50) % 23);
    for (size_t i = 48; i + 3 < len; i += 50)
        memcpy(text + i, "\r\n", 2);
    memcpy(text + len - 2, "\r\n", 2);
    return text;
}

#endif
