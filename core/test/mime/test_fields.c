/* What setters refuse and what they say; addresses in header and envelope; Bcc. Behaviour C01-C03,
 * C08-C10, C13-C15, D07, H04-H07, H19-H21. */
#include "t_mime.h"

/* ---- the injection lexicon of behaviour chapter C against every string field ---- */

static char long_text[4][65538];

static const char *const poison[] = {
    /* always refused: line breaks, controls, what is not UTF-8 */
    "\r",
    "\n",
    "\r\n",
    "\n\r",
    "\r\n.\r\n",
    "a\r\nX: y",
    "a\nX: y",
    "a\rX: y",
    "\r\n X: y",
    "\"\r\n\"",
    "\\\r\n",
    "a@b>\r\nRCPT TO:<e@y",
    "\"a\r\nDATA\"@x",
    "\x1a",
    "\x7f",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x01",
    "\x85",
    "\xc0\x8a",
    "\xed\xa0\x80",
    "\xff",
    "\xf4\x90\x80\x80",
    "\xc3",
    "a\x0b@c.d",
};

static const char *const odd[] = {
    /* refused or made harmless */
    "",
    " ",
    "  ",
    "\t",
    "-",
    "-f",
    ">",
    "> SIZE=1",
    "x> ORCPT=rfc822;e@y",
    "%0d%0a",
    "=0D=0A",
    "=?utf-8?q?=0D=0AX:y?=",
    "=?utf-8?q?x?=",
    "%s%n%1000000d",
    "\xc2\x85",
    "\xe2\x80\xa8",
    "\xe5\x98\x8a",
    "a; x=\"b",
    "a\"; x=\"b",
    "a\\",
    "../x",
    "a/../b",
    "C:\\x",
    "\xe2\x80\xae",
    "X:y",
    "Bcc: e@y.z",
    ";",
    ":",
    ",",
    "<",
    "a,b@c.d",
    "a@b.c\xef\xbc\x8e"
    "d",
    "a@b",
    "\"e@evil x\"@b.c",
    "(x)a@b.c",
    "a@[127.0.0.1]",
    "a@b..c",
    "--=_101112131415161718191a1b1c1d1e1f",
    "a/b; c=d",
    long_text[0],
    long_text[1],
    long_text[2],
    long_text[3],
};

typedef struct field_case {
    const char *label;
    posta_status (*set)(posta_message *m, const char *s);
    bool adds_field; /* a field of the message's own header may come of it */
} field_case;

#define ADDRESSES(name, field)                                                                     \
    static posta_status list_##name(posta_message *m, const char *s) {                             \
        return posta_message_addresses(m, field, s);                                               \
    }                                                                                              \
    static posta_status box_##name(posta_message *m, const char *s) {                              \
        return posta_message_mailbox(m, field, NULL, s);                                           \
    }                                                                                              \
    static posta_status named_##name(posta_message *m, const char *s) {                            \
        return posta_message_mailbox(m, field, s, "x@y.z");                                        \
    }
ADDRESSES(from, POSTA_FROM)
ADDRESSES(sender, POSTA_SENDER)
ADDRESSES(reply_to, POSTA_REPLY_TO)
ADDRESSES(to, POSTA_TO)
ADDRESSES(cc, POSTA_CC)
ADDRESSES(bcc, POSTA_BCC)
ADDRESSES(envelope_from, POSTA_ENVELOPE_FROM)
ADDRESSES(envelope_to, POSTA_ENVELOPE_TO)

static posta_status header_name(posta_message *m, const char *s) {
    return posta_message_header(m, s, "value");
}
static posta_status header_value(posta_message *m, const char *s) {
    return posta_message_header(m, "X-Test", s);
}
static posta_status attach(posta_message *m, const posta_part_options *o) {
    return posta_message_attach(m, posta_body_string("x"), o);
}
#define OPTION(member)                                                                             \
    static posta_status option_##member(posta_message *m, const char *s) {                         \
        posta_part_options o = POSTA_PART_OPTIONS;                                                 \
        o.member = s;                                                                              \
        return attach(m, &o);                                                                      \
    }
OPTION(name)
OPTION(type)
OPTION(disposition)
OPTION(description)
OPTION(content_id)
static posta_status option_charset(posta_message *m, const char *s) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.charset = s;
    o.type = "text/plain";
    return attach(m, &o);
}
static posta_status option_header_name(posta_message *m, const char *s) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field f = {s, "value"};
    o.headers = &f;
    o.headers_n = 1;
    return attach(m, &o);
}
static posta_status option_header_value(posta_message *m, const char *s) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field f = {"X-Test", s};
    o.headers = &f;
    o.headers_n = 1;
    return attach(m, &o);
}

#define ROWS(name, label)                                                                          \
    {label, list_##name, true}, {label, box_##name, true}, {                                       \
        label, named_##name, true                                                                  \
    }
static const field_case cases[] = {
    ROWS(from, "from"),
    ROWS(sender, "sender"),
    ROWS(reply_to, "reply_to"),
    ROWS(to, "to"),
    ROWS(cc, "cc"),
    ROWS(bcc, "bcc"),
    ROWS(envelope_from, "envelope.from"),
    ROWS(envelope_to, "envelope.to"),
    {"subject", posta_message_subject, true},
    {"date", posta_message_date_text, false},
    {"message_id", posta_message_id, false},
    {"headers", header_name, true},
    {"headers.X-Test", header_value, true},
    {"attachments[1].name", option_name, false},
    {"attachments[1].type", option_type, false},
    {"attachments[1].charset", option_charset, false},
    {"attachments[1].disposition", option_disposition, false},
    {"attachments[1].description", option_description, false},
    {"attachments[1].content_id", option_content_id, false},
    {"attachments[1].headers[1]", option_header_name, false},
    {"attachments[1].headers[1]", option_header_value, false},
};
#define CASES (sizeof cases / sizeof cases[0])

static posta_message *start(t_place *place) {
    posta_message *m;
    t_place_init(place);
    m = t_message(place);
    posta_message_text(m, posta_body_string("x"), NULL);
    return m;
}

/* Every line of the header block begins a field or goes on with one; counts the fields. */
static size_t count_fields(const char *p) {
    size_t n = 0;
    while (strncmp(p, "\r\n", 2) != 0) {
        const char *end = strstr(p, "\r\n"), *c;
        bool blank = true;
        assert_non_null(end);
        assert_true(end - p <= 998);
        for (c = p; c < end; c++) {
            assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
            blank = blank && *c == ' ';
        }
        assert_false(blank);
        if (*p != ' ') n++;
        p = end + 2;
    }
    return n;
}

static size_t base_fields(void) {
    t_place place;
    posta_message *m = start(&place);
    t_text t = t_compose(m, false, 4096);
    size_t n = count_fields(t.p);
    free(t.p);
    t_done(&place, m);
    return n;
}

static void test_poison_is_refused(void **state) {
    size_t i, j;
    (void)state;
    for (i = 0; i < CASES; i++) {
        for (j = 0; j < sizeof poison / sizeof poison[0]; j++) {
            t_place place;
            posta_message *m = start(&place);
            const posta_problem *p = posta_message_problem(m);
            size_t n;
            assert_int_equal(cases[i].set(m, poison[j]), POSTA_E_FIELD);
            assert_string_equal(p->field, cases[i].label);
            assert_int_equal(strncmp(p->text, p->field, strlen(p->field)), 0);
            assert_true(strlen(p->text) > strlen(p->field) + 4);
            for (n = 0; p->text[n]; n++)
                assert_true((unsigned char)p->text[n] >= 0x20 && p->text[n] != 0x7f);
            /* sticky, and nothing is composed */
            assert_int_equal(posta_message_subject(m, "fine"), POSTA_E_FIELD);
            t_done(&place, m);
        }
    }
}

static void test_odd_is_harmless(void **state) {
    static const size_t lens[] = {513, 1001, 2049, 65537};
    size_t i, j, base = base_fields(), taken = 0;
    (void)state;
    for (i = 0; i < 4; i++)
        memset(long_text[i], 'a', lens[i]);
    for (i = 0; i < CASES; i++) {
        for (j = 0; j < sizeof odd / sizeof odd[0]; j++) {
            t_place place;
            posta_message *m = start(&place);
            posta_source s;
            posta_status status = cases[i].set(m, odd[j]);
            t_text t;
            if (status) {
                assert_int_equal(status, POSTA_E_FIELD);
                assert_int_equal(
                    strncmp(posta_message_problem(m)->field, cases[i].label, strlen("head")), 0);
                t_done(&place, m);
                continue;
            }
            status = posta_message_compose(m, NULL, &s, NULL);
            if (status == POSTA_E_EXTENSION) { /* fine where SMTPUTF8 is */
                t_done(&place, m);
                continue;
            }
            assert_int_equal(status, POSTA_OK);
            t = t_pull_all(&s, 4096);
            assert_int_equal(t.len, s.len);
            assert_true(count_fields(t.p) <= base + cases[i].adds_field);
            taken++;
            free(t.p);
            t_done(&place, m);
        }
    }
    assert_true(taken > 100); /* the test would be empty if everything were refused */
}

/* ---- what is said ---- */

static void check_text(posta_message *m, const char *field, const char *text) {
    assert_string_equal(posta_message_problem(m)->field, field);
    assert_string_equal(posta_message_problem(m)->text, text);
}

static void test_sentences(void **state) {
    t_place place;
    posta_message *m = start(&place);
    (void)state;
    posta_message_label(m, "to[2]");
    assert_int_equal(posta_message_addresses(m, POSTA_TO, "bob@"), POSTA_E_FIELD);
    check_text(m, "to[2]", "to[2]: \"bob@\" has no domain");
    t_done(&place, m);
    m = start(&place);
    posta_message_label(m, "x"); /* for one setter only */
    assert_int_equal(posta_message_subject(m, "fine"), POSTA_OK);
    assert_int_equal(posta_message_subject(m, "two\r\nlines"), POSTA_E_FIELD);
    check_text(m, "subject", "subject: \"two\\r\\nlines\" has a line break (byte 4)");
    t_done(&place, m);
    m = start(&place);
    assert_int_equal(posta_message_header(m, "Content-Type", "x"), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "headers.Content-Type");
    t_done(&place, m);
    m = start(&place);
    assert_int_equal(posta_message_addresses(m, POSTA_TO, "a@b.c, \xd0\x90@b..c, d@e.f"),
                     POSTA_E_FIELD);
    assert_non_null(strstr(posta_message_problem(m)->text, "to: \"\xd0\x90@b..c\" "));
    t_done(&place, m);
}

/* However long and odd the value, label and reason stay whole and the sentence is UTF-8. */
static void test_sentence_fits(void **state) {
    t_place place;
    posta_message *m = start(&place);
    char s[1200];
    size_t i;
    (void)state;
    for (i = 0; i + 4 < sizeof s; i += 4)
        memcpy(s + i, "\xf0\x9f\x98\x80", 4);
    s[i] = 0;
    s[i - 1] = '\n';
    assert_int_equal(posta_message_subject(m, s), POSTA_E_FIELD);
    assert_true(strlen(posta_message_problem(m)->text) < 130);
    assert_non_null(strstr(posta_message_problem(m)->text, "...\" "));
    t_done(&place, m);
}

static void test_owned_fields(void **state) {
    static const char *const owned[] = {
        "From",         "sender",       "Reply-To",         "TO",       "cC",   "Bcc",
        "bcc",          "Resent-Bcc",   "RESENT-BCC",       "Subject",  "Date", "Message-Id",
        "Mime-Version", "Content-Type", "content-language", "Content-",
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        t_place place;
        posta_message *m = start(&place);
        assert_int_equal(posta_message_header(m, owned[i], "x"), POSTA_E_FIELD);
        t_done(&place, m);
    }
}

/* ---- what is missing ---- */

static void check_missing(bool from, bool to, bool html, const char *field) {
    t_place place;
    posta_message *m = NULL;
    posta_source s;
    posta_part_options o = POSTA_PART_OPTIONS;
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    if (from) posta_message_addresses(m, POSTA_FROM, "a@b.c");
    if (to) posta_message_addresses(m, POSTA_TO, "a@b.c");
    o.content_id = "x";
    posta_message_inline(m, posta_body_string("x"), &o);
    if (html) posta_message_html(m, posta_body_string("x"), NULL);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, field);
    /* what is missing can still be given */
    if (!from) posta_message_addresses(m, POSTA_FROM, "a@b.c");
    if (!to) posta_message_addresses(m, POSTA_TO, "a@b.c");
    if (!html) posta_message_html(m, posta_body_string("x"), NULL);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    assert_int_equal(posta_message_problem(m)->status, POSTA_OK);
    t_done(&place, m);
}

static void test_missing(void **state) {
    (void)state;
    check_missing(false, true, true, "from");
    check_missing(true, false, true, "to");
    check_missing(true, true, false, "inline[1]");
}

static void check_part(posta_part_options o, bool as_inline, const char *field) {
    t_place place;
    posta_message *m = start(&place);
    posta_body b = posta_body_string("x");
    posta_status status =
        as_inline ? posta_message_inline(m, b, &o) : posta_message_attach(m, b, &o);
    if (status == POSTA_OK) status = posta_message_inline(m, b, &o);
    assert_int_equal(status, POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, field);
    t_done(&place, m);
}

static void test_part_misuse(void **state) {
    posta_part_options o = POSTA_PART_OPTIONS;
    (void)state;
    check_part(o, true, "inline[1].content_id");
    o.content_id = "x";
    check_part(o, true, "inline[2].content_id"); /* the same twice */
    check_part(o, false, "inline[1].content_id");
    o.disposition = "form-data";
    check_part(o, true, "inline[1].disposition");
    o.disposition = NULL;
    o.type = "multipart/mixed";
    check_part(o, true, "inline[1].type");
    o.type = "text/plain; charset=x";
    check_part(o, true, "inline[1].type");
    o.type = NULL;
    o.charset = "utf-8"; /* of application/octet-stream */
    check_part(o, true, "inline[1].charset");
    o.charset = NULL;
    o.name = "folder/";
    check_part(o, true, "inline[1].name");
    o.name = NULL;
    o.encoding = (posta_encoding)77;
    check_part(o, true, "inline[1].encoding");
}

static void test_wrong_calls(void **state) {
    t_place place;
    posta_message *m = start(&place), *none = NULL;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_body nothing;
    posta_source s;
    posta_envelope e;
    (void)state;
    assert_int_equal(posta_message_new(NULL, &none), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_subject(NULL, "x"), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_text(NULL, posta_body_string("x"), NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_compose(NULL, NULL, &s, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_envelope(m, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_envelope(NULL, &e), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_feed(m, 0, "x", 1), POSTA_E_STATE);
    assert_int_equal(posta_message_wanted(m), POSTA_NO_SLOT);
    assert_null(posta_message_id_of(m));
    posta_message_free(&none);
    posta_message_free(NULL);
    o.size = 0;
    assert_int_equal(posta_message_attach(m, posta_body_string("x"), &o), POSTA_E_ARGUMENT);
    t_done(&place, m);
    m = start(&place);
    memset(&nothing, 0, sizeof nothing);
    assert_int_equal(posta_message_attach(m, nothing, NULL), POSTA_E_ARGUMENT);
    t_done(&place, m);
}

/* ---- the header's own fields ---- */

static void test_setting_again_replaces(void **state) {
    t_place place;
    posta_message *m = start(&place);
    t_text t;
    (void)state;
    posta_message_subject(m, "one");
    posta_message_subject(m, "two");
    posta_message_id(m, "<1@x.org>");
    posta_message_id(m, "2@x.org");
    posta_message_date(m, 0);
    posta_message_date_text(m, "Fri, 21 Nov 1997 09:55:06 -0600");
    posta_message_text(m, posta_body_string("other"), NULL);
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    assert_null(strstr(t.p, "one"));
    assert_non_null(strstr(t.p, "\r\nSubject: two\r\n"));
    assert_non_null(strstr(t.p, "\r\nMessage-ID: <2@x.org>\r\n"));
    assert_int_equal(strncmp(t.p, "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n", 39), 0);
    assert_string_equal(strstr(t.p, "\r\n\r\n"), "\r\n\r\nother\r\n");
    assert_string_equal(posta_message_id_of(m), "<2@x.org>");
    free(t.p);
    t_done(&place, m);
}

static void test_long_references(void **state) {
    t_place place;
    posta_message *m = start(&place);
    char id[200];
    t_text t;
    (void)state;
    memset(id, 'x', sizeof id);
    memcpy(id, "<a", 2);
    memcpy(id + 190, "@b.c>", 6);
    posta_message_header(m, "References", id);
    t = t_compose(m, false, 4096);
    assert_non_null(strstr(t.p, id)); /* one word, as it is: ids cannot be encoded words */
    free(t.p);
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poison_is_refused),
        cmocka_unit_test(test_odd_is_harmless),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_sentence_fits),
        cmocka_unit_test(test_owned_fields),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_part_misuse),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_setting_again_replaces),
        cmocka_unit_test(test_long_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
