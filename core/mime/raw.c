/* core/mime: a finished RFC 5322 text. It goes through the line filter and the header watch, once
 * without output before composing ends where it can be read twice, and again when it is pulled. */
#include "mime_i.h"

#define CHECK_SPACE 256u /* on the stack */

static posta_status refuse(posta_message *m, const posta__part *p, const char *why, size_t at) {
    posta__blame b = {p->label, {NULL, 0}, why, at};
    return posta__blame_it(m, POSTA_E_FIELD, b);
}

static size_t clamp(uint64_t n) {
    return n < POSTA__NOWHERE ? (size_t)n : POSTA__NOWHERE;
}

typedef struct checking {
    posta__lines lines;
    posta__raw_watch watch;
    uint64_t out_len;
    bool has_8bit;
} checking;

static const char not_ascii[] =
    "has a header that is not ASCII, and the server does not offer SMTPUTF8";

/* One piece through the filter; `in` null: the end. */
static posta_status check_piece(posta_message *m, const posta__part *p, checking *c,
                                posta_span *in) {
    uint8_t space[CHECK_SPACE];
    posta_status status;
    do {
        posta_window w = posta__window(space, sizeof space);
        const char *why;
        status = in ? posta__lines_step(&c->lines, in, &w) : posta__lines_end(&c->lines, &w);
        why = posta__raw_watch_step(&c->watch, posta__span(w.p, w.len));
        if (why) return refuse(m, p, why, POSTA__NOWHERE);
        if (!posta__is_ascii(posta__span(w.p, w.len))) c->has_8bit = true;
        posta__add(c->out_len, w.len, &c->out_len);
    } while (status == POSTA_AGAIN);
    if (status) return refuse(m, p, posta__lines_text(c->lines.why), clamp(c->lines.taken));
    return POSTA_OK;
}

static posta_status check_all(posta_message *m, posta__part *p) {
    checking c;
    posta__input in;
    posta_status status;
    memset(&c, 0, sizeof c);
    posta__lines_init(&c.lines, m->line_ends == POSTA_LINE_ENDS_REJECT ? POSTA__LINES_REJECT : 0);
    c.lines.kernels = m->port->kernels;
    posta__input_init(&in, p);
    while ((status = posta__input_fill(m, &in)) == POSTA_OK) {
        status = check_piece(m, p, &c, &in.in);
        if (status) return status;
    }
    if (status == POSTA_AGAIN) return POSTA_OK;
    if (status != POSTA_END) return status;
    status = check_piece(m, p, &c, NULL);
    if (status) return status;
    p->out_len = c.out_len;
    p->has_8bit = c.has_8bit;
    p->has_utf8 = c.watch.has_utf8;
    p->is_scanned = true;
    p->scan.octets = in.got;
    return POSTA_OK;
}

/* Row G07. */
static posta_status judge_header(posta_message *m, const posta__part *p) {
    posta__blame b = {p->label, {NULL, 0}, not_ascii, POSTA__NOWHERE};
    if (!p->has_utf8) return POSTA_OK;
    if (!m->program.may_utf8) return posta__blame_it(m, POSTA_E_EXTENSION, b);
    m->program.has_utf8 = true;
    return POSTA_OK;
}

posta_status posta__raw_check(posta_message *m, posta__part *p) {
    bool can_read_twice = p->body.kind == POSTA_BODY_DATA ||
                          (p->body.kind == POSTA_BODY_SOURCE && p->body.source.rewind);
    posta_status status;
    if (p->is_scanned) return judge_header(m, p);
    p->has_8bit = true; /* as far as anybody knows */
    p->out_len = POSTA_LEN_UNKNOWN;
    if (!can_read_twice) return POSTA_OK;
    status = check_all(m, p);
    if (!status) status = posta__part_rewind(m, p);
    return status ? status : judge_header(m, p);
}
