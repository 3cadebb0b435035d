/* Which mechanism it will be: order, lists of servers and callers, channels. Rows B01 to B04, B11.
 */
#include "t_auth.h"

enum { PASSWORD = 1, TOKEN = 2, CERT = 4, OPEN = 8, BIND = 16, ODD = 32, SHA256_ONLY = 64 };

static const struct {
    const char *offered, *allowed;
    unsigned with;
    const char *order; /* all that are chosen, one after the other, then what is said */
} rows[] = {
    {"PLAIN LOGIN", NULL, PASSWORD, "PLAIN LOGIN unavailable"},
    {"LOGIN PLAIN", NULL, PASSWORD, "PLAIN LOGIN unavailable"},
    {"plain", NULL, PASSWORD, "PLAIN unavailable"},
    {"", NULL, PASSWORD, "unavailable"},
    {"   PLAIN   ", NULL, PASSWORD, "PLAIN unavailable"},
    {"PLAINX XPLAIN PLAIN- LOGIN1 =PLAIN PLAIN=", NULL, PASSWORD, "unavailable"},
    {"SCRAM-SHA-256-PLUS", NULL, PASSWORD, "unavailable"},
    {"PLAIN SCRAM-SHA-1 LOGIN SCRAM-SHA-256 CRAM-MD5 ANONYMOUS GSSAPI NTLM DIGEST-MD5 XOAUTH2 "
     "OAUTHBEARER "
     "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS EXTERNAL",
     NULL, PASSWORD, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN unavailable"},
    {"PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS", NULL, PASSWORD | BIND,
     "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN unavailable"},
    {"PLAIN EXTERNAL", NULL, CERT, "EXTERNAL unavailable"},
    {"PLAIN EXTERNAL", NULL, CERT | PASSWORD, "PLAIN unavailable"},
    {"EXTERNAL", NULL, 0, "unavailable"},
    {"XOAUTH2 OAUTHBEARER PLAIN", NULL, TOKEN, "OAUTHBEARER XOAUTH2 unavailable"},
    {"XOAUTH2 PLAIN", NULL, TOKEN | PASSWORD, "XOAUTH2 unavailable"},
    {"PLAIN LOGIN", "LOGIN", PASSWORD, "LOGIN unavailable"},
    {"PLAIN LOGIN", "login  plain", PASSWORD, "PLAIN LOGIN unavailable"},
    {"PLAIN LOGIN", "SCRAM-SHA-256", PASSWORD, "unavailable"},
    {"PLAIN LOGIN", "", PASSWORD, "unavailable"},
    {"CRAM-MD5 PLAIN", "CRAM-MD5 PLAIN", PASSWORD, "PLAIN CRAM-MD5 unavailable"},
    {"CRAM-MD5", NULL, PASSWORD, "unavailable"},
    {"ANONYMOUS", NULL, 0, "unavailable"},
    {"ANONYMOUS", "ANONYMOUS", OPEN, "ANONYMOUS unavailable"},
    {"PLAIN LOGIN SCRAM-SHA-256", NULL, PASSWORD | OPEN, "insecure"},
    {"CRAM-MD5", "CRAM-MD5", PASSWORD | OPEN, "insecure"},
    {"XOAUTH2 OAUTHBEARER", NULL, TOKEN | OPEN, "insecure"},
    {"EXTERNAL", NULL, CERT | OPEN, "insecure"},
    {"PLAIN SCRAM-SHA-256", NULL, PASSWORD | ODD, "PLAIN unavailable"},
    {"SCRAM-SHA-256", NULL, PASSWORD | ODD, "unavailable"},
    {"SCRAM-SHA-1 SCRAM-SHA-256 PLAIN", NULL, PASSWORD | SHA256_ONLY,
     "SCRAM-SHA-256 PLAIN unavailable"},
    {"CRAM-MD5 SCRAM-SHA-1 LOGIN", "CRAM-MD5 SCRAM-SHA-1 LOGIN", PASSWORD | SHA256_ONLY,
     "LOGIN unavailable"},
};

static void table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned with = rows[i].with;
        posta_login l =
            t_login(with & (PASSWORD | TOKEN) ? "ana" : "", with & PASSWORD ? "pw" : "");
        char said[400] = "";
        const char *why = "not set";
        posta_status cause = POSTA_OK;
        if (with & TOKEN) l.token = t_span("t");
        if (with & BIND) l.binding = t_span("b");
        if (with & ODD) l.password = t_span("p\xc3\xa4ss");
        l.crypto = &t_crypto; /* it is only looked whether there is one, and which hashes it has */
        t_crypto.hashes = with & SHA256_ONLY ? 1u << POSTA_HASH_SHA256 : ~0u;
        posta__choice c = {.login = &l,
                           .offered = t_span(rows[i].offered),
                           .allowed = rows[i].allowed,
                           .may_be_external = with & CERT,
                           .is_protected = !(with & OPEN)};
        for (const posta_mechanism *m; (m = posta__auth_choose(&c, &cause, &why));) {
            strcat(said, m->name);
            strcat(said, " ");
            assert_true(strlen(said) < 300);
        }
        strcat(said, cause == POSTA_E_AUTH_INSECURE ? "insecure" : "unavailable");
        if (strcmp(said, rows[i].order) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].offered, said, rows[i].order);
    }
}

/* Why there is none. */
static void reasons(void **state) {
    static const struct {
        const char *offered, *user, *password, *says;
    } given[] = {
        {"GSSAPI", "ana", "pw", NULL},
        {"PLAIN", "ana", "", "need user and password"},
        {"XOAUTH2", "ana", "pw", "need user and token"},
        {"SCRAM-SHA-256", "ana", "pw", "lacks"},
        {"SCRAM-SHA-256", "ana", "p\xc3\xa4ss", "lacks"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        posta_login l = t_login(given[i].user, given[i].password);
        const char *why = "not set";
        posta_status cause = POSTA_OK;
        l.crypto = NULL;
        posta__choice c = {.login = &l, .offered = t_span(given[i].offered), .is_protected = true};
        assert_null(posta__auth_choose(&c, &cause, &why));
        assert_int_equal(cause, POSTA_E_AUTH_UNAVAILABLE);
        if (!given[i].says ? why != NULL : !why || !strstr(why, given[i].says))
            fail_msg("%s: %s", given[i].offered, why ? why : "(nothing)");
    }
}

/* A host's own comes first. */
static void custom(void **state) {
    static const posta_mechanism ntlm = {.size = sizeof ntlm, .name = "NTLM", .state_len = 4000};
    static const posta_mechanism *const more[] = {&ntlm};
    posta_login l = t_login("ana", "pw");
    const char *why;
    posta_status cause;
    (void)state;
    posta__choice c = {.login = &l,
                       .offered = t_span("PLAIN NTLM"),
                       .custom = more,
                       .custom_n = 1,
                       .is_protected = true};
    assert_ptr_equal(posta__auth_choose(&c, &cause, &why), &ntlm);
    assert_ptr_equal(posta__auth_choose(&c, &cause, &why), &posta__plain);
    assert_null(posta__auth_choose(&c, &cause, &why));
    assert_int_equal(posta__auth_state_len(more, 1), 4000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(reasons),
                                       cmocka_unit_test(custom)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
