/* A finished text: mended or refused, never cut; what may not be in it; the envelope. Behaviour
 * D01, D03, D06, D07, C13, C14. */
#include "t_mime.h"

typedef enum way { DATA, TWICE, ONCE, FED, WAYS } way;

typedef struct outcome {
    posta_status composed, status; /* of compose; of pulling */
    bool has_8bit;
    uint64_t len;
    char text[4096];
    size_t text_len;
    char problem[600];
} outcome;

static posta_message *raw_message(t_place *place, posta_body body, posta_line_ends ends) {
    posta_message *m = NULL;
    t_place_init(place);
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    assert_int_equal(posta_message_raw(m, body, ends), POSTA_OK);
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@b.c");
    posta_message_addresses(m, POSTA_ENVELOPE_TO, "d@e.f");
    return m;
}

static void pull(posta_message *m, const posta_source *s, const t_body *b, outcome *o,
                 size_t window) {
    bool is_fed = false;
    o->status = POSTA_OK;
    while (o->status == POSTA_OK || o->status == POSTA_AGAIN) {
        posta_window w = {(uint8_t *)o->text + o->text_len, window, 0, 0};
        if (o->status == POSTA_AGAIN) {
            size_t slot = posta_message_wanted(m);
            if (is_fed || b->len == 0)
                assert_int_equal(posta_message_finish(m, slot), POSTA_OK);
            else
                assert_int_equal(posta_message_feed(m, slot, b->p, b->len), POSTA_OK);
            is_fed = true;
        }
        o->status = s->pull(s->user, &w);
        o->text_len += w.len;
        assert_true(o->text_len < sizeof o->text - 100);
    }
    o->text[o->text_len] = 0;
}

static outcome send_raw(const char *text, size_t len, way how, posta_line_ends ends, size_t piece) {
    static const posta_body none;
    t_place place;
    t_body b = t_body_of(text, len);
    posta_body body = none;
    posta_source s;
    posta_message *m;
    outcome o;
    memset(&o, 0, sizeof o);
    b.piece = piece;
    if (how == DATA) body = posta_body_data(text, len);
    if (how == TWICE) body = t_source(&b, true, len);
    if (how == ONCE) body = t_source(&b, false, POSTA_LEN_UNKNOWN);
    if (how == FED) body = posta_body_slot(len);
    m = raw_message(&place, body, ends);
    o.composed = posta_message_compose(m, NULL, &s, &o.has_8bit);
    if (!o.composed) {
        o.len = s.len;
        pull(m, &s, &b, &o, piece ? piece : 90);
    }
    snprintf(o.problem, sizeof o.problem, "%s", posta_message_problem(m)->text);
    if (o.composed || o.status != POSTA_END)
        assert_string_equal(posta_message_problem(m)->field, "raw");
    t_done(&place, m);
    return o;
}

#define IS_SEEN_FIRST(how) ((how) == DATA || (how) == TWICE)

static void expect_text(const char *text, posta_line_ends ends, const char *want) {
    size_t piece;
    int how;
    for (how = 0; how < WAYS; how++) {
        for (piece = 0; piece < 20; piece++) {
            outcome o = send_raw(text, strlen(text), (way)how, ends, piece);
            assert_int_equal(o.composed, POSTA_OK);
            assert_int_equal(o.status, POSTA_END);
            assert_string_equal(o.text, want);
            if (IS_SEEN_FIRST(how))
                assert_int_equal(o.len, strlen(want));
            else
                assert_int_equal(o.len, POSTA_LEN_UNKNOWN);
        }
    }
}

/* Seen first: compose refuses. Else it is met on the way, and the fault is the source's. */
static void expect_fault_of(const char *text, size_t len, posta_line_ends ends, const char *why) {
    size_t piece;
    int how;
    for (how = 0; how < WAYS; how++) {
        for (piece = 0; piece < 20; piece++) {
            outcome o = send_raw(text, len, (way)how, ends, piece);
            if (IS_SEEN_FIRST(how))
                assert_int_equal(o.composed, POSTA_E_FIELD);
            else
                assert_int_equal(o.status, POSTA_E_BODY);
            if (!strstr(o.problem, why)) fail_msg("%s", o.problem);
            assert_null(strstr(o.text, "hidden@"));
        }
    }
}

static void expect_fault(const char *text, posta_line_ends ends, const char *why) {
    expect_fault_of(text, strlen(text), ends, why);
}

static void test_line_ends(void **state) {
    (void)state;
    expect_text("Subject: x\r\n\r\nb\r\n", POSTA_LINE_ENDS_FIX, "Subject: x\r\n\r\nb\r\n");
    expect_text("Subject: x\r\n\r\nb\r\n", POSTA_LINE_ENDS_REJECT, "Subject: x\r\n\r\nb\r\n");
    expect_text("Subject: x\n\nb", POSTA_LINE_ENDS_FIX, "Subject: x\r\n\r\nb\r\n");
    expect_text("A: x\r\rb\r\r\n\n.\n", POSTA_LINE_ENDS_FIX, "A: x\r\n\r\nb\r\n\r\n\r\n.\r\n");
    expect_text("", POSTA_LINE_ENDS_FIX, "");
    expect_fault("A: x\n\r\nb\r\n", POSTA_LINE_ENDS_REJECT, "CR");
    expect_fault("A: x\r\n\r\nb\rc\r\n", POSTA_LINE_ENDS_REJECT, "CR");
    expect_fault("A: x\r\n\r\nb\r", POSTA_LINE_ENDS_REJECT, "CR");
}

static void test_nul(void **state) {
    (void)state;
    expect_fault_of("A: x\r\n\r\na\0b\r\n", 13, POSTA_LINE_ENDS_FIX, "NUL");
    expect_fault_of("A: x\r\n\r\na\0b\r\n", 13, POSTA_LINE_ENDS_REJECT, "NUL");
}

static void test_long_lines(void **state) {
    char text[1100];
    size_t n;
    (void)state;
    for (n = 997; n <= 1001; n++) {
        memcpy(text, "A: x\r\n\r\n", 8);
        memset(text + 8, 'y', n);
        memcpy(text + 8 + n, "\r\n", 3);
        if (n <= 998)
            expect_text(text, POSTA_LINE_ENDS_FIX, text);
        else
            expect_fault(text, POSTA_LINE_ENDS_FIX, "998");
    }
}

static void test_bcc(void **state) {
    (void)state;
    expect_fault("A: x\r\nBcc: hidden@x.org\r\n\r\nb\r\n", POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("bcc:hidden@x.org\n\nb\n", POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("A: x\rBCC \t: hidden@x.org\r\rb", POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("Resent-BCC: hidden@x.org\r\n\r\n", POSTA_LINE_ENDS_FIX, "Resent-Bcc");
    /* white space and folds before the colon are part of the name: RFC 5322 4.5 */
    expect_fault("From: a@e.org\nBCC\n\t: hidden@x.org\n\nx", POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("Bcc \r\n \t \r\n :hidden@x.org\r\n\r\nx", POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("Resent-Bcc\r\n : hidden@x.org\r\n\r\nx", POSTA_LINE_ENDS_FIX, "Resent-Bcc");
    expect_fault("Bcc                                         \t: hidden@x.org\r\n\r\nx",
                 POSTA_LINE_ENDS_FIX, "Bcc");
    expect_fault("no colon\r\nBcc: hidden@x.org\r\n\r\nx", POSTA_LINE_ENDS_FIX, "Bcc");
    /* a line of blanks goes on with a field and does not end the header */
    expect_fault("A: b\r\n \t\r\nBcc: hidden@x.org\r\n\r\n", POSTA_LINE_ENDS_FIX, "Bcc");
    /* what only looks like it */
    expect_text("X-Bcc: 1\r\nA: b\r\n bcc: c\r\n\r\nBcc: d\r\n", POSTA_LINE_ENDS_FIX,
                "X-Bcc: 1\r\nA: b\r\n bcc: c\r\n\r\nBcc: d\r\n");
    expect_text("A: b\r\n\r\n\r\nBcc: d\r\n", POSTA_LINE_ENDS_FIX, "A: b\r\n\r\n\r\nBcc: d\r\n");
    expect_text("Bcc\r\n\r\n: d\r\n", POSTA_LINE_ENDS_FIX, "Bcc\r\n\r\n: d\r\n");
    expect_text("Bcc\r\nA\r\n : d\r\n\r\n", POSTA_LINE_ENDS_FIX, "Bcc\r\nA\r\n : d\r\n\r\n");
    expect_text("A b\r\n bcc: d\r\n\r\n", POSTA_LINE_ENDS_FIX, "A b\r\n bcc: d\r\n\r\n");
    expect_text("Bcco: b\r\n\r\n", POSTA_LINE_ENDS_FIX, "Bcco: b\r\n\r\n");
}

static void test_singletons(void **state) {
    (void)state;
    expect_fault("Subject: a\r\nFrom: x\r\nsubject: b\r\n\r\n", POSTA_LINE_ENDS_FIX,
                 "two Subject fields");
    expect_fault("FROM: a\r\nFrom : b\r\n\r\n", POSTA_LINE_ENDS_FIX, "two From fields");
    expect_fault("From: a\r\nFrom\r\n : b\r\n\r\n", POSTA_LINE_ENDS_FIX, "two From fields");
    expect_text("Received: a\r\nReceived: b\r\nFrom: a\r\n From: b\r\n\r\nFrom: c\r\nFrom: d\r\n",
                POSTA_LINE_ENDS_FIX,
                "Received: a\r\nReceived: b\r\nFrom: a\r\n From: b\r\n\r\nFrom: c\r\nFrom: d\r\n");
}

static void test_8bit_is_told(void **state) {
    int how;
    (void)state;
    for (how = 0; how < WAYS; how++) {
        outcome o = send_raw("A: x\r\n\r\nb\r\n", 11, (way)how, POSTA_LINE_ENDS_FIX, 3);
        assert_int_equal(o.has_8bit, !IS_SEEN_FIRST(how)); /* not known is as if it were */
        o = send_raw("A: x\r\n\r\n\xc3\xbc\r\n", 12, (way)how, POSTA_LINE_ENDS_FIX, 3);
        assert_true(o.has_8bit);
    }
}

static void check_refused(posta_message *m, t_place *place, const char *field) {
    posta_source s;
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, field);
    t_done(place, m);
}

static void test_envelope_is_needed(void **state) {
    t_place place;
    posta_message *m = NULL;
    posta_envelope e;
    posta_source s;
    (void)state;
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    posta_message_raw(m, posta_body_string("A: b\n\nc\n"), POSTA_LINE_ENDS_FIX);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "envelope.from");
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "");
    assert_int_equal(posta_message_envelope(m, &e), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "envelope.to");
    posta_message_addresses(m, POSTA_ENVELOPE_TO, "a@b.c");
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    assert_string_equal(e.from, "");
    assert_null(posta_message_id_of(m));
    t_done(&place, m);
}

static void test_nothing_beside_it(void **state) {
    t_place place;
    posta_message *m = raw_message(&place, posta_body_string("A: b\n\n"), POSTA_LINE_ENDS_FIX);
    (void)state;
    posta_message_subject(m, "x");
    check_refused(m, &place, "raw");
    m = raw_message(&place, posta_body_string("A: b\n\n"), POSTA_LINE_ENDS_FIX);
    posta_message_text(m, posta_body_string("x"), NULL);
    check_refused(m, &place, "raw");
    m = raw_message(&place, posta_body_string("A: b\n\n"), POSTA_LINE_ENDS_FIX);
    posta_message_addresses(m, POSTA_BCC, "x@y.z");
    check_refused(m, &place, "raw");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),          cmocka_unit_test(test_nul),
        cmocka_unit_test(test_long_lines),         cmocka_unit_test(test_bcc),
        cmocka_unit_test(test_singletons),         cmocka_unit_test(test_8bit_is_told),
        cmocka_unit_test(test_envelope_is_needed), cmocka_unit_test(test_nothing_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
