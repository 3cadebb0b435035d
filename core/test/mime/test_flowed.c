/* format=flowed, RFC 3676: what a reader puts together is what was given, lines fit, and nothing
 * hangs on how the text or the room was cut. The judge is the decoder here, written from 4.1 to 4.3
 * of the RFC; Python's is in spec/html_spec.lua. */
#include "stage_t.h"
#include "t_mime.h"

#define CAP 65536u

static t_place place;
static posta_message *message;
static posta__stage *stage;

static size_t flowed(posta_span in, int cut, size_t window, uint8_t *out) {
    return t_stage_run(stage, in, cut, window, out, CAP);
}

/* ---- the judge ---- */

typedef struct line {
    const uint8_t *p;
    size_t len, depth;
    bool has_end;
} line;

/* The next line of CRLF text, its quotes counted and taken off, and the space behind them that is
 * stuffing; `always`: also without quotes. */
static line next_line(posta_span *in, bool always) {
    line l = {in->p, 0, 0, false};
    while (l.len < in->len && in->p[l.len] != '\r')
        l.len++;
    l.has_end = l.len < in->len;
    *in = posta__span_sub(*in, l.len + (l.has_end ? 2 : 0), in->len);
    while (l.depth < l.len && l.p[l.depth] == '>')
        l.depth++;
    l.p += l.depth;
    l.len -= l.depth;
    if ((always || l.depth > 0) && l.len > 0 && *l.p == ' ') {
        l.p++;
        l.len--;
    }
    return l;
}

static bool is_signature(const line *l) {
    return l->len == 3 && memcmp(l->p, "-- ", 3) == 0;
}

static size_t tell(uint8_t *out, size_t n, const line *l, bool is_begin, bool is_end) {
    for (size_t i = 0; is_begin && i < l->depth; i++)
        out[n++] = '>';
    if (is_begin && l->depth > 0) out[n++] = ' ';
    if (l->len > 0) memcpy(out + n, l->p, l->len);
    n += l->len;
    if (is_end && l->has_end) out[n++] = '\n';
    return n;
}

/* What the writer meant. */
static size_t meant(posta_span in, uint8_t *out) {
    uint8_t *canon = malloc(2 * in.len + 1);
    posta_span rest = posta__span(canon, t_canon(in, canon));
    size_t n = 0;
    while (rest.len > 0) {
        line l = next_line(&rest, false);
        bool is_kept = is_signature(&l);
        while (!is_kept && l.len > 0 && l.p[l.len - 1] == ' ')
            l.len--;
        n = tell(out, n, &l, true, true);
    }
    free(canon);
    return n;
}

/* What the reader sees. */
static size_t seen(posta_span wire, uint8_t *out) {
    size_t n = 0;
    bool goes_on = false;
    while (wire.len > 0) {
        line l = next_line(&wire, true);
        bool flows = l.len > 0 && l.p[l.len - 1] == ' ' && !is_signature(&l);
        assert_false(flows && !l.has_end);
        if (goes_on) assert_false(is_signature(&l));
        n = tell(out, n, &l, !goes_on, !flows);
        goes_on = flows;
    }
    assert_false(goes_on);
    return n;
}

static size_t columns(const line *l) {
    size_t n = l->depth;
    for (size_t i = 0; i < l->len; i++)
        n += (l->p[i] & 0xC0) != 0x80;
    return n;
}

/* A line may be longer only where there is no space to break it at. */
static void fits(posta_span wire) {
    while (wire.len > 0) {
        line l = next_line(&wire, false);
        size_t first = 0, words = 0;
        if (columns(&l) <= 72 || l.depth > 32) continue;
        while (l.len > 0 && l.p[l.len - 1] == ' ')
            l.len--;
        if (columns(&l) < 72) continue; /* a run of spaces */
        while (first < l.len && l.p[first] == ' ')
            first++;
        for (size_t i = first + 1; i < l.len; i++)
            words += l.p[i] == ' ' && l.p[i - 1] != ' ' &&
                     !(i == first + 2 && memcmp(l.p + first, "-- ", 3) == 0);
        if (words > 0) fail_msg("%.*s", (int)l.len, (const char *)l.p);
    }
}

static void check(posta_span in, posta_span wire) {
    uint8_t *want = malloc(2 * CAP), *got = malloc(2 * CAP);
    size_t want_len = meant(in, want), got_len = seen(wire, got);
    got[got_len] = want[want_len] = 0;
    size_t at = 0, from;
    while (at < got_len && at < want_len && got[at] == want[at])
        at++;
    from = at < 100 ? 0 : at - 100;
    if (got_len != want_len || at < got_len)
        fail_msg("read was |%.120s|, meant |%.120s|", (char *)got + from, (char *)want + from);
    free(want), free(got);
    fits(wire);
}

/* ---- tests ---- */

#define TEN   "123456789 "
#define SIXTY TEN TEN TEN TEN TEN TEN

static void vectors(void **state) {
    static const char *rows[][2] = {
        {"", ""},
        {"a", "a"},
        {"a\nb\rc\r\n\n", "a\r\nb\r\nc\r\n\r\n"},
        {"a  \nb ", "a\r\nb"},
        {"  \n ", "\r\n"},
        {" a", "  a"},
        {"  a > b", "   a > b"},
        {"From me\n From\nFromage", " From me\r\n  From\r\nFromage"},
        {"> quoted \n>\n> \n>>deep\n> > x", "> quoted\r\n>\r\n>\r\n>>deep\r\n> > x"},
        {" > not quoted", "  > not quoted"},
        {"-- \nAna", "-- \r\nAna"},
        {"-- ", "-- "},
        {"--  \n--\n> -- \n>-- \n>  -- ", "--\r\n--\r\n> -- \r\n>-- \r\n>  --"},
        /* 72 columns fit where the line ends, 71 and a space where it goes on */
        {SIXTY "123456789 12", SIXTY "123456789 12"},
        {SIXTY "123456789 1 x", SIXTY "123456789 1 \r\nx"},
        {SIXTY "123456789 12 x", SIXTY "123456789 \r\n12 x"},
        {SIXTY "123456789 123", SIXTY "123456789 \r\n123"},
        {"\xc3\xbc" SIXTY "12345678 12", "\xc3\xbc" SIXTY "12345678 12"},
        /* what must not begin a line */
        {SIXTY "123456789 >1234", SIXTY "123456789 \r\n >1234"},
        {SIXTY "123456789 From me", SIXTY "123456789 \r\n From me"},
        {SIXTY "123456789   123", SIXTY "123456789   \r\n123"},
        /* quotes stay quotes */
        {"> " SIXTY "123456789 123", "> " SIXTY "123456789 \r\n> 123"},
        {">" SIXTY "123456789 >23", ">" SIXTY "123456789 \r\n> >23"},
        /* a lone -- must not become a signature's line */
        {"-- " SIXTY "12345678901234567890",
         "-- 123456789 " TEN TEN TEN TEN TEN "\r\n12345678901234567890"},
    };
    uint8_t out[CAP];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = flowed(t_span(rows[i][0]), T_WHOLE, 64, out);
        if (len != strlen(rows[i][1]) || memcmp(out, rows[i][1], len) != 0)
            fail_msg("row %zu: %.*s", i, (int)len, (const char *)out);
        check(t_span(rows[i][0]), posta__span(out, len));
    }
}

static void long_words(void **state) {
    uint8_t in[4000], out[CAP];
    (void)state;
    for (size_t n = 60; n < 3000; n = n < 90 ? n + 1 : n * 2) {
        for (int dashes = 0; dashes < 2; dashes++) {
            size_t before = dashes ? 3 : 4, len;
            memset(in, 'x', sizeof in);
            memcpy(in, dashes ? "-- " : "abc ", before);
            memcpy(in + before + n, " end", 4);
            len = flowed(posta__span(in, before + n + 4), T_WHOLE, 4096, out);
            check(posta__span(in, before + n + 4), posta__span(out, len));
            /* on a line of its own; but "-- " may not end a line */
            assert_true(!memcmp(out + before, "\r\n", 2) == (n > 67 && !dashes));
        }
    }
    /* each '>' is repeated on each line: not without a bound */
    memset(in, '>', 33);
    memset(in + 33, 'y', sizeof in - 33);
    for (size_t i = 40; i < sizeof in; i += 9)
        in[i] = ' ';
    assert_int_equal(flowed(posta__span(in, sizeof in), T_WHOLE, 4096, out), sizeof in);
    in[0] = 'y';
    assert_true(flowed(posta__span(in, sizeof in), T_WHOLE, 4096, out) > sizeof in + 100);
}

static void every_window(void **state) {
    static const char *alphabets[] = {
        "a \n>-From", "ab ", "abcdefghij abcdefghi", "> a", "- \n", "abcdefgh\xc3\xbc ", " ", "a"};
    uint8_t data[200], whole[2048], out[CAP];
    (void)state;
    for (size_t round = 0; round < sizeof alphabets / sizeof *alphabets; round++) {
        size_t n = strlen(alphabets[round]);
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)alphabets[round][t_random((uint32_t)n)];
        for (size_t len = 0; len <= 200; len++) {
            uint8_t *p = t_guarded(data, len);
            posta_span in = posta__span(p, len);
            size_t want = flowed(in, T_WHOLE, 2048, whole);
            check(in, posta__span(whole, want));
            for (size_t window = 1; window <= 16; window++)
                for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
                    assert_int_equal(flowed(in, cut, window, out), want);
                    if (want > 0) assert_memory_equal(out, whole, want);
                }
            t_guard_free(p, len);
        }
    }
}

static void random_texts(void **state) {
    static const char *words[] = {"a",      "--",   "-- ",       ">",  "> ",    "From",
                                  "From ",  "\n",   "\r\n",      " ",  "  ",    "zaż",
                                  "Hello,", "this", "word",      "of", "\n-- ", "\n>",
                                  "\r",     "\n ",  "something", "\t", "is",    "end."};
    uint8_t in[6000], out[CAP];
    (void)state;
    for (int round = 0; round < 400; round++) {
        size_t len = 0, per_line = 1 + t_random(60);
        while (len < sizeof in - 300) {
            const char *w = words[t_random(24)];
            size_t n = strlen(w);
            memcpy(in + len, w, n);
            len += n;
            if (t_random((uint32_t)per_line) > 0) in[len++] = ' ';
            if (t_random(200) > 0) continue;
            memset(in + len, 'x', 100);
            len += 100;
        }
        size_t n = flowed(posta__span(in, len), round % 3, 1 + t_random(100), out);
        check(posta__span(in, len), posta__span(out, n));
    }
}

/* ---- in a message ---- */

static char *text_of(posta_body body, const posta_part_options *o, bool may_8bit, size_t window) {
    posta_message *m = t_message(&place);
    posta_part_options flow = o ? *o : (posta_part_options)POSTA_PART_OPTIONS;
    t_text t;
    flow.is_flowed = true;
    assert_int_equal(posta_message_text(m, body, &flow), POSTA_OK);
    t = t_compose(m, may_8bit, window);
    assert_int_equal(t.status, POSTA_END);
    posta_message_free(&m);
    t_unfold(t.p);
    return t.p;
}

static void expect(char *text, const char *type, const char *end) {
    const char *behind = text + strlen(text) - strlen(end);
    if (!strstr(text, type) || strcmp(behind, end) != 0) fail_msg("%s", text);
    free(text);
}

static const char type[] = "Content-Type: text/plain; format=flowed; charset=utf-8\r\n";
static const char given[] = "Hi,\n" SIXTY SIXTY "\n> From\n-- \nAna";
#define CAME "Hi,\r\n" SIXTY TEN "\r\n" TEN TEN TEN TEN "123456789\r\n> From\r\n-- \r\nAna\r\n"

static void in_a_message(void **state) {
    posta_part_options base64 = POSTA_PART_OPTIONS;
    (void)state;
    base64.encoding = POSTA_ENCODING_BASE64;
    for (size_t window = 1; window < 20; window++) {
        t_body b = t_body_of(given, strlen(given));
        b.piece = window;
        expect(text_of(posta_body_string(given), NULL, false, window), type, "\r\n\r\n" CAME);
        expect(text_of(t_source(&b, true, b.len), NULL, false, window), type, "\r\n\r\n" CAME);
        /* read once: quoted-printable, whose blanks at the end of a line are =20 */
        b = t_body_of(given, strlen(given));
        expect(text_of(t_source(&b, false, POSTA_LEN_UNKNOWN), NULL, false, window), type,
               "\r\n123456789 123456789 123456789 123456789 123456789\r\n"
               "> From\r\n--=20\r\nAna\r\n");
        expect(text_of(posta_body_string("a\xc3\xbc  \n-- \n"), NULL, true, window), type,
               "\r\n\r\na\xc3\xbc\r\n-- \r\n");
        expect(text_of(posta_body_string("a\xc3\xbc  \n-- \n"), NULL, false, window), type,
               "\r\n\r\na=C3=BC\r\n--=20\r\n");
        expect(text_of(posta_body_string("-- \nx"), &base64, false, window), type,
               "\r\n\r\nLS0gDQp4\r\n");
    }
}

static void fed(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        posta_message *m = t_message(&place);
        posta_part_options o = POSTA_PART_OPTIONS;
        posta_source s;
        posta_status status = POSTA_OK;
        char text[2048];
        size_t at = 0, len = strlen(given);
        posta_window w = posta__window(text, sizeof text - 1);
        o.is_flowed = true;
        o.encoding = POSTA_ENCODING_7BIT;
        assert_int_equal(posta_message_text(m, posta_body_slot(len), &o), POSTA_OK);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        while (status != POSTA_END) {
            size_t n = len - at < piece ? len - at : piece;
            status = s.pull(s.user, &w);
            if (status == POSTA_AGAIN && n > 0) posta_message_feed(m, 0, given + at, n);
            if (status == POSTA_AGAIN && n == 0) posta_message_finish(m, 0);
            if (status == POSTA_AGAIN) at += n;
            assert_true(status == POSTA_AGAIN || status == POSTA_OK || status == POSTA_END);
        }
        text[w.len] = 0;
        if (!strstr(text, "\r\n\r\n" CAME)) fail_msg("%s", text);
        posta_message_free(&m);
    }
}

/* A soft break may put one of the message's own delimiters at the begin of a line. H12 */
static void collision(void **state) {
    (void)state;
    for (int lies_there = 0; lies_there < 2; lies_there++) {
        posta_message *m = t_message(&place);
        posta_part_options o = POSTA_PART_OPTIONS;
        posta_source s;
        t_text t;
        char text[200];
        o.is_flowed = true;
        place.next_random = 0; /* Message-ID, then the boundary */
        sprintf(text, "%s--=_101112131415161718191a1b1c1d1e1f", lies_there ? "" : SIXTY);
        posta_message_text(m, posta_body_string(text), &o);
        posta_message_html(m, posta_body_string("<p>"), NULL);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        t = t_pull_all(&s, 100);
        /* seen before, another is drawn; seen while it is read, it is no mail */
        assert_int_equal(t.status, lies_there ? POSTA_END : POSTA_E_BODY);
        assert_int_equal(!strstr(t.p, "boundary=\"=_101112131415161718191a1b1c1d1e1f\""),
                         lies_there);
        free(t.p);
        posta_message_free(&m);
    }
}

static void refused(void **state) {
    static const char *const rows[][2] = {
        {"text/html", "text.flowed: is for text/plain that is shown"},
        {"text/markdown", "text.flowed: is for text/plain that is shown"},
        {"text/plain", "text.parameters: \"Format\" is there already"},
    };
    posta_field format = {"Format", "fixed"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        posta_message *m = t_message(&place);
        posta_part_options o = POSTA_PART_OPTIONS;
        o.is_flowed = true;
        o.type = rows[i][0];
        o.parameters = &format;
        o.parameters_n = 1;
        assert_int_equal(posta_message_text(m, posta_body_string("x"), &o), POSTA_E_FIELD);
        assert_string_equal(posta_message_problem(m)->text, rows[i][1]);
        posta_message_free(&m);
    }
    for (int as_source = 0; as_source < 2; as_source++) {
        posta_message *m = t_message(&place);
        posta_part_options o = POSTA_PART_OPTIONS;
        t_body b = t_body_of("  \xff", 3);
        posta_source s;
        o.is_flowed = true;
        posta_message_text(m, as_source ? t_source(&b, true, 3) : posta_body_string("  \xff"), &o);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_FIELD);
        assert_string_equal(posta_message_problem(m)->text,
                            "text: is not valid UTF-8; give its charset");
        posta_message_free(&m);
    }
}

static int begin(void **state) {
    (void)state;
    t_place_init(&place);
    assert_int_equal(posta_message_new(&place.port, &message), POSTA_OK);
    stage = posta__flow_new(message);
    return stage == NULL;
}

static int finish(void **state) {
    (void)state;
    t_done(&place, message);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),      cmocka_unit_test(long_words),
        cmocka_unit_test(every_window), cmocka_unit_test(random_texts),
        cmocka_unit_test(in_a_message), cmocka_unit_test(fed),
        cmocka_unit_test(collision),    cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
