/* cost: what each path of codec and composer costs at one size and at ten times it. Run under
 * callgrind by cost.py, which counts instructions between start() and stop(), and holds that ten
 * times the input costs at most twelve times as much. Alone it only runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "posta/codec.h"
#include "posta/mime.h"

/* ---- counting ---- */

static size_t times; /* 1 or 10 */

static void start(void) {
    CALLGRIND_TOGGLE_COLLECT;
}

/* What was counted since start() belongs to this row. */
static void stop(const char *row) {
    char name[100];
    CALLGRIND_TOGGLE_COLLECT;
    snprintf(name, sizeof name, "%zu %s", times, row);
    CALLGRIND_DUMP_STATS_AT(name);
}

static void must(posta_status status, const char *row) {
    if (!status) return;
    fprintf(stderr, "cost: %s: %s\n", row, posta_status_name(status));
    exit(1);
}

/* ---- the place: memory by the megabyte, so that the heap's own cost is none of ours ---- */

static char *heap;
static size_t heap_left;

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old;
    (void)old_len;
    if (len == 0) return NULL;
    len = (len + 15) & ~(size_t)15;
    if (len > heap_left) {
        fprintf(stderr, "cost: out of memory\n");
        exit(1);
    }
    heap_left -= len;
    heap += len;
    return heap - len;
}

static uint64_t now(void *user) {
    (void)user;
    return 0;
}

static int64_t unix_time(void *user) {
    (void)user;
    return 1795539600;
}

static posta_status entropy(void *user, void *out, size_t len) {
    static uint8_t next;
    size_t i;
    (void)user;
    for (i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next++ * 167);
    return POSTA_OK;
}

static const posta_port port = {.size = sizeof port,
                                .now_ms = now,
                                .unix_time = unix_time,
                                .entropy = entropy,
                                .allocate = allocate};

/* About `n` octets: a pattern again and again, never cut; and a NUL. */
static char *fill(const char *pattern, size_t n) {
    size_t len = strlen(pattern), i;
    char *p = malloc(n + 1);
    if (!p) exit(2);
    n -= n % len;
    for (i = 0; i < n; i++)
        p[i] = pattern[i % len];
    p[n] = 0;
    return p;
}

/* `n` times the whole pattern, with its number in place of %zu, and a tail. */
static char *list(const char *format, size_t n, const char *tail) {
    size_t cap = n * (strlen(format) + 12) + strlen(tail) + 1, len = 0, i;
    char *p = malloc(cap);
    if (!p) exit(2);
    for (i = 0; i < n; i++)
        len += (size_t)snprintf(p + len, cap - len, format, i);
    memcpy(p + len, tail, strlen(tail) + 1);
    return p;
}

/* ---- octets ---- */

typedef struct octets {
    const char *row;
    posta_codec_kind kind;
    unsigned flags;
    const char *pattern;
} octets;

static const octets streams[] = {
    {"base64 encode", POSTA_BASE64_ENCODE, POSTA_CODEC_WRAP, "a\r\n\xff"},
    {"base64 encode text", POSTA_BASE64_ENCODE, POSTA_CODEC_WRAP | POSTA_CODEC_TEXT, "line\n"},
    {"base64 decode", POSTA_BASE64_DECODE, 0, "QUJD\r\n"},
    {"base64 decode blanks", POSTA_BASE64_DECODE, 0, " "},
    {"qp encode octets", POSTA_QP_ENCODE, 0, "a\r\n\xff"},
    {"qp encode text", POSTA_QP_ENCODE, POSTA_CODEC_TEXT, "some words and an \xc3\xbc here\n"},
    {"qp encode blanks", POSTA_QP_ENCODE, POSTA_CODEC_TEXT, " "},
    {"qp encode CR", POSTA_QP_ENCODE, POSTA_CODEC_TEXT, "\r"},
    {"qp encode =", POSTA_QP_ENCODE, POSTA_CODEC_TEXT, "="},
    {"qp decode", POSTA_QP_DECODE, 0, "some=20words=\r\n"},
    {"qp decode blanks", POSTA_QP_DECODE, 0, " "},
};

/* Into windows of 16 octets, the narrowest that is likely, and of 4096. */
static void stream(const octets *o, size_t window) {
    char *in = fill(o->pattern, 6000 * times), row[100];
    posta_span left = {(const uint8_t *)in, strlen(in)};
    posta_status status;
    posta_codec c;
    snprintf(row, sizeof row, "%s, window %zu", o->row, window);
    must(posta_codec_begin(&c, o->kind, o->flags, NULL), row);
    start();
    do {
        uint8_t space[4096];
        posta_window w = {space, window, 0, 0};
        status = left.len > 0 ? posta_codec_step(&c, &left, &w) : posta_codec_end(&c, &w);
    } while (status == POSTA_AGAIN || (status == POSTA_OK && left.len > 0));
    stop(row);
    free(in);
}

/* ---- header text ---- */

static void words(const char *row, const char *pattern, bool decode) {
    char *in = fill(pattern, 4000 * times), name[100];
    size_t cap = 10 * 4000 * times + 100;
    posta_span text = {(const uint8_t *)in, strlen(in)};
    posta_window w = {malloc(cap), cap, 0, 0};
    posta_status status;
    snprintf(name, sizeof name, "%s words: %s", decode ? "decode" : "encode", row);
    start();
    status = decode ? posta_word_decode(text, &w, NULL) : posta_word_encode(text, &w);
    stop(name);
    must(status, name);
    free(w.p);
    free(in);
}

static void all_words(void) {
    static const struct {
        const char *row, *pattern;
    } in[] = {
        {"ASCII", "plain words here "},
        {"blanks", " "},
        {"one word", "a"},
        {"Cyrillic", "\xd0\x9f\xd1\x80 "},
        {"begins of words", "=?"},
        {"begins of words, parted", "=? "},
        {"begins with charset", "=?utf-8?q?"},
        {"begins with charset, parted", "=?utf-8?q?a "},
        {"words", "=?utf-8?q?a?= "},
        {"words and blanks", "=?utf-8?q?a?=      "},
        {"=", "="},
        {"?", "?"},
        {"mixed", "a \xc3\xbc  b "},
        {"unknown charset", "=?x?q?a?= "},
        {"open", "=?utf-8?b?AAAA"},
    };
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        words(in[i].row, in[i].pattern, false);
        words(in[i].row, in[i].pattern, true);
    }
}

/* ---- addresses ---- */

static void mailbox(const char *row, const char *before, const char *pattern, const char *behind) {
    char *middle = fill(pattern, 4000 * times), name[100];
    size_t cap = 4000 * times + 200;
    char *in = malloc(cap), *store = malloc(cap);
    posta_mailbox m;
    snprintf(in, cap, "%s%s%s", before, middle, behind);
    snprintf(name, sizeof name, "mailbox: %s", row);
    start();
    (void)posta_mailbox_parse((posta_span){(uint8_t *)in, strlen(in)}, store, cap, &m, NULL);
    stop(name);
    free(in);
    free(store);
    free(middle);
}

static void all_mailboxes(void) {
    mailbox("long name", "", "name ", "<a@x.org>");
    mailbox("long quoted name", "\"", "a\\\"", "\" <a@x.org>");
    mailbox("comments", "", "(a) ", "a@x.org");
    mailbox("open comments", "", "(", "a@x.org");
    mailbox("nested comments", "", "(a(b)c)", "a@x.org");
    mailbox("dots", "", "a.", "a@x.org");
    mailbox("long domain", "a@", "a.", "org");
    mailbox("quotes", "", "\"a\"", "@x.org");
    mailbox("angles", "", "<", "a@x.org>");
    mailbox("at signs", "", "@", "a@x.org>");
    mailbox("route", "<", "@a,", ":a@x.org>");
    mailbox("encoded words", "", "=?utf-8?q?a?= ", "<a@x.org>");
    mailbox("folds", "", "\r\n ", "a@x.org");
}

/* ---- messages ---- */

static posta_message *message(void) {
    posta_message *m = NULL;
    must(posta_message_new(&port, &m), "new");
    must(posta_message_addresses(m, POSTA_FROM, "ana@example.org"), "from");
    must(posta_message_addresses(m, POSTA_TO, "bob@example.org"), "to");
    return m;
}

/* Composes it, looks at it, makes its envelope: a row each. */
static void finish(posta_message *m, const char *row) {
    static char space[4096];
    char name[100];
    posta_source s;
    posta_envelope e;
    posta_finding found[4];
    posta_status status;
    size_t n;
    snprintf(name, sizeof name, "%s: compose", row);
    start();
    status = posta_message_compose(m, NULL, &s, NULL);
    stop(name);
    must(status, posta_message_problem(m)->text);
    snprintf(name, sizeof name, "%s: pull", row);
    start();
    do {
        posta_window w = {(uint8_t *)space, sizeof space, 0, 0};
        status = s.pull(s.user, &w);
    } while (status == POSTA_OK);
    stop(name);
    if (status != POSTA_END) must(status, posta_message_problem(m)->text);
    snprintf(name, sizeof name, "%s: check", row);
    start();
    (void)posta_message_check(m, NULL, found, 4, &n);
    stop(name);
    snprintf(name, sizeof name, "%s: envelope", row);
    start();
    status = posta_message_envelope(m, &e);
    stop(name);
    must(status, name);
    posta_message_free(&m);
}

/* One setter, called once for each of n; the number is put into `format`. */
typedef posta_status (*setter)(posta_message *m, const char *value);

static void many(const char *row, size_t n, const char *format, setter set) {
    posta_message *m = message();
    char name[100], value[200];
    posta_status status = POSTA_OK;
    size_t i;
    n *= times;
    snprintf(name, sizeof name, "%s: set", row);
    start();
    for (i = 0; i < n && !status; i++) {
        snprintf(value, sizeof value, format, i);
        status = set(m, value);
    }
    stop(name);
    must(status, posta_message_problem(m)->text);
    finish(m, row);
}

/* One setter, called once with all. */
static void once(const char *row, char *value, setter set) {
    posta_message *m = message();
    char name[100];
    posta_status status;
    snprintf(name, sizeof name, "%s: set", row);
    start();
    status = set(m, value);
    stop(name);
    must(status, posta_message_problem(m)->text);
    finish(m, row);
    free(value);
}

static posta_status to(posta_message *m, const char *v) {
    return posta_message_addresses(m, POSTA_TO, v);
}

static posta_status to_named(posta_message *m, const char *v) {
    return posta_message_mailbox(m, POSTA_CC, "Zo\xc3\xab O'Neil", v);
}

static posta_status envelope_to(posta_message *m, const char *v) {
    return posta_message_addresses(m, POSTA_ENVELOPE_TO, v);
}

static posta_status header(posta_message *m, const char *v) {
    return posta_message_header(m, "X-Some", v);
}

static posta_status header_named(posta_message *m, const char *v) {
    return posta_message_header(m, v, "value");
}

static posta_status referenced_and_named(posta_message *m, const char *v) {
    posta_status status = posta_message_reference(m, v);
    return status ? status : header_named(m, v);
}

static posta_status unsubscribe(posta_message *m, const char *v) {
    return posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, v);
}

static posta_status answer(posta_message *m, const char *v) {
    return posta_message_answer(m, "x@example.org", v);
}

static posta_status text(posta_message *m, const char *v) {
    return posta_message_text(m, posta_body_string(v), NULL);
}

static posta_status html(posta_message *m, const char *v) {
    return posta_message_html(m, posta_body_string(v), NULL);
}

static posta_status attach(posta_message *m, const char *v) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.name = v;
    return posta_message_attach(m, posta_body_string("octets"), &o);
}

static posta_status attach_plain(posta_message *m, const char *v) {
    return posta_message_attach(m, posta_body_string(v), NULL);
}

/* A picture, in an HTML that has no end of pictures. */
static posta_status picture(posta_message *m, const char *v) {
    static char *shown;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_status status = POSTA_OK;
    o.content_id = v;
    if (strcmp(v, "cid0@x") == 0) {
        free(shown);
        shown = list("<img src='cid:cid%zu@x'>", 300 * times, "");
        status = posta_message_html(m, posta_body_string(shown), NULL);
    }
    return status ? status : posta_message_inline(m, posta_body_string("octets"), &o);
}

/* Multiparts beside each other, each with a text that might hold a delimiter. */
static posta_status multipart(posta_message *m, const char *v) {
    posta_part *p = NULL, *leaf = NULL;
    posta_status status = posta_message_multipart(m, NULL, &p);
    if (!status)
        status = posta_message_leaf(m, posta_body_string("--=_a\r\n--=_b\r\n"), NULL, &leaf);
    if (!status) status = posta_part_add(p, leaf);
    (void)v;
    return status ? status : posta_message_attach_part(m, p);
}

static posta_status description(posta_message *m, const char *v) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.description = v;
    return posta_message_attach(m, posta_body_string("x"), &o);
}

static posta_status parameter(posta_message *m, const char *v) {
    posta_field f = {"x", v};
    posta_part_options o = POSTA_PART_OPTIONS;
    o.parameters = &f;
    o.parameters_n = 1;
    return posta_message_attach(m, posta_body_string("x"), &o);
}

static posta_status key(posta_message *m, const char *v) {
    return posta_message_mailbox(m, POSTA_CC, v, "a@example.org");
}

static void all_messages(void) {
    size_t n = 4000 * times;
    many("recipients", 1000, "r%zu@example.org", to);
    many("named recipients", 1000, "r%zu@example.org", to_named);
    many("envelope recipients", 1000, "r%zu@example.org", envelope_to);
    many("the same recipient", 1000, "r@example.org", to);
    once("a list of recipients", list("R <r%zu@example.org>, ", 1000 * times, "z@x.org"), to);
    once("a list of groups", list("g%zu: a@x.org, b@x.org;, ", 300 * times, "z@x.org"), to);
    once("a list of nothing", list(" (%zu) ", 500 * times, "z@x.org"), to);
    many("header fields", 300, "value %zu", header);
    many("header names", 300, "X-%zu", header_named);
    many("header names among references", 300, "%zu@example.org", referenced_and_named);
    many("references", 300, "<%zu@example.org>", posta_message_reference);
    many("answered", 300, "<%zu@example.org>", posta_message_in_reply_to);
    many("unsubscribe", 300, "https://example.org/%zu", unsubscribe);
    once("an answer", list("<%zu@example.org>\r\n ", 300 * times, ""), answer);
    once("a subject in words", fill("words ", n), posta_message_subject);
    once("a subject in Cyrillic", fill("\xd0\x9f\xd1\x80\xd0\xb8 ", n), posta_message_subject);
    once("a subject of blanks", fill("a  ", n), posta_message_subject);
    once("a header of begins", fill("=? ", n), header);
    once("a name in words", fill("words ", n), key);
    once("a name in quotes", fill("a\"b ", n), key);
    once("a name in Cyrillic", fill("\xd0\x9f\xd1\x80\xd0\xb8 ", n), key);
    once("a text", fill("some text and more\n", n), text);
    once("a text of 8 bit", fill("\xc3\xbc\n", n), text);
    once("a text of one line", fill("word ", n), text);
    once("HTML", fill("<p>some <img src='cid:x'></p>\n", n), html);
    once("HTML of open tags", fill("<img ", n), html);
    once("HTML of cid", fill("cid:", n), html);
    once("HTML of quotes", fill("src='", n), html);
    many("attachments", 1000, "name%zu.txt", attach);
    many("attachments in Cyrillic", 300, "\xd0\x9f\xd1\x80-%zu.txt", attach);
    many("plain attachments", 1000, "text %zu", attach_plain);
    many("pictures", 300, "cid%zu@x", picture);
    many("multiparts", 300, "%zu", multipart);
    once("a long parameter", fill("word ", n), parameter);
    once("a long parameter in Cyrillic", fill("\xd0\x9f\xd1\x80\xd0\xb8 ", n), parameter);
    once("a long description", fill("\xd0\x9f a ", n), description);
}

/* ---- a finished text ---- */

static void raw(const char *row, const char *before, const char *pattern) {
    posta_message *m = NULL;
    size_t n, head = strlen(before);
    char *rest = fill(pattern, 6000 * times), *all, name[100];
    n = strlen(rest);
    all = malloc(head + n + 1);
    memcpy(all, before, head);
    memcpy(all + head, rest, n + 1);
    snprintf(name, sizeof name, "raw, %s", row);
    must(posta_message_new(&port, &m), row);
    must(posta_message_raw(m, posta_body_string(all), POSTA_LINE_ENDS_FIX), row);
    must(posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@x.org"), row);
    must(posta_message_addresses(m, POSTA_ENVELOPE_TO, "b@x.org"), row);
    finish(m, name);
    free(rest);
    free(all);
}

static void all_raw(void) {
    raw("text", "A: b\r\n\r\n", "some text\r\n");
    raw("bare ends", "A: b\r\n\r\n", "a\n\r");
    raw("dots", "A: b\r\n\r\n", ".\r\n");
    raw("fields", "", "X-Y: z\r\n");
    raw("folds", "A: b\r\n", " c\r\n");
}

int main(int argc, char **argv) {
    char *all_of_it = malloc(1u << 30);
    (void)argv;
    if (!all_of_it) return 2;
    for (times = 1; times <= 10; times *= 10) {
        heap = all_of_it;
        heap_left = 1u << 30;
        for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
            stream(&streams[i], 16);
            stream(&streams[i], 4096);
        }
        all_words();
        all_mailboxes();
        all_messages();
        all_raw();
    }
    free(all_of_it);
    return argc > 1;
}
