/* core/codec: line ends and dots, one state machine, so that neither can undo the other: what the
 * dot rule sees as a line start is exactly what went out as one. Contracts in codec_i.h.
 *
 * A CR waits until the next octet tells whether it is half of a CRLF. */
#include "codec_i.h"

void posta__lines_init(posta__lines *l, unsigned flags) {
    *l = (posta__lines){0};
    l->flags = (uint8_t)flags;
}

const char *posta__lines_text(posta__lines_why why) {
    switch (why) {
    case POSTA__LINES_NUL: return "has a NUL octet";
    case POSTA__LINES_LONG: return "has a line over 998 octets";
    case POSTA__LINES_BARE: return "has a CR without LF or an LF without CR";
    case POSTA__LINES_FINE: break;
    }
    return "is fine";
}

static posta_status refuse(posta__lines *l, posta__lines_why why) {
    l->why = why;
    return POSTA_E_FIELD;
}

static void skip(posta__lines *l, posta_span *in, size_t n) {
    *in = posta__span(in->p + n, in->len - n);
    l->taken += n;
}

static bool end_line(posta__lines *l, posta_window *out) {
    if (posta__room(out) < 2) return false;
    out->p[out->len] = '\r';
    out->p[out->len + 1] = '\n';
    out->len += 2;
    l->after_cr = false;
    l->in_line = false;
    l->column = 0;
    return true;
}

/* Decides about a CR, now that the octet behind it is known. */
static posta_status settle_cr(posta__lines *l, posta_span *in, posta_window *out) {
    bool is_crlf = *in->p == '\n';
    if (!is_crlf && (l->flags & POSTA__LINES_REJECT)) return refuse(l, POSTA__LINES_BARE);
    if (!end_line(l, out)) return POSTA_AGAIN;
    if (is_crlf) skip(l, in, 1);
    return POSTA_OK;
}

/* Octets of `in` that can be copied as they are: up to a CR, LF or NUL, within `cap`. Each search
   is bounded by what the one before it found, and the first by `cap`: linear for any text. */
static size_t run_len(const posta__lines *l, posta_span in, size_t cap) {
    size_t len = in.len < cap ? in.len : cap;
    if (len == 0) return 0;
    const uint8_t *stop = memchr(in.p, '\n', len);
    if (stop) len = (size_t)(stop - in.p);
    stop = len > 0 ? memchr(in.p, '\r', len) : NULL;
    if (stop) len = (size_t)(stop - in.p);
    if (l->flags & POSTA__LINES_ANY_NUL) return len;
    stop = len > 0 ? memchr(in.p, 0, len) : NULL;
    return stop ? (size_t)(stop - in.p) : len;
}

static void copy_run(posta__lines *l, posta_span *in, posta_window *out, size_t len) {
    memcpy(out->p + out->len, in->p, len);
    out->len += len;
    l->in_line = true;
    l->column = (uint16_t)(l->column + len > POSTA_MAX_LINE ? POSTA_MAX_LINE + 1 : l->column + len);
    skip(l, in, len);
}

/* Takes the next run of a line, or says why not. `in` is not empty and begins with neither CR nor
 * LF. */
static posta_status take_run(posta__lines *l, posta_span *in, posta_window *out) {
    size_t cap = 1024; /* keeps the searches of run_len short */
    bool stuffs = !l->in_line && *in->p == '.' && (l->flags & POSTA__LINES_STUFF);
    if (*in->p == 0 && !(l->flags & POSTA__LINES_ANY_NUL)) return refuse(l, POSTA__LINES_NUL);
    if (!(l->flags & POSTA__LINES_ANY_LEN)) {
        if (l->column >= POSTA_MAX_LINE) return refuse(l, POSTA__LINES_LONG);
        cap = POSTA_MAX_LINE - l->column;
    }
    if (posta__room(out) < (stuffs ? 2u : 1u)) return POSTA_AGAIN;
    if (stuffs) out->p[out->len++] = '.';
    if (cap > posta__room(out)) cap = posta__room(out);
    copy_run(l, in, out, run_len(l, *in, cap));
    return POSTA_OK;
}

/* Takes whole lines while they fit: what most text is made of. `l` stands at the begin of a line.
 */
static void take_lines(posta__lines *l, posta_span *in, posta_window *out) {
    size_t before = in->len;
    posta__kernels(l->kernels)->text_lines(in, l->flags, out);
    l->taken += before - in->len;
}

posta_status posta__lines_step(posta__lines *l, posta_span *in, posta_window *out) {
    if (l->why != POSTA__LINES_FINE) return POSTA_E_FIELD;
    while (in->len > 0) {
        posta_status status = POSTA_OK;
        if (!l->after_cr && !l->in_line) {
            take_lines(l, in, out);
            if (in->len == 0) break;
        }
        if (l->after_cr) {
            status = settle_cr(l, in, out);
        } else if (*in->p == '\r') {
            l->after_cr = true;
            skip(l, in, 1);
        } else if (*in->p == '\n') {
            if (l->flags & POSTA__LINES_REJECT) return refuse(l, POSTA__LINES_BARE);
            if (!end_line(l, out)) return POSTA_AGAIN;
            skip(l, in, 1);
        } else {
            status = take_run(l, in, out);
        }
        if (status != POSTA_OK) return status;
    }
    return POSTA_OK;
}

bool posta__lines_pass(posta__lines *l, posta_span s, bool *has_high_out) {
    size_t column = l->column;
    bool is_stuffed = !l->in_line && s.len > 0 && *s.p == '.';
    *has_high_out = false;
    if (l->why != POSTA__LINES_FINE || l->after_cr || is_stuffed) return false;
    if (s.len == 0) return true;
    if (!posta__kernels(l->kernels)->is_filtered(s.p, s.len, &column, has_high_out)) return false;
    l->column = (uint16_t)column;
    l->in_line = column > 0;
    l->taken += s.len;
    return true;
}

posta_status posta__lines_end(posta__lines *l, posta_window *out) {
    if (l->why != POSTA__LINES_FINE) return POSTA_E_FIELD;
    if (l->after_cr && (l->flags & POSTA__LINES_REJECT)) return refuse(l, POSTA__LINES_BARE);
    if (!l->after_cr && !l->in_line) return POSTA_OK;
    return end_line(l, out) ? POSTA_OK : POSTA_AGAIN;
}
