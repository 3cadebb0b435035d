/* core/mime: the program as a source. Literals are copied, bodies encoded straight into the
 * consumer's window; a window too small for an encoder's next unit gets it through a spill of a few
 * octets. */
#include "mime_i.h"

/* What a step answers besides faults: POSTA_OK moved on, POSTA_AGAIN a body waits, POSTA_END. */

void posta__run_begin(posta_message *m) {
    posta__run *r = &m->run;
    memset(r, 0, offsetof(posta__run, is_known));
    r->seg = m->program.first;
    r->spill = posta__window(r->spill_at, sizeof r->spill_at);
}

static posta_status body_fault(posta_message *m, const posta__part *p, const char *why) {
    return posta__blame_on(m, POSTA_E_BODY, p->label, why);
}

static void next_seg(posta__run *r) {
    r->seg = r->seg->next;
    r->at = 0;
    r->in_body = false;
}

/* ---- literals ---- */

static void give(posta__run *r, posta_span s, posta_window *out) {
    posta_span rest = posta__span_sub(s, r->at, s.len);
    size_t before = rest.len;
    posta__put_some(out, &rest);
    r->at += before - rest.len;
    if (before > rest.len) r->last = s.p[r->at - 1];
    r->given += before - rest.len;
    if (rest.len == 0) next_seg(r);
}

/* The message ends with a line end. Octets in quoted-printable end with a soft one, which is none
   when decoded; octets as they are cannot be given any. */
static posta_status give_eol(posta_message *m, posta__run *r, posta_window *out) {
    const posta__part *p = r->seg->part;
    bool is_octets = p && !p->is_text;
    if (r->at == 0 && r->last == '\n') {
        next_seg(r);
        return POSTA_OK;
    }
    if (p && p->cte == POSTA__CTE_BINARY) {
        next_seg(r); /* it ends where its octets end */
        return POSTA_OK;
    }
    if (is_octets && (p->cte == POSTA__CTE_7BIT || p->cte == POSTA__CTE_8BIT))
        return body_fault(m, p, "does not end with a line end, which its encoding needs");
    if (is_octets && p->cte == POSTA__CTE_QP)
        give(r, POSTA_LIT("=\r\n"), out);
    else
        give(r, POSTA_LIT("\r\n"), out);
    return POSTA_OK;
}

/* ---- bodies ---- */

static void begin_body(const posta_message *m, posta__run *r) {
    posta__part *p = r->seg->part;
    /* what lies in memory is what was looked at when the message was composed */
    bool is_known = p->is_scanned && p->body.kind == POSTA_BODY_DATA && p->use != POSTA__USE_RAW &&
                    !posta__part_is_staged(p);
    unsigned lines = p->is_text ? 0 : POSTA__LINES_REJECT;
    if (is_known) lines |= POSTA__LINES_ANY_NUL | POSTA__LINES_ANY_LEN;
    if (p->use == POSTA__USE_RAW)
        lines = m->line_ends == POSTA_LINE_ENDS_REJECT ? POSTA__LINES_REJECT : 0;
    posta__input_init(&r->input, p);
    r->in_body = true;
    r->is_known = is_known;
    r->gave = 0;
    memset(&r->watch, 0, sizeof r->watch);
    memset(&r->raw, 0, sizeof r->raw);
    memset(&r->utf8, 0, sizeof r->utf8);
    switch (p->cte) {
    case POSTA__CTE_BASE64:
        posta__base64_init(&r->enc.base64, p->is_text ? POSTA__BASE64_TEXT : 0);
        r->enc.base64.kernels = m->port->kernels;
        break;
    case POSTA__CTE_QP:
        posta__qp_init(&r->enc.qp, !p->is_text);
        r->enc.qp.kernels = m->port->kernels;
        break;
    case POSTA__CTE_BINARY: break;
    case POSTA__CTE_7BIT:
    case POSTA__CTE_8BIT:
    default:
        posta__lines_init(&r->enc.lines, lines);
        r->enc.lines.kernels = m->port->kernels;
        break;
    }
}

static posta_status encode(posta__run *r, posta_window *w) {
    posta_span *in = &r->input.in;
    switch (r->input.part->cte) {
    case POSTA__CTE_BASE64: return posta__base64_step(&r->enc.base64, in, w);
    case POSTA__CTE_QP: return posta__qp_step(&r->enc.qp, in, w);
    case POSTA__CTE_BINARY: posta__put_some(w, in); return POSTA_OK;
    case POSTA__CTE_7BIT:
    case POSTA__CTE_8BIT:
    default: return posta__lines_step(&r->enc.lines, in, w);
    }
}

static posta_status flush(posta__run *r, posta_window *w) {
    const posta__part *p = r->input.part;
    switch (p->cte) {
    case POSTA__CTE_BASE64: return posta__base64_end(&r->enc.base64, w);
    case POSTA__CTE_QP: return posta__qp_end(&r->enc.qp, w);
    case POSTA__CTE_BINARY: return POSTA_OK;
    case POSTA__CTE_7BIT:
    case POSTA__CTE_8BIT:
    default:
        /* a part that ends without a line end stays so: the one before the delimiter is not its own
         */
        if (p->use != POSTA__USE_RAW && !r->enc.lines.after_cr) return POSTA_OK;
        return posta__lines_end(&r->enc.lines, w);
    }
}

static bool is_unencoded(const posta__part *p) {
    return p->cte == POSTA__CTE_7BIT || p->cte == POSTA__CTE_8BIT || p->cte == POSTA__CTE_BINARY;
}

/* What was announced cannot be changed any more (row G07). */
static const char *raw_why(const posta_message *m, posta__raw_watch *w, posta_span fresh) {
    const char *why = posta__raw_watch_step(w, fresh);
    if (why || !w->has_utf8 || m->program.has_utf8) return why;
    return "has a header that is not ASCII, which was not known before: give a text that can be "
           "read twice";
}

/* Looks at octets just written; on a fault they are taken back, so that what is refused is not
 * sent. */
static posta_status inspect(posta_message *m, posta__run *r, posta_window *w, size_t before) {
    posta__part *p = r->input.part;
    posta_span fresh = posta__span(w->p + before, w->len - before);
    const char *why = NULL;
    if (p->use == POSTA__USE_RAW)
        why = raw_why(m, &r->raw, fresh);
    else if (r->is_known)
        why = NULL;
    else if (p->cte == POSTA__CTE_7BIT && !posta__is_ascii(fresh))
        why = "has 8-bit octets, which its encoding 7bit does not allow";
    else if (is_unencoded(p) && !posta__watch_step(&r->watch, m, fresh))
        why = "holds a boundary line of this very message";
    r->gave += fresh.len;
    if (!why && p->out_len != POSTA_LEN_UNKNOWN && r->gave > p->out_len)
        why = "changed while it was read";
    if (!why) return POSTA_OK;
    w->len = before;
    return body_fault(m, p, why);
}

static posta_status end_body(posta_message *m, posta__run *r) {
    const posta__part *p = r->input.part;
    if (p->out_len != POSTA_LEN_UNKNOWN && r->gave != p->out_len)
        return body_fault(m, p, "changed while it was read");
    next_seg(r);
    return POSTA_OK;
}

/* Each piece is judged before any of it is encoded, so that what is refused is not sent. */
static posta_status fill(posta_message *m, posta__run *r) {
    const posta__part *p = r->input.part;
    bool is_new = r->input.in.len == 0;
    posta_status status = posta__input_fill(m, &r->input);
    bool is_fine = true;
    if (!p->is_utf8 || !is_new || r->is_known) return status;
    if (status == POSTA_OK) is_fine = posta__utf8_step(&r->utf8, r->input.in);
    if (status == POSTA_END) is_fine = posta__utf8_end(&r->utf8);
    return is_fine ? status : posta__blame_utf8(m, POSTA_E_BODY, p, r->utf8.at);
}

static posta_status step_body(posta_message *m, posta__run *r, posta_window *w) {
    posta_status status;
    size_t before = w->len;
    bool is_over;
    if (!r->in_body) begin_body(m, r);
    status = fill(m, r);
    is_over = status == POSTA_END;
    if (status && !is_over) return status;
    status = is_over ? flush(r, w) : encode(r, w);
    if (status == POSTA_AGAIN) is_over = false;
    if (status == POSTA_E_FIELD) {
        posta__blame b = {r->input.part->label,
                          {NULL, 0},
                          posta__lines_text(r->enc.lines.why),
                          (size_t)r->enc.lines.taken};
        w->len = before;
        return posta__blame_it(m, POSTA_E_BODY, b);
    }
    if (w->len > before) {
        status = inspect(m, r, w, before);
        if (status) return status;
        r->last = w->p[w->len - 1];
        r->given += w->len - before;
    }
    return is_over ? end_body(m, r) : POSTA_OK;
}

/* ---- the source ---- */

static posta_status step(posta_message *m, posta_window *out) {
    posta__run *r = &m->run;
    posta_window *w = out;
    if (posta__unread(&r->spill) > 0) {
        posta_span s = posta__span(r->spill.p + r->spill.at, posta__unread(&r->spill));
        size_t n = s.len;
        posta__put_some(out, &s);
        r->spill.at += n - s.len;
        return POSTA_OK;
    }
    if (!r->seg) return POSTA_END;
    if (r->seg->kind == POSTA__SEG_LITERAL) {
        give(r, r->seg->literal, out);
        return POSTA_OK;
    }
    if (r->seg->kind == POSTA__SEG_EOL) return give_eol(m, r, out);
    if (posta__room(out) < POSTA__STEP_ROOM) {
        r->spill = posta__window(r->spill_at, sizeof r->spill_at);
        w = &r->spill;
    }
    return step_body(m, r, w);
}

posta_status posta__message_pull(void *message, posta_window *out) {
    posta_message *m = message;
    size_t before = out->len;
    posta_status status = m->run.status;
    while (!status && posta__room(out) > 0)
        status = step(m, out);
    if (status == POSTA_AGAIN) return out->len > before ? POSTA_OK : POSTA_AGAIN;
    m->run.status = status;
    return status;
}
