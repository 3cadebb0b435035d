/* Text from HTML: what is shown and how, the same for each cut and each room, whatever is thrown at
 * it. */
#include "../../mime/html_i.h"
#include "stage_t.h"
#include "t_mime.h"

#define CAP 65536u

static t_place place;
static posta_message *message;
static posta__stage *stage;

static size_t text(posta_span in, int cut, size_t window, uint8_t *out) {
    return t_stage_run(stage, in, cut, window, out, CAP);
}

static const char *const rows[][2] = {
    /* nothing but white space and what is not shown */
    {"", ""},
    {" \n <p> </p><br>", ""},
    {"<!DOCTYPE html><html><head><title>x</title><style>p{}</style></head><body>a</body></html>",
     "a\n"},
    {"a<script>if (a<b) '</p>' </scrip></script>b<SCRIPT src=x></ScRiPt >c", "abc\n"},
    {"a<style><!-- </style >b<textarea><b></textarea>c", "abc\n"},
    {"a<!-- <b> -- > -->b<!-->c<!--->d<!--x--!>e<!x>f<?y?>g</ z>h</>i<!>j", "abcdefghij\n"},
    {"a<![if !mso]>b<![endif]><!--[if mso]>c<![endif]-->d", "abd\n"},
    {"a<script><</script>b", "ab\n"},
    /* white space */
    {"  a \t\r\n b<b> c </b> d", "a b c d\n"},
    {"a<i>b</i>c", "abc\n"},
    {"a\r\rb\r\nc\nd", "a b c d\n"},
    {"a&nbsp;&nbsp;b&#160;", "a b\n"},
    {"a\x01\x7f", "a\n"},
    /* blocks */
    {"<div>a</div><div><div>b</div></div>c", "a\nb\nc\n"},
    {"<p>a</p><p>b<p>c", "a\n\nb\n\nc\n"},
    {"a<br>b<br/><br>c<br></br><br />d", "a\nb\n\nc\n\nd\n"},
    {"a<br></p><p>b", "a\n\nb\n"},
    {"a<hr>b", "a\n---\nb\n"},
    {"<table><tr><td>a</td><td>b</td></tr><tr><th>c<td>d</table>e", "a b\nc d\n\ne\n"},
    /* headings */
    {"x<h1>A &auml; b</h1>c<h2>De</h2><h3>f</h3>g",
     "x\n\nA \xc3\xa4 b\n=====\n\nc\n\nDe\n--\n\nf\n\ng\n"},
    {"<h1></h1><h1><p>a</p></h1></h2>b", "a\n\nb\n"},
    /* lists */
    {"x<ul><li>a</li><li>b<br>c</li></ul>d", "x\n\n* a\n* b\n  c\n\nd\n"},
    {"<ol><li>a<ul><li>b<li>c</ul><li>d</ol>", "1. a\n  * b\n  * c\n2. d\n"},
    {"<ul><li><p>a</p><p>b</p><li></li><li>c</ul>", "* a\n\n  b\n\n* c\n"},
    {"<ul><li>x<li><p>a</ul>", "* x\n* a\n"},
    {"<li>a</ul></ol><li>b", "* a\n* b\n"},
    /* quotes */
    {"a<blockquote>b<p>c<blockquote>d</blockquote></blockquote>e",
     "a\n\n> b\n>\n> c\n>\n>> d\n\ne\n"},
    {"</blockquote>a", "a\n"},
    /* verbatim */
    {"a<pre>\n  b\n\n\n c  d\n\n\n</pre>e\n f", "a\n\n  b\n\n\n c  d\n\ne f\n"},
    {"<pre>\n\na</pre>", "a\n"},
    {"<pre>a<br>b\r\nc\td</pre></pre>e  f", "a\nb\nc\td\n\ne f\n"},
    /* links */
    {"see <a href='https://x.org/?a=1&amp;b=2'>here</a>.", "see here <https://x.org/?a=1&b=2>.\n"},
    {"<a href=https://x.org/>https://x.org/</a> <a href=\"mailto:a@x.org\">a@x.org</a>",
     "https://x.org/ a@x.org\n"},
    {"<a href=https://x.org/>https://x.org</a>", "https://x.org <https://x.org/>\n"},
    {"<a href='#top'>a</a><a name=x>b</a><a href=''>c</a><a href=/x>d</a><a "
     "href=javascript:x>e</a>",
     "abcde\n"},
    {"<a href='JavaScript:x'>a</a> <a href='cid:x'>b</a><a href=\" http://x/a b>\n\" href=y>c</a>",
     "a bc <http://x/a%20b%3E>\n"},
    {"<a href=http://x>a<a href=http://y>b", "a <http://x>b <http://y>\n"},
    {"<a href=http://x><img src=y></a>z", "<http://x>z\n"},
    {"<a href=http://x>a</a></a><a href=>b</a>", "a <http://x>b\n"},
    {"<p>a<a href=http://x><br></a>b", "a\n<http://x>b\n"},
    /* pictures */
    {"a<img alt='the &lt;logo&gt;' alt=no src=x>b<img alt=\"\">c<IMG ALT=x/>d",
     "a the <logo> b c x/ d\n"},
    {"<b alt=x>a</b></img alt=x>", "a\n"},
    /* references */
    {"&lt;&gt;&amp;&quot;&apos;&copy;&euro;&hellip;&yuml;&frac12;",
     "<>&\"'\xc2\xa9\xe2\x82\xac\xe2\x80\xa6\xc3\xbf\xc2\xbd\n"},
    {"&#65;&#x41;&#X1f600;&#8217s&#150;&#0;&#xD800;&#x110000;&#99999999;",
     "AA\xf0\x9f\x98\x80\xe2\x80\x99s\xe2\x80\x93\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
     "\n"},
    {"&#000000000000000065;&#x00000000000000042;&#99999999999999999999;&#00000000000000000;z",
     "AB\xef\xbf\xbd\xef\xbf\xbdz\n"},
    {"AT&T &amp &ampx; &unknown; & && &; &#; &#x; &#xg; &lt&lt;<b>&gt</b>&",
     "AT&T & &ampx; &unknown; & && &; &#; &#x; &#xg; <<>&\n"},
    {"a &amp<br>b &amp<p>c", "a &\nb &\n\nc\n"},
    {"a&shy;b&#1;&#127;&#10;c&abcdefghijklmnop;", "ab c&abcdefghijklmnop;\n"},
    {"<a href='http://x?a&copy=1&amp=2&lt;&#38;&quot'>b</a>",
     "b <http://x?a&copy=1&amp=2%3C&&quot>\n"},
    /* broken */
    {"a < b <3 <<b>c <", "a < b <3 <c <\n"},
    {"a<b", "a\n"},
    {"a<b c='d>e", "a\n"},
    {"a<!-- b", "a\n"},
    {"a<title>b", "a\n"},
    {"a<b c=d e = 'f>' g=\">\" =h i/ j>k", "ak\n"},
    {"a<b\n=>c</b x='>'>d", "acd\n"},
    {"a<averyveryverylongname>b</p1>c<pp>d", "abcd\n"},
    {"a<img alt='b&am", "a b\n"},
};

static void vectors(void **state) {
    uint8_t out[CAP];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = text(t_span(rows[i][0]), T_WHOLE, 4096, out);
        if (len != strlen(rows[i][1]) || memcmp(out, rows[i][1], len) != 0)
            fail_msg("%s\ngave |%.*s|, not |%s|", rows[i][0], (int)len, (const char *)out,
                     rows[i][1]);
    }
}

static void same_for_each_cut(posta_span in) {
    static uint8_t whole[CAP], out[CAP];
    uint8_t *p = t_guarded(in.p, in.len);
    size_t want = text(posta__span(p, in.len), T_WHOLE, 4096, whole);
    for (size_t window = 1; window <= 16; window++)
        for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
            assert_int_equal(text(posta__span(p, in.len), cut, window, out), want);
            if (want > 0) assert_memory_equal(out, whole, want);
        }
    t_guard_free(p, in.len);
}

static void every_window(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        posta_span all = t_span(rows[i][0]);
        for (size_t len = 0; len <= all.len && len <= 200; len++)
            same_for_each_cut(posta__span_sub(all, 0, len));
    }
}

/* Pieces of HTML in any order: no octet that text may not have, no space before a line end or at
 * the begin, and not much more than there was. */
static void random_html(void **state) {
    static const char *pieces[] = {"<",
                                   ">",
                                   "/",
                                   "!",
                                   "--",
                                   "\"",
                                   "'",
                                   "=",
                                   "&",
                                   ";",
                                   "#",
                                   " ",
                                   "\n",
                                   "a",
                                   "\xc3\xbc",
                                   "<p>",
                                   "</p>",
                                   "<br>",
                                   "<ul>",
                                   "</ul>",
                                   "<ol>",
                                   "<li>",
                                   "<pre>",
                                   "</pre>",
                                   "<!--",
                                   "-->",
                                   "<a href=",
                                   "http:",
                                   "</a>",
                                   "<img ",
                                   "alt=",
                                   "<h1>",
                                   "</h1>",
                                   "<script>",
                                   "</script>",
                                   "&lt;",
                                   "<td>",
                                   "<hr>",
                                   "<blockquote>",
                                   "</blockquote>",
                                   "&#8364;",
                                   "<b>",
                                   "\r",
                                   "text",
                                   "\x01"};
    static char in[3000];
    uint8_t out[CAP];
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t len = 0, most = 1 + t_random(sizeof in - 20), n;
        bool has_pre = false;
        while (len < most) {
            const char *piece = pieces[t_random(sizeof pieces / sizeof *pieces)];
            memcpy(in + len, piece, strlen(piece));
            len += strlen(piece);
            has_pre = has_pre || piece == pieces[22];
        }
        n = text(posta__span(in, len), round % 3, 1 + t_random(300), out);
        if (n > 20 * len + 100) fail_msg("%zu of %.*s", n, (int)len, in);
        for (size_t i = 0; i < n; i++) {
            bool is_end = out[i] == '\n';
            assert_true(out[i] >= ' ' || is_end);
            if (is_end && i > 0 && out[i - 1] == ' ' && !has_pre)
                fail_msg("%.*s of\n%.*s", (int)n, (char *)out, (int)len, in);
        }
        assert_true(n == 0 || (out[n - 1] == '\n' && out[0] != '\n'));
        if (round < 300) same_for_each_cut(posta__span(in, len < 300 ? len : 300));
    }
}

static void bounds(void **state) {
    static uint8_t in[60000], out[CAP];
    size_t n, len = 0;
    (void)state;
    n = text(posta__span("a\0b<p\0>c", 9), T_WHOLE, 4096, out);
    assert_memory_equal(out, "abc\n", 4);
    /* a URL that is too long is left out; names, references, depth have no end */
    for (size_t url = 895; url < 905; url++) {
        len = (size_t)sprintf((char *)in, "<a href=\"http:%*s\">b</a>", 0, "");
        memset(in + len - 7, 'x', url - 5);
        memcpy(in + len - 7 + url - 5, "\">b</a>", 7);
        n = text(posta__span(in, len + url - 5), T_WHOLE, 4096, out);
        assert_int_equal(n, url <= 900 ? url + 5 : 2);
    }
    memset(in, 'x', sizeof in);
    in[0] = '<';
    assert_int_equal(text(posta__span(in, sizeof in), T_WHOLE, 4096, out), 0);
    in[0] = '&';
    assert_int_equal(text(posta__span(in, sizeof in), T_WHOLE, 4096, out), sizeof in + 1);
    for (size_t i = 0; i + 4 <= sizeof in; i += 4)
        memcpy(in + i, "<ul>", 4);
    memcpy(in + sizeof in - 5, "<li>a", 5);
    n = text(posta__span(in, sizeof in), T_WHOLE, 4096, out);
    assert_int_equal(n, 14 + 2 + 1 + 1);
    for (size_t i = 0; i + 12 <= sizeof in; i += 12)
        memcpy(in + i, "<blockquote>", 12);
    in[sizeof in - 1] = 'a';
    in[sizeof in - 13] = '>';
    memset(in + sizeof in - 12, 'a', 12);
    n = text(posta__span(in, sizeof in), T_WHOLE, 4096, out);
    assert_int_equal(n, 8 + 1 + 12 + 1);
}

/* ---- in a message ---- */

static const char html[] =
    "<h1>Hi</h1><p>Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 <a href=http://x>y</a>";
#define PLAIN "Hi\n==\n\nZa\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 y <http://x>\n"

static void expect_both(posta_message *m, size_t window) {
    t_text t = t_compose(m, true, window);
    const char *plain = "Hi\r\n==\r\n\r\nZa\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 y <http://x>\r\n";
    assert_int_equal(t.status, POSTA_END);
    if (!strstr(t.p, plain) || !strstr(t.p, html) || strstr(t.p, plain) > strstr(t.p, html))
        fail_msg("%s", t.p);
    free(t.p);
}

static void in_a_message(void **state) {
    (void)state;
    for (size_t window = 1; window < 40; window++) {
        for (int as_source = 0; as_source < 2; as_source++) {
            posta_message *m = t_message(&place);
            t_body b = t_body_of(html, strlen(html));
            posta_part_options o = POSTA_PART_OPTIONS;
            posta_body body = posta_body_string(html);
            b.piece = window;
            b.late_end = window % 2;
            if (as_source) body = t_source(&b, true, b.len);
            assert_int_equal(posta_message_html(m, body, NULL), POSTA_OK);
            o.is_flowed = window % 3 == 0;
            assert_int_equal(posta_message_text_from_html(m, &o), POSTA_OK);
            expect_both(m, window);
            expect_both(m, 4096); /* and again */
            posta_message_free(&m);
            if (as_source) assert_int_equal(b.closes, 1);
        }
    }
}

/* Given up in the middle of the text, the HTML begins at its begin. */
static void begun_again(void **state) {
    (void)state;
    for (size_t at = 1; at < 700; at += 13) {
        posta_message *m = t_message(&place);
        t_body b = t_body_of(html, strlen(html));
        posta_source s;
        uint8_t some[700];
        posta_window w = posta__window(some, at);
        b.piece = 3;
        posta_message_html(m, t_source(&b, true, b.len), NULL);
        posta_message_text_from_html(m, NULL);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        s.pull(s.user, &w);
        assert_int_equal(s.rewind(s.user), POSTA_OK);
        w.len = 0;
        s.pull(s.user, &w);
        expect_both(m, 100);
        posta_message_free(&m);
    }
}

static void refused(void **state) {
    static const char *const why[] = {
        "text: needs an html that it can be made of",
        "html: can be read once only, so no text can be made of it; give a string or a file",
        "html: can be read once only, so no text can be made of it; give a string or a file",
        "html: is not in UTF-8, so no text can be made of it",
        "html: is not valid UTF-8; give its charset",
        "html: could not be read to its end",
    };
    (void)state;
    for (int row = 0; row < 6; row++) {
        posta_message *m = t_message(&place);
        posta_part_options o = POSTA_PART_OPTIONS;
        t_body b = t_body_of("<p>\xff", 4);
        posta_source s;
        posta_status status;
        if (row == 1) posta_message_html(m, posta_body_slot(3), NULL);
        if (row == 2) posta_message_html(m, t_source(&b, false, 4), NULL);
        if (row == 3) o.charset = "iso-8859-2";
        if (row == 3) posta_message_html(m, posta_body_string("<p>"), &o);
        if (row == 5) b.fail_at = 2;
        if (row >= 4) posta_message_html(m, t_source(&b, true, 4), NULL);
        status = posta_message_text_from_html(m, NULL);
        if (!status) status = posta_message_compose(m, NULL, &s, NULL);
        assert_true(status == (row == 0 ? POSTA_E_STATE : row == 5 ? POSTA_E_BODY : POSTA_E_FIELD));
        if (row == 5)
            assert_non_null(strstr(posta_message_problem(m)->text, "could not be read"));
        else
            assert_string_equal(posta_message_problem(m)->text, why[row]);
        posta_message_free(&m);
    }
    assert_int_equal(posta_message_text_from_html(NULL, NULL), POSTA_E_ARGUMENT);
}

static int begin(void **state) {
    (void)state;
    t_place_init(&place);
    assert_int_equal(posta_message_new(&place.port, &message), POSTA_OK);
    stage = posta__untag_new(message);
    return stage == NULL;
}

static int finish(void **state) {
    (void)state;
    t_done(&place, message);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors), cmocka_unit_test(every_window), cmocka_unit_test(random_html),
        cmocka_unit_test(bounds),  cmocka_unit_test(in_a_message), cmocka_unit_test(begun_again),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
