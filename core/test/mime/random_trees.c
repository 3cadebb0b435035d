/* random_trees OUTDIR N SEED: composes N random messages. Each becomes OUTDIR/00000.eml, what the
 * composer made, and OUTDIR/00000.json, what a reader must find in it: derived here from what was
 * given, never from what came out. judge.py compares the two with Python's email. The same seed
 * gives the same messages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posta/mime.h"

/* ---- the place: randomness that can be repeated ---- */

static uint64_t seed;

static uint64_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static size_t below(size_t n) {
    return (size_t)((next() >> 11) % n);
}

static bool one_in(size_t n) {
    return below(n) == 0;
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old_len;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static posta_status entropy(void *user, void *out, size_t len) {
    size_t i;
    (void)user;
    for (i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next() >> 24);
    return POSTA_OK;
}

static uint64_t now(void *user) {
    (void)user;
    return 0;
}

static int64_t unix_time(void *user) {
    (void)user;
    return 1764000000;
}

static const posta_port port = {sizeof port, NULL, now, unix_time, entropy, allocate, NULL, NULL};

static void must(posta_status status, const posta_message *m, const char *what) {
    if (!status) return;
    fprintf(stderr, "random_trees: %s: %s: %s\n", what, posta_status_name(status),
            posta_message_problem(m)->text);
    exit(1);
}

/* ---- what messages are made of ---- */

#define TEXT_CAP 12000u

typedef struct bytes {
    uint8_t p[TEXT_CAP];
    size_t len;
} bytes;

static const char *const words[] = {
    "a",
    "report",
    "Quarterly",
    "of",
    "the",
    "=?utf-8?q?x?=",
    "=?",
    "?=",
    "x@y.z",
    "<b>",
    "\"quoted\"",
    "back\\slash",
    "(paren)",
    "semi;colon",
    "comma,",
    "100%",
    "it's",
    "*star*",
    "From",
    ".",
    "..",
    "\xc3\xbc-ber",
    "Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87",
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\x98\x80\xf0\x9f\x8e\x89",
    "\xc2\xa0",
    "e\xcc\x81",
    "averyverylongwordthatgoesonandonandonuntilitisquitelongenoughtoneedalineofitsown",
};
#define WORDS         (sizeof words / sizeof words[0])
#define FIRST_SPECIAL 5u
#define FIRST_WIDE    21u

/* Up to n words; ASCII alone if asked for; now and then more than one space between two. */
static void make_words(char *out, size_t cap, size_t n, bool wide) {
    size_t i, len = 0;
    out[0] = 0;
    for (i = 0; i < n; i++) {
        const char *w = words[below(wide ? WORDS : FIRST_WIDE)];
        if (one_in(2)) w = words[below(FIRST_SPECIAL)];
        if (len + strlen(w) + 4 > cap) return;
        if (i > 0) len += (size_t)sprintf(out + len, one_in(9) ? "  " : " ");
        len += (size_t)sprintf(out + len, "%s", w);
    }
}

static void make_text(bytes *b, bool wide) {
    static const char *const ends[] = {"\n", "\r\n", "\r", " \n", "\t\r\n", "\n\n", "\r\r\n"};
    size_t lines = one_in(6) ? 0 : below(30), i;
    b->len = 0;
    for (i = 0; i < lines; i++) {
        char line[1600];
        make_words(line, one_in(8) ? sizeof line : 200, below(one_in(10) ? 200 : 12), wide);
        if (b->len + strlen(line) + 8 > TEXT_CAP) return;
        b->len += (size_t)sprintf((char *)b->p + b->len, "%s%s", line,
                                  i + 1 == lines && one_in(2) ? "" : ends[below(7)]);
    }
}

static void make_octets(bytes *b) {
    size_t n = one_in(8) ? 0 : below(one_in(4) ? TEXT_CAP : 300), i;
    for (i = 0; i < n; i++)
        b->p[i] = (uint8_t)(next() >> 30);
    b->len = n;
    if (one_in(3)) make_text(b, one_in(2));
}

/* ---- the expectation ---- */

static void put_string(FILE *f, const char *s) {
    putc('"', f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20)
            fprintf(f, "\\u%04x", c);
        else
            putc(c, f);
    }
    putc('"', f);
}

static void put_key(FILE *f, const char *key, const char *value) {
    fprintf(f, ", \"%s\": ", key);
    if (value)
        put_string(f, value);
    else
        fputs("null", f);
}

/* As text arrives: each CR, LF, CRLF is CRLF. */
static void put_hex(FILE *f, const bytes *b, bool is_text) {
    size_t i;
    fputs(", \"octets\": \"", f);
    for (i = 0; i < b->len; i++) {
        uint8_t c = b->p[i];
        if (is_text && c == '\r' && i + 1 < b->len && b->p[i + 1] == '\n') continue;
        if (is_text && (c == '\r' || c == '\n'))
            fputs("0d0a", f);
        else
            fprintf(f, "%02x", c);
    }
    putc('"', f);
}

/* ---- bodies: the same octets by four ways ---- */

typedef struct reading {
    const bytes *b;
    size_t at;
} reading;

typedef struct feeding {
    reading slots[16];
    size_t n;
} feeding;

static posta_status pull_reading(void *user, posta_window *out) {
    reading *r = user;
    size_t n = r->b->len - r->at, room = out->cap - out->len;
    if (n > room) n = room;
    if (n > 1 && one_in(2)) n = 1 + below(n);
    if (n > 0) memcpy(out->p + out->len, r->b->p + r->at, n);
    out->len += n;
    r->at += n;
    return r->at == r->b->len ? POSTA_END : POSTA_OK;
}

static posta_status rewind_reading(void *user) {
    ((reading *)user)->at = 0;
    return POSTA_OK;
}

static posta_body make_body(const bytes *b, feeding *f, reading *r) {
    posta_source s = {r, pull_reading, rewind_reading, NULL, b->len};
    size_t way = below(5);
    *r = (reading){b, 0};
    if (way == 0 && f->n < 16) {
        f->slots[f->n++] = (reading){b, 0};
        return posta_body_slot(one_in(2) ? b->len : POSTA_LEN_UNKNOWN);
    }
    if (way == 1) s.rewind = NULL;
    if (way <= 2 && one_in(2)) s.len = POSTA_LEN_UNKNOWN;
    return way <= 2 ? posta_body_source(s) : posta_body_data(b->p, b->len);
}

/* ---- addresses ---- */

static const char *const locals[] = {"ana",     "bob.b",  "\"odd one\"", "x+tag",
                                     "\"a@b\"", "o'neil", "a-b_c"};
static const char *const domains[] = {"example.org", "mail.example.com", "x.co", "[192.0.2.1]"};

typedef struct put_address {
    posta_message *m;
    posta_address_field field;
    FILE *f;
    size_t n;
} put_address;

static void add_mailbox(put_address *a, bool as_list) {
    char name[200] = "", local[64], address[120], list[400];
    if (!one_in(3)) make_words(name, sizeof name, 1 + below(6), one_in(2));
    if (as_list) name[0] = 0;
    snprintf(local, sizeof local, "%s", locals[below(7)]);
    snprintf(address, sizeof address, "%s@%s", local, domains[below(4)]);
    fprintf(a->f, "%s[null, ", a->n++ ? ", " : "");
    put_string(a->f, name);
    fputs(", ", a->f);
    put_string(a->f, address);
    fputs("]", a->f);
    if (as_list) {
        snprintf(list, sizeof list, " (a comment) <%s> ", address);
        must(posta_message_addresses(a->m, a->field, list), a->m, list);
    } else
        must(posta_message_mailbox(a->m, a->field, name[0] ? name : NULL, address), a->m, name);
}

static void add_group(put_address *a) {
    static const char *const members[] = {"", "a@example.org", "a@example.org, B <b@example.org>"};
    size_t n = below(3);
    char list[200];
    snprintf(list, sizeof list, "A team: %s;", members[n]);
    must(posta_message_addresses(a->m, a->field, list), a->m, list);
    fprintf(a->f, "%s[\"A team\", null, null]", a->n++ ? ", " : "");
    if (n > 0) fputs(", [\"A team\", \"\", \"a@example.org\"]", a->f);
    if (n > 1) fputs(", [\"A team\", \"B\", \"b@example.org\"]", a->f);
}

static void add_addresses(posta_message *m, FILE *f, posta_address_field field, const char *key,
                          size_t n) {
    put_address a = {m, field, f, 0};
    bool many = field == POSTA_TO || field == POSTA_CC || field == POSTA_REPLY_TO;
    fprintf(f, ", \"%s\": [", key);
    while (n-- > 0) {
        if (many && n > 0 && one_in(6))
            add_group(&a);
        else
            add_mailbox(&a, one_in(4));
    }
    fputs("]", f);
}

/* ---- parts ---- */

typedef struct part {
    bytes b;
    reading r;
    char name[300], description[300], header[300], cid[80];
    const char *type, *charset, *disposition;
    bool is_text, has_description, has_header;
} part;

typedef struct row {
    const char *name, *type;
} row;

static const row names[] = {
    {"report.pdf", "application/pdf"},
    {"a b.TXT", "text/plain"},
    {"data.csv", "text/csv"},
    {"no-extension", "application/octet-stream"},
    {"quote\"in it.png", "image/png"},
    {"semi;colon='x'.zip", "application/zip"},
    {"100%*star.json", "application/json"},
    {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 g\xc4\x99\xc5\x9bl\xc4\x85.html", "text/html"},
    {("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c"
      "\xac"
      "\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.docx"),
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"\xf0\x9f\x98\x80.gif", "image/gif"},
    {"a-name-of-an-attachment-that-is-so-long-that-it-does-not-fit-into-any-single-line-of-a-"
     "header.xml",
     "application/xml"},
    {"mail.eml", "application/octet-stream"},
};

static const char *take_name(part *p, const posta_part_options *o) {
    const row *r = &names[below(12)];
    snprintf(p->name, sizeof p->name, "%s%s", one_in(5) ? "C:\\folder\\" : "", r->name);
    if (!o->type) p->type = r->type;
    return r->name;
}

static void put_part(FILE *f, const part *p, const char *name) {
    fprintf(f, "{\"type\": \"%s\"", p->type);
    put_key(f, "name", name);
    put_key(f, "charset", p->charset);
    put_key(f, "disposition", p->disposition);
    put_key(f, "cid", p->cid[0] ? p->cid : NULL);
    put_key(f, "description", p->has_description ? p->description : NULL);
    put_key(f, "header", p->has_header ? p->header : NULL);
    fprintf(f, ", \"is_text\": %s", p->is_text ? "true" : "false");
    put_hex(f, &p->b, p->is_text);
    fputs("}", f);
}

typedef posta_status (*setter)(posta_message *m, posta_body body, const posta_part_options *o);

/* Sets one part and says into `f` what must be found. */
static void add_part(posta_message *m, setter set, feeding *feed, FILE *f, part *p, size_t index) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field header = {"X-Part", p->header};
    const char *name = NULL;
    posta_body body;
    bool is_seen, is_inline = set == posta_message_inline,
                  is_body = set == posta_message_text || set == posta_message_html;
    memset(p, 0, sizeof *p);
    p->is_text = is_body;
    p->type = set == posta_message_text   ? "text/plain"
              : set == posta_message_html ? "text/html"
                                          : "application/octet-stream";
    if (is_body)
        make_text(&p->b, one_in(2));
    else
        make_octets(&p->b);
    if (!is_body && one_in(5)) p->type = o.type = "x-test/x-octets";
    if (!is_body && !one_in(5)) name = take_name(p, &o);
    if (name) o.name = p->name;
    /* an attachment that cannot be looked at first is labelled with none */
    if (strncmp(p->type, "text/", 5) == 0) p->charset = is_body ? "utf-8" : "as seen";
    if (p->charset && one_in(6)) p->charset = o.charset = "iso-8859-2";
    if (is_inline) snprintf(p->cid, sizeof p->cid, "part%zu@example.org", index);
    if (is_inline) o.content_id = p->cid;
    p->disposition = is_body ? NULL : is_inline ? "inline" : "attachment";
    if (!is_body && one_in(6)) p->disposition = o.disposition = is_inline ? "attachment" : "inline";
    p->has_description = one_in(4);
    make_words(p->description, sizeof p->description, 1 + below(9), one_in(2));
    if (p->has_description) o.description = p->description;
    p->has_header = one_in(5);
    make_words(p->header, sizeof p->header, 1 + below(9), one_in(2));
    if (p->has_header) o.headers = &header;
    if (p->has_header) o.headers_n = 1;
    if (one_in(4)) o.encoding = one_in(2) ? POSTA_ENCODING_BASE64 : POSTA_ENCODING_QUOTED_PRINTABLE;
    body = make_body(&p->b, feed, &p->r);
    is_seen = body.kind == POSTA_BODY_DATA || body.source.rewind;
    if (!is_body && p->charset && !o.charset && !is_seen) p->charset = NULL;
    must(set(m, body, &o), m, "part");
    put_part(f, p, name);
}

/* ---- the tree: as behaviour H18 and mime.h tell it ---- */

typedef struct made {
    part text, html, inlines[4], attachments[5];
    feeding feed;
} made;

static void add_html(posta_message *m, FILE *f, made *x, size_t inlines) {
    size_t i;
    if (inlines > 0) fputs("{\"type\": \"multipart/related\", \"parts\": [", f);
    add_part(m, posta_message_html, &x->feed, f, &x->html, 0);
    for (i = 0; i < inlines; i++) {
        fputs(", ", f);
        add_part(m, posta_message_inline, &x->feed, f, &x->inlines[i], i);
    }
    if (inlines > 0) fputs("]}", f);
}

static void add_content(posta_message *m, FILE *f, made *x, bool text, bool html) {
    size_t inlines = html && one_in(2) ? below(4) : 0;
    if (text && html) fputs("{\"type\": \"multipart/alternative\", \"parts\": [", f);
    if (text) add_part(m, posta_message_text, &x->feed, f, &x->text, 0);
    if (text && html) fputs(", ", f);
    if (html) add_html(m, f, x, inlines);
    if (text && html) fputs("]}", f);
}

static void add_tree(posta_message *m, FILE *f, made *x) {
    bool text = !one_in(4), html = one_in(2), content = text || html;
    size_t n = one_in(2) ? below(5) : 0, i;
    bool mixed = n + content > 1;
    fputs(", \"tree\": ", f);
    if (mixed) fputs("{\"type\": \"multipart/mixed\", \"parts\": [", f);
    if (content) add_content(m, f, x, text, html);
    for (i = 0; i < n; i++) {
        if (content || i > 0) fputs(", ", f);
        add_part(m, posta_message_attach, &x->feed, f, &x->attachments[i], i);
    }
    if (mixed) fputs("]}", f);
    if (!content && n == 0) {
        part empty = {.type = "text/plain", .charset = "utf-8", .is_text = true};
        put_part(f, &empty, NULL);
    }
}

static void add_header(posta_message *m, FILE *f) {
    size_t n = below(3), i;
    char text[900];
    if (!one_in(5)) {
        make_words(text, one_in(4) ? sizeof text : 120, below(40), one_in(2));
        must(posta_message_subject(m, text), m, text);
        put_key(f, "subject", text);
    }
    fputs(", \"headers\": [", f);
    for (i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "X-Test-%zu", i);
        make_words(text, 400, below(20), one_in(2));
        must(posta_message_header(m, name, text), m, text);
        fprintf(f, "%s[\"%s\", ", i > 0 ? ", " : "", name);
        put_string(f, text);
        fputs("]", f);
    }
    fputs("]", f);
}

/* ---- writing ---- */

static void write_eml(posta_message *m, const char *path, bool may_8bit, feeding *feed) {
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    posta_source s;
    posta_status status;
    uint64_t total = 0;
    FILE *f = fopen(path, "wb");
    if (!f) exit(2);
    o.may_8bit = may_8bit;
    must(posta_message_compose(m, &o, &s, NULL), m, path);
    do {
        uint8_t space[512];
        posta_window w = {space, 1 + below(sizeof space), 0, 0};
        status = s.pull(s.user, &w);
        fwrite(space, 1, w.len, f);
        total += w.len;
        if (status == POSTA_AGAIN) {
            size_t slot = posta_message_wanted(m);
            reading *r = &feed->slots[slot];
            size_t left = r->b->len - r->at, n = left > 0 ? 1 + below(left) : 0;
            if (n > 0)
                posta_message_feed(m, slot, r->b->p + r->at, n);
            else
                posta_message_finish(m, slot);
            r->at += n;
        }
    } while (status == POSTA_OK || status == POSTA_AGAIN);
    if (status != POSTA_END) must(status, m, path);
    if (s.len != POSTA_LEN_UNKNOWN && s.len != total) {
        fprintf(stderr, "random_trees: %s: length told wrongly\n", path);
        exit(1);
    }
    fclose(f);
}

static void make_one(const char *dir, size_t i) {
    static made x;
    char path[1000];
    posta_message *m = NULL;
    bool may_8bit = one_in(3);
    FILE *f;
    snprintf(path, sizeof path, "%s/%05zu.json", dir, i);
    f = fopen(path, "w");
    if (!f) exit(2);
    memset(&x, 0, sizeof x);
    must(posta_message_new(&port, &m), m, "new");
    fprintf(f, "{\"may_8bit\": %s", may_8bit ? "true" : "false");
    add_addresses(m, f, POSTA_FROM, "from", one_in(4) ? 2 : 1);
    add_addresses(m, f, POSTA_SENDER, "sender", one_in(4));
    add_addresses(m, f, POSTA_REPLY_TO, "reply-to", one_in(3) ? 1 + below(2) : 0);
    add_addresses(m, f, POSTA_TO, "to", below(7));
    add_addresses(m, f, POSTA_CC, "cc", one_in(3) ? below(3) : 0);
    must(posta_message_mailbox(m, POSTA_BCC, "Hidden", "hidden@secret.example"), m, "bcc");
    add_header(m, f);
    add_tree(m, f, &x);
    fputs("}\n", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/%05zu.eml", dir, i);
    write_eml(m, path, may_8bit, &x.feed);
    posta_message_free(&m);
}

int main(int argc, char **argv) {
    size_t n, i;
    if (argc != 4) {
        fprintf(stderr, "usage: random_trees OUTDIR N SEED\n");
        return 2;
    }
    n = (size_t)strtoul(argv[2], NULL, 10);
    seed = strtoull(argv[3], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (i = 0; i < 20; i++)
        next();
    for (i = 0; i < n; i++)
        make_one(argv[1], i);
    return 0;
}
