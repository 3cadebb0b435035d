/* The tree that follows from what is given, byte by byte; the same octets through every window;
 * exact lengths. Behaviour H12, H13, H16, H18, H24, D06, D07, D08. */
#include "t_mime.h"

#define HEAD                                                                                       \
    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Ana <ana@example.org>\r\n"                     \
    "To: bob@example.org\r\n"
#define ID   "Message-ID: <000102030405060708090a0b0c0d0e0f@example.org>\r\n"
#define B1   "=_101112131415161718191a1b1c1d1e1f"
#define B2   "=_202122232425262728292a2b2c2d2e2f"
#define B3   "=_303132333435363738393a3b3c3d3e3f"
#define MIME "MIME-Version: 1.0\r\n"
#define PLAIN_7BIT                                                                                 \
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
#define HTML_7BIT                                                                                  \
    "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"

/* Whole, then by every window of 1 to 64 octets, then by changing ones: always the golden, folding
   aside. */
static void expect(posta_message *m, const char *golden) {
    t_text whole = t_compose(m, false, 4096);
    char *unfolded = malloc(whole.len + 1);
    size_t window;
    assert_int_equal(whole.status, POSTA_END);
    memcpy(unfolded, whole.p, whole.len + 1);
    t_unfold(unfolded);
    assert_string_equal(unfolded, golden);
    for (window = 0; window <= 64; window++) {
        t_text t = t_compose(m, false, window);
        assert_int_equal(t.status, POSTA_END);
        assert_int_equal(t.len, whole.len);
        assert_memory_equal(t.p, whole.p, whole.len);
        free(t.p);
    }
    free(unfolded);
    free(whole.p);
}

static posta_part_options named(const char *name) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.name = name;
    return o;
}

static posta_part_options with_id(const char *id) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.content_id = id;
    o.type = "image/png";
    return o;
}

static void add_text(posta_message *m, const char *s) {
    assert_int_equal(posta_message_text(m, posta_body_string(s), NULL), POSTA_OK);
}

static void add_html(posta_message *m, const char *s) {
    assert_int_equal(posta_message_html(m, posta_body_string(s), NULL), POSTA_OK);
}

static void add_inline(posta_message *m, const char *id) {
    posta_part_options o = with_id(id);
    assert_int_equal(posta_message_inline(m, posta_body_data("\x89PNG\r\n\x1a\n", 8), &o),
                     POSTA_OK);
}

static void attach(posta_message *m, const char *name, const void *p, size_t len) {
    posta_part_options o = named(name);
    assert_int_equal(posta_message_attach(m, posta_body_data(p, len), &o), POSTA_OK);
}

static void test_text_only(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_subject(m, "Hi");
    posta_message_addresses(m, POSTA_CC, "c@x.org");
    posta_message_addresses(m, POSTA_REPLY_TO, "r@x.org");
    posta_message_addresses(m, POSTA_SENDER, "s@x.org");
    posta_message_header(m, "X-One", "1");
    posta_message_header(m, "X-One", "2");
    add_text(m, "one\ntwo\rthree\r\nfour");
    expect(m, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Ana <ana@example.org>\r\n"
              "Sender: s@x.org\r\nReply-To: r@x.org\r\nTo: bob@example.org\r\nCc: c@x.org\r\n"
              "Subject: Hi\r\n" ID "X-One: 1\r\nX-One: 2\r\n" MIME PLAIN_7BIT
              "one\r\ntwo\r\nthree\r\nfour\r\n");
    t_done(&place, m);
}

static void test_nothing_but_addresses(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    expect(m, HEAD ID MIME PLAIN_7BIT);
    t_done(&place, m);
}

static void test_html_only(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_html(m, "<p>\n");
    expect(m, HEAD ID MIME HTML_7BIT "<p>\r\n");
    t_done(&place, m);
}

static void test_alternative(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_html(m, "<p>");
    add_text(m, "Hi");
    expect(m, HEAD ID MIME "Content-Type: multipart/alternative; boundary=\"" B1 "\"\r\n\r\n"
                           "--" B1 "\r\n" PLAIN_7BIT "Hi\r\n--" B1 "\r\n" HTML_7BIT "<p>\r\n--" B1
                           "--\r\n");
    t_done(&place, m);
}

#define PNG(id)                                                                                    \
    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"                             \
    "Content-Disposition: inline\r\nContent-ID: <" id ">\r\n\r\niVBORw0KGgo="

static void test_related(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_html(m, "<p>");
    add_inline(m, "a");
    add_inline(m, "<b@x>");
    expect(m, HEAD ID MIME "Content-Type: multipart/related; type=\"text/html\"; boundary=\"" B1
                           "\"\r\n\r\n"
                           "--" B1 "\r\n" HTML_7BIT "<p>\r\n--" B1
                           "\r\n" PNG("a") "\r\n--" B1 "\r\n" PNG("b@x") "\r\n--" B1 "--\r\n");
    t_done(&place, m);
}

#define CSV                                                                                        \
    "Content-Type: text/csv; charset=utf-8; name=\"a.csv\"\r\n"                                    \
    "Content-Transfer-Encoding: 7bit\r\n"                                                          \
    "Content-Disposition: attachment; filename=\"a.csv\"\r\n\r\n1,2\r\n"

static void test_everything(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    attach(m, "a.csv", "1,2\r\n", 5);
    attach(m, "b.bin", "\0\1", 2);
    add_inline(m, "a");
    add_html(m, "<p>");
    add_text(m, "Hi");
    expect(m, HEAD ID MIME
           "Content-Type: multipart/mixed; boundary=\"" B1 "\"\r\n\r\n"
           "--" B1 "\r\nContent-Type: multipart/alternative; boundary=\"" B2 "\"\r\n\r\n"
           "--" B2 "\r\n" PLAIN_7BIT "Hi\r\n--" B2 "\r\n"
           "Content-Type: multipart/related; type=\"text/html\"; boundary=\"" B3 "\"\r\n\r\n"
           "--" B3 "\r\n" HTML_7BIT "<p>\r\n--" B3 "\r\n" PNG(
               "a") "\r\n--" B3 "--"
                    "\r\n--" B2 "--\r\n--" B1 "\r\n" CSV "\r\n--" B1 "\r\n"
                    "Content-Type: application/octet-stream; name=\"b.bin\"\r\n"
                    "Content-Transfer-Encoding: base64\r\n"
                    "Content-Disposition: attachment; filename=\"b.bin\"\r\n\r\nAAE=\r\n--" B1
                    "--\r\n");
    t_done(&place, m);
}

/* An attachment alone is the message: no multipart with a single child (H18). */
static void test_attachment_alone(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    attach(m, "a.csv", "1,2\r\n", 5);
    expect(m, HEAD ID MIME CSV);
    t_done(&place, m);
}

/* Octets that do not end a line cannot end the message unencoded: SMTP would add a line end. */
static void test_octets_at_the_end(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    attach(m, "a.txt", "abc", 3);
    expect(m, HEAD ID MIME "Content-Type: text/plain; charset=utf-8; name=\"a.txt\"\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "Content-Disposition: attachment; filename=\"a.txt\"\r\n\r\nabc=\r\n");
    t_done(&place, m);
}

static void test_octets_keep_their_line_ends(void **state) {
    t_place place;
    posta_message *m;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "x");
    attach(m, "a.txt", "line one\nline two\n", 18);
    t = t_compose(m, true, 4096);
    assert_non_null(strstr(t.p, "quoted-printable"));
    assert_non_null(strstr(t.p, "line one=0Aline two=0A"));
    free(t.p);
    t_done(&place, m);
}

/* ---- the choice of encodings ---- */

static void check_encoding(const char *text, bool may_8bit, const char *encoding, bool is_8bit) {
    t_place place;
    posta_message *m;
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    posta_source s;
    bool has_8bit = !is_8bit;
    char want[80];
    t_text t;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, text);
    o.may_8bit = may_8bit;
    assert_int_equal(posta_message_compose(m, &o, &s, &has_8bit), POSTA_OK);
    assert_int_equal(has_8bit, is_8bit);
    t = t_pull_all(&s, 0);
    assert_int_equal(t.len, s.len);
    snprintf(want, sizeof want, "Content-Transfer-Encoding: %s\r\n", encoding);
    assert_non_null(strstr(t.p, want));
    assert_int_equal(t.p[t.len - 1], '\n');
    free(t.p);
    t_done(&place, m);
}

static void test_text_encodings(void **state) {
    char line[1003];
    (void)state;
    check_encoding("plain", false, "7bit", false);
    check_encoding("plain", true, "7bit", false);
    check_encoding("gr\xc3\xbc\xc3\x9f aus der Stadt", false, "quoted-printable", false);
    check_encoding("gr\xc3\xbc\xc3\x9f aus der Stadt", true, "8bit", true);
    check_encoding("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", false, "base64", false);
    memset(line, 'x', sizeof line);
    line[998] = 0;
    check_encoding(line, true, "7bit", false);
    line[998] = 'x';
    line[999] = 0;
    check_encoding(line, true, "quoted-printable", false);
    memcpy(line + 10, "\xc3\xbc", 2);
    check_encoding(line, true, "quoted-printable", false);
}

/* A multipart says 8bit when a part in it is 8bit, and only then (RFC 2045 6.2). */
static void test_8bit_climbs(void **state) {
    t_place place;
    posta_message *m;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "gr\xc3\xbc\xc3\x9f aus der Stadt");
    attach(m, "b.bin", "\0", 1);
    t = t_compose(m, true, 4096);
    assert_non_null(strstr(t.p, "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_"));
    free(t.p);
    t = t_compose(m, false, 4096);
    assert_null(strstr(t.p, "8bit"));
    free(t.p);
    t_done(&place, m);
}

static void check_forced(const char *body, size_t len, posta_encoding e, posta_status want) {
    t_place place;
    posta_message *m;
    posta_part_options o = named("a.bin");
    posta_source s;
    posta_status status;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "x");
    o.encoding = e;
    posta_message_label(m, "attachments[7]");
    assert_int_equal(posta_message_attach(m, posta_body_data(body, len), &o), POSTA_OK);
    status = posta_message_compose(m, NULL, &s, NULL);
    assert_int_equal(status, want);
    if (want) assert_string_equal(posta_message_problem(m)->field, "attachments[7].encoding");
    t_done(&place, m);
}

/* 8bit that the way does not take goes as the shorter of the two. */
static void check_shorter(const char *text, const char *want) {
    t_place place;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_message *m = (t_place_init(&place), t_message(&place));
    t_text t;
    o.encoding = POSTA_ENCODING_8BIT;
    assert_int_equal(posta_message_text(m, posta_body_string(text), &o), POSTA_OK);
    t = t_compose(m, false, 4096);
    assert_non_null(strstr(t.p, want));
    free(t.p);
    t_done(&place, m);
}

static void test_forced_encodings(void **state) {
    (void)state;
    check_forced("ascii\r\n", 7, POSTA_ENCODING_7BIT, POSTA_OK);
    check_forced("bare\n", 5, POSTA_ENCODING_7BIT, POSTA_E_FIELD);
    check_forced("\xff", 1, POSTA_ENCODING_7BIT, POSTA_E_FIELD);
    check_forced("\xff", 1, POSTA_ENCODING_8BIT, POSTA_OK); /* not allowed here: encoded instead */
    check_forced("\0", 1, POSTA_ENCODING_8BIT, POSTA_E_FIELD);
    check_forced("\xff", 1, POSTA_ENCODING_QUOTED_PRINTABLE, POSTA_OK);
    check_forced("abc", 3, POSTA_ENCODING_BASE64, POSTA_OK);
    check_shorter("one \xc3\xbc in many letters", "Transfer-Encoding: quoted-printable\r\n");
    check_shorter("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2", "Transfer-Encoding: base64\r\n");
}

/* message/rfc822 may not be encoded, RFC 2046 5.2.1; its line ends are mended (H15). */
static void test_message_in_message(void **state) {
    t_place place;
    posta_message *m;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_source s;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "x");
    o.type = "message/rfc822";
    posta_message_attach(m, posta_body_string("Subject: a\n\nb\n"), &o);
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    assert_non_null(strstr(t.p, "7bit\r\nContent-Disposition: attachment\r\n\r\n"
                                "Subject: a\r\n\r\nb\r\n"));
    free(t.p);
    posta_message_attach(m, posta_body_string("Subject: \xc3\xbc\n\nb\n"), &o);
    t = t_compose(m, true, 4096);
    t_unfold(t.p);
    assert_non_null(strstr(t.p, "8bit\r\nContent-Disposition: attachment\r\n\r\nSubject: \xc3"));
    free(t.p);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "attachments[2].type");
    t_done(&place, m);
}

/* ---- boundaries ---- */

/* A body that holds the first boundary makes posta draw again (H12). */
static void test_boundary_is_drawn_again(void **state) {
    t_place place;
    posta_message *m;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "x\n--" B1 "\ny");
    add_html(m, "<p>");
    t = t_compose(m, false, 4096);
    assert_null(strstr(t.p, "boundary=\"" B1));
    assert_non_null(strstr(t.p, "boundary=\"=_202122"));
    free(t.p);
    t_done(&place, m);
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "x --" B1 "\ny"); /* not at a line's start: no harm */
    add_html(m, "<p>");
    t = t_compose(m, false, 4096);
    assert_non_null(strstr(t.p, "boundary=\"" B1));
    free(t.p);
    t_done(&place, m);
}

/* In a body that is only seen as it goes by, it is an error, whatever the cuts. */
static void test_boundary_in_a_stream(void **state) {
    static const char text[] = "one\r\n--" B1 "\r\n";
    size_t piece;
    (void)state;
    for (piece = 1; piece < sizeof text; piece++) {
        t_place place;
        posta_message *m;
        posta_part_options o = POSTA_PART_OPTIONS;
        t_body b = t_body_of(text, sizeof text - 1);
        t_text t;
        t_place_init(&place);
        m = t_message(&place);
        b.piece = piece;
        o.encoding = POSTA_ENCODING_7BIT;
        posta_message_text(m, t_source(&b, false, POSTA_LEN_UNKNOWN), &o);
        add_html(m, "<p>");
        t = t_compose(m, false, 1 + piece);
        assert_int_equal(t.status, POSTA_E_BODY);
        assert_string_equal(posta_message_problem(m)->field, "text");
        assert_null(strstr(t.p, "one\r\n--" B1));
        free(t.p);
        t_done(&place, m);
    }
}

/* ---- what is drawn is kept ---- */

static void test_composing_twice(void **state) {
    t_place place;
    posta_message *m;
    t_text a, b;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    add_text(m, "gr\xc3\xbc\xc3\x9f aus der Stadt");
    add_html(m, "<p>");
    a = t_compose(m, false, 50);
    place.time += 100;
    b = t_compose(m, false, 7);
    assert_string_equal(a.p, b.p);
    assert_string_equal(posta_message_id_of(m), "<000102030405060708090a0b0c0d0e0f@example.org>");
    free(a.p);
    free(b.p);
    t_done(&place, m);
}

static void test_without_a_clock(void **state) {
    t_place place;
    posta_message *m;
    t_text t;
    (void)state;
    t_place_init(&place);
    place.time = -1;
    m = t_message(&place);
    t = t_compose(m, false, 4096);
    assert_null(strstr(t.p, "Date:"));
    free(t.p);
    t_done(&place, m);
}

static void test_without_randomness(void **state) {
    t_place place;
    posta_message *m;
    posta_source s;
    (void)state;
    t_place_init(&place);
    place.no_entropy = true;
    m = t_message(&place);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_ENTROPY);
    place.no_entropy = false;
    place.same_entropy = true;
    add_text(m, "--=_07070707070707070707070707070707");
    add_html(m, "<p>");
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_ENTROPY);
    t_done(&place, m);
}

/* ---- lengths ---- */

static void check_len(const char *body, size_t len, bool as_text, posta_encoding e, bool alone) {
    size_t window;
    for (window = 0; window < 12; window++) {
        t_place place;
        posta_message *m;
        posta_part_options o = POSTA_PART_OPTIONS;
        t_body b = t_body_of(body, len);
        posta_source s;
        t_text t;
        t_place_init(&place);
        m = t_message(&place);
        b.piece = window;
        o.encoding = e;
        if (as_text)
            posta_message_text(m, t_source(&b, true, POSTA_LEN_UNKNOWN), &o);
        else
            posta_message_attach(m, t_source(&b, true, len), &o);
        if (!alone) add_html(m, "<p>");
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        if (as_text || e == POSTA_ENCODING_BASE64 || e == POSTA_ENCODING_AUTO)
            assert_int_not_equal(s.len, POSTA_LEN_UNKNOWN);
        t = t_pull_all(&s, window);
        assert_int_equal(t.status, POSTA_END);
        if (s.len != POSTA_LEN_UNKNOWN) assert_int_equal(t.len, s.len);
        assert_int_equal(t.p[t.len - 1], '\n');
        free(t.p);
        t_done(&place, m);
        assert_int_equal(b.closes, 1);
    }
}

static void test_lengths(void **state) {
    static const char *const bodies[] = {
        "",
        "a",
        "\n",
        "\r",
        "\r\n",
        "a\r",
        "a\n\r",
        "a ",
        "a \n",
        "From x\n",
        ".\n",
        "=",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345",
        "0123456789012345678901234567890123456789012345678901234567890123456789012",
        ("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
         "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"),
    };
    static const posta_encoding ways[] = {POSTA_ENCODING_AUTO, POSTA_ENCODING_QUOTED_PRINTABLE,
                                          POSTA_ENCODING_BASE64};
    size_t i, j, k;
    (void)state;
    for (i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (j = 0; j < 3; j++) {
            for (k = 0; k < 4; k++)
                check_len(bodies[i], strlen(bodies[i]), k & 1, ways[j], k & 2);
        }
    }
    check_len("\0\1\2\3", 4, false, POSTA_ENCODING_AUTO, true);
    check_len("\0\1\2\3", 4, true, POSTA_ENCODING_AUTO, true);
}

/* A length near 2^64 does not wrap round: it is unknown (H22). */
static void test_absurd_length(void **state) {
    t_place place;
    posta_message *m;
    t_body b = t_body_of("x", 1);
    posta_source s;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_attach(m, t_source(&b, false, UINT64_MAX - 1), NULL);
    posta_message_attach(m, posta_body_slot(UINT64_C(1) << 63), NULL);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    assert_int_equal(s.len, POSTA_LEN_UNKNOWN);
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_only),
        cmocka_unit_test(test_nothing_but_addresses),
        cmocka_unit_test(test_html_only),
        cmocka_unit_test(test_alternative),
        cmocka_unit_test(test_related),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_attachment_alone),
        cmocka_unit_test(test_octets_at_the_end),
        cmocka_unit_test(test_octets_keep_their_line_ends),
        cmocka_unit_test(test_text_encodings),
        cmocka_unit_test(test_8bit_climbs),
        cmocka_unit_test(test_forced_encodings),
        cmocka_unit_test(test_message_in_message),
        cmocka_unit_test(test_boundary_is_drawn_again),
        cmocka_unit_test(test_boundary_in_a_stream),
        cmocka_unit_test(test_composing_twice),
        cmocka_unit_test(test_without_a_clock),
        cmocka_unit_test(test_without_randomness),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_absurd_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
