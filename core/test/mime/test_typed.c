/* Fields with a grammar of their own, and messages that are the same each time. */
#include "t_mime.h"

static void expect_field(posta_message *m, const char *line) {
    t_text t = t_compose(m, false, 4096);
    t_unfold(t.p);
    if (!strstr(t.p, line)) fail_msg("no %s in\n%s", line, t.p);
    free(t.p);
}

static void fields(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, posta_body_string("x"), NULL);
    assert_int_equal(posta_message_answer(m, "b@x.org", " <1@x.org>\r\n\t<2@x.org> "), POSTA_OK);
    assert_int_equal(posta_message_in_reply_to(m, "<c@x.org>"), POSTA_OK);
    assert_int_equal(posta_message_list(m, POSTA_LIST_ID, "News <news.x.org>"), POSTA_OK);
    assert_int_equal(posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "https://x.org/u?id=1"),
                     POSTA_OK);
    assert_int_equal(posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "mailto:u@x.org"), POSTA_OK);
    assert_int_equal(posta_message_list(m, POSTA_LIST_POST, "NO"), POSTA_OK);
    assert_int_equal(posta_message_list(m, POSTA_LIST_HELP, "https://x.org/h"), POSTA_OK);
    assert_int_equal(posta_message_one_click(m), POSTA_OK);
    assert_int_equal(posta_message_auto_submitted(m, "auto-replied"), POSTA_OK);
    assert_int_equal(posta_message_auto_submitted(m, "auto-generated"), POSTA_OK);
    assert_int_equal(posta_message_priority(m, POSTA_PRIORITY_LOW), POSTA_OK);
    assert_int_equal(posta_message_priority(m, POSTA_PRIORITY_HIGH), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_NOTIFY_TO, "Ana <ana@x.org>"), POSTA_OK);
    expect_field(m, "\r\nIn-Reply-To: <b@x.org> <c@x.org>\r\n"
                    "References: <1@x.org> <2@x.org> <b@x.org>\r\n");
    expect_field(m, "\r\nList-Id: News <news.x.org>\r\n"
                    "List-Unsubscribe: <https://x.org/u?id=1>, <mailto:u@x.org>\r\n"
                    "List-Post: NO\r\nList-Help: <https://x.org/h>\r\n"
                    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                    "Auto-Submitted: auto-generated\r\n"
                    "Importance: high\r\nPriority: urgent\r\nX-Priority: 1\r\n");
    expect_field(m, "\r\nDisposition-Notification-To: Ana <ana@x.org>\r\n");
    t_done(&place, m);
}

static posta_status try(posta_message *m, int row) {
    switch (row) {
    case 0: return posta_message_in_reply_to(m, "no id");
    case 1: return posta_message_in_reply_to(m, NULL);
    case 2: return posta_message_answer(m, "a@b", "<x@y> what");
    case 3: return posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "x.org");
    case 4: return posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "https://x.org/a b");
    case 5: return posta_message_list(m, POSTA_LIST_HELP, "https://x.org/>\r\nBcc: y");
    case 6: return posta_message_list(m, POSTA_LIST_HELP, NULL);
    case 7: return posta_message_list(m, POSTA_LIST_ID, "News <news.x.org");
    case 8: return posta_message_list(m, POSTA_LIST_ID, "<");
    case 9: return posta_message_list(m, POSTA_LIST_ID, "a b");
    case 10:
        posta_message_list(m, POSTA_LIST_ID, "a.b");
        return posta_message_list(m, POSTA_LIST_ID, "a.b");
    case 11: return posta_message_auto_submitted(m, "yes");
    case 12: return posta_message_auto_submitted(m, NULL);
    case 13: return posta_message_idempotency_key(m, "");
    case 14: return posta_message_idempotency_key(m, NULL);
    case 15: /* one field from two sides */
        posta_message_header(m, "List-Help", "<https://x.org>");
        return posta_message_list(m, POSTA_LIST_HELP, "https://y.org");
    case 16:
        posta_message_list(m, POSTA_LIST_HELP, "https://y.org");
        return posta_message_header(m, "list-help", "<https://x.org>");
    case 17: {
        posta_source s;
        posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "mailto:u@x.org");
        posta_message_one_click(m);
        return posta_message_compose(m, NULL, &s, NULL);
    }
    default: return posta_message_list(m, POSTA_LIST_OWNER, "1x:y");
    }
}

static void refused(void **state) {
    static const char *const labels[] = {
        "in_reply_to",       "in_reply_to",     "references",      "list.unsubscribe",
        "list.unsubscribe",  "list.help",       "list.help",       "list.id",
        "list.id",           "list.id",         "list.id",         "auto_submitted",
        "auto_submitted",    "idempotency_key", "idempotency_key", "list.help",
        "headers.list-help", "list.one_click",  "list.owner"};
    (void)state;
    for (int row = 0; row < 19; row++) {
        t_place place;
        posta_message *m;
        t_place_init(&place);
        m = t_message(&place);
        if (try(m, row) != POSTA_E_FIELD) fail_msg("row %d", row);
        if (strcmp(posta_message_problem(m)->field, labels[row]) != 0)
            fail_msg("row %d: %s", row, posta_message_problem(m)->text);
        t_done(&place, m);
    }
}

/* Two fields grow side by side, and each keeps what it had. */
static void many_values(void **state) {
    t_place place;
    posta_message *m = (t_place_init(&place), t_message(&place));
    char want[2][8000] = {"\r\nReferences:", "\r\nIn-Reply-To:"}, id[40];
    t_text t;
    (void)state;
    for (int i = 0; i < 600; i++) {
        char *w = want[i % 2];
        snprintf(id, sizeof id, "<%d@x.org>", i * i);
        assert_int_equal((i % 2 ? posta_message_in_reply_to : posta_message_reference)(m, id),
                         POSTA_OK);
        snprintf(w + strlen(w), sizeof want[0] - strlen(w), " %s", id);
    }
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(t.p, want[i]);
        assert_non_null(at);
        assert_memory_equal(at + strlen(want[i]), "\r\n", 2);
    }
    free(t.p);
    t_done(&place, m);
}

/* Each of many is found again, and no other one. */
static void many_ids(void **state) {
    t_place place;
    posta_message *m;
    char id[40];
    (void)state;
    for (int again = -2; again < 300; again += 43) {
        posta_part_options o = POSTA_PART_OPTIONS;
        posta_finding found[4];
        static char html[300 * 60];
        size_t n = 0;
        html[0] = 0;
        o.content_id = id;
        m = (t_place_init(&place), t_message(&place));
        for (int i = 0; i < 300; i++) {
            snprintf(id, sizeof id, "%c%d@x.org", i & 1 ? 'p' : 'P', i / 2);
            snprintf(html + strlen(html), 60, "<img src='cid:%s'>\n", id);
            assert_int_equal(posta_message_inline(m, posta_body_string("x"), &o), POSTA_OK);
        }
        posta_message_subject(m, "x");
        posta_message_text(m, posta_body_string("x"), NULL);
        posta_message_html(m, posta_body_string(html), NULL);
        posta_message_check(m, NULL, found, 4, &n);
        if (n > 0) fail_msg("%s", found[0].text);
        snprintf(id, sizeof id, "%c%d@x.org", again & 1 ? 'p' : 'P', again / 2);
        assert_int_equal(posta_message_inline(m, posta_body_string("x"), &o),
                         again < 0 ? POSTA_OK : POSTA_E_FIELD);
        t_done(&place, m);
    }
}

/* ---- the same each time ---- */

static void one_key(void **state) {
    static const char *const keys[] = {"order 1", "order 1", "order 2", "1 redro",
                                       "a",       "b",       "order 1 "};
    enum { N = sizeof keys / sizeof *keys };
    char *text[N];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        t_place place;
        posta_message *m, *other = NULL;
        posta_part *p;
        t_text t;
        t_place_init(&place);
        place.next_random = (uint8_t)(i * 50); /* none of it is used */
        m = t_message(&place);
        assert_int_equal(posta_message_idempotency_key(m, keys[i]), POSTA_OK);
        posta_message_text(m, posta_body_string("x"), NULL);
        posta_message_html(m, posta_body_string("<p>"), NULL);
        posta_message_new(&place.port, &other);
        posta_message_addresses(other, POSTA_FROM, "eve@x.org");
        posta_message_enclose(m, other, NULL, &p);
        posta_message_attach_part(m, p);
        t = t_compose(m, false, 4096);
        text[i] = t.p;
        posta_message_free(&other);
        t_done(&place, m);
    }
    assert_string_equal(text[0], text[1]);
    for (size_t i = 1; i < N; i++)
        for (size_t j = i + 1; j < N; j++) {
            const char *a = strstr(text[i], "Message-ID"), *b = strstr(text[j], "Message-ID");
            assert_memory_not_equal(a, b, 45);
            a = strstr(text[i], "boundary"), b = strstr(text[j], "boundary");
            assert_memory_not_equal(a, b, 45);
        }
    /* within one message nothing repeats: two boundaries, two ids */
    const char *first = strstr(text[0], "=_"), *id = strstr(text[0], "Message-ID: <") + 13;
    const char *second = strstr(strstr(first, "alternative"), "=_");
    assert_memory_not_equal(first, second, 34);
    assert_memory_not_equal(id, strstr(id, "Message-ID: <") + 13, 32);
    assert_memory_not_equal(id, first + 2, 32);
    for (size_t i = 0; i < N; i++)
        free(text[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(refused),
                                       cmocka_unit_test(one_key), cmocka_unit_test(many_values),
                                       cmocka_unit_test(many_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
