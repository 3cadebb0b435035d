/* core/smtp: the message text: source -> body window -> line ends and dots -> tx window. A text
 * that cannot be completed is never ended with a dot: the connection closes instead (row D09).
 */
#include "smtp_i.h"

#define ROOM_MIN 16u /* the lines filter always moves in this much */
#define DRAIN_MAX                                                                                  \
    65536u /* of a chunk that nobody gets, what is still written to keep the connection */

static bool room(posta_engine *e) {
    if (posta__room(&e->tx) < e->tx.cap / 2) posta__window_compact(&e->tx);
    return posta__room(&e->tx) >= ROOM_MIN;
}

static void fail(posta_engine *e, posta_status cause, const char *why) {
    posta__engine_fail(e, cause, POSTA_SIDE_OURS, POSTA_PHASE_BODY, NULL, why);
}

/* Row D07: octets above 127 go only where the envelope, and so MAIL, announced them. */
static bool may_hold(const transaction *t, posta_span s) {
    return t->env.has_8bit || t->env.has_binary || posta__is_ascii(s);
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

static posta_status copy(posta_span *in, posta_window *out) {
    posta__put_some(out, in);
    return in->len > 0 ? POSTA_AGAIN : POSTA_OK;
}

/* Moves octets of `in`, or at the end (null) what is held, through the filter. False: tx is full.
 */
static bool filter(posta_engine *e, posta_span *in) {
    transaction *t = &e->t;
    size_t before = e->tx.len;
    bool at_line_start = !t->lines.in_line;
    posta_status status = POSTA_OK;
    if (t->env.has_binary)
        status = in ? copy(in, &e->tx) : POSTA_OK;
    else
        status =
            in ? posta__lines_step(&t->lines, in, &e->tx) : posta__lines_end(&t->lines, &e->tx);
    e->tx_put += e->tx.len - before;
    t->text_bytes += e->tx.len - before;
    if (!t->is_chunked)
        t->dots += stuffed(posta__span(e->tx.p + before, e->tx.len - before), at_line_start);
    if (!may_hold(t, posta__span(e->tx.p + before, e->tx.len - before))) {
        fail(e, POSTA_E_BODY, "the text has octets above 127 and the envelope does not say so");
        return false;
    }
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
static bool pull(posta_engine *e) {
    transaction *t = &e->t;
    posta_status status;
    e->body.at = e->body.len = 0;
    status = t->body.pull(t->body.user, &e->body);
    t->pulled += e->body.len;
    if (t->body.len != POSTA_LEN_UNKNOWN && t->pulled > t->body.len) {
        fail(e, POSTA_E_BODY, "the text is longer than was announced");
        return false;
    }
    switch (status) {
    case POSTA_OK:
        if (e->body.len > 0) return true;
        fail(e, POSTA_E_BODY, "the source of the text gave nothing and did not end");
        return false;
    case POSTA_AGAIN: t->body_waits = e->body.len == 0; return e->body.len > 0;
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
        } else if (t->is_stepped || !pull(e)) {
            return moved;
        }
        if (waited) t->body_came = true;
        moved = true;
    }
    return moved;
}
