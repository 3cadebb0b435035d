/* core/smtp: the message text: source -> body window -> line ends and dots -> tx window. A source
 * that promises CRLF lines writes straight into the tx window; what is not as it must be there
 * takes the longer way. A text that cannot be completed is never ended with a dot: the connection
 * closes instead (row D09).
 */
#include "smtp_i.h"

#define ROOM_MIN 16u /* the lines filter always moves in this much */
/* Octets of a chunk that nobody gets, still written to keep the connection. */
#define DRAIN_MAX 65536u

static bool room(posta_engine *e) {
    if (posta__room(&e->tx) < e->tx.cap / 2) posta__window_compact(&e->tx);
    return posta__room(&e->tx) >= ROOM_MIN;
}

static void fail(posta_engine *e, posta_status cause, const char *why) {
    posta__engine_fail(e, cause, POSTA_SIDE_OURS, POSTA_PHASE_BODY, NULL, why);
}

/* Row D07: octets above 127 go only where the envelope, and so MAIL, announced them. */
static bool allows_high(const transaction *t) {
    return t->env.has_8bit || t->env.has_binary;
}

static bool refuse_high(posta_engine *e) {
    fail(e, POSTA_E_BODY, "the text has octets above 127 and the envelope does not say so");
    return false;
}

static void note_end(posta_engine *e) {
    uint8_t store[64];
    char digits[POSTA_DECIMAL_CAP];
    posta_window w = posta__window(store, sizeof store);
    posta__put(&w, POSTA_LIT("["));
    posta__put(&w, posta__span(digits, posta__decimal(e->t.text_bytes - e->t.dots, digits)));
    posta__put(&w, POSTA_LIT(" octets of text]"));
    posta__dialogue_add(e, 'C', posta__span(store, w.len));
    if (!e->t.is_chunked) posta__dialogue_add(e, 'C', POSTA_LIT("."));
}

static void end_text(posta_engine *e) {
    posta_span dot = e->t.is_chunked ? posta__span(NULL, 0) : POSTA_LIT(".\r\n");
    posta__put(&e->tx, dot);
    e->tx_put += dot.len;
    e->t.dot_end = e->tx_put;
    e->step = STEP_WAIT;
    note_end(e);
}

/* Dots in `s` that stuffing put there: on the wire every line that begins with one begins with
   two. */
static uint64_t stuffed(posta_span s, bool at_line_start) {
    uint64_t n = 0;
    while (s.len > 0) {
        const uint8_t *lf;
        if (at_line_start && s.p[0] == '.') n++;
        lf = memchr(s.p, '\n', s.len);
        s = lf ? posta__span_sub(s, (size_t)(lf - s.p) + 1, s.len) : posta__span(NULL, 0);
        at_line_start = true;
    }
    return n;
}

static void wrote(posta_engine *e, size_t n) {
    e->tx_put += n;
    e->t.text_bytes += n;
}

static posta_status copy(posta_span *in, posta_window *out) {
    posta__put_some(out, in);
    return in->len > 0 ? POSTA_AGAIN : POSTA_OK;
}

/* Moves octets of `in`, or at the end (null) what is held, through the filter. False: tx is full.
 */
static bool filter(posta_engine *e, posta_span *in) {
    transaction *t = &e->t;
    posta_span fresh = posta__span(e->tx.p + e->tx.len, 0);
    bool at_line_start = !t->lines.in_line;
    posta_status status = POSTA_OK;
    if (t->env.has_binary)
        status = in ? copy(in, &e->tx) : POSTA_OK;
    else
        status =
            in ? posta__lines_step(&t->lines, in, &e->tx) : posta__lines_end(&t->lines, &e->tx);
    fresh.len = (size_t)(e->tx.p + e->tx.len - fresh.p);
    wrote(e, fresh.len);
    if (!t->is_chunked) t->dots += stuffed(fresh, at_line_start);
    if (!allows_high(t) && !posta__is_ascii(fresh)) return refuse_high(e);
    if (status == POSTA_E_FIELD) fail(e, POSTA_E_BODY, posta__lines_text(t->lines.why));
    return status == POSTA_OK;
}

static bool filter_body(posta_engine *e) {
    posta_span in = posta__span(e->body.p + e->body.at, posta__unread(&e->body));
    bool all = filter(e, &in);
    e->body.at = e->body.len - in.len;
    return all;
}

bool posta__text_take(posta_engine *e, posta_span *in) {
    while (e->step == STEP_TEXT && in->len > 0) {
        if (!room(e) || !filter(e, in)) return false;
    }
    return e->step == STEP_TEXT;
}

/* Pulls the next piece. False: nothing came. */
static bool pull(posta_engine *e, posta_window *w) {
    transaction *t = &e->t;
    posta_status status;
    w->at = w->len = 0;
    status = t->body.pull(t->body.user, w);
    t->pulled += w->len;
    if (t->body.len != POSTA_LEN_UNKNOWN && t->pulled > t->body.len) {
        fail(e, POSTA_E_BODY, "the text is longer than was announced");
        return false;
    }
    switch (status) {
    case POSTA_OK:
        if (w->len > 0) return true;
        fail(e, POSTA_E_BODY, "the source of the text gave nothing and did not end");
        return false;
    case POSTA_AGAIN: t->body_waits = w->len == 0; return w->len > 0;
    case POSTA_END:
        t->body_done = true;
        if (t->body.len == POSTA_LEN_UNKNOWN || t->pulled == t->body.len) return true;
        fail(e, POSTA_E_BODY, "the text is shorter than was announced");
        return false;
    default: fail(e, status, "the source of the text failed"); return false;
    }
}

/* Octets of a chunk that are not written yet. */
static uint64_t left(const transaction *t) {
    return t->size - t->text_bytes;
}

/* Is this piece in the tx window as it must be there? */
static bool passes(transaction *t, posta_span piece, bool *has_high_out) {
    *has_high_out = false;
    return t->env.has_binary || posta__lines_pass(&t->lines, piece, has_high_out);
}

/* Pulls the next piece into the tx window. False: nothing came. */
static bool pull_through(posta_engine *e) {
    size_t room = posta__room(&e->tx);
    posta_window w = posta__window(e->tx.p + e->tx.len, room < e->body.cap ? room : e->body.cap);
    bool has_high;
    if (!pull(e, &w)) return false;
    if (passes(&e->t, posta__span(w.p, w.len), &has_high)) {
        e->tx.len += w.len;
        wrote(e, w.len);
        return !has_high || allows_high(&e->t) || refuse_high(e);
    }
    memcpy(e->body.p, w.p, w.len);
    e->body.at = 0;
    e->body.len = w.len;
    return true;
}

static bool fetch(posta_engine *e) {
    return e->t.env.has_crlf || e->t.env.has_binary ? pull_through(e) : pull(e, &e->body);
}

bool posta__text_write(posta_engine *e) {
    transaction *t = &e->t;
    bool moved = false, waited = t->body_waits;
    t->body_waits = false;
    while (e->step == STEP_TEXT && room(e)) {
        if (t->is_chunked && t->is_dropped && left(t) > DRAIN_MAX) {
            /* Nobody is left to get it, and the server would read all of it. */
            posta__engine_sent(e, t->cause, false);
            posta__engine_close(e);
            return true;
        }
        /* Invited though nobody is left to get it: the dot alone, the server refuses it. RFC
         * 2920 3.1 */
        if ((t->is_dropped && !t->is_chunked) || t->body_flushed) {
            if (!posta__dialogue_room(e)) return moved;
            end_text(e);
            return true;
        }
        if (posta__unread(&e->body) > 0) {
            if (!filter_body(e)) return true;
        } else if (t->body_done) {
            if (!filter(e, NULL)) return true;
            t->body_flushed = true;
        } else if (t->is_stepped || !fetch(e)) {
            return moved;
        }
        if (waited) t->body_came = true;
        moved = true;
    }
    return moved;
}
