/* The classic failures of a client, over real sockets with a clock of the test's own: names that
 * cannot be found, are slow, never come, are wrong; nobody who listens; a greeting that is late,
 * bad or partial; answers that are unexpected or partial; bodies that break; giving up and freeing
 * at each moment. Each ends in one event with its cause, and nothing leaks. */
#define _GNU_SOURCE
#include "net.h"
#include "server.h"

#include <limits.h>

typedef struct names {
    unsigned again; /* answers POSTA_AGAIN that often; UINT_MAX: always */
    posta_status status;
    const char *address;
    unsigned asked;
} names;

static posta_status find(void *user, const char *host, char (*out)[POSTA_MAX_ADDRESS_TEXT],
                         size_t cap, size_t *n_out) {
    names *n = user;
    n->asked++;
    *n_out = 0;
    assert_string_equal(host, "mail.example");
    if (n->again == UINT_MAX || n->asked <= n->again) return POSTA_AGAIN;
    if (n->status != POSTA_OK || !n->address) return n->status;
    assert_true(cap > 0);
    snprintf(out[0], POSTA_MAX_ADDRESS_TEXT, "%s", n->address);
    *n_out = 1;
    return POSTA_OK;
}

static posta_session *session_to(net *n, names *who, uint16_t port) {
    net_init(n);
    posta_session_config c = net_config(n);
    posta_session *s = NULL;
    c.url = NULL;
    c.host = "mail.example";
    c.tcp_port = port;
    c.security = POSTA_SECURITY_NONE;
    c.transport = NULL;
    c.non_blocking = true;
    c.resolver = find;
    c.engine.timeouts.resolve = 1000;
    c.resolver_user = who;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    return s;
}

static uint16_t port_of(const server *srv) {
    return (uint16_t)strtoul(strrchr(srv->url, ':') + 1, NULL, 10);
}

/* Waits `real_ms` for bytes; when none come, the time of the test goes on. */
static posta_status finish(net *n, posta_session *s, int real_ms) {
    posta_status status;
    for (unsigned i = 0; (status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS; i++) {
        struct pollfd p = {posta_session_pollfd(s), POLLIN, 0};
        if (posta_session_wants(s) & POSTA_WANT_TX) p.events |= POLLOUT;
        int64_t timeout = posta_session_timeout(s);
        assert_true(timeout >= 0 && i < 10000);
        if (poll(&p, p.fd >= 0, real_ms) == 0) n->now += (uint64_t)timeout + (timeout == 0);
    }
    return status;
}

static void ended(net *n, posta_session **s, const char *events) {
    assert_string_equal(n->events, events);
    posta_session_free(s);
    net_done(n);
}

/* ---- names ---- */

static void lookups(void **state) {
    server srv = {0};
    (void)state;
    server_start(&srv);
    static const struct {
        names who;
        posta_status status, cause;
        posta_phase stage;
        const char *events;
    } cases[] = {
        {{0, POSTA_E_DNS, NULL, 0}, POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, "FAILED"},
        {{3, POSTA_E_DNS, NULL, 0}, POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, "FAILED"},
        {{0, POSTA_OK, NULL, 0}, POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, "FAILED"},
        {{0, POSTA_OK, "no address", 0}, POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, "FAILED"},
        {{UINT_MAX, POSTA_OK, NULL, 0},
         POSTA_E_TIMEOUT,
         POSTA_E_TIMEOUT_RESOLVE,
         POSTA_PHASE_RESOLVE,
         "TIMEOUT"},
        {{0, POSTA_OK, "127.0.0.1", 0}, POSTA_OK, POSTA_OK, POSTA_PHASE_NONE, "CONNECTED"},
        {{5, POSTA_OK, "127.0.0.1", 0}, POSTA_OK, POSTA_OK, POSTA_PHASE_NONE, "CONNECTED"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        names who = cases[i].who;
        posta_session *s = session_to(&n, &who, port_of(&srv));
        assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
        int real_ms = who.again == UINT_MAX ? 1 : 1000; /* for nobody, or for the server */
        assert_int_equal(finish(&n, s, real_ms), cases[i].status);
        assert_int_equal(posta_session_receipt(s)->cause, cases[i].cause);
        assert_int_equal(posta_session_receipt(s)->stage, cases[i].stage);
        ended(&n, &s, cases[i].events);
    }
    server_stop(&srv);
}

/* Cancelled and freed while the name is looked up, and once it is there. */
static void given_up(void **state) {
    server srv = {0};
    (void)state;
    server_start(&srv);
    for (unsigned rounds = 0; rounds < 8; rounds++) {
        for (unsigned mode = 0; mode < 2; mode++) {
            net n;
            names who = {3, POSTA_OK, "127.0.0.1", 0};
            posta_session *s = session_to(&n, &who, port_of(&srv));
            posta_status status = posta_session_connect(s);
            for (unsigned i = 0; i < rounds && status == POSTA_E_IN_PROGRESS; i++) {
                status = posta_session_execute(s, 1);
                n.now += 10;
            }
            if (mode == 0 && status == POSTA_E_IN_PROGRESS) {
                posta_session_cancel(s);
                assert_int_equal(posta_session_timeout(s), 0); /* execute has work */
                assert_int_equal(posta_session_execute(s, 0), POSTA_E_CANCELLED);
                assert_string_equal(n.events, "FAILED");
                assert_int_equal(posta_session_pollfd(s), -1);
                /* and again, to the end */
                assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
                assert_int_equal(finish(&n, s, 1000), POSTA_OK);
            }
            posta_session_free(&s);
            net_done(&n);
        }
    }
    server_stop(&srv);
}

#if !POSTA_THREADS
/* Without threads a session that must not wait looks no name up, also when it was blocking at
 * first. */
static void no_lookup(void **state) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    uint32_t no = 0;
    (void)state;
    c.host = "mail.invalid";
    c.security = POSTA_SECURITY_NONE;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_BLOCKING, &no, sizeof no), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_execute(s, 0), POSTA_E_NOT_BUILT);
    posta_session_free(&s);
}
#endif

/* ---- connecting ---- */

static void refused(void **state) {
    server srv = {0};
    net n;
    names who = {0, POSTA_OK, "127.0.0.1", 0};
    (void)state;
    server_start(&srv);
    uint16_t port = port_of(&srv);
    server_stop(&srv); /* nobody listens any more */
    posta_session *s = session_to(&n, &who, port);
    posta_session_connect(s);
    assert_int_equal(finish(&n, s, 1000), POSTA_E_CONNECT_REFUSED);
    assert_int_equal(posta_session_receipt(s)->stage, POSTA_PHASE_CONNECT);
    assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
    posta_session_connect(s); /* `connect` may follow */
    assert_int_equal(finish(&n, s, 1000), POSTA_E_CONNECT_REFUSED);
    ended(&n, &s, "FAILED FAILED");
}

/* ---- what the server says ---- */

/* The server's octets one by one, from `decide` and `drop_at` of the toy; a session in memory. */
static void one_connect(const char *greeting, posta_status status, const char *events) {
    net n;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.non_blocking = true;
    posta_session *s = net_session(&n, &c);
    posta_session_connect(s);
    n.piece = strstr(greeting, "250 y") ? 0 : 1; /* two replies at once */
    n.no_greeting = true;
    t_bytes_add(&n.toy.out, greeting, strlen(greeting));
    posta_status got;
    for (unsigned i = 0; (got = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS && i < 10; i++)
        n.now += 290000;
    assert_int_equal(got, status);
    assert_string_equal(n.events, events);
    posta_session_free(&s);
    net_done(&n);
}

static void greetings(void **state) {
    (void)state;
    one_connect("220 x\r\n", POSTA_OK, "CONNECTED");
    one_connect("220-x\r\n220 y\r\n", POSTA_OK, "CONNECTED");
    one_connect("", POSTA_E_TIMEOUT, "TIMEOUT");          /* late */
    one_connect("22", POSTA_E_TIMEOUT, "TIMEOUT");        /* partial */
    one_connect("220-x\r\n", POSTA_E_TIMEOUT, "TIMEOUT"); /* partial, whole lines */
    one_connect("554 no\r\n", POSTA_E_SERVER_PERMANENT, "SERVER_ERROR");
    one_connect("421 later\r\n", POSTA_E_SERVER_TEMPORARY, "SERVER_RETRY");
    one_connect("250 x\r\n", POSTA_E_PROTOCOL, "FAILED");          /* unexpected */
    one_connect("hello\r\n", POSTA_E_PROTOCOL, "FAILED");          /* bad */
    one_connect("220 x\r\n250 y\r\n", POSTA_E_PROTOCOL, "FAILED"); /* premature */
}

/* ---- bodies ---- */

/* A source that breaks at its begin, middle, end: closed without a dot, nothing was sent. */
static void broken_bodies(void **state) {
    (void)state;
    for (size_t at = 0; at <= 8; at += 4) {
        net n;
        net_init(&n);
        t_body body = T_BODY("one\ntwo\n", 8);
        posta_source source = t_body_source(&body, POSTA_LEN_UNKNOWN);
        posta_recipient to[1] = {{.address = "b@y.example"}};
        posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 1};
        posta_receipt receipt;
        body.stop_at = at;
        body.stop = POSTA_E_BODY;
        posta_session *s = net_session(&n, NULL);
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_BODY);
        assert_int_equal(receipt.outcome, POSTA_DELIVERY_NOT_SENT);
        assert_int_equal(receipt.stage, POSTA_PHASE_BODY);
        assert_int_equal(n.toy.mails_n, 0);
        ended(&n, &s, "CONNECTED RECIPIENT_ACK SENT");
    }
}

/* The whole transaction has a limit of its own, which runs also where each answer comes in time. */
static void transaction_timeout(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.engine.timeouts.total = 10000;
    n.slow = 3000; /* each write */
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO), POSTA_OK);
    posta_status status = posta_session_begin_message(s, NULL, NULL, 0);
    if (status == POSTA_OK) status = posta_session_end_message(s);
    assert_int_equal(status, POSTA_E_TIMEOUT);
    assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_TIMEOUT_TOTAL);
    posta_session_free(&s);
    net_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups),
#if !POSTA_THREADS
        cmocka_unit_test(no_lookup),
#endif
        cmocka_unit_test(given_up),
        cmocka_unit_test(refused),
        cmocka_unit_test(greetings),
        cmocka_unit_test(broken_bodies),
        cmocka_unit_test(transaction_timeout)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
