/* A charset label is true, or is not there: text and html that are said to be UTF-8 are UTF-8;
 * attached text arrives as it is. Behaviour G06. */
#include "t_mime.h"

typedef enum way { DATA, TWICE, ONCE, FED, WAYS } way;

#define IS_SEEN_FIRST(how) ((how) == DATA || (how) == TWICE)

typedef posta_status (*setter)(posta_message *m, posta_body body, const posta_part_options *o);

typedef struct outcome {
    posta_status composed, status; /* of compose; of pulling */
    char text[8192];
    size_t len;
    char field[96], problem[256];
} outcome;

typedef struct given {
    setter set;
    const char *charset, *type;
    const char *text;
} given;

static void pull(posta_message *m, const posta_source *s, const char *text, outcome *o,
                 size_t piece) {
    size_t at = 0, len = strlen(text);
    o->status = POSTA_OK;
    while (o->status == POSTA_OK || o->status == POSTA_AGAIN) {
        posta_window w = {(uint8_t *)o->text + o->len, 50, 0, 0};
        if (o->status == POSTA_AGAIN) {
            size_t n = len - at < piece ? len - at : piece;
            if (n > 0)
                assert_int_equal(posta_message_feed(m, 0, text + at, n), POSTA_OK);
            else
                assert_int_equal(posta_message_finish(m, 0), POSTA_OK);
            at += n;
        }
        o->status = s->pull(s->user, &w);
        o->len += w.len;
        assert_true(o->len < sizeof o->text - 60);
    }
}

static outcome send(const given *g, way how, size_t piece) {
    t_place place;
    posta_part_options options = POSTA_PART_OPTIONS;
    t_body b = t_body_of(g->text, strlen(g->text));
    posta_body body = posta_body_slot(POSTA_LEN_UNKNOWN);
    posta_message *m;
    posta_source s;
    outcome o;
    memset(&o, 0, sizeof o);
    t_place_init(&place);
    m = t_message(&place);
    b.piece = piece;
    if (how == DATA) body = posta_body_string(g->text);
    if (how == TWICE || how == ONCE) body = t_source(&b, how == TWICE, POSTA_LEN_UNKNOWN);
    options.charset = g->charset;
    options.type = g->type;
    assert_int_equal(g->set(m, body, &options), POSTA_OK);
    o.composed = posta_message_compose(m, NULL, &s, NULL);
    if (!o.composed) pull(m, &s, g->text, &o, piece);
    memcpy(o.field, posta_message_problem(m)->field, sizeof o.field);
    memcpy(o.problem, posta_message_problem(m)->text, sizeof o.problem);
    t_done(&place, m);
    return o;
}

static void expect_fault(setter set, const char *charset, const char *text, const char *want) {
    given g = {set, charset, NULL, text};
    size_t piece;
    int how;
    for (how = 0; how < WAYS; how++) {
        for (piece = 1; piece < 12; piece++) {
            outcome o = send(&g, (way)how, piece);
            assert_int_equal(o.composed, IS_SEEN_FIRST(how) ? POSTA_E_FIELD : POSTA_OK);
            if (!IS_SEEN_FIRST(how)) assert_int_equal(o.status, POSTA_E_BODY);
            assert_string_equal(o.field, set == posta_message_text ? "text" : "html");
            if (!strstr(o.problem, want)) fail_msg("%s", o.problem);
        }
    }
}

/* Header lines may be folded anywhere (the tiny build does it at 20): takes the line ends out. */
static void unfold(char *text) {
    char *to = text;
    for (const char *p = text; *p;) {
        if (p[0] == '\r' && p[1] == '\n' && p[2] == ' ')
            p += 2;
        else
            *to++ = *p++;
    }
    *to = 0;
}

static void expect_label(given g, const char *seen, const char *unseen) {
    size_t piece;
    int how;
    for (how = 0; how < WAYS; how++) {
        for (piece = 1; piece < 12; piece++) {
            outcome o = send(&g, (way)how, piece);
            assert_int_equal(o.composed, POSTA_OK);
            assert_int_equal(o.status, POSTA_END);
            unfold(o.text);
            if (!strstr(o.text, IS_SEEN_FIRST(how) ? seen : unseen)) fail_msg("%s", o.text);
        }
    }
}

static void test_not_utf8(void **state) {
    static const char *const names[] = {NULL, "utf-8", "UTF-8", "Utf-8"};
    size_t i;
    (void)state;
    for (i = 0; i < 4; i++) {
        expect_fault(posta_message_text, names[i], "za\xbf\xf3",
                     "text: is not valid UTF-8 (byte 3); give its charset");
        expect_fault(posta_message_html, names[i], "<p>\xfc</p>",
                     "html: is not valid UTF-8 (byte 4); give its charset");
        /* cut off at the end; a surrogate; overlong */
        expect_fault(posta_message_text, names[i], "0123456789 \xe2\x82", "(byte 12)");
        expect_fault(posta_message_text, names[i], "\xc3\xbc\xed\xa0\x80", "(byte 3)");
        expect_fault(posta_message_text, names[i], "a\r\n\xc0\x8a", "(byte 4)");
    }
}

static void test_text_labels(void **state) {
    static const char utf8[] = "text/plain; charset=utf-8\r\n";
    (void)state;
    expect_label((given){posta_message_text, NULL, NULL, "\xe2\x82\xac, \xf0\x9f\x98\x80"}, utf8,
                 utf8);
    expect_label((given){posta_message_text, NULL, NULL, ""}, utf8, utf8);
    /* told otherwise: octets are left alone */
    expect_label(
        (given){posta_message_text, "iso-8859-2", NULL, "za\xbf\xf3\xb3\xe6 aaaaaaaaaaaaa"},
        "za=BF=F3=B3=E6", "za=BF=F3=B3=E6");
    expect_label((given){posta_message_html, "iso-8859-2", NULL, "\xfc"},
                 "text/html; charset=iso-8859-2\r\n", "text/html; charset=iso-8859-2\r\n");
}

static void test_attached_text(void **state) {
    static const char none[] = "Content-Type: text/csv\r\n",
                      utf8[] = "Content-Type: text/csv; charset=utf-8\r\n",
                      latin[] = "Content-Type: text/csv; charset=iso-8859-2\r\n";
    (void)state;
    expect_label((given){posta_message_attach, NULL, "text/csv", "a;b\r\n"}, utf8, none);
    expect_label((given){posta_message_attach, NULL, "text/csv", "\xc3\xbc\r\n"}, utf8, none);
    expect_label((given){posta_message_attach, NULL, "text/csv", "\xfc\r\n"}, none, none);
    expect_label((given){posta_message_attach, NULL, "text/csv", "\xfc;\xc3"}, none, none);
    expect_label((given){posta_message_attach, "iso-8859-2", "text/csv", "\xfc"}, latin, latin);
    /* the caller's word is kept */
    expect_label((given){posta_message_attach, "utf-8", "text/csv", "\xfc"}, utf8, utf8);
    /* unchanged: "\xfc\xe9" and no line end, in base64 or quoted-printable */
    expect_label((given){posta_message_attach, NULL, "text/csv", "\xfc\xe9"}, "\r\n\r\n/Ok=\r\n",
                 "\r\n\r\n/Ok=\r\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_text_labels),
        cmocka_unit_test(test_attached_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
