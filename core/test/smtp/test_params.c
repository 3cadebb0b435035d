/* What MAIL and RCPT ask for, what EHLO tells of it, and what is refused before a byte is written.
 * Row C06 for ENVID, ORCPT and AUTH=. */
#include "t_smtp.h"

#include <stdio.h>
#include <stdlib.h>

#define ALL                                                                                        \
    "250-x\r\n250-DSN\r\n250-AUTH PLAIN\r\n250-REQUIRETLS\r\n250-MT-PRIORITY MIXER\r\n"            \
    "250-DELIVERBY 60\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-ETRN\r\n250-VRFY\r\n"               \
    "250-EXPN\r\n250-HELP\r\n250-LIMITS MAILMAX=3 rcptmax=5 RCPTDOMAINMAX=7 X=1 RCPTMAXX=9\r\n"    \
    "250 FUTURERELEASE 3600 2027-01-01T00:00:00Z\r\n"
#define NONE "250 x\r\n"
#define UTF8 "250-x\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"

typedef struct talk {
    posta_engine *e;
    void *mem;
} talk;

static void say(talk *t, const char *text) {
    posta_mspan room = posta_engine_rx_space(t->e);
    posta_event ev;
    assert_true(room.cap >= strlen(text));
    memcpy(room.p, text, strlen(text));
    posta_engine_rx_commit(t->e, strlen(text));
    while (posta_engine_next_event(t->e, &ev)) {
    }
}

/* What the engine says next, without its CRLF. */
static const char *said(talk *t) {
    static char line[4096];
    posta_span tx = posta_engine_tx_data(t->e);
    size_t n = 0;
    while (n < tx.len && tx.p[n] != '\n')
        n++;
    snprintf(line, sizeof line, "%.*s", (int)(n > 0 ? n - 1 : 0), (const char *)tx.p);
    posta_engine_tx_consume(t->e, n < tx.len ? n + 1 : n);
    return line;
}

static void begin(talk *t, const char *ehlo, bool is_secure, size_t tx_space) {
    posta_engine_config c = POSTA_ENGINE_CONFIG;
    c.hello = "me.example.org";
    c.rx_space = 4096;
    c.tx_space = tx_space;
    c.starttls = is_secure ? POSTA_STARTTLS_IMPLICIT : POSTA_STARTTLS_NEVER;
    t->mem = malloc(posta_engine_size(&c));
    assert_non_null(t->mem);
    assert_int_equal(posta_engine_place(t->mem, posta_engine_size(&c), &c, &t->e), POSTA_OK);
    posta_engine_tick(t->e, 1);
    if (is_secure) posta_engine_secured(t->e, POSTA_OK);
    say(t, "220 x\r\n");
    said(t);
    say(t, ehlo);
    assert_true(posta_engine_is_idle(t->e));
}

static void end(talk *t) {
    posta_engine_wipe(&t->e);
    free(t->mem);
}

static posta_status nothing(void *user, posta_window *out) {
    (void)user;
    (void)out;
    return POSTA_END;
}

static posta_status submit(talk *t, const posta_mail_options *o, posta_recipient *r) {
    static const posta_source source = {.pull = nothing, .len = 0};
    posta_envelope env = {.from = "ana@example.org", .to = r, .to_n = 1, .options = o};
    return posta_engine_submit(t->e, &env, &source);
}

static posta_mail_options options(void) {
    posta_mail_options o = POSTA_MAIL_OPTIONS;
    return o;
}

/* ---- what EHLO tells ---- */

static void capabilities(void **state) {
    talk t;
    posta_capabilities c;
    (void)state;
    begin(&t, ALL, false, 4096);
    c = posta_engine_capabilities(t.e);
    assert_int_equal(c.bits, POSTA_CAN_ESMTP | POSTA_CAN_DSN | POSTA_CAN_AUTH |
                                 POSTA_CAN_REQUIRETLS | POSTA_CAN_MT_PRIORITY |
                                 POSTA_CAN_DELIVERBY | POSTA_CAN_CHUNKING | POSTA_CAN_BINARYMIME |
                                 POSTA_CAN_ETRN | POSTA_CAN_VRFY | POSTA_CAN_EXPN | POSTA_CAN_HELP |
                                 POSTA_CAN_LIMITS | POSTA_CAN_FUTURERELEASE);
    assert_int_equal(c.by_min, 60);
    assert_int_equal(c.hold_max, 3600);
    assert_int_equal(c.mail_max, 3);
    assert_int_equal(c.rcpt_max, 5);
    assert_int_equal(c.rcpt_domain_max, 7);
    end(&t);
    begin(&t,
          "250-x\r\n250-LIMITS RCPTMAX=99999999999 MAILMAX= =\r\n250-DELIVERBY x\r\n250 DSNX\r\n",
          false, 4096);
    c = posta_engine_capabilities(t.e);
    assert_int_equal(c.bits, POSTA_CAN_ESMTP | POSTA_CAN_LIMITS | POSTA_CAN_DELIVERBY);
    assert_int_equal(c.rcpt_max, UINT32_MAX);
    assert_int_equal(c.mail_max, 0);
    assert_int_equal(c.by_min, 0);
    end(&t);
}

/* ---- what is said ---- */

typedef struct row {
    const char *want;
    posta_mail_options o;
} row;

#define O .size = sizeof(posta_mail_options)

static void mail_lines(void **state) {
    static const row rows[] = {
        {"", {O}},
        {" RET=FULL", {O, .ret = POSTA_RET_FULL}},
        {" RET=HDRS ENVID=a+3Db+2B+20c", {O, .ret = POSTA_RET_HEADERS, .envid = "a=b+ c"}},
        {" AUTH=<>", {O, .auth = ""}},
        {" AUTH=a+2Bb@x.org", {O, .auth = "a+b@x.org"}},
        {" REQUIRETLS", {O, .require_tls = true}},
        {" MT-PRIORITY=0", {O, .has_priority = true}},
        {" MT-PRIORITY=-9", {O, .has_priority = true, .priority = -9}},
        {" MT-PRIORITY=9", {O, .has_priority = true, .priority = 9}},
        {" BY=60;R", {O, .has_deliver_by = true, .deliver_by = 60, .by_mode = POSTA_BY_RETURN}},
        {" BY=-5;NT", {O, .has_deliver_by = true, .deliver_by = -5, .by_trace = true}},
        {" HOLDFOR=3600", {O, .hold_for = 3600}},
        {" HOLDUNTIL=2026-11-28T08:30:00Z", {O, .hold_until = 1795854600}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talk t;
        posta_recipient r = {.address = "bob@example.org"};
        char want[256];
        begin(&t, ALL, true, 4096);
        assert_int_equal(submit(&t, &rows[i].o, &r), POSTA_E_IN_PROGRESS);
        snprintf(want, sizeof want, "MAIL FROM:<ana@example.org>%s", rows[i].want);
        assert_string_equal(said(&t), want);
        end(&t);
        /* and command by command */
        begin(&t, ALL, true, 4096);
        assert_int_equal(posta_engine_mail_with(t.e, "ana@example.org", &rows[i].o),
                         POSTA_E_IN_PROGRESS);
        assert_string_equal(said(&t), want);
        end(&t);
    }
}

static void rcpt_lines(void **state) {
    static const struct {
        unsigned notify;
        const char *original, *want;
    } rows[] = {
        {0, NULL, ""},
        {POSTA_NOTIFY_NEVER, NULL, " NOTIFY=NEVER"},
        {POSTA_NOTIFY_DELAY | POSTA_NOTIFY_SUCCESS | POSTA_NOTIFY_FAILURE, NULL,
         " NOTIFY=SUCCESS,FAILURE,DELAY"},
        {POSTA_NOTIFY_FAILURE, "Bob+x@y.org", " NOTIFY=FAILURE ORCPT=rfc822;Bob+2Bx@y.org"},
        {0, "a b", " ORCPT=rfc822;a+20b"},
        {0, "\xc3\xb3+=\\ x@y", " ORCPT=utf-8;\xc3\xb3\\x{2B}\\x{3D}\\x{5C}\\x{20}x@y"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talk t;
        posta_recipient r = {
            .address = "bob@example.org", .notify = rows[i].notify, .original = rows[i].original};
        char want[256];
        begin(&t, UTF8, false, 4096);
        assert_int_equal(submit(&t, NULL, &r), POSTA_E_IN_PROGRESS);
        assert_int_equal(r.notify, rows[i].notify); /* the caller's stays the caller's */
        said(&t);
        say(&t, "250 ok\r\n");
        snprintf(want, sizeof want, "RCPT TO:<bob@example.org>%s", rows[i].want);
        assert_string_equal(said(&t), want);
        end(&t);
    }
}

/* ---- what is refused ---- */

static void refused(const posta_mail_options *o, const posta_recipient *given, const char *ehlo,
                    bool is_secure, posta_status want, const char *why) {
    talk t;
    char text[256];
    posta_recipient r = given ? *given : (posta_recipient){.address = "bob@example.org"};
    begin(&t, ehlo, is_secure, 512);
    assert_int_equal(submit(&t, o, &r), want);
    snprintf(text, sizeof text, "%s %s", posta_engine_fault(t.e)->field,
             posta_engine_fault(t.e)->why);
    if (!strstr(text, why)) fail_msg("\"%s\" lacks \"%s\"", text, why);
    assert_int_equal(posta_engine_tx_data(t.e).len, 0);
    assert_true(posta_engine_is_idle(t.e));
    r = (posta_recipient){.address = "bob@example.org"}; /* the connection is unharmed */
    assert_int_equal(submit(&t, NULL, &r), POSTA_E_IN_PROGRESS);
    end(&t);
}

static void wrong_values(void **state) {
    static char long_text[600];
    posta_mail_options o = options();
    posta_recipient r = {.address = "bob@example.org", .original = ""};
    (void)state;
    memset(long_text, 'x', 101);
#define WRONG(text) refused(&o, NULL, ALL, true, POSTA_E_FIELD, text), o = options()
    o.size = 1, WRONG("POSTA_MAIL_OPTIONS");
    o.envid = "", WRONG("dsn.envid");
    o.envid = "a\r\nDATA", WRONG("dsn.envid");
    o.envid = "\xc3\xa9", WRONG("dsn.envid");
    o.envid = long_text, WRONG("dsn.envid");
    o.ret = (posta_dsn_return)3, WRONG("dsn.ret");
    o.auth = "nobody", WRONG("mail_auth");
    o.auth = "a@b\r\n", WRONG("mail_auth");
    o.has_priority = true, o.priority = 10, WRONG("mt_priority");
    o.has_priority = true, o.priority = -10, WRONG("mt_priority");
    o.has_deliver_by = true, o.by_mode = POSTA_BY_RETURN, WRONG("deliver_by");
    o.has_deliver_by = true, o.deliver_by = 1000000000, WRONG("deliver_by");
    o.has_deliver_by = true, o.deliver_by = INT32_MIN, WRONG("deliver_by");
    o.has_deliver_by = true, o.by_mode = (posta_by_mode)7, WRONG("deliver_by");
    o.hold_for = 1, o.hold_until = 1, WRONG("hold_for");
    o.hold_for = 1000000000, WRONG("hold_for");
    o.hold_until = -1, WRONG("hold_until");
    o.hold_until = INT64_MAX, WRONG("hold_until");
#undef WRONG
    memset(long_text, '+', 100);
    long_text[100] = 0;
    o.envid = long_text, refused(&o, NULL, ALL, true, POSTA_E_FIELD, "tx_space");
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "orcpt");
    r.original = "\xc3\xa9@x";
    refused(NULL, &r, ALL, false, POSTA_E_EXTENSION, "orcpt");
    r.original = "\xc3\xa9\r\n@x";
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "orcpt");
    r.original = "\xc3@x";
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "orcpt");
    memset(long_text, 'x', 494);
    r.original = long_text;
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "orcpt");
    r.original = NULL;
    r.notify = POSTA_NOTIFY_NEVER | POSTA_NOTIFY_DELAY;
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "never");
    r.notify = 16;
    refused(NULL, &r, ALL, false, POSTA_E_FIELD, "never");
}

static void not_offered(void **state) {
    posta_mail_options o = options();
    posta_recipient r = {.address = "bob@example.org", .notify = POSTA_NOTIFY_DELAY};
    (void)state;
#define LACKS(text) refused(&o, NULL, NONE, true, POSTA_E_EXTENSION, text), o = options()
    o.envid = "x", LACKS("DSN");
    o.ret = POSTA_RET_FULL, LACKS("DSN");
    o.auth = "", LACKS("AUTH");
    o.require_tls = true, LACKS("REQUIRETLS");
    o.has_priority = true, LACKS("MT-PRIORITY");
    o.has_deliver_by = true, LACKS("DELIVERBY");
    o.hold_for = 1, LACKS("FUTURERELEASE");
    o.hold_until = 1, LACKS("FUTURERELEASE");
#undef LACKS
    refused(NULL, &r, NONE, false, POSTA_E_EXTENSION, "DSN");
    o.require_tls = true; /* offered in clear text it means nothing */
    refused(&o, NULL, ALL, false, POSTA_E_EXTENSION, "TLS");
    o = options();
    o.has_deliver_by = true;
    o.deliver_by = 59;
    o.by_mode = POSTA_BY_RETURN;
    refused(&o, NULL, ALL, false, POSTA_E_EXTENSION, "sooner");
    o = options();
    o.hold_for = 3601;
    refused(&o, NULL, ALL, false, POSTA_E_EXTENSION, "longer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capabilities), cmocka_unit_test(mail_lines),  cmocka_unit_test(rcpt_lines),
        cmocka_unit_test(wrong_values), cmocka_unit_test(not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
