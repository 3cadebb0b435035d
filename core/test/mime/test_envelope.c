/* Addresses in header and envelope, from the same parts; each once; Bcc never written; cost that
 * grows with their number alone. Behaviour C02, C03, C13. */
#include "t_mime.h"

#include "../../codec/codec_i.h"

static posta_message *start(t_place *place) {
    posta_message *m;
    t_place_init(place);
    m = t_message(place);
    posta_message_text(m, posta_body_string("x"), NULL);
    return m;
}

/* ---- header and envelope from the same addresses (C03) ---- */

static void check_to(const char *list, const char *header, const char *first) {
    t_place place;
    posta_message *m = NULL;
    posta_envelope e;
    t_text t;
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    posta_message_addresses(m, POSTA_FROM, "a@b.c");
    assert_int_equal(posta_message_addresses(m, POSTA_TO, list), POSTA_OK);
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    if (!strstr(t.p, header)) fail_msg("%s", t.p);
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    assert_string_equal(e.from, "a@b.c");
    assert_string_equal(e.to[0].address, first);
    free(t.p);
    t_done(&place, m);
}

static void test_header_and_envelope_agree(void **state) {
    (void)state;
    check_to("\"e@evil x\"@internal.example", "\r\nTo: \"e@evil x\"@internal.example\r\n",
             "\"e@evil x\"@internal.example");
    check_to("\"a\"@good.example", "\r\nTo: a@good.example\r\n", "a@good.example");
    check_to("\"Doe, John\" <j@x.org>", "\r\nTo: \"Doe, John\" <j@x.org>\r\n", "j@x.org");
    check_to("a@[127.0.0.1]", "\r\nTo: a@[127.0.0.1]\r\n", "a@[127.0.0.1]");
    check_to("Postmaster", "\r\nTo: Postmaster\r\n", "Postmaster");
    check_to("team: a@b.c, d@e.f;", "\r\nTo: team: a@b.c, d@e.f;\r\n", "a@b.c");
}

/* Whatever a field takes, RCPT takes as it is. */
static void test_fields_take_paths_alone(void **state) {
    static const char *const lists[] = {
        "a@b",
        "\"\"@b.c",
        "a@[IPv6:::1]",
        "a@[1.2.3.4]",
        "a@[x]",
        "a@b.",
        "a . b@c.d",
        "\"a b\" @ c . d",
        "(x) a (y) @b.c",
        "<a@b.c>",
        "x <\"\\\"\"@b.c>",
        "a@b_c.d",
        "a@-b.c",
        "a..b@c.d",
        "Postmaster",
        "x <Postmaster>",
        "a@b@c.d",
        "\"a@b\"@c",
        "\"a\\b\"@c.d",
        "a1234567890123456789012345678901234567890123456789012345678901234@b.c",
        "a12345678901234567890123456789012345678901234567890123456789012@b.c",
    };
    size_t i, taken = 0;
    (void)state;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        t_place place;
        posta_message *m = start(&place);
        posta_envelope e;
        uint8_t path[POSTA_MAX_PATH];
        posta_window w = posta__window(path, sizeof path);
        if (posta_message_addresses(m, POSTA_CC, lists[i]) == POSTA_OK) {
            posta_span to;
            assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
            to = posta__span_of(e.to[1].address);
            assert_int_equal(posta__path_rewrite(to, POSTA__PATH_POSTMASTER_OK, NULL, &w, NULL),
                             POSTA_OK);
            assert_true(posta_span_is(to, posta__span(w.p, w.len)));
            taken++;
        }
        t_done(&place, m);
    }
    assert_true(taken > 5);
}

static void test_envelope(void **state) {
    t_place place;
    posta_message *m = t_message((t_place_init(&place), &place));
    posta_envelope e, again;
    (void)state;
    posta_message_addresses(m, POSTA_CC, "BOB@example.org, bob@EXAMPLE.org, c@x.org");
    posta_message_addresses(m, POSTA_BCC, "d@x.org, C@x.org, c@X.ORG");
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    assert_string_equal(e.from, "ana@example.org");
    assert_int_equal(e.to_n, 5); /* local parts exactly, domains without case */
    assert_string_equal(e.to[0].address, "bob@example.org");
    assert_string_equal(e.to[1].address, "BOB@example.org");
    assert_string_equal(e.to[2].address, "c@x.org");
    assert_string_equal(e.to[3].address, "d@x.org");
    assert_string_equal(e.to[4].address, "C@x.org");
    assert_int_equal(e.to[0].status, POSTA_RECIPIENT_NOT_SENT);
    e.to[0].status = POSTA_RECIPIENT_ACCEPTED;
    assert_int_equal(posta_message_envelope(m, &again), POSTA_OK);
    assert_ptr_equal(e.to, again.to); /* made once */
    posta_message_addresses(m, POSTA_SENDER, "s@x.org");
    posta_message_envelope(m, &e);
    assert_string_equal(e.from, "s@x.org");
    posta_message_addresses(m, POSTA_ENVELOPE_TO, "z@x.org");
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "");
    posta_message_envelope(m, &e);
    assert_string_equal(e.from, "");
    assert_int_equal(e.to_n, 1);
    assert_string_equal(e.to[0].address, "z@x.org");
    t_done(&place, m);
}

static void test_single_addresses(void **state) {
    t_place place;
    posta_message *m = start(&place);
    (void)state;
    assert_int_equal(posta_message_addresses(m, POSTA_SENDER, "a@b.c, d@e.f"), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "sender");
    t_done(&place, m);
    m = start(&place);
    assert_int_equal(posta_message_addresses(m, POSTA_FROM, "team: a@b.c;"), POSTA_E_FIELD);
    t_done(&place, m);
}

/* Several authors: one of them is named as the sender, RFC 5322 3.6.2. */
static void test_two_authors(void **state) {
    t_place place;
    posta_message *m = start(&place);
    t_text t;
    (void)state;
    posta_message_mailbox(m, POSTA_FROM, "B", "b@x.org");
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    assert_non_null(strstr(t.p, "\r\nFrom: Ana <ana@example.org>, B <b@x.org>\r\n"
                                "Sender: Ana <ana@example.org>\r\n"));
    free(t.p);
    t_done(&place, m);
}

/* ---- Bcc (C13) ---- */

static void test_bcc_is_never_written(void **state) {
    t_place place;
    posta_message *m = NULL;
    posta_envelope e;
    t_text t;
    (void)state;
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    posta_message_addresses(m, POSTA_FROM, "a@b.c");
    posta_message_addresses(m, POSTA_BCC, "Hidden One <hidden@secret.example>");
    posta_message_mailbox(m, POSTA_BCC, "Hidden Two", "second@secret.example");
    t = t_compose(m, false, 4096);
    assert_non_null(strstr(t.p, "\r\nTo: undisclosed-recipients:;\r\n"));
    assert_null(strstr(t.p, "idden"));
    assert_null(strstr(t.p, "secret"));
    assert_null(strstr(t.p, "cc:"));
    posta_message_envelope(m, &e);
    assert_int_equal(e.to_n, 2);
    free(t.p);
    t_done(&place, m);
}

/* ---- ten thousand recipients cost ten thousand times one ---- */

static size_t allocations_for(size_t n, size_t *bytes_out) {
    t_place place;
    posta_message *m = start(&place);
    posta_envelope e;
    posta_source s;
    size_t i;
    for (i = 0; i < n; i++) {
        char a[64];
        snprintf(a, sizeof a, "user%zu@example%zu.org", i % (n - n / 10), i % 7);
        assert_int_equal(posta_message_mailbox(m, POSTA_TO, "A Name", a), POSTA_OK);
    }
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    assert_true(e.to_n > n - n / 10 && e.to_n <= n + 1);
    *bytes_out = place.peak_bytes;
    i = place.allocations;
    t_done(&place, m);
    return i;
}

static void test_many_recipients(void **state) {
    size_t small_bytes, large_bytes, small = allocations_for(1000, &small_bytes);
    size_t large = allocations_for(10000, &large_bytes);
    (void)state;
    assert_true(large <= 11 * small);
    assert_true(large_bytes <= 11 * small_bytes);
}

/* Against the plain way of finding doubles: each with all before it. */
static void test_doubles(void **state) {
    enum { N = 700 };
    static char given[N][24], want[N][24];
    unsigned seed = 1;
    (void)state;
    for (size_t pool = 1; pool <= 4096; pool *= 4) {
        t_place place;
        posta_message *m = (t_place_init(&place), NULL);
        posta_envelope e;
        size_t n = 0;
        posta_message_new(&place.port, &m);
        for (size_t i = 0; i < N; i++) {
            size_t k, who = (seed = seed * 1103515245u + 12345u) >> 8;
            snprintf(given[i], sizeof given[i], "%c%u@%s", 'a' + (char)(who % 2),
                     (unsigned)(who / 2 % pool), who & 512 ? "x.org" : "X.oRg");
            for (k = 0; k < n; k++)
                if (strncmp(want[k], given[i], strlen(given[i]) - 5) == 0 &&
                    want[k][strlen(given[i]) - 6] == '@')
                    break;
            if (k == n) strcpy(want[n++], given[i]);
            assert_int_equal(posta_message_addresses(m, i < 400 ? POSTA_TO : POSTA_BCC, given[i]),
                             POSTA_OK);
        }
        posta_message_addresses(m, POSTA_FROM, "a@b.c");
        assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
        assert_int_equal(e.to_n, n);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(e.to[i].address, want[i]);
        t_done(&place, m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_and_envelope_agree),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_fields_take_paths_alone),
        cmocka_unit_test(test_single_addresses),
        cmocka_unit_test(test_two_authors),
        cmocka_unit_test(test_bcc_is_never_written),
        cmocka_unit_test(test_many_recipients),
        cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
