/* posta/treck.h over loopback: addresses of every kind, events and results, the last response,
 * credentials, freeing inside the callback, options. Issue 3, treck.h.
 */
#define _POSIX_C_SOURCE        200809L
#define POSTA_TRECK_TIMEOUT_MS 1u
#include "posta/treck.h"

#include "server.h"

static bool has_tls(void) {
    return posta_tls_library()[0] != 0;
}

/* ---- helpers ---- */

static const char *const event_names[] = {
    "NONE",         "CONNECTED",     "SECURE_OK",    "SECURE_FAIL", "AUTH_OK", "AUTH_FAIL",
    "SENDER_ACK",   "RECIPIENT_ACK", "BOM_ACK",      "EOM_ACK",     "RESET",   "NOOP_ACK",
    "DISCONNECTED", "SERVER_ERROR",  "SERVER_RETRY", "TIMEOUT",     "FAILED"};

typedef struct host {
    char events[400];
    int free_at; /* frees the session inside this event */
    bool is_freed;
} host;

static void on_event(ttSmtpClientHandle h, int event) {
    host *at = tfSmtpUserGetPointer(h);
    size_t len = strlen(at->events);
    snprintf(at->events + len, sizeof at->events - len, "%s%s", len ? " " : "", event_names[event]);
    if (event != at->free_at) return;
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    at->is_freed = true;
}

static ttSmtpClientHandle session(host *at, int blocking) {
    int error = -5;
    ttSmtpClientHandle h = tfSmtpUserNewSession("agent", on_event, 5000, blocking, &error);
    assert_int_equal(error, TM_ENOERROR);
    assert_non_null(h);
    memset(at, 0, sizeof *at);
    assert_int_equal(tfSmtpUserSetPointer(h, at), TM_ENOERROR);
    return h;
}

static struct sockaddr_storage loopback(uint16_t port) {
    struct sockaddr_storage a;
    memset(&a, 0, sizeof a);
    a.ss_family = AF_INET;
    a.ss_port = htons(port);
    a.ss_len = sizeof(struct sockaddr_in);
    a.addr.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int connect_to(ttSmtpClientHandle h, uint16_t port) {
    struct sockaddr_storage a = loopback(port);
    return tfSmtpUserConnect(h, &a, NULL, NULL);
}

/* Executes until the action that `begun` belongs to has its verdict. */
static int finish(ttSmtpClientHandle h, const host *at, int begun) {
    assert_int_equal(begun, TM_EINPROGRESS);
    for (int i = 0; i < 5000; i++) {
        int error = tfSmtpUserExecute(h);
        if (at->is_freed || error != TM_EINPROGRESS) return error;
        server_pause(2);
    }
    fail_msg("the action does not end");
    return -1;
}

/* ---- addresses ---- */

static void greet(const void *address) {
    host at;
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_ON);
    assert_int_equal(tfSmtpUserConnect(h, address, NULL, NULL), TM_ENOERROR);
    assert_int_equal(tfSmtpUserDisconnect(h), TM_ENOERROR);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
}

static void addresses_ipv4(void **state) {
    server s = {.connections = 3};
    struct sockaddr_storage model, other;
    struct sockaddr_in system;
    (void)state;
    assert_true(server_start(&s));
    model = loopback(s.port);
    greet(&model);
    memset(&system, 0, sizeof system);
    system.sin_family = AF_INET;
    system.sin_port = htons(s.port);
    system.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    system.sin_len = sizeof system;
    greet(&system);
    memset(&other, 0xee, sizeof other);
    other.addr.ipv4 = system;
    assert_int_equal(other.ss_family, AF_INET);
    assert_int_equal(other.ss_port, htons(s.port));
    greet(&other);
    server_stop(&s);
    server_free(&s);
}

static void addresses_ipv6(void **state) {
    server s = {.connections = 2, .is_ipv6 = true};
    struct sockaddr_storage model;
    struct sockaddr_in6 system;
    (void)state;
    if (!server_start(&s)) {
        server_free(&s);
        return; /* this machine has no IPv6; test_treck_text.c reads such addresses all the same */
    }
    memset(&system, 0, sizeof system);
    system.sin6_family = AF_INET6;
    system.sin6_port = htons(s.port);
    system.sin6_addr = in6addr_loopback;
    greet(&system);
    memset(&model, 0, sizeof model);
    model.ss_len = sizeof model.addr.ipv6;
    model.ss_family = AF_INET6;
    model.ss_port = htons(s.port);
    model.addr.ipv6.sin6_len = sizeof model.addr.ipv6;
    model.addr.ipv6.sin6_addr = in6addr_loopback;
    greet(&model);
    server_stop(&s);
    server_free(&s);
}

/* ---- events and results ---- */

static void every_action(void **state) {
    server s = {0};
    host at;
    int error;
    (void)state;
    assert_true(server_start(&s));
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_OFF);
    assert_int_equal(tfSmtpUserReadTimer(h), -1);
    assert_string_equal(tfSmtpUserGetLastServerResponse(h), "");
    assert_int_equal(tfSmtpUserExecute(h), TM_ENOERROR);
    assert_int_equal(tfSmtpUserSendNoop(h), TM_EPERM);
    assert_int_equal(finish(h, &at, connect_to(h, s.port)), TM_ENOERROR);
    assert_int_equal(connect_to(h, s.port), TM_EISCONN);
    assert_int_equal(finish(h, &at, tfSmtpUserSendNoop(h)), TM_ENOERROR);
    assert_string_equal(tfSmtpUserGetLastServerResponse(h), "250 2.0.0 fine");
    assert_int_equal(finish(h, &at, tfSmtpUserSendSenderInfo(h, "", "a@x.example", "", "")), 0);
    assert_int_equal(finish(h, &at, tfSmtpUserReset(h)), TM_ENOERROR);
    assert_int_equal(finish(h, &at, tfSmtpUserSendSenderInfo(h, "A", "a@x.example", NULL, NULL)),
                     TM_ENOERROR);
    assert_int_equal(tfSmtpUserSendSenderInfo(h, NULL, "a@x.example", NULL, NULL), TM_EPERM);
    assert_int_equal(tfSmtpUserSendRecipientInfo(h, NULL, "b@y.example", 7), TM_EINVAL);
    assert_string_equal(posta_treck_why(h), "type: neither TO nor CC nor BCC");
    assert_int_equal(tfSmtpUserSendBody(h, "x", 1, &error), 0);
    assert_int_equal(error, TM_EPERM);
    assert_int_equal(
        finish(h, &at, tfSmtpUserSendRecipientInfo(h, NULL, "b@y.example", TM_SMTP_RECIPIENT_TO)),
        0);
    assert_int_equal(tfSmtpUserSendBom(h, "Hi", "Feb 30, 2003: 2:43 PM", 0), TM_EINVAL);
    assert_string_equal(posta_session_receipt(posta_treck_session(h))->field, "date");
    assert_true(posta_treck_why(h)[0] != 0);
    assert_int_equal(tfSmtpUserSendBom(h, "Hi", NULL, 8u), TM_EINVAL);
    assert_int_equal(
        finish(h, &at, tfSmtpUserSendBom(h, "Hi", "Tue, 1 Jul 2003 10:52:37 +0200", 0)), 0);
    assert_int_equal(tfSmtpUserSendBody(h, "x", -1, &error), 0);
    assert_int_equal(error, TM_EINVAL);
    assert_int_equal(tfSmtpUserSendBody(h, "hello\r\n", 7, &error), 7);
    assert_int_equal(error, TM_ENOERROR);
    assert_int_equal(finish(h, &at, tfSmtpUserSendEom(h)), TM_ENOERROR);
    assert_int_equal(finish(h, &at, tfSmtpUserDisconnect(h)), TM_ENOERROR);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    server_stop(&s);
    assert_string_equal(at.events, "CONNECTED NOOP_ACK SENDER_ACK RESET SENDER_ACK RECIPIENT_ACK "
                                   "BOM_ACK EOM_ACK DISCONNECTED");
    assert_non_null(strstr(s.text, "10:52:37"));
    assert_non_null(strstr(s.text, "\r\n\r\nhello\r\n"));
    server_free(&s);
}

/* The documented loop outside the callback: what is not taken comes again once execute has nothing
 * to do. It never has to ask in vain. */
static void body_by_execute(void **state) {
    enum { OCTETS = 6000000 };
    server s = {.text_pause_ms = 200};
    host at;
    int error, sent = 0, in_vain = 0;
    (void)state;
    assert_true(server_start(&s));
    char *text = malloc(OCTETS);
    assert_non_null(text);
    for (int i = 0; i < OCTETS; i++)
        text[i] = i % 50 == 48 ? '\r' : i % 50 == 49 ? '\n' : 'x';
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_OFF);
    assert_int_equal(finish(h, &at, connect_to(h, s.port)), 0);
    assert_int_equal(finish(h, &at, tfSmtpUserSendSenderInfo(h, NULL, "a@x.example", NULL, NULL)),
                     0);
    assert_int_equal(
        finish(h, &at, tfSmtpUserSendRecipientInfo(h, NULL, "b@y.example", TM_SMTP_RECIPIENT_TO)),
        0);
    assert_int_equal(finish(h, &at, tfSmtpUserSendBom(h, NULL, NULL, 0)), 0);
    while (sent < OCTETS) {
        int n = tfSmtpUserSendBody(h, text + sent, OCTETS - sent, &error);
        assert_true(n >= 0 && n <= OCTETS - sent);
        assert_int_equal(error, n < OCTETS - sent ? TM_EINPROGRESS : TM_ENOERROR);
        in_vain += n == 0;
        sent += n;
        if (error == TM_EINPROGRESS) assert_int_equal(finish(h, &at, error), TM_ENOERROR);
    }
    assert_int_equal(finish(h, &at, tfSmtpUserSendEom(h)), 0);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    server_stop(&s);
    free(text);
    assert_int_equal(in_vain, 0);
    assert_int_equal(strlen(strstr(s.text, "\r\n\r\n") + 4), OCTETS + 3);
    server_free(&s);
}

/* A connect that fails: what the server does, the result, the events. */
typedef struct fault_case {
    server_rule rule;
    int error;
    const char *events;
} fault_case;

static const fault_case faults[] = {{{"GREETING", "554 no\r\n"}, TM_ESERVERPERM, "SERVER_ERROR"},
                                    {{"GREETING", "421 later\r\n"}, TM_ESERVERTEMP, "SERVER_RETRY"},
                                    {{"GREETING", "what\r\n"}, TM_ESERVERSYNC, "FAILED"},
                                    {{"GREETING", "!"}, TM_ESHUTDOWN, "FAILED"},
                                    {{"EHLO", "!250-half\r\n"}, TM_ESHUTDOWN, "FAILED"},
                                    {{"GREETING", SERVER_SILENT}, TM_ETIMEDOUT, "TIMEOUT"}};

static void connect_faults(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int blocking = 0; blocking < 2; blocking++) {
            const server_rule rules[] = {faults[i].rule, {NULL, NULL}};
            server s = {.rules = rules};
            ttUserGenericUnion ms;
            host at;
            assert_true(server_start(&s));
            ttSmtpClientHandle h = session(&at, blocking);
            ms.genIntParm = faults[i].error == TM_ETIMEDOUT ? 200 : 5000;
            assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_TIMEOUT, ms), 0);
            int error = connect_to(h, s.port);
            if (!blocking) assert_true(tfSmtpUserReadTimer(h) > 0);
            if (!blocking) error = finish(h, &at, error);
            assert_int_equal(error, faults[i].error);
            assert_string_equal(at.events, blocking ? "" : faults[i].events);
            assert_true(posta_treck_why(h)[0] != 0);
            assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
            server_stop(&s);
            server_free(&s);
        }
}

static void nobody_listens(void **state) {
    server s = {.connections = 1};
    host at;
    (void)state;
    assert_true(server_start(&s));
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_ON);
    assert_int_equal(connect_to(h, s.port), TM_ENOERROR);
    assert_int_equal(tfSmtpUserDisconnect(h), TM_ENOERROR);
    server_stop(&s); /* the port is free now */
    assert_int_equal(connect_to(h, s.port), TM_ECONNREFUSED);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    server_free(&s);
}

static void lines_of_a_response(void **state) {
    const server_rule rules[] = {{"RCPT", "550-5.1.1 not here\r\n550 5.1.1 and never was\r\n"},
                                 {NULL, NULL}};
    server s = {.rules = rules};
    host at;
    (void)state;
    assert_true(server_start(&s));
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_ON);
    assert_int_equal(connect_to(h, s.port), TM_ENOERROR);
    assert_int_equal(tfSmtpUserSendSenderInfo(h, NULL, "a@x.example", NULL, NULL), TM_ENOERROR);
    assert_int_equal(tfSmtpUserSendRecipientInfo(h, NULL, "b@y.example", TM_SMTP_RECIPIENT_TO),
                     TM_ESERVERPERM);
    assert_string_equal(tfSmtpUserGetLastServerResponse(h), "550 5.1.1 not here\nand never was");
    assert_int_equal(tfSmtpUserSendBom(h, "Hi", NULL, 0), TM_ESERVERPERM);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    server_stop(&s);
    server_free(&s);
}

/* ---- TLS ---- */

/* A mode that asks for TLS is never clear text: not without SetSsl, not by a server without
 * STARTTLS. */
static void ssl_modes(void **state) {
    ttUserGenericUnion v = {NULL};
    (void)state;
    if (!has_tls()) return; /* options_and_nulls has what such a build answers */
    for (int mode = TM_SMTP_SSL_OPTIONAL; mode < TM_SMTP_SSL_IMPLICIT; mode++) {
        server s = {0};
        host at;
        assert_true(server_start(&s));
        ttSmtpClientHandle h = session(&at, TM_BLOCKING_ON);
        v.genIntParm = mode;
        assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_SSL_MODE, v), TM_ENOERROR);
        if (mode == TM_SMTP_SSL_ALWAYS) {
            assert_int_equal(connect_to(h, s.port), TM_EPERM);
            assert_non_null(strstr(posta_treck_why(h), "tfSmtpUserSetSsl"));
        }
        posta_tls_config c = POSTA_TLS_CONFIG;
        posta_tls *tls = NULL;
        c.insecure = POSTA_INSECURE_NO_VERIFY;
        assert_int_equal(posta_tls_new(&c, &tls, NULL), POSTA_OK);
        assert_int_equal(posta_treck_set_tls(h, tls), TM_ENOERROR);
        posta_tls_free(&tls);
        assert_int_equal(connect_to(h, s.port),
                         mode == TM_SMTP_SSL_OPTIONAL ? TM_ENOERROR : TM_ESERVERPERM);
        if (mode == TM_SMTP_SSL_ALWAYS && POSTA_TEXTS)
            assert_non_null(strstr(posta_treck_why(h), "the server offers no STARTTLS"));
        assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
        server_stop(&s);
        server_free(&s);
    }
}

/* ---- credentials ---- */

static void auth_fail(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 2; flags++)
        for (int blocking = 0; blocking < 2; blocking++) {
            server s = {0};
            host at;
            assert_true(server_start(&s));
            struct sockaddr_storage a = loopback(s.port);
            ttSmtpClientHandle h = session(&at, blocking);
            assert_int_equal(posta_treck_connect(h, &a, "ana", "", flags), TM_EINVAL);
            int error = posta_treck_connect(h, &a, "ana", "hunter2", flags);
            if (!blocking) error = finish(h, &at, error);
            assert_int_equal(error, TM_ESERVERPERM);
            const char *why = flags ? "it offers no AUTH at all" : "unprotected channel";
            if (POSTA_TEXTS) assert_non_null(strstr(posta_treck_why(h), why));
            assert_null(strstr(posta_treck_why(h), "hunter2"));
            assert_int_equal(tfSmtpUserSendNoop(h), TM_EPERM);
            assert_int_equal(tfSmtpUserReset(h), TM_EPERM);
            assert_int_equal(tfSmtpUserSendSenderInfo(h, NULL, "a@x.example", NULL, NULL),
                             TM_EPERM);
            error = tfSmtpUserDisconnect(h);
            if (!blocking) error = finish(h, &at, error);
            assert_int_equal(error, TM_ENOERROR);
            assert_string_equal(at.events, blocking ? "" : "AUTH_FAIL DISCONNECTED");
            assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
            server_stop(&s);
            assert_null(strstr(s.seen, "AUTH"));
            server_free(&s);
        }
}

/* An empty user is none, and a session that failed may be used again without. */
static void no_credentials(void **state) {
    server s = {.connections = 2};
    host at;
    (void)state;
    assert_true(server_start(&s));
    struct sockaddr_storage a = loopback(s.port);
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_ON);
    assert_int_equal(tfSmtpUserConnect(h, &a, "ana", "hunter2"), TM_ESERVERPERM);
    assert_int_equal(tfSmtpUserDisconnect(h), TM_ENOERROR);
    assert_int_equal(tfSmtpUserConnect(h, &a, "", ""), TM_ENOERROR);
    assert_int_equal(tfSmtpUserSendNoop(h), TM_ENOERROR);
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
    server_stop(&s);
    server_free(&s);
}

/* ---- life ---- */

static void free_in_callback(void **state) {
    static const int at_events[] = {TM_SMTP_EVENT_CONNECTED, TM_SMTP_EVENT_NOOP_ACK,
                                    TM_SMTP_EVENT_DISCONNECTED, TM_SMTP_EVENT_AUTH_FAIL};
    (void)state;
    for (size_t i = 0; i < sizeof at_events / sizeof *at_events; i++) {
        server s = {0};
        host at;
        assert_true(server_start(&s));
        struct sockaddr_storage a = loopback(s.port);
        const char *user = at_events[i] == TM_SMTP_EVENT_AUTH_FAIL ? "ana" : NULL;
        ttSmtpClientHandle h = session(&at, TM_BLOCKING_OFF);
        at.free_at = at_events[i];
        finish(h, &at, tfSmtpUserConnect(h, &a, user, user));
        if (!at.is_freed) finish(h, &at, tfSmtpUserSendNoop(h));
        if (!at.is_freed) finish(h, &at, tfSmtpUserDisconnect(h));
        assert_true(at.is_freed);
        server_stop(&s);
        server_free(&s);
    }
}

static void options(void **state) {
    host at;
    ttUserGenericUnion v;
    int on = 1;
    (void)state;
    ttSmtpClientHandle h = session(&at, TM_BLOCKING_OFF);
    assert_int_equal(tfSmtpUserGetSessionOption(h, TM_SMTP_OPTION_TIMEOUT, &v), TM_ENOERROR);
    assert_int_equal(v.genIntParm, 5000);
    v.genIntParm = -1;
    assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_TIMEOUT, v), TM_EINVAL);
    assert_int_equal(tfSmtpUserGetSessionOption(h, TM_SMTP_OPTION_AGENT, &v), TM_ENOERROR);
    assert_string_equal(v.genConstCharParmPtr, "agent");
    v.genConstCharParmPtr = "client.test";
    assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_HELLO, v), TM_ENOERROR);
    assert_int_equal(tfSmtpUserGetSessionOption(h, TM_SMTP_OPTION_HELLO, &v), TM_ENOERROR);
    assert_string_equal(v.genConstCharParmPtr, "client.test");
    v.genIntParm = TM_BLOCKING_ON;
    assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_BLOCKING, v), TM_ENOERROR);
    assert_int_equal(tfSmtpUserGetSessionOption(h, TM_SMTP_OPTION_BLOCKING, &v), TM_ENOERROR);
    assert_int_equal(v.genIntParm, TM_BLOCKING_ON);
    assert_int_equal(tfSmtpUserGetSessionOption(h, TM_SMTP_OPTION_SSL_MODE, &v), TM_ENOERROR);
    assert_int_equal(v.genIntParm, TM_SMTP_SSL_OPTIONAL);
    v.genIntParm = TM_SMTP_SSL_ALWAYS;
    assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_SSL_MODE, v),
                     has_tls() ? TM_ENOERROR : TM_EOPNOTSUPP);
    v.genIntParm = TM_SMTP_SSL_IMPLICIT + 1;
    assert_int_equal(tfSmtpUserSetSessionOption(h, TM_SMTP_OPTION_SSL_MODE, v),
                     has_tls() ? TM_EINVAL : TM_EOPNOTSUPP);
    assert_int_equal(tfSmtpUserSetSessionOption(h, 99, v), TM_EINVAL);
    assert_string_equal(posta_treck_why(h), "option: unknown");
    assert_int_equal(tfSmtpUserSetSockOpt(h, AF_UNIX, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on),
                     TM_EINVAL);
    assert_int_equal(tfSmtpUserSetSockOpt(h, AF_INET, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on),
                     TM_ENOERROR);
    assert_int_equal(tfSslNewSession("id", 1u, 2, 3L), has_tls() ? 0 : TM_SOCKET_ERROR);
    assert_int_equal(tfSmtpUserSetSsl(h, 0), has_tls() ? TM_ENOERROR : TM_EOPNOTSUPP);
    assert_int_equal(tfSmtpUserSetSsl(h, 1), TM_EINVAL);
    assert_int_equal(tfSmtpUserConnect(h, NULL, NULL, NULL), TM_EINVAL);
    assert_non_null(posta_treck_session(h));
    assert_int_equal(tfSmtpUserFreeSession(h), TM_ENOERROR);
}

static void no_session(void **state) {
    ttUserGenericUnion v = {NULL};
    char piece[4];
    int error = 0;
    (void)state;
    assert_int_equal(tfSmtpUserFreeSession(NULL), TM_EINVAL);
    assert_int_equal(connect_to(NULL, 25), TM_EINVAL);
    assert_int_equal(tfSmtpUserDisconnect(NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserReset(NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserSendNoop(NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserSendSenderInfo(NULL, NULL, "a@x", NULL, NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserSendRecipientInfo(NULL, NULL, "a@x", 0), TM_EINVAL);
    assert_int_equal(tfSmtpUserSendBom(NULL, NULL, NULL, 0), TM_EINVAL);
    assert_int_equal(tfSmtpUserSendBody(NULL, "x", 1, &error), 0);
    assert_int_equal(error, TM_EINVAL);
    assert_int_equal(tfSmtpUserSendEom(NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserExecute(NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserSetAsyncCB(NULL, NULL), TM_EINVAL);
    assert_int_equal(tfSmtpUserReadTimer(NULL), -1);
    assert_string_equal(tfSmtpUserGetLastServerResponse(NULL), "");
    assert_int_equal(tfSmtpUserSetSsl(NULL, 1), TM_EINVAL);
    assert_int_equal(tfSmtpUserSetSessionOption(NULL, TM_SMTP_OPTION_TIMEOUT, v), TM_EINVAL);
    assert_int_equal(tfSmtpUserGetSessionOption(NULL, TM_SMTP_OPTION_TIMEOUT, &v), TM_EINVAL);
    assert_int_equal(tfSmtpUserSetPointer(NULL, NULL), TM_EINVAL);
    assert_null(tfSmtpUserGetPointer(NULL));
    assert_int_equal(tfSmtpUserMimeGetHeader(NULL, piece, sizeof piece, &error), 0);
    assert_int_equal(error, TM_EINVAL);
}

/* ---- results ---- */

#define EACH(number, name, code, sentence) name,

static void folding(void **state) {
    static const posta_status all[] = {POSTA_STATUS_LIST(EACH)};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int error = posta_treck_error(all[i]);
        assert_int_equal(error == TM_ENOERROR, all[i] == POSTA_OK || all[i] == POSTA_END);
        if (strncmp(posta_status_name(all[i]), "POSTA_E_TLS_", 12) == 0 ||
            strncmp(posta_status_name(all[i]), "POSTA_E_AUTH_", 13) == 0)
            assert_int_equal(error, TM_ESERVERPERM);
        if (strncmp(posta_status_name(all[i]), "POSTA_E_TIMEOUT", 15) == 0)
            assert_int_equal(error, TM_ETIMEDOUT);
    }
    assert_int_equal(posta_treck_error(POSTA_E_SERVER_PERMANENT), TM_ESERVERPERM);
    assert_int_equal(posta_treck_error(POSTA_E_SERVER_TEMPORARY), TM_ESERVERTEMP);
    assert_int_equal(posta_treck_error(POSTA_E_PROTOCOL), TM_ESERVERSYNC);
    assert_int_equal(posta_treck_error(POSTA_E_UNASKED), TM_ESERVERSYNC);
    assert_int_equal(posta_treck_error(POSTA_E_LOST), TM_ESHUTDOWN);
    assert_int_equal(posta_treck_error(POSTA_E_STATE), TM_EPERM);
    assert_int_equal(posta_treck_error(POSTA_E_IN_PROGRESS), TM_EINPROGRESS);
    assert_int_equal(posta_treck_error(POSTA_E_FIELD), TM_EINVAL);
    assert_int_equal(posta_treck_error(POSTA_E_LIMIT), TM_ENOBUFS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_ipv4),      cmocka_unit_test(addresses_ipv6),
        cmocka_unit_test(every_action),        cmocka_unit_test(body_by_execute),
        cmocka_unit_test(connect_faults),      cmocka_unit_test(nobody_listens),
        cmocka_unit_test(lines_of_a_response), cmocka_unit_test(ssl_modes),
        cmocka_unit_test(auth_fail),           cmocka_unit_test(no_credentials),
        cmocka_unit_test(free_in_callback),    cmocka_unit_test(options),
        cmocka_unit_test(no_session),          cmocka_unit_test(folding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
