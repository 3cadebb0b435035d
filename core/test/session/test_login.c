/* AUTH through a session: who is asked for what, octet by octet, and what becomes of it. Rows A08,
 * B01 to B17, L01, L02, L04. */
#include "login.h"

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

/* Rows B08, B17: a challenge beyond reason is taken back, a password beyond reason never said. */
static void too_long(void **state) {
    static const size_t lengths[] = {8, 12288, 12289, 12292, 12300, 16000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        script s;
        posta_receipt r;
        posta_auth auth = POSTA_AUTH;
        char *dialogue = malloc(20000);
        assert_non_null(dialogue);
        strcpy(dialogue, HELLO "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 ");
        size_t n = strlen(dialogue);
        memset(dialogue + n, 'A', lengths[i]);
        strcpy(dialogue + n + lengths[i], lengths[i] <= 12288
                                              ? "\nC: YW5h\nS: 334 \nC: c2VzYW1l\nS: 235 ok\n" QUIT
                                              : "\nC: *\nS: 501 ok\n" QUIT);
        auth.user = "ana";
        auth.password = "sesame";
        auth.space = 9216;
        posta_session_config c = script_config(&s, dialogue);
        assert_int_equal(run(&s, &c, &auth, &r), lengths[i] <= 12288 ? POSTA_OK : POSTA_E_PROTOCOL);
        free(dialogue);
    }
    char *password = malloc(65537);
    script s;
    posta_receipt r;
    posta_auth auth = POSTA_AUTH;
    assert_non_null(password);
    memset(password, 'x', 65536);
    password[65536] = 0;
    auth.user = "ana";
    auth.password = password;
    posta_session_config c = script_config(&s, HELLO "S: 250 AUTH PLAIN LOGIN\n" QUIT);
    assert_int_equal(run(&s, &c, &auth, &r), POSTA_E_LIMIT);
    if (POSTA_TEXTS) assert_non_null(strstr(r.message, "longer than there is room for"));
    free(password);
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

/* Row A01: what came ahead is seen before AUTH is said. */
static void ahead(void **state) {
    static const login_case row = {HELLO "S: 250 AUTH PLAIN\nS: 235 welcome\n", POSTA_E_PROTOCOL,
                                   NULL, "FAILED "};
    posta_auth auth = POSTA_AUTH;
    (void)state;
    auth.user = "ana";
    auth.password = "sesame";
    play(&row, &auth);
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
        auth.password = "sesame";
        auth.authzid = bad[i];
        play(&none, &auth);
        auth.authzid = NULL;
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
        cmocka_unit_test(each_password), cmocka_unit_test(broken),     cmocka_unit_test(token),
        cmocka_unit_test(long_answers),  cmocka_unit_test(early_yes),  cmocka_unit_test(too_long),
        cmocka_unit_test(empty_answers), cmocka_unit_test(never_said), cmocka_unit_test(ahead),
        cmocka_unit_test(short_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
