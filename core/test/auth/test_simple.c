/* The mechanisms of one or two answers, octet by octet: the examples of RFC 4616, 2195, 7628, and
 * what a server may not ask. Rows B08, B09, B11 to B14. */
#include "t_auth.h"

static void plain(void **state) {
    t_exchange x;
    posta_login l = t_login("Kurt", "xipj3plmq");
    (void)state;
    l.authzid = t_span("Ursel");
    t_begin(&x, &posta__plain, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    assert_true(
        posta_span_is(posta__span(x.out.p, x.out.len), POSTA_LIT("Ursel\0Kurt\0xipj3plmq")));
    assert_true(t_is_proven(&x));
    assert_int_equal(t_answer(&x, ""), POSTA_E_PROTOCOL);
    t_begin(&x, &posta__plain, t_login("tim", "tanstaaftanstaaf"));
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    assert_true(
        posta_span_is(posta__span(x.out.p, x.out.len), POSTA_LIT("\0tim\0tanstaaftanstaaf")));
}

/* Two prompts, whatever they say. */
static void login(void **state) {
    t_exchange x;
    (void)state;
    t_begin(&x, &posta__login_mechanism, t_login("ana", "secret"));
    assert_int_equal(t_answer(&x, "Username:"), POSTA_OK);
    t_said(&x, "ana");
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "the colour of your cat?"), POSTA_OK);
    t_said(&x, "secret");
    assert_true(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "Password:"), POSTA_E_PROTOCOL);
    assert_int_equal(x.out.len, 0);
}

static void cram(void **state) {
    t_exchange x;
    (void)state;
    if (!POSTA_TLS) return;
    t_begin(&x, &posta__cram_md5, t_login("tim", "tanstaaftanstaaf"));
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "<1896.697170952@postoffice.reston.mci.net>"), POSTA_OK);
    t_said(&x, "tim b913a602c7eda7a495b4e6e7334d3890");
    assert_true(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "<1896.697170952@postoffice.reston.mci.net>"), POSTA_E_PROTOCOL);
    t_begin(&x, &posta__cram_md5, t_login("tim", "tanstaaftanstaaf"));
    assert_int_equal(t_answer(&x, ""), POSTA_E_PROTOCOL);
}

static void oauth(void **state) {
    t_exchange x;
    posta_login l = t_login("user@example.com", "");
    (void)state;
    l.token = t_span("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    l.host = t_span("server.example.com");
    l.port = 143;
    t_begin(&x, &posta__oauthbearer, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
               "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
    assert_true(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "{\"status\":\"invalid_token\"}"), POSTA_OK);
    t_said(&x, "\x01");
    assert_false(t_is_proven(&x)); /* a yes behind an error is none */
    assert_int_equal(t_answer(&x, "{}"), POSTA_E_PROTOCOL);
    l.authzid = t_span("a,b=c");
    t_begin(&x, &posta__oauthbearer, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    assert_memory_equal(x.out.p, "n,a=a=2Cb=3Dc,\x01", 15);
    t_begin(&x, &posta__xoauth2, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "user=user@example.com\x01"
               "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
    assert_int_equal(t_answer(&x, "{\"status\":\"401\"}"), POSTA_OK);
    t_said(&x, "");
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, ""), POSTA_E_PROTOCOL);
}

static void external(void **state) {
    t_exchange x;
    posta_login l = t_login("", "");
    (void)state;
    t_begin(&x, &posta__external, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "");
    assert_int_equal(t_answer(&x, ""), POSTA_E_PROTOCOL);
    l.authzid = t_span("robot");
    t_begin(&x, &posta__external, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "robot");
    t_begin(&x, &posta__anonymous, t_login("sirhc", ""));
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "sirhc");
}

/* In any window: all, or POSTA_E_LIMIT, and never an octet beyond (malloc'd exactly, for ASan). */
static void little_room(void **state) {
    static const posta_mechanism *const all[] = {
        &posta__plain,    &posta__login_mechanism, &posta__oauthbearer, &posta__xoauth2,
        &posta__external, &posta__anonymous,       &posta__cram_md5,
    };
    posta_login l = t_login("user@example.com", "pencil");
    (void)state;
    l.token = t_span("token");
    l.host = t_span("server.example.com");
    for (size_t i = 0; i < sizeof all / sizeof *all - (POSTA_TLS ? 0 : 1); i++) {
        bool fits = false;
        for (size_t cap = 0; cap < 200; cap++) {
            t_exchange x;
            posta_status status;
            t_begin(&x, all[i], l);
            status = t_answer_in(&x, t_span("challenge"), cap);
            if (status != POSTA_OK) assert_int_equal(status, POSTA_E_LIMIT);
            assert_true(!fits || status == POSTA_OK);
            fits = status == POSTA_OK;
        }
        assert_true(fits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain), cmocka_unit_test(login),    cmocka_unit_test(cram),
        cmocka_unit_test(oauth), cmocka_unit_test(external), cmocka_unit_test(little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
