/* core/mime: what is looked for in octets that pass unencoded: the message's own delimiter lines,
 * and in a raw message the fields that may not be there. Both keep their place over any cut. */
#include "mime_i.h"

static bool is_mark(const posta_message *m, const uint8_t line[POSTA__MARK_LEN]) {
    const posta__part *p;
    if (memcmp(line, "--=_", 4) != 0) return false; /* as all of ours begin */
    for (p = m->multiparts; p; p = p->next_multipart) {
        if (p->boundary && memcmp(line + 2, p->boundary, POSTA__BOUNDARY_LEN) == 0) return true;
    }
    return false;
}

bool posta__watch_step(posta__watch *w, const posta_message *m, posta_span s) {
    while (s.len > 0) {
        const uint8_t *lf = memchr(s.p, '\n', s.len);
        size_t line = lf ? (size_t)(lf - s.p) : s.len;
        size_t n = POSTA__MARK_LEN - (w->n < POSTA__MARK_LEN ? w->n : POSTA__MARK_LEN);
        if (n > line) n = line;
        if (n > 0) memcpy(w->line + w->n, s.p, n);
        w->n += n;
        if (n > 0 && w->n == POSTA__MARK_LEN && is_mark(m, w->line)) return false;
        if (lf) w->n = 0;
        s = posta__span_sub(s, lf ? line + 1 : line, s.len);
    }
    return true;
}

typedef struct field_row {
    const char *name;
    const char *why;
} field_row;

/* Fields that RFC 5322 3.6 and RFC 2045 allow once: with two, readers differ in which one they
   believe. Behaviour C13, C14. */
static const field_row singletons[] = {
    {"from", "has two From fields"},
    {"sender", "has two Sender fields"},
    {"subject", "has two Subject fields"},
    {"date", "has two Date fields"},
    {"message-id", "has two Message-ID fields"},
    {"mime-version", "has two MIME-Version fields"},
    {"content-type", "has two Content-Type fields"},
};

static const char *judge_name(posta__raw_watch *w) {
    posta_span name = {w->name, w->n};
    size_t i;
    if (posta_span_is(name, POSTA_LIT("bcc"))) return "has a Bcc field";
    if (posta_span_is(name, POSTA_LIT("resent-bcc"))) return "has a Resent-Bcc field";
    for (i = 0; i < sizeof singletons / sizeof singletons[0]; i++) {
        uint16_t bit = (uint16_t)(1u << i);
        if (!posta_span_is(name, posta__span_of(singletons[i].name))) continue;
        if (w->seen & bit) return singletons[i].why;
        w->seen |= bit;
    }
    return NULL;
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

/* Between a name and its colon there may be blanks and folds: obsolete (RFC 5322 4.5), but read. */
static const char *watch_octet(posta__raw_watch *w, uint8_t c) {
    if (c == '\r') return NULL;
    if (c == '\n') {
        w->in_body = !w->in_line;
        w->in_line = false;
        return NULL;
    }
    if (!w->in_line && !is_blank(c)) { /* else the field before goes on */
        w->n = 0;
        w->in_value = w->has_gap = false;
    }
    w->in_line = true;
    if (w->in_value) return NULL;
    if (is_blank(c))
        w->has_gap = true;
    else if (c == ':' || w->has_gap || w->n == sizeof w->name)
        w->in_value = true;
    else
        w->name[w->n++] = posta__lower(c);
    return c == ':' ? judge_name(w) : NULL;
}

const char *posta__raw_watch_step(posta__raw_watch *w, posta_span s) {
    size_t i;
    for (i = 0; i < s.len && !w->in_body; i++) {
        const char *why = watch_octet(w, s.p[i]);
        if (why) return why;
        if (s.p[i] < 0x80 && w->utf8.need == 0) continue;
        w->has_utf8 = true;
        if (!posta__utf8_step(&w->utf8, posta__span_sub(s, i, 1)))
            return "has a header field that is not UTF-8";
    }
    return NULL;
}
