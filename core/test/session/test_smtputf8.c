/* Rows G01-G03, G07 through a session, whole and step by step, and row J06: hosts that are not
 * ASCII. */
#include "steps.h"
#include "t_idna.h"

#define EIGHT "250-8BITMIME\r\n"
#define BOTH  EIGHT "250-SMTPUTF8\r\n"

static posta_session *open_with(net *n, const char *offers, bool smtputf8) {
    uint32_t flag = smtputf8;
    net_init(n);
    n->port.domain_to_ascii = t_domain_to_ascii;
    n->toy.offers = offers;
    posta_session_config c = net_config(n);
    posta_session *s = net_session(n, &c);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_SMTPUTF8, &flag, sizeof flag),
                     POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal((posta_session_capabilities(s).bits & POSTA_CAN_SMTPUTF8) != 0,
                     !strcmp(offers, BOTH));
    return s;
}

/* Unfolded; good until the next call. */
static const char *text_of(const net *n) {
    assert_true(n->toy.mails_n > 0);
    const t_bytes *text = &n->toy.mails[n->toy.mails_n - 1].text;
    static char unfolded[4096];
    size_t len = 0;
    for (size_t i = 0; i < text->len && len + 1 < sizeof unfolded; i++) {
        if (i + 2 < text->len && !memcmp(text->p + i, "\r\n ", 3)) i += 2;
        unfolded[len++] = (char)text->p[i];
    }
    unfolded[len] = 0;
    return unfolded;
}

/* ---- whole messages ---- */

static void whole(void **state) {
    (void)state;
    for (unsigned offered = 0; offered < 2; offered++) {
        net n;
        posta_receipt r;
        posta_message *m = NULL;
        posta_session *s = open_with(&n, offered ? BOTH : EIGHT, false);
        assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
        posta_message_addresses(m, POSTA_FROM, "a@" T_U_LABEL);
        posta_message_addresses(m, POSTA_TO, "Bo <b@" T_U_LABEL ">");
        posta_message_text(m, posta_body_string("hi"), NULL);
        assert_int_equal(posta_session_send_message(s, m, &r), POSTA_OK);
        /* header and envelope say the same (row G03) */
        if (offered) {
            assert_true(wrote(&n, "MAIL FROM:<a@" T_U_LABEL "> BODY=8BITMIME SMTPUTF8\r\n"
                                  "RCPT TO:<b@" T_U_LABEL ">\r\n"));
            assert_non_null(strstr(text_of(&n), "From: a@" T_U_LABEL "\r\n"));
            assert_non_null(strstr(text_of(&n), "Bo <b@" T_U_LABEL ">\r\n"));
        } else {
            assert_true(wrote(&n, "MAIL FROM:<a@" T_A_LABEL ">\r\nRCPT TO:<b@" T_A_LABEL ">\r\n"));
            assert_non_null(strstr(text_of(&n), "From: a@" T_A_LABEL "\r\n"));
            assert_non_null(strstr(text_of(&n), "Bo <b@" T_A_LABEL ">\r\n"));
            assert_null(strstr(text_of(&n), "\xc3"));
        }
        posta_message_free(&m);
        close_session(&n, &s);
    }
}

/* Row G01: nothing was said, the address is named, and the next message goes. */
static void local_part(void **state) {
    net n;
    posta_receipt r;
    posta_recipient to[2] = {{.address = "b@x.example"}, {.address = T_LOCAL "@x.example"}};
    posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 2};
    posta_message *m = NULL;
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_session *s = open_with(&n, EIGHT, false);
    (void)state;
    assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "a@x.example");
    posta_message_addresses(m, POSTA_TO, "b@x.example, " T_LOCAL "@x.example");
    posta_message_text(m, posta_body_string("hi"), NULL);
    assert_int_equal(posta_session_send_message(s, m, &r), POSTA_E_EXTENSION);
    assert_string_equal(posta_receipt_code(&r), "extension.missing");
    assert_string_equal(r.field, "to");
    assert_non_null(strstr(r.message, T_LOCAL "@x.example"));
    assert_int_equal(r.retry, POSTA_RETRY_POINTLESS);
    posta_message_free(&m);
    assert_int_equal(posta_session_send(s, &env, &source, &r), POSTA_E_EXTENSION);
    assert_string_equal(r.field, "envelope.to[2]");
    assert_non_null(strstr(r.message, T_LOCAL "@x.example"));
    assert_false(wrote(&n, "MAIL"));
    env.to_n = 1;
    assert_int_equal(posta_session_send(s, &env, &source, &r), POSTA_OK);
    close_session(&n, &s);
}

/* ---- step by step ---- */

static void steps(void **state) {
    (void)state;
    for (unsigned offered = 0; offered < 2; offered++) {
        net n;
        posta_session *s = open_with(&n, offered ? BOTH : EIGHT, false);
        const char *domain = offered ? T_U_LABEL : T_A_LABEL;
        char line[200];
        assert_int_equal(posta_session_sender(s, "Ana", "a@" T_U_LABEL, NULL, "r@" T_U_LABEL),
                         POSTA_OK);
        assert_int_equal(posta_session_recipient(s, "Bo", "b@" T_U_LABEL, POSTA_RECIPIENT_TO),
                         POSTA_OK);
        assert_int_equal(posta_session_recipient(s, NULL, T_LOCAL "@x.example", POSTA_RECIPIENT_CC),
                         offered ? POSTA_OK : POSTA_E_EXTENSION);
        assert_int_equal(posta_session_begin_message(s, "s", NULL, 0), POSTA_OK);
        put_all(s, "hi\n", 3, 3);
        assert_int_equal(posta_session_end_message(s), POSTA_OK);
        snprintf(line, sizeof line, "From: Ana <a@%s>\r\nReply-To: r@%s\r\nTo: Bo <b@%s>\r\n",
                 domain, domain, domain);
        if (!strstr(text_of(&n), line)) fail_msg("%s", text_of(&n));
        assert_int_equal(strstr(text_of(&n), "Cc: " T_LOCAL "@x.example\r\n") != NULL, offered);
        assert_non_null(strstr(text_of(&n), "@" T_A_LABEL ">\r\n")); /* the Message-ID */
        snprintf(line, sizeof line, "MAIL FROM:<a@%s> BODY=8BITMIME%s\r\nRCPT TO:<b@%s>\r\n",
                 domain, offered ? " SMTPUTF8" : "", domain);
        assert_true(wrote(&n, line));
        close_session(&n, &s);
    }
}

/* Row G07 step by step: an ASCII sender announces SMTPUTF8 where it is asked to, or where Reply-To
   needs it. */
static void announced(void **state) {
    static const struct {
        bool option;
        const char *reply_to;
        bool says;
    } cases[] = {{false, NULL, false}, {true, NULL, true}, {false, T_LOCAL "@x.example", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        posta_session *s = open_with(&n, BOTH, cases[i].option);
        bool says = cases[i].says;
        assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, cases[i].reply_to),
                         POSTA_OK);
        assert_int_equal(wrote(&n, "MAIL FROM:<a@x.example> BODY=8BITMIME SMTPUTF8\r\n"), says);
        assert_int_equal(posta_session_recipient(s, NULL, T_LOCAL "@x.example", POSTA_RECIPIENT_TO),
                         says ? POSTA_OK : POSTA_E_EXTENSION);
        const posta_receipt *r = posta_session_receipt(s);
        if (!says) {
            assert_string_equal(r->field, "recipient.address");
            assert_non_null(strstr(r->message, "option smtputf8"));
        }
        assert_int_equal(posta_session_reset(s), POSTA_OK);
        /* it holds for one message */
        assert_int_equal(posta_session_sender(s, NULL, "z@x.example", NULL, NULL), POSTA_OK);
        assert_int_equal(wrote(&n, "MAIL FROM:<z@x.example> BODY=8BITMIME SMTPUTF8\r\n"),
                         cases[i].option);
        close_session(&n, &s);
    }
}

/* ---- hosts, row J06 ---- */

static void hosts(void **state) {
    static const struct {
        const char *url, *host;
    } rows[] = {
        {"smtps://" T_U_LABEL, T_A_LABEL},
        {"smtps://" T_U_LABEL_CAPITAL ".:465", T_A_LABEL},
        {"smtp://ana:p@" T_U_LABEL ":26", T_A_LABEL},
        {T_U_LABEL, T_A_LABEL},
        {"smtps://x\xe3\x80\x82"
         "example",
         NULL},                                 /* row G04 */
        {"smtps://\xe2\x84\xaa.example", NULL}, /* row G05 */
        {"smtps://\xc3.example", NULL},
        {"smtps://\xc3\xbc..example", NULL},
        {"smtps://\xc3\xbc example", NULL},
        {"smtps://\xef\xbc\x8f.example", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_where w;
        posta_problem p;
        posta_status status = posta_where_parse(rows[i].url, &w, &p);
        if (rows[i].host && !POSTA_IDNA) {
            assert_int_equal(status, POSTA_E_NOT_BUILT);
        } else if (rows[i].host) {
            assert_int_equal(status, POSTA_OK);
            assert_string_equal(w.host, rows[i].host);
        } else {
            assert_int_equal(status, POSTA_E_FIELD);
        }
        if (status != POSTA_OK) assert_string_equal(p.field, "host");
        posta_where_wipe(&w);
    }
}

/* What the transport is asked to open, and the peer that errors name. */
static void asked_for(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    posta_session *s = NULL;
    c.url = "smtp://" T_U_LABEL ":2525?security=none";
    if (!POSTA_IDNA) {
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_E_NOT_BUILT);
    } else {
        s = net_session(&n, &c);
        assert_string_equal(posta_session_peer(s), T_A_LABEL ":2525");
        assert_int_equal(posta_session_set_host(s, "d\xc3\xa9j\xc3\xa0.example", 0), POSTA_OK);
        assert_string_equal(posta_session_peer(s), "xn--dj-kia8a.example:2525");
        posta_session_free(&s);
    }
    net_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),     cmocka_unit_test(local_part), cmocka_unit_test(steps),
        cmocka_unit_test(announced), cmocka_unit_test(hosts),      cmocka_unit_test(asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
