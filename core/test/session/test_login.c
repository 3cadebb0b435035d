/* AUTH through a session: who is asked for what, octet by octet, and what becomes of it. Rows A08,
 * B01 to B17, L01, L02, L04. */
#include "script.h"

#define HELLO "S: 220 hi\nC: EHLO client.test\nS: 250-here\n"
#define QUIT  "C: QUIT\nS: 221 bye\n"
#define PLAIN "AGFuYQBzZXNhbWU=" /* ana, sesame */

typedef struct login_case {
    const char *dialogue;
    posta_status status;
    const char *says, *events;
} login_case;

static posta_status run(script *s, posta_session_config *c, const posta_auth *auth,
                        posta_receipt *r) {
    posta_session *session = NULL;
    posta_status status;
    c->auth = auth;
    memset(r, 0, sizeof *r);
    status = posta_session_new(c, &session, r);
    if (status != POSTA_OK) return status;
    status = posta_session_connect(session);
    *r = *posta_session_receipt(session);
    posta_session_free(&session);
    if (s->at[0]) fail_msg("not played: %s", s->at);
    assert_int_equal(s->closed, 1);
    return status;
}

static void play(const login_case *row, const posta_auth *auth) {
    script s;
    posta_receipt r;
    posta_session_config c = script_config(&s, row->dialogue);
    posta_status status = run(&s, &c, auth, &r);
    if (status != row->status)
        fail_msg("%s: %s: %s", row->dialogue, posta_status_name(status), r.message);
    assert_string_equal(s.events, row->events);
    if (POSTA_TEXTS && row->says && !strstr(r.message, row->says)) fail_msg("%s", r.message);
    assert_null(strstr(r.message, "sesame"));
    assert_null(strstr(r.transcript, "sesame"));
    assert_null(strstr(r.transcript, "c2VzYW1l"));
    assert_null(strstr(r.transcript, PLAIN));
    if (status != POSTA_OK) assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
}

#define OK_EVENTS   "AUTH_OK CONNECTED "
#define FAIL_EVENTS "AUTH_FAIL "

static const login_case passwords[] = {
    {HELLO "S: 250 AUTH LOGIN PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 2.7.0 ok\n" QUIT, POSTA_OK,
     NULL, OK_EVENTS},
    {HELLO "S: 250 auth plain\nC: AUTH PLAIN " PLAIN "\nS: 235-2.7.0 ok\nS: 235 really\n" QUIT,
     POSTA_OK, NULL, OK_EVENTS},
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5h\nS: 334 "
           "UGFzc3dvcmQ6\nC: c2VzYW1l\n"
           "S: 235 ok\n" QUIT,
     POSTA_OK, NULL, OK_EVENTS},
    {HELLO
     "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334\nC: YW5h\nS: 334 \nC: c2VzYW1l\nS: 235 ok\n" QUIT,
     POSTA_OK, NULL, OK_EVENTS},
    /* A08 */
    {HELLO "S: 250 SIZE\n" QUIT, POSTA_E_AUTH_UNAVAILABLE, "it offers no AUTH at all", FAIL_EVENTS},
    {HELLO "S: 250 AUTH\n" QUIT, POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    {HELLO "S: 250 AUTH=PLAIN\n" QUIT, POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    {HELLO "S: 250 AUTHX PLAIN\n" QUIT, POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    {"S: 220 hi\nC: EHLO client.test\nS: 502 what\nC: HELO client.test\nS: 250 ok\n" QUIT,
     POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    {HELLO "S: 250 AUTH GSSAPI NTLM\n" QUIT, POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    /* B04: a refusal is the end, whatever else is offered; another is tried only where one is not
       known */
    {HELLO "S: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN " PLAIN "\nS: 535 5.7.8 no\n" QUIT,
     POSTA_E_AUTH_REJECTED, "535 5.7.8 no", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN " PLAIN "\nS: 454 4.7.0 later\n" QUIT,
     POSTA_E_AUTH_REJECTED, "454 4.7.0 later", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN " PLAIN
           "\nS: 504 5.5.4 what\nC: AUTH LOGIN\nS: 334 x\n"
           "C: *\nS: 501 ok\n" QUIT,
     POSTA_E_PROTOCOL, "no base64", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 504 5.5.4 what\n" QUIT,
     POSTA_E_AUTH_UNAVAILABLE, NULL, FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN
           "\nS: 534 5.7.9 use an application password\n" QUIT,
     POSTA_E_AUTH_REJECTED, "534 5.7.9 use", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN
           "\nS: 530 5.7.0 Must issue a STARTTLS command first\n" QUIT,
     POSTA_E_AUTH_REJECTED, "530 5.7.0", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 432 4.7.12 change it\n" QUIT,
     POSTA_E_AUTH_REJECTED, "changed first", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 538 5.7.11 encrypt\n" QUIT,
     POSTA_E_AUTH_REJECTED, "TLS before", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 503 5.5.1 not now\n" QUIT,
     POSTA_E_AUTH_REJECTED, "503", FAIL_EVENTS},
    /* B08: what is no challenge is taken back */
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 =\nC: *\nS: 501 ok\n" QUIT, POSTA_E_PROTOCOL,
     "no base64", FAIL_EVENTS},
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 A\nC: *\nS: 501 ok\n" QUIT, POSTA_E_PROTOCOL,
     "no base64", FAIL_EVENTS},
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 !!!!\nC: *\nS: 501 ok\n" QUIT,
     POSTA_E_PROTOCOL, "no base64", FAIL_EVENTS},
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334-YWJj\nS: 334 YWJj\nC: *\nS: 235 ok\n" QUIT,
     POSTA_E_PROTOCOL, "no base64", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 334 YWJj\nC: *\nS: 501 ok\n" QUIT,
     POSTA_E_PROTOCOL, "asks on", FAIL_EVENTS},
    /* B14, B06 */
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 YQ==\nC: YW5h\nS: 235 ok\n" QUIT,
     POSTA_E_PROTOCOL, "said yes without", FAIL_EVENTS},
    {HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 YQ==\nC: YW5h\nS: 334 YQ==\nC: c2VzYW1l\nS: "
           "334 YQ==\nC: *\n"
           "S: 501 ok\n" QUIT,
     POSTA_E_PROTOCOL, "third time", FAIL_EVENTS},
    {HELLO "S: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 ...\nS: 235 ok\n" QUIT,
     POSTA_E_PROTOCOL, "said yes without", FAIL_EVENTS},
    {HELLO
     "S: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 ...\nS: 334 cj14LHM9eCxpPTE=\nC: *\nS: "
     "501 ok\n" QUIT,
     POSTA_E_PROTOCOL, "nonce", FAIL_EVENTS},
    /* L02: the server says what it must not */
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 535 5.7.8 wrong password sesame\n" QUIT,
     POSTA_E_AUTH_REJECTED, "535", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 535 5.7.8 what is " PLAIN "?\n" QUIT,
     POSTA_E_AUTH_REJECTED, "535", FAIL_EVENTS},
    {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 535-no\nS: 535 c2VzYW1l\n" QUIT,
     POSTA_E_AUTH_REJECTED, "535", FAIL_EVENTS},
};

static void each_password(void **state) {
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++)
        if (POSTA_TLS || !strstr(passwords[i].dialogue, "SCRAM")) play(&passwords[i], &auth);
}

/* The connection ends where the server ends it, or says what nobody may say. */
static void broken(void **state) {
    static const login_case rows[] = {
        {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 421 bye\n", POSTA_E_LOST, "closing",
         "FAILED "},
        {HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 250 ok\n", POSTA_E_PROTOCOL, NULL,
         "FAILED "},
    };
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        play(&rows[i], &auth);
}

/* ---- tokens ---- */

static unsigned asked[2];
static const char *tokens[2];

static posta_status give(void *user, posta_auth_ask why, posta_credentials *out) {
    unsigned *late = user;
    if (late && *late > 0) {
        (*late)--;
        return POSTA_AGAIN;
    }
    asked[why]++;
    out->token = tokens[why];
    return tokens[why] ? POSTA_OK : POSTA_E_AUTH_REJECTED;
}

#define XOAUTH2(token) "dXNlcj1hbmEBYXV0aD1CZWFyZXIg" token "AQE="
#define ONE            XOAUTH2("b25l")
#define TWO            XOAUTH2("dHdv")
#define JSON           "eyJzdGF0dXMiOiI0MDEifQ=="

/* Asked once; once more behind a refusal; and what the server says in JSON is told (row B12). */
static void token(void **state) {
    static const struct {
        login_case row;
        const char *second;
        unsigned first_n, second_n;
    } rows[] = {
        {{HELLO "S: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 " ONE "\nS: 235 ok\n" QUIT, POSTA_OK, NULL,
          OK_EVENTS},
         "two",
         1,
         0},
        {{HELLO "S: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 " ONE "\nS: 334 " JSON
                "\nC: \nS: 535 no\nC: AUTH XOAUTH2 " TWO "\nS: 235 ok\n" QUIT,
          POSTA_OK, NULL, OK_EVENTS},
         "two",
         1,
         1},
        {{HELLO "S: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 " ONE "\nS: 334 " JSON
                "\nC: \nS: 535 no\nC: AUTH XOAUTH2 " TWO "\nS: 334 " JSON
                "\nC: \nS: 535 5.7.8 no\n" QUIT,
          POSTA_E_AUTH_REJECTED, "{\"status\":\"401\"}", FAIL_EVENTS},
         "two",
         1,
         1},
        {{HELLO "S: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 " ONE "\nS: 535 5.7.8 no\n" QUIT,
          POSTA_E_AUTH_REJECTED, "535 5.7.8 no", FAIL_EVENTS},
         NULL,
         1,
         1},
        {{HELLO "S: 250 AUTH OAUTHBEARER\nC: AUTH OAUTHBEARER "
                "bixhPWFuYSwBaG9zdD1tYWlsLmV4YW1wbGUub3JnAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIG9uZQEB\n"
                "S: 334 " JSON "\nC: AQ==\nS: 535 no\nC: AUTH OAUTHBEARER ...\nS: 235 ok\n" QUIT,
          POSTA_OK, NULL, OK_EVENTS},
         "two",
         1,
         1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned late = 0; late < 3; late++) {
            unsigned left = late;
            posta_auth auth = POSTA_AUTH;
            auth.user = "ana";
            auth.ask = give;
            auth.ask_data = &left;
            tokens[0] = "one";
            tokens[1] = rows[i].second;
            asked[0] = asked[1] = 0;
            play(&rows[i].row, &auth);
            assert_int_equal(asked[0], rows[i].first_n);
            assert_int_equal(asked[1], rows[i].second_n);
        }
    }
}

/* Row B10: the first answer goes along while the line has no more than 512 octets. */
static void long_answers(void **state) {
    (void)state;
    for (size_t n = 1; n < 4600; n += n < 340 || n > 380 ? 13 : 1) {
        script s;
        posta_receipt r;
        posta_auth auth = POSTA_AUTH;
        char *password = malloc(n + 1), *dialogue = malloc(20000);
        uint8_t raw[5000], coded[8000];
        posta_window w = posta__window(raw, sizeof raw), b = posta__window(coded, sizeof coded - 1);
        assert_true(password && dialogue);
        memset(password, 'x', n);
        password[n] = 0;
        posta__put(&w, POSTA_LIT("\0ana\0"));
        posta__put(&w, posta__span(password, n));
        posta__base64_put(&b, posta__span(raw, w.len));
        coded[b.len] = 0;
        sprintf(dialogue, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN%s%s\n%sS: 235 ok\n" QUIT,
                11 + b.len + 2 <= 512 ? " " : "\nS: 334 \nC: ", (char *)coded, "");
        auth.user = "ana";
        auth.password = password;
        auth.space = 6144;
        posta_session_config c = script_config(&s, dialogue);
        c.engine.tx_space = 8192;
        assert_int_equal(run(&s, &c, &auth, &r), POSTA_OK);
        free(password);
        free(dialogue);
    }
}

/* A yes before the answer was said is none. */
static void early_yes(void **state) {
    script s;
    posta_receipt r;
    posta_auth auth = POSTA_AUTH;
    char password[401];
    (void)state;
    memset(password, 'x', 400);
    password[400] = 0;
    auth.user = "ana";
    auth.password = password;
    posta_session_config c =
        script_config(&s, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN\nS: 235 ok\n" QUIT);
    assert_int_equal(run(&s, &c, &auth, &r), POSTA_E_PROTOCOL);
}

/* Row B09: nothing is "=" in the line of AUTH and an empty line elsewhere. */
static void empty_answers(void **state) {
    static const login_case rows[] = {
        {HELLO "S: 250 AUTH ANONYMOUS\nC: AUTH ANONYMOUS =\nS: 235 ok\n" QUIT, POSTA_OK, NULL,
         OK_EVENTS},
    };
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.mechanisms = "ANONYMOUS";
    play(&rows[0], &auth);
}

/* Rows B01, B13, B17: what is refused before AUTH is said. */
static void never_said(void **state) {
    static const login_case none = {HELLO "S: 250 AUTH PLAIN\n" QUIT, POSTA_E_FIELD, "CR, LF",
                                    FAIL_EVENTS};
    static const char *const bad[] = {"a\rb", "a\nb", "\x01", "x\x01"};
    posta_auth auth = POSTA_AUTH;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        auth.user = bad[i];
        auth.password = "sesame";
        play(&none, &auth);
        auth.user = "ana";
        auth.password = bad[i];
        play(&none, &auth);
    }
}

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

/* User and password of the configuration and of the URL. */
static void short_forms(void **state) {
    script s;
    posta_receipt r;
    (void)state;
    for (int i = 0; i < 2; i++) {
        posta_session_config c =
            script_config(&s, HELLO "S: 250 AUTH PLAIN\nC: AUTH PLAIN " PLAIN "\nS: 235 ok\n" QUIT);
        if (i == 0) {
            c.user = "ana";
            c.password = "sesame";
        } else {
            c.host = NULL;
            c.url = "smtp://ana:sesame@mail.example.org?security=none";
        }
        assert_int_equal(run(&s, &c, NULL, &r), POSTA_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_password),
        cmocka_unit_test(broken),
        cmocka_unit_test(token),
        cmocka_unit_test(long_answers),
        cmocka_unit_test(empty_answers),
        cmocka_unit_test(never_said),
        cmocka_unit_test(clear_text),
        cmocka_unit_test(another_try),
        cmocka_unit_test(short_forms),
        cmocka_unit_test(another_host),
        cmocka_unit_test(wiped),
        cmocka_unit_test(custom),
        cmocka_unit_test(many_rounds),
        cmocka_unit_test(early_yes),
        cmocka_unit_test(clear_text_later),
        cmocka_unit_test(slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
