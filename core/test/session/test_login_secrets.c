/* Secrets of a login: what a server repeats of them, what of them is left behind it, and whom they
 * go to. Rows B16, L01, L02, L04. */
#include "login.h"

/* Everything that is told of a login goes here. */
typedef struct told {
    script s;
    char text[20000];
} told;

static void hear(posta_session *session, const posta_event *ev, void *user_data) {
    told *t = user_data;
    size_t n = strlen(t->text);
    (void)session;
    if (ev->text.len > 0 && n + ev->text.len + 2 < sizeof t->text) {
        memcpy(t->text + n, ev->text.p, ev->text.len);
        memcpy(t->text + n + ev->text.len, "\n", 2);
    }
}

static void add(told *t, const char *text) {
    assert_true(strlen(t->text) + strlen(text) + 2 < sizeof t->text);
    strcat(t->text, text);
    strcat(t->text, "\n");
}

static const char *const forms[] = {"sesame1234",  "sesame",       "me1234",  "AGFuYQBz",
                                    "zZXNhbWUx",   "c2VzYW1lMTIz", "NlYzcmV", "736573616d65",
                                    "zZXNhbWUxMj", "eHNlc2FtZT"};

static void check(const told *t, const char *what) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strstr(t->text, forms[i])) fail_msg("%s of %s in:\n%s", forms[i], what, t->text);
}

/* The script with trace on; its own callback is not used. */
static posta_session *new_session(told *t, const char *dialogue, const posta_auth *auth) {
    posta_session *session;
    posta_session_config c = script_config(&t->s, dialogue);
    t->text[0] = 0;
    c.callback = hear;
    c.user_data = t;
    c.auth = auth;
    c.engine.trace = true;
    c.engine.line_max = 2000;
    c.engine.tx_space = 512; /* for the line of AUTH, in the tiny build too */
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    return session;
}

static void tell_all(told *t, posta_session *session) {
    const posta_receipt *r = posta_session_receipt(session);
    bool is_cut;
    posta_span last = posta_session_last_response(session, NULL, &is_cut);
    add(t, r->message);
    add(t, r->transcript);
    char text[2000];
    snprintf(text, sizeof text, "%.*s", (int)last.len, (const char *)last.p);
    add(t, text);
}

#define LINE "AGFuYQBzZXNhbWUxMjM0" /* ana, sesame1234 */
#define SAID HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " LINE "\n"

/* Whatever the server says of it, whenever. */
static void repeated(void **state) {
    static const char *const rows[] = {
        SAID "S: 535 5.7.8 wrong password sesame1234\n" QUIT,
        SAID "S: 535-no\nS: 535 sesame1234\n" QUIT,
        SAID "S: 501 cannot decode " LINE "\n" QUIT,
        SAID "S: 501 cannot decode AGFuYQBzZXNhbWUxMj...\n" QUIT,
        SAID "S: 501 cannot decode eHNlc2FtZTEyMzQ=\n" QUIT,
        SAID "S: 501 cannot decode 73657361 6d6531323334 736573616d6531\n" QUIT,
        SAID "S: 535 5.7.8 no\nC: QUIT\nS: 221 bye sesame1234\n",
        /* no replies at all */
        SAID "S: what is sesame1234\n",
        SAID "S: 535 a\rsesame1234\n",
        SAID "S: 535-no\nS: 536 sesame1234\n",
        SAID "S: sesame1234\n",
        /* behind the reply, where nothing was asked */
        SAID "S: 235 ok\nS: 421 sesame1234\n",
        SAID "S: 235 ok\nS: 250 " LINE "\n",
        SAID "S: 235 ok\nC: NOOP\nS: 421 sesame1234\n",
        /* lines without end */
        SAID "S: 535-1\nS: 535-2\nS: 535-3\nS: 535-4\nS: 535-5\nS: 535-6\nS: 535-7\nS: 535-8\n"
             "S: 535-esam\nS: 535 e123\n" QUIT,
    };
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame1234";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        told t;
        posta_session *session = new_session(&t, rows[i], &auth);
        t.s.reads_all = true;
        posta_session_connect(session);
        tell_all(&t, session);
        posta_session_noop(session);
        tell_all(&t, session);
        posta_session_disconnect(session);
        tell_all(&t, session);
        posta_session_free(&session);
        check(&t, rows[i]);
        if (i == 0) assert_non_null(strstr(t.text, "535 5.7.8 ***"));
        if (i == 3 && POSTA_TEXTS) assert_non_null(strstr(t.text, "501 ***"));
        if (i == 14) assert_null(strstr(t.text, "esam"));
    }
}

/* Where the kept part of a line ends in the midst of it. */
static void clipped(void **state) {
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame1234";
    for (size_t room = 1; room < 12; room++) {
        told t;
        char dialogue[2000], fill[600];
        memset(fill, '.', sizeof fill);
        fill[LINE_KEEP - 4 - room] = 0;
        snprintf(dialogue, sizeof dialogue, SAID "S: 535 %ssesame1234 and more\n" QUIT, fill);
        posta_session *session = new_session(&t, dialogue, &auth);
        assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_REJECTED);
        tell_all(&t, session);
        posta_session_free(&session);
        assert_null(strstr(t.text, ".s"));
    }
}

/* The words of OAuth's error are the server's too. base64 of {"e":"ya29tokentoken"} */
static void in_json(void **state) {
    told t;
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.token = "ya29tokentoken";
    posta_session *session = new_session(
        &t,
        HELLO "S: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 ...\nS: 334 eyJlIjoieWEyOXRva2VudG9rZW4ifQ==\n"
              "C: \nS: 535 no\n" QUIT,
        &auth);
    assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_REJECTED);
    tell_all(&t, session);
    posta_session_free(&session);
    assert_null(strstr(t.text, "ya29"));
    if (POSTA_TEXTS) assert_non_null(strstr(t.text, "(***): 535 no"));
}

/* Short ones are hidden where they stand alone. */
static void short_ones(void **state) {
    told t;
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "zq";
    posta_session *session = new_session(
        &t, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN AGFuYQB6cQ==\nS: 535 zq?\n" QUIT, &auth);
    assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_REJECTED);
    tell_all(&t, session);
    posta_session_free(&session);
    assert_null(strstr(t.text, "zq"));
}

/* ---- what is left (row L04) ---- */

static bool holds(const void *p, size_t len, const char *secret) {
    size_t n = strlen(secret);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp((const char *)p + i, secret, n) == 0) return true;
    return false;
}

static posta_status give(void *user, posta_auth_ask why, posta_credentials *out) {
    (void)user;
    (void)why;
    out->password = "sesame1234";
    return POSTA_OK;
}

/* In the memory of the session, while it lives: when it is logged in, when it was refused, when the
 * connection was lost on the way. */
static void nothing_is_left(void **state) {
    static const char *const rows[] = {
        SAID "S: 235 ok\n" QUIT,
        SAID "S: 535 no " LINE "\n" QUIT,
        SAID,
        SAID "S: 334 c2VzYW1lMTIzNA==\nC: *\n",
    };
    static uint64_t memory[40000];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        script s;
        posta_auth auth = POSTA_AUTH;
        posta_session *session;
        posta_session_config c = script_config(&s, rows[i]);
        c.auth = &auth;
        auth.user = "ana";
        auth.ask = give;
        assert_true(posta_session_size(&c) < sizeof memory);
        assert_int_equal(posta_session_place(memory, sizeof memory, &c, &session, NULL), POSTA_OK);
        posta_session_connect(session);
        assert_false(holds(memory, sizeof memory, "sesame1234"));
        assert_false(holds(memory, sizeof memory, "zZXNhbWUx"));
        assert_false(holds(memory, sizeof memory, "c2VzYW1lMTIz"));
        posta_session_wipe(&session);
    }
}

/* ---- whom they go to (row B16) ---- */

/* A call that failed has changed nothing. */
static void failed_calls(void **state) {
    char many[300];
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    (void)state;
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = 0;
    auth.user = "ana";
    auth.password = "sesame1234";
    posta_session_config c = script_config(&s, HELLO "S: 250 AUTH PLAIN\n" QUIT);
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_login(session, NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "evil.example.net", 0), POSTA_OK);
    assert_int_equal(posta_session_set_login(session, "x", NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_session_set_login(session, many, "x"), POSTA_E_ARGUMENT);
    assert_int_equal(posta_session_connect(session), POSTA_OK); /* as nobody */
    assert_int_equal(posta_session_disconnect(session), POSTA_OK);
    posta_session_free(&session);
    assert_string_equal(s.at, "");
}

/* Nobody logs in: over the standing connection neither. */
static void nobody_behind_failure(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame1234";
    posta_session_config c = script_config(&s, SAID "S: 535 no\nC: NOOP\nS: 250 ok\n" QUIT);
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_REJECTED);
    assert_int_equal(posta_session_set_login(session, NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_OK);
    assert_int_equal(posta_session_noop(session), POSTA_OK);
    posta_session_free(&session);
    assert_string_equal(s.events, "AUTH_FAIL CONNECTED ");
    assert_string_equal(s.at, "");
}

/* A dot at the end is the same host; away and back is not, and the words fit that too. */
static void same_host(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame1234";
    posta_session_config c = script_config(&s, SAID "S: 235 ok\n" QUIT);
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "mail.example.org.", 0), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_OK);
    assert_int_equal(posta_session_disconnect(session), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "other.example.org", 0), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "mail.example.org", 0), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_FIELD);
    if (POSTA_TEXTS)
        assert_non_null(strstr(posta_session_receipt(session)->message,
                               "the host was changed behind the credentials"));
    posta_session_free(&session);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeated),
                                       cmocka_unit_test(clipped),
                                       cmocka_unit_test(in_json),
                                       cmocka_unit_test(short_ones),
                                       cmocka_unit_test(nothing_is_left),
                                       cmocka_unit_test(failed_calls),
                                       cmocka_unit_test(nobody_behind_failure),
                                       cmocka_unit_test(same_host)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
