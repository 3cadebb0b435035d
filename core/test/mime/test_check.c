/* What posta_message_check finds, and what it does not; posta_message_size. */
#include "t_mime.h"

/* The codes with their severity and place, "warning text.missing text; ..." */
static const char *codes(posta_message *m, const posta_check_options *o) {
    static const char *const severities[] = {"note", "warning", "error"};
    static char all[2000];
    posta_finding found[20];
    size_t n = 0;
    all[0] = 0;
    assert_int_equal(posta_message_check(m, o, found, 20, &n), POSTA_OK);
    assert_true(n <= 20);
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(all);
        assert_true(found[i].text[0]);
        snprintf(all + at, sizeof all - at, "%s%s %s %s", i > 0 ? "; " : "",
                 severities[found[i].severity], found[i].code, found[i].place);
    }
    return all;
}

static posta_message *fine(t_place *place) {
    posta_message *m;
    t_place_init(place);
    m = t_message(place);
    posta_message_subject(m, "s");
    posta_message_text(m, posta_body_string("x"), NULL);
    return m;
}

static void add_picture(posta_message *m, const char *id) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.content_id = id;
    o.type = "image/png";
    assert_int_equal(posta_message_inline(m, posta_body_string("x"), &o), POSTA_OK);
}

static void header(void **state) {
    t_place place;
    posta_message *m = fine(&place);
    posta_check_options o = POSTA_CHECK_OPTIONS;
    (void)state;
    assert_string_equal(codes(m, NULL), "");
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "bounces@EXAMPLE.org");
    assert_string_equal(codes(m, NULL), "");
    o.is_bulk = true;
    assert_string_equal(codes(m, &o), "warning bulk.no_unsubscribe list.unsubscribe");
    posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "https://x.org");
    assert_string_equal(codes(m, &o), "warning bulk.no_one_click list.one_click");
    posta_message_one_click(m);
    assert_string_equal(codes(m, &o), "");
    o.size_max = 600;
    assert_string_equal(codes(m, &o), "");
    o.size_max = 100;
    assert_string_equal(codes(m, &o), "error size.over ");
    t_done(&place, m);
    m = fine(&place);
    posta_message_list(m, POSTA_LIST_ID, "a.b");
    posta_message_addresses(m, POSTA_SENDER, "x@other.example");
    posta_message_subject(m, "");
    place.time = -1;
    assert_string_equal(codes(m, NULL),
                        "warning subject.missing subject; note date.missing date; "
                        "warning bulk.no_unsubscribe list.unsubscribe; warning from.mismatch from");
    t_done(&place, m);
    t_place_init(&place);
    m = t_message(&place);
    posta_message_subject(m, "s");
    assert_string_equal(codes(m, NULL), "warning body.empty text");
    t_done(&place, m);
}

static void pictures(void **state) {
    static const char html[] = "<p style=\"x: url(cid:b%40x)\">acid: no <img src='CID:a'>"
                               "<img src=cid:c><IMG src=\"cid:lost\"> cid:";
    t_place place;
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        posta_message *m = fine(&place);
        t_body b = t_body_of(html, sizeof html - 1);
        b.piece = 1;
        posta_message_html(
            m, kind == 0 ? posta_body_string(html) : t_source(&b, kind == 1, POSTA_LEN_UNKNOWN),
            NULL);
        add_picture(m, "a");
        add_picture(m, "b@x");
        add_picture(m, "c");
        add_picture(m, "hidden");
        assert_string_equal(
            codes(m, NULL),
            kind == 2 ? "" : "warning cid.without_part html; warning part.without_cid inline[4]");
        /* it can still be sent */
        t_text t = t_compose(m, false, 4096);
        assert_int_equal(t.status, POSTA_END);
        free(t.p);
        t_done(&place, m);
    }
}

static void texts(void **state) {
    static char line[1200];
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_subject(m, "s");
    memset(line, 'x', 999);
    posta_message_html(m, posta_body_string(line), NULL);
    assert_string_equal(codes(m, NULL), "note line.too_long html; warning text.missing text");
    t_done(&place, m);
}

static posta_message *raw(t_place *place, const char *text) {
    posta_message *m = NULL;
    t_place_init(place);
    posta_message_new(&place->port, &m);
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@x.org");
    posta_message_addresses(m, POSTA_ENVELOPE_TO, "b@x.org");
    posta_message_raw(m, posta_body_string(text), POSTA_LINE_ENDS_FIX);
    return m;
}

static void errors(void **state) {
    static char line[1100] = "From: a\n\n";
    t_place place;
    posta_message *m;
    posta_finding none[1];
    size_t n = 9;
    (void)state;
    m = raw(&place, "From: a\nBcc: b\n\n");
    assert_string_equal(codes(m, NULL), "error bcc.in_header raw");
    t_done(&place, m);
    memset(line + 9, 'x', 999);
    m = raw(&place, line);
    assert_string_equal(codes(m, NULL), "error line.too_long raw");
    t_done(&place, m);
    m = raw(&place, "From: a\n\nx");
    assert_string_equal(codes(m, NULL), "");
    t_done(&place, m);
    m = fine(&place);
    posta_message_header(m, "Bcc", "x@y");
    assert_string_equal(codes(m, NULL), "error bcc.in_header headers.Bcc");
    assert_int_equal(posta_message_check(m, NULL, NULL, 0, &n), POSTA_OK);
    assert_int_equal(n, 1);
    assert_int_equal(posta_message_check(NULL, NULL, none, 1, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_check(m, NULL, NULL, 1, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_check(m, NULL, none, 1, NULL), POSTA_E_ARGUMENT);
    t_done(&place, m);
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    assert_string_equal(codes(m, NULL), "error field.invalid from");
    t_done(&place, m);
}

static void size(void **state) {
    t_place place;
    posta_message *m = fine(&place);
    t_body b = t_body_of("abc", 3);
    uint64_t len = 0;
    (void)state;
    posta_message_attach(m, t_source(&b, false, 3), NULL);
    assert_int_equal(posta_message_size(m, NULL, &len), POSTA_OK);
    assert_int_equal(b.pulls, 0); /* known without a look */
    t_text t = t_compose(m, false, 4096);
    assert_int_equal(t.len, len);
    free(t.p);
    assert_int_equal(posta_message_size(m, NULL, &len), POSTA_E_STATE);
    assert_int_equal(posta_message_size(m, NULL, NULL), POSTA_E_ARGUMENT);
    t_done(&place, m);
    m = fine(&place);
    b = t_body_of("abc", 3);
    posta_message_attach(m, t_source(&b, false, POSTA_LEN_UNKNOWN), NULL);
    assert_int_equal(posta_message_size(m, NULL, &len), POSTA_OK);
    assert_true(len == POSTA_LEN_UNKNOWN);
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(header), cmocka_unit_test(pictures),
                                       cmocka_unit_test(texts), cmocka_unit_test(errors),
                                       cmocka_unit_test(size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
