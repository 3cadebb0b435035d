/* What a host brings to a login: channels, other credentials, other hosts, mechanisms of its own,
 * time, memory. Rows B01, B05, B08, B16, L04. */
#include "login.h"

/* Clear text, where nobody vouches for the channel. */
static void clear_text(void **state) {
    script s;
    posta_receipt r;
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    posta_session_config c = script_config(&s, "");
    s.transport.flags = 0;
    assert_int_equal(run(&s, &c, &auth, &r), POSTA_E_AUTH_INSECURE);
    c = script_config(&s, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 ok\n" QUIT);
    s.transport.flags = 0;
    auth.insecure = true;
    assert_int_equal(run(&s, &c, &auth, &r), POSTA_OK);
}

static posta_status never(void *user, const char *server_name) {
    (void)user;
    (void)server_name;
    return POSTA_E_TLS_HANDSHAKE;
}

/* The same where the mode was changed when the session was there already. */
static void clear_text_later(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    uint32_t mode = POSTA_SECURITY_NONE;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    posta_session_config c = script_config(&s, HELLO "S: 250 AUTH PLAIN\n" QUIT);
    s.transport.flags = 0;
    s.transport.starttls = never;
    c.security = POSTA_SECURITY_STARTTLS;
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_option(session, POSTA_OPTION_TLS_MODE, &mode, sizeof mode),
                     POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_INSECURE);
    posta_session_free(&session);
    assert_string_equal(s.events, "AUTH_FAIL ");
    assert_string_equal(s.at, "");
}

/* Behind AUTH_FAIL the connection stands: other credentials, the same connection. */
static void another_try(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    (void)state;
    auth.user = "ana";
    auth.password = "wrong";
    posta_session_config c = script_config(
        &s,
        HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN AGFuYQB3cm9uZw==\nS: 535 no\nC: AUTH PLAIN " PLAIN
              "\nS: 235 ok\n" QUIT);
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_AUTH_REJECTED);
    assert_true(posta_session_is_connected(session));
    assert_int_equal(posta_session_noop(session), POSTA_E_STATE);
    assert_int_equal(posta_session_set_login(session, "ana", "sesame"), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_STATE);
    assert_int_equal(posta_session_disconnect(session), POSTA_OK);
    posta_session_free(&session);
    assert_string_equal(s.events, "AUTH_FAIL AUTH_OK CONNECTED DISCONNECTED ");
    assert_string_equal(s.at, "");
}

/* Row B16: credentials are for one host; another needs its own. */
static void another_host(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    (void)state;
    auth.user = "ana";
    auth.password = "other secret";
    posta_session_config c =
        script_config(&s, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 ok\n" QUIT);
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "MAIL.example.org", 587), POSTA_OK);
    assert_int_equal(posta_session_set_host(session, "evil.example.org", 0), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_FIELD);
    assert_string_equal(posta_session_receipt(session)->field, "auth");
    assert_int_equal(posta_session_set_login(session, "ana", "sesame"), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_OK);
    posta_session_free(&session);
    assert_string_equal(s.at, "");
}

/* Row L04: what is given back holds no secret, nor does what posta keeps between logins of its
 * asking. */
static size_t freed;

static bool holds(const uint8_t *p, size_t len, const char *secret) {
    size_t n = strlen(secret);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(p + i, secret, n) == 0) return true;
    return false;
}

static void *watch(void *user, void *old, size_t old_len, size_t len) {
    static const char *const secrets[] = {"sesame", "c2VzYW1l", "zZXNhbWU", "NlzYW1l",
                                          "736573616d65"};
    const posta_port *port = posta_port_default();
    (void)user;
    if (old && len == 0) {
        freed++;
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            if (holds(old, old_len, secrets[i])) fail_msg("%s was given back", secrets[i]);
    }
    return port->allocate(port->user, old, old_len, len);
}

static posta_status give_password(void *user, posta_auth_ask why, posta_credentials *out) {
    (void)user;
    (void)why;
    out->password = "sesame";
    return POSTA_OK;
}

static void wiped(void **state) {
    static const char *const dialogues[] = {
        HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 ok\n" QUIT,
        HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 535 sesame " PLAIN "\n" QUIT,
        HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 \nC: YW5h\nS: 334 \nC: c2VzYW1l\nS: 235 "
              "ok\n" QUIT,
        HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 \nC: YW5h\nS: 334 \nC: c2VzYW1l\n",
    };
    (void)state;
    for (size_t i = 0; i < 3 * sizeof dialogues / sizeof *dialogues; i++) {
        script s;
        posta_receipt r;
        posta_auth auth = POSTA_AUTH;
        posta_session_config c = script_config(&s, dialogues[i / 3]);
        s.port.allocate = watch;
        c.port = &s.port;
        freed = 0;
        auth.user = "ana";
        if (i % 3 == 0) auth.password = "sesame";
        if (i % 3 == 1) auth.ask = give_password;
        if (i % 3 == 2) {
            c.host = NULL;
            c.url = "smtp://ana:sesame@mail.example.org?security=none";
        }
        run(&s, &c, i % 3 == 2 ? NULL : &auth, &r);
        assert_true(freed > 0);
        assert_false(holds((const uint8_t *)&r, sizeof r, "sesame"));
        assert_false(holds((const uint8_t *)&r, sizeof r, "c2VzYW1l"));
    }
}

/* Row B05: the rounds of PBKDF2 are counted against the budget of execute, and none of its calls is
 * long. */
static posta_status same_octets(void *user, void *out, size_t len) {
    (void)user;
    memset(out, 0x42, len);
    return POSTA_OK;
}

static void slices(void **state) {
    script s;
    posta_auth auth = POSTA_AUTH;
    posta_session *session;
    size_t executes = 0;
    (void)state;
    if (!POSTA_TLS) return; /* no hashes */
    auth.user = "ana";
    auth.password = "sesame";
    auth.mechanisms = "SCRAM-SHA-256";
    /* r=QkJC...x,s=QkJC,i=100000 */
    posta_session_config c = script_config(
        &s, HELLO "S: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 ...\n"
                  "S: 334 cj1Ra0pDUWtKQ1FrSkNRa0pDUWtKQ1FrSkN4LHM9UWtKQyxpPTEwMDAwMA==\n"
                  "C: Yz1iaXdzLHI9UWtKQ1FrSkNRa0pDUWtKQ1FrSkNRa0pDeCxwP...\nS: 535 no\n" QUIT);
    s.port.entropy = same_octets;
    c.port = &s.port;
    c.auth = &auth;
    c.non_blocking = true;
    assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(session), POSTA_E_IN_PROGRESS);
    /* With each look at the clock a millisecond is over, so that a call does one thing. */
    s.ticks = 1;
    while (posta_session_execute(session, 1) == POSTA_E_IN_PROGRESS)
        executes++;
    assert_true(executes >= 100000 / 256);
    assert_string_equal(s.events, "AUTH_FAIL ");
    posta_session_free(&session);
}

/* A mechanism of the host's: preferred, in slices and with waits, its state zeroed and wiped. */
static unsigned calls;

static posta_status echo(const posta_mechanism *m, void *state, const posta_login *l,
                         posta_span challenge, posta_window *out, const char **why_out) {
    unsigned *n = state;
    assert_ptr_equal(m->user, &calls);
    calls++;
    switch ((*n)++) {
    case 0: return POSTA_E_IN_PROGRESS;
    case 1: return POSTA_AGAIN;
    case 2: posta__put(out, l->user); return POSTA_OK;
    case 3: return POSTA_AGAIN;
    case 4: posta__put(out, challenge); return POSTA_OK;
    default: *why_out = "echo is done"; return POSTA_E_PROTOCOL;
    }
}

/* Row B08: nobody is asked for ever. */
static posta_status chat(const posta_mechanism *m, void *state, const posta_login *l,
                         posta_span challenge, posta_window *out, const char **why_out) {
    (void)m;
    (void)state;
    (void)l;
    (void)why_out;
    posta__put(out, challenge);
    return POSTA_OK;
}

static void many_rounds(void **state) {
#define ROUND "S: 334 YWJj\nC: YWJj\n"
    static const login_case row = {
        HELLO "S: 250 AUTH CHAT\nC: AUTH CHAT\n" ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND
              "S: 334 YWJj\nC: *\nS: 501 ok\n" QUIT,
        POSTA_E_PROTOCOL, "asks too often", FAIL_EVENTS};
    static const posta_mechanism mechanism = {
        .size = sizeof mechanism, .name = "CHAT", .answer = chat};
    static const posta_mechanism *const list[] = {&mechanism};
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.custom = list;
    auth.custom_n = 1;
    play(&row, &auth);
}

static void custom(void **state) {
    static const login_case rows[] = {
        {HELLO "S: 250 AUTH PLAIN ECHO\nC: AUTH ECHO YW5h\nS: 334 YWJj\nC: YWJj\nS: 235 ok\n" QUIT,
         POSTA_OK, NULL, OK_EVENTS},
        {HELLO "S: 250 AUTH ECHO\nC: AUTH ECHO YW5h\nS: 334 YWJj\nC: YWJj\nS: 334 YWJj\nC: *\nS: "
               "501 ok\n" QUIT,
         POSTA_E_PROTOCOL, "echo is done", FAIL_EVENTS},
        {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 ok\n" QUIT, POSTA_OK, NULL,
         OK_EVENTS},
    };
    static const posta_mechanism mechanism = {.size = sizeof mechanism,
                                              .name = "ECHO",
                                              .flags = POSTA_MECHANISM_FIRST,
                                              .state_len = sizeof(unsigned),
                                              .user = &calls,
                                              .answer = echo};
    static const posta_mechanism *const list[] = {&mechanism};
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    auth.custom = list;
    auth.custom_n = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        calls = 0;
        play(&rows[i], &auth);
        assert_int_equal(calls, i == 0 ? 5 : i == 1 ? 6 : 0);
    }
}

/* Who waits for a host's answer still hears that the server has left. */
static script *waiting;
static const char *goodbye;
static unsigned asked;

static posta_status later(void *user, posta_auth_ask why, posta_credentials *out) {
    (void)user;
    (void)why;
    (void)out;
    if (++asked == 3) waiting->at = goodbye;
    return POSTA_AGAIN;
}

static void left_waiting(void **state) {
    static const char *const goodbyes[] = {"S: 421 4.3.2 shutting down\n", "", "S: 250 what\n"};
    static const posta_status verdicts[] = {POSTA_E_LOST, POSTA_E_LOST, POSTA_E_PROTOCOL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        script s;
        posta_auth auth = POSTA_AUTH;
        posta_session *session;
        size_t turns = 0;
        posta_session_config c = script_config(&s, HELLO "S: 250 AUTH PLAIN\nC: never said\n");
        waiting = &s;
        asked = 0;
        goodbye = goodbyes[i];
        auth.ask = later;
        c.auth = &auth;
        c.non_blocking = true;
        c.engine.timeouts.total = 0;
        assert_int_equal(posta_session_new(&c, &session, NULL), POSTA_OK);
        posta_session_connect(session);
        while (posta_session_execute(session, 0) == POSTA_E_IN_PROGRESS && turns++ < 100)
            if (asked > 0) assert_true(posta_session_wants(session) & POSTA_WANT_RX);
        assert_int_equal(posta_session_receipt(session)->status, verdicts[i]);
        assert_int_equal(posta_session_receipt(session)->stage, POSTA_PHASE_AUTH);
        if (i == 0)
            assert_non_null(strstr(posta_session_receipt(session)->message, "shutting down"));
        assert_string_equal(s.events, "FAILED ");
        posta_session_free(&session);
    }
}

/* What is wrong is told before anybody connects. */
static void misuse(void **state) {
    static const struct {
        const char *user, *password, *token, *mechanisms, *field, *says;
    } rows[] = {
        {"ana", "sesame", NULL, "SCRAM-SHA256", "auth.mechanisms", "\"SCRAM-SHA256\""},
        {"ana", "sesame", NULL, "PLAIN,LOGIN", "auth.mechanisms", "OAUTHBEARER"},
        {"ana", "sesame", NULL, "PLAIN LOGINS", "auth.mechanisms", "\"LOGINS\""},
        {"ana", "sesame", NULL, " ", "auth.mechanisms", "names none"},
        {"ana", NULL, NULL, NULL, "auth.password", "missing"},
        {"ana", "", NULL, NULL, "auth.password", "missing"},
        {NULL, NULL, NULL, NULL, "auth.user", "missing"},
        {NULL, "sesame", NULL, NULL, "auth.user", "missing"},
        {NULL, NULL, "token", NULL, "auth.user", "missing"},
        {"", "sesame", NULL, "PLAIN", "auth.user", "missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        script s;
        posta_receipt r;
        posta_auth auth = POSTA_AUTH;
        posta_session *session = NULL;
        posta_session_config c = script_config(&s, "");
        auth.user = rows[i].user;
        auth.password = rows[i].password;
        auth.token = rows[i].token;
        auth.mechanisms = rows[i].mechanisms;
        c.auth = &auth;
        memset(&r, 0, sizeof r);
        if (posta_session_new(&c, &session, &r) == POSTA_OK) {
            assert_int_equal(posta_session_connect(session), POSTA_E_FIELD);
            r = *posta_session_receipt(session);
        }
        posta_session_free(&session);
        assert_string_equal(r.field, rows[i].field);
        if (POSTA_TEXTS && !strstr(r.message, rows[i].says)) fail_msg("%s", r.message);
        assert_null(strstr(r.message, "sesame"));
        assert_int_equal(s.closed, 0);
    }
    posta_auth auth = POSTA_AUTH;
    script s;
    posta_receipt r;
    posta_session *session = NULL;
    posta_session_config c = script_config(&s, "");
    auth.min_iterations = 5000;
    auth.max_iterations = 4096;
    c.auth = &auth;
    assert_int_equal(posta_session_new(&c, &session, &r), POSTA_E_ARGUMENT);
    assert_string_equal(r.field, "auth.min_iterations");
}

/* What a function gave is too much. */
static posta_status give_much(void *user, posta_auth_ask why, posta_credentials *out) {
    static char much[20000];
    (void)user;
    (void)why;
    memset(much, 'x', sizeof much - 1);
    out->token = much;
    return POSTA_OK;
}

static void too_much(void **state) {
    script s;
    posta_receipt r;
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.ask = give_much;
    posta_session_config c = script_config(&s, HELLO "S: 250 AUTH XOAUTH2\n" QUIT);
    assert_int_equal(run(&s, &c, &auth, &r), POSTA_E_LIMIT);
    if (POSTA_TEXTS) assert_non_null(strstr(r.message, "longer than auth.space"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_text),   cmocka_unit_test(clear_text_later),
        cmocka_unit_test(another_try),  cmocka_unit_test(another_host),
        cmocka_unit_test(wiped),        cmocka_unit_test(slices),
        cmocka_unit_test(many_rounds),  cmocka_unit_test(custom),
        cmocka_unit_test(left_waiting), cmocka_unit_test(misuse),
        cmocka_unit_test(too_much)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
