/* Fuzz: messages built by a program of setters in any order: by intention and by hand, enclosed,
 * typed, finished texts; bodies from memory, sources and slots. What is composed must be CRLF lines
 * of at most 998 octets with the announced length, 7-bit unless more was allowed, the same at every
 * window size; looking at it (check, size) must not change it.
 */
#include "base_i.h"
#include "posta/mime.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t now_ms(void *user) {
    return (void)user, 0;
}
static int64_t unix_time(void *user) {
    return (void)user, 1795539600;
}

/* Different each time, and the same for each input. */
static uint8_t drawn;

static posta_status entropy(void *user, void *out, size_t len) {
    (void)user;
    memset(out, ++drawn, len);
    return POSTA_OK;
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old_len;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static const posta_port port = {.size = sizeof port,
                                .now_ms = now_ms,
                                .unix_time = unix_time,
                                .entropy = entropy,
                                .allocate = allocate};

static void law(bool holds) {
    if (!holds) abort();
}

/* ---- the input: octets, numbers, strings ---- */

#define STRING 512

typedef struct input {
    const uint8_t *p, *end;
} input;

static unsigned number(input *in, unsigned below) {
    return in->p < in->end ? *in->p++ % below : 0;
}

/* Up to a 0xff, as a C string. */
static const char *string(input *in, char store[STRING]) {
    size_t n = 0;
    while (in->p < in->end && *in->p != 0xff && n < STRING - 1)
        store[n++] = (char)*in->p++;
    if (in->p < in->end && *in->p == 0xff) in->p++;
    store[n] = 0;
    return store;
}

/* ---- what is built ---- */

#define PARTS   8
#define SOURCES 16
#define MAILS   3

typedef struct feed {
    posta_span all;
    size_t at;
    unsigned piece;
} feed;

/* mails[0] is composed; the others may be enclosed. */
typedef struct built {
    posta_message *mails[MAILS];
    size_t which;
    posta_part *parts[PARTS];
    feed feeds[SOURCES];
    size_t feeds_n;
    feed *slots[MAILS][SOURCES];
    size_t slots_n[MAILS];
    uint8_t room[1 << 14];
    size_t room_n;
    bool has_raw;
} built;

static posta_status pull_feed(void *user, posta_window *out) {
    feed *f = user;
    size_t n = f->all.len - f->at, room = out->cap - out->len;
    if (n > f->piece) n = f->piece;
    if (n > room) n = room;
    memcpy(out->p + out->len, f->all.p + f->at, n);
    out->len += n;
    f->at += n;
    return f->at == f->all.len ? POSTA_END : POSTA_OK;
}

static posta_status rewind_feed(void *user) {
    ((feed *)user)->at = 0;
    return POSTA_OK;
}

/* Octets of the input, some of them again and again, so that lines may become long. */
static posta_span octets(built *b, input *in) {
    size_t n = number(in, 128);
    size_t times = 1 + number(in, 64), begin = b->room_n;
    if (n > (size_t)(in->end - in->p)) n = (size_t)(in->end - in->p);
    for (; times > 0 && sizeof b->room - b->room_n >= n; times--) {
        memcpy(b->room + b->room_n, in->p, n);
        b->room_n += n;
    }
    in->p += n;
    return posta__span(b->room + begin, b->room_n - begin);
}

static posta_body body(built *b, input *in) {
    unsigned how = number(in, 8);
    posta_span all = octets(b, in);
    feed *f;
    posta_source s;
    if (how < 4 || b->feeds_n == SOURCES) return posta_body_data(all.p, all.len);
    f = &b->feeds[b->feeds_n++];
    *f = (feed){all, 0, 1 + (unsigned)all.len / 3};
    if (how == 4) {
        b->slots[b->which][b->slots_n[b->which]++] = f;
        return posta_body_slot(POSTA_LEN_UNKNOWN);
    }
    s = (posta_source){f, pull_feed, how == 5 ? NULL : rewind_feed, NULL,
                       how == 6 ? POSTA_LEN_UNKNOWN : all.len};
    return posta_body_source(s);
}

typedef struct told {
    char name[STRING], type[STRING], charset[STRING], text[STRING], id[STRING];
    posta_field field;
} told;

static posta_part_options options(input *in, told *t) {
    posta_part_options o = POSTA_PART_OPTIONS;
    unsigned bits = number(in, 256);
    t->field = (posta_field){"X-Name", t->text};
    if (bits & 1) o.name = string(in, t->name);
    if (bits & 2) o.type = string(in, t->type);
    if (bits & 4) o.charset = string(in, t->charset);
    if (bits & 8) o.content_id = string(in, t->id);
    if (bits & 112) string(in, t->text);
    if (bits & 16) o.description = t->text;
    if (bits & 32) o.headers = &t->field, o.headers_n = 1;
    if (bits & 64) o.parameters = &t->field, o.parameters_n = 1;
    if (bits & 128) o.encoding = (posta_encoding)number(in, 6);
    if (bits & 128) o.disposition = number(in, 2) ? "inline" : "attachment";
    return o;
}

static void set_fields(posta_message *m, input *in) {
    char s[STRING], t[STRING];
    unsigned what = number(in, 14), which = number(in, 9);
    string(in, s);
    string(in, t);
    switch (what) {
    case 0: posta_message_addresses(m, (posta_address_field)which, s); break;
    case 1: posta_message_mailbox(m, (posta_address_field)which, s, t); break;
    case 2: posta_message_subject(m, s); break;
    case 3: posta_message_header(m, s, t); break;
    case 4: posta_message_id(m, s); break;
    case 5: posta_message_date_text(m, s); break;
    case 6: posta_message_in_reply_to(m, s); break;
    case 7: posta_message_answer(m, s, t); break;
    case 8: posta_message_list(m, (posta_list_field)(which % 7), s); break;
    case 9: posta_message_one_click(m); break;
    case 10: posta_message_auto_submitted(m, s); break;
    case 11: posta_message_priority(m, (posta_priority)(which % 3)); break;
    case 12: posta_message_idempotency_key(m, s); break;
    default: posta_message_label(m, s); break;
    }
}

static void set_part(built *b, posta_message *m, input *in) {
    told t;
    char method[STRING];
    unsigned what = number(in, 8);
    posta_part_options o = options(in, &t);
    posta_part **part = &b->parts[number(in, PARTS)];
    posta_body octets_of;
    if (what == 5)
        posta_message_multipart(m, &o, part);
    else if (what == 6)
        posta_message_enclose(m, b->mails[1 + number(in, MAILS - 1)], &o, part);
    if (what == 5 || what == 6) return;
    octets_of = body(b, in);
    switch (what) {
    case 0: posta_message_text(m, octets_of, &o); break;
    case 1: posta_message_html(m, octets_of, &o); break;
    case 2: posta_message_inline(m, octets_of, &o); break;
    case 3: posta_message_attach(m, octets_of, &o); break;
    case 4: posta_message_calendar(m, octets_of, string(in, method), &o); break;
    default: posta_message_leaf(m, octets_of, &o, part); break;
    }
}

static void hang_part(built *b, posta_message *m, input *in) {
    posta_part *p = b->parts[number(in, PARTS)];
    posta_part *q = b->parts[number(in, PARTS)];
    switch (number(in, 4)) {
    case 0: posta_message_tree(m, p); break;
    case 1: posta_message_attach_part(m, p); break;
    default: posta_part_add(p, q); break;
    }
}

static void build(built *b, input *in) {
    while (in->p < in->end) {
        posta_message *m = b->mails[b->which];
        switch (number(in, 7)) {
        case 0:
        case 1: set_fields(m, in); break;
        case 2: b->which = number(in, MAILS); break;
        case 3:
        case 4: hang_part(b, m, in); break;
        default: set_part(b, m, in); break;
        }
    }
}

/* A finished text; with fields besides it would be refused. */
static void build_raw(built *b, input *in) {
    posta_message *m = b->mails[0];
    posta_line_ends ends = (posta_line_ends)number(in, 2);
    b->has_raw = true;
    posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@x.test");
    posta_message_addresses(m, POSTA_ENVELOPE_TO, "b@x.test");
    posta_message_raw(m, body(b, in), ends);
    set_fields(m, in);
}

/* ---- reading it ---- */

static void feed_slots(built *b) {
    for (size_t i = 0; i < MAILS; i++) {
        size_t slot = posta_message_wanted(b->mails[i]);
        feed *f;
        if (slot == POSTA_NO_SLOT) continue;
        law(slot < b->slots_n[i]);
        f = b->slots[i][slot];
        if (f->at < f->all.len)
            posta_message_feed(b->mails[i], slot, f->all.p, f->all.len);
        else
            posta_message_finish(b->mails[i], slot);
        f->at = f->all.len;
        return;
    }
    law(false);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), len = strlen(end);
    return n >= len && strcmp(s + n - len, end) == 0;
}

/* Bodies here are what they say, so nothing of this may be said of them. Values stand in front. */
static void check_problem(const posta_problem *p) {
    law(memchr(p->text, 0, sizeof p->text) != NULL);
    law(!ends_with(p->text, ": changed while it was read"));
    law(!ends_with(p->text, ": was measured wrongly"));
    law(!ends_with(p->text, " octets it promised"));
}

static size_t read_all(built *b, const posta_compose_options *o, uint8_t *out, size_t cap,
                       size_t step, posta_source *s) {
    size_t n = 0;
    posta_status status = posta_message_compose(b->mails[0], o, s, NULL);
    while (status == POSTA_OK) {
        uint8_t piece[256];
        posta_window w = posta__window(piece, step);
        status = s->pull(s->user, &w);
        law(n + w.len <= cap);
        memcpy(out + n, piece, w.len);
        n += w.len;
        if (status != POSTA_AGAIN) continue;
        feed_slots(b);
        status = POSTA_OK;
    }
    check_problem(posta_message_problem(b->mails[0]));
    return status == POSTA_END ? n : SIZE_MAX;
}

static void check_lines(const uint8_t *p, size_t n, bool may_8bit) {
    size_t column = 0;
    for (size_t i = 0; i < n; i++) {
        law(p[i] != 0 && (may_8bit || p[i] < 0x80));
        law(p[i] != '\r' || (i + 1 < n && p[i + 1] == '\n'));
        law(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
        column = p[i] == '\n' ? 0 : column + 1;
        law(column <= 999); /* 998 and the CR */
    }
    law(n == 0 || p[n - 1] == '\n');
}

static void look(built *b) {
    posta_finding found[4];
    posta_envelope e;
    size_t n = 0;
    posta_message_check(b->mails[0], NULL, found, 4, &n);
    for (size_t i = 0; i < n && i < 4; i++)
        law(memchr(found[i].text, 0, sizeof found[i].text) && found[i].code);
    posta_message_envelope(b->mails[0], &e);
}

/* A source or slot that was read is gone; then there is one reading alone. */
static void read_twice(built *b, const posta_compose_options *o, size_t step) {
    static uint8_t one[1 << 17], two[1 << 17];
    posta_source s;
    size_t n = read_all(b, o, one, sizeof one, 256, &s);
    uint64_t size;
    if (n == SIZE_MAX) return;
    law(s.len == POSTA_LEN_UNKNOWN || s.len == n);
    if (!o->may_binary) check_lines(one, n, o->may_8bit || b->has_raw);
    if (!s.rewind) return;
    law(posta_message_size(b->mails[0], o, &size) == POSTA_OK);
    law(size == s.len);
    look(b);
    law(read_all(b, o, two, sizeof two, step, &s) == n);
    law(memcmp(one, two, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static built b;
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    input in = {data, data + len};
    size_t step = 8 + number(&in, 64);
    unsigned how = number(&in, 4);
    memset(&b, 0, sizeof b);
    drawn = 0;
    bool is_raw = number(&in, 8) == 7;
    o.may_8bit = how > 0;
    o.may_binary = how > 2;
    o.may_utf8 = how == 2;
    for (size_t i = 0; i < MAILS; i++) {
        law(posta_message_new(&port, &b.mails[i]) == POSTA_OK);
        if (!is_raw) posta_message_addresses(b.mails[i], POSTA_FROM, "a@x.test");
    }
    if (!is_raw) posta_message_addresses(b.mails[0], POSTA_BCC, "b@x.test");
    if (is_raw)
        build_raw(&b, &in);
    else
        build(&b, &in);
    if (how & 1) look(&b);
    read_twice(&b, &o, step);
    for (size_t i = 0; i < MAILS; i++)
        posta_message_free(&b.mails[i]);
    return 0;
}
