/* core/mime: reading the body of a part, whatever it comes from, and holding it to the length that
 * it promised. Behaviour C16, D09: fewer or more octets are a fault that names the part, never a
 * cut text. */
#include "mime_i.h"

static void begin_stage(posta__stage *s) {
    if (!s) return;
    s->in = posta__span(NULL, 0);
    s->has_ended = s->is_over = false;
    s->begin(s);
}

void posta__input_init(posta__input *i, posta__part *part) {
    *i = (posta__input){.part = part};
    begin_stage(part->untag);
    begin_stage(part->flow);
}

static posta_status body_fault(posta_message *m, const posta__part *p, const char *why) {
    return posta__blame_on(m, POSTA_E_BODY, p->label, why);
}

posta_status posta__blame_enclosed(posta_message *m, posta_status status, const posta__part *p) {
    const posta_problem *inner = &p->enclosed->problem;
    return posta__blame_on(m, status, p->label,
                           inner->status ? inner->text : posta_status_text(status));
}

posta_status posta__blame_utf8(posta_message *m, posta_status status, const posta__part *p,
                               uint64_t at) {
    char why[96];
    posta__text t = posta__text_in(why, sizeof why);
    const posta__part *given = p->untag ? m->html : p;
    posta__text_put(&t, "is not valid UTF-8");
    /* behind a stage octets are counted otherwise than in what was given */
    if (!posta__part_is_staged(p)) {
        posta__text_put(&t, " (byte ");
        posta__text_number(&t, at + 1);
        posta__text_put(&t, ")");
    }
    posta__text_put(&t, "; give its charset");
    return posta__blame_on(m, status, given->label, why);
}

/* What will come: what was promised, or what a first reading counted. */
static uint64_t expected(const posta__part *p) {
    bool is_counted = p->is_scanned && !posta__part_is_staged(p);
    if (p->len == POSTA_LEN_UNKNOWN && is_counted) return p->scan.octets;
    return p->len;
}

static posta_status blame_len(posta_message *m, const posta__input *i) {
    char why[128], count[POSTA_DECIMAL_CAP + 1];
    posta__text t = posta__text_in(why, sizeof why), n = posta__text_in(count, sizeof count);
    bool is_more = i->got > expected(i->part);
    posta__text_number(&n, i->got);
    posta__text_put(&t, is_more ? "gives more octets than the " : "ended after ");
    if (!is_more) posta__text_put(&t, count);
    if (!is_more) posta__text_put(&t, " of the ");
    posta__text_number(&t, expected(i->part));
    posta__text_put(&t, i->part->len == POSTA_LEN_UNKNOWN ? " it had at first"
                        : is_more                         ? " it promised"
                                                          : " octets it promised");
    return body_fault(m, i->part, why);
}

/* Takes n more octets into account. */
static posta_status count(posta_message *m, posta__input *i, size_t n) {
    uint64_t will_come = expected(i->part);
    bool fits = posta__add(i->got, n, &i->got);
    if (will_come == POSTA_LEN_UNKNOWN) return POSTA_OK;
    if (!fits || i->got > will_come) return blame_len(m, i);
    if (i->ended && i->got < will_come) return blame_len(m, i);
    return POSTA_OK;
}

static posta_status fill_source(posta_message *m, posta__input *i, posta_span *out) {
    const posta_source *source = &i->part->body.source;
    posta_window *w = &m->program.read;
    posta_status status, counted;
    w->at = w->len = 0;
    i->part->used = true;
    status = source->pull(source->user, w);
    if (w->len > w->cap) return body_fault(m, i->part, "has a source that wrote past its window");
    if (status != POSTA_OK && status != POSTA_END && status != POSTA_AGAIN) {
        char why[128];
        if (i->part->enclosed) return posta__blame_enclosed(m, POSTA_E_BODY, i->part);
        posta__text t = posta__text_in(why, sizeof why);
        posta__text_put(&t, "could not be read to its end");
        /* POSTA_E_BODY says no more than that */
        if (status != POSTA_E_BODY) {
            posta__text_put(&t, ": ");
            posta__text_put(&t, posta_status_text(status));
        }
        return body_fault(m, i->part, why);
    }
    if (status == POSTA_AGAIN && w->len == 0) return POSTA_AGAIN;
    i->ended = status == POSTA_END;
    counted = count(m, i, w->len);
    if (counted) return counted;
    /* OK without an octet breaks the contract; believed, it would make an endless loop */
    if (w->len == 0 && !i->ended) return body_fault(m, i->part, "has a source that gives nothing");
    *out = posta__span(w->p, w->len);
    return w->len > 0 ? POSTA_OK : POSTA_END;
}

static posta_status fill_slot(posta_message *m, posta__input *i, posta_span *out) {
    if (m->fed.len > 0) {
        *out = m->fed;
        m->fed = posta__span(NULL, 0);
        i->part->used = true;
        return count(m, i, out->len);
    }
    if (m->fed_finished) {
        posta_status status;
        m->fed_finished = false; /* the next slot's is its own */
        i->ended = true;
        status = count(m, i, 0);
        return status ? status : POSTA_END;
    }
    m->wanted = i->part->slot;
    return POSTA_AGAIN;
}

static posta_status fill_body(posta_message *m, posta__input *i, posta_span *out) {
    if (i->ended) return POSTA_END;
    if (i->part->body.kind == POSTA_BODY_SOURCE) return fill_source(m, i, out);
    if (i->part->body.kind == POSTA_BODY_SLOT) return fill_slot(m, i, out);
    *out = i->part->body.data;
    i->got = out->len;
    i->ended = true;
    return out->len > 0 ? POSTA_OK : POSTA_END;
}

typedef posta_status (*filler)(posta_message *m, posta__input *i, posta_span *out);

/* What comes `from` there, after stage `s`. */
static posta_status fill_through(posta_message *m, posta__input *i, posta__stage *s, filler from,
                                 posta_span *out) {
    posta_window w = posta__window(s->space, sizeof s->space);
    while (w.len == 0) {
        posta_status status = POSTA_OK;
        if (s->is_over) return POSTA_END;
        if (s->in.len == 0 && !s->has_ended) status = from(m, i, &s->in);
        if (status && status != POSTA_END) return status;
        s->has_ended = s->has_ended || status == POSTA_END;
        if (s->in.len > 0)
            (void)s->step(s, &s->in, &w);
        else
            s->is_over = s->end(s, &w) == POSTA_OK;
    }
    *out = posta__span(w.p, w.len);
    return POSTA_OK;
}

static posta_status fill_untagged(posta_message *m, posta__input *i, posta_span *out) {
    posta__stage *untag = i->part->untag;
    return untag ? fill_through(m, i, untag, fill_body, out) : fill_body(m, i, out);
}

posta_status posta__input_fill(posta_message *m, posta__input *i) {
    posta__stage *flow = i->part->flow;
    if (i->in.len > 0) return POSTA_OK;
    return flow ? fill_through(m, i, flow, fill_untagged, &i->in) : fill_untagged(m, i, &i->in);
}

posta_status posta__part_rewind(posta_message *m, posta__part *p) {
    const posta_source *source = &p->body.source;
    if (!p->used) return POSTA_OK;
    if (p->body.kind == POSTA_BODY_SLOT || !source->rewind)
        return posta__blame_on(m, POSTA_E_STATE, p->label,
                               "was read already and cannot be read a second time");
    if (source->rewind(source->user)) return body_fault(m, p, "could not be read again");
    p->used = false;
    return POSTA_OK;
}

posta_status posta__parts_rewind(posta_message *m) {
    posta__part *p;
    m->wanted = POSTA_NO_SLOT;
    m->fed = posta__span(NULL, 0);
    m->fed_finished = false;
    for (p = m->all; p; p = p->next_all) {
        posta_status status = posta__part_rewind(m, p);
        if (status) return status;
    }
    return POSTA_OK;
}

/* ---- slots ---- */

size_t posta_message_wanted(const posta_message *m) {
    return m ? m->wanted : POSTA_NO_SLOT;
}

static bool is_wanted(const posta_message *m, size_t slot) {
    return slot != POSTA_NO_SLOT && m->wanted == slot && !m->run.status;
}

posta_status posta_message_feed(posta_message *m, size_t slot, const void *p, size_t len) {
    if (!m || (!p && len > 0)) return POSTA_E_ARGUMENT;
    if (!is_wanted(m, slot)) return POSTA_E_STATE;
    if (len == 0) return POSTA_OK; /* not yet: still wanted */
    m->fed = posta__span(p, len);
    m->wanted = POSTA_NO_SLOT;
    return POSTA_OK;
}

posta_status posta_message_finish(posta_message *m, size_t slot) {
    if (!m) return POSTA_E_ARGUMENT;
    if (!is_wanted(m, slot)) return POSTA_E_STATE;
    m->fed_finished = true;
    m->wanted = POSTA_NO_SLOT;
    return POSTA_OK;
}

posta_status posta_message_fail(posta_message *m, size_t slot, const char *why) {
    const posta__part *p;
    if (!m) return POSTA_E_ARGUMENT;
    if (!is_wanted(m, slot)) return POSTA_E_STATE;
    p = m->run.input.part;
    m->wanted = POSTA_NO_SLOT;
    m->run.status = body_fault(m, p, why && why[0] ? why : "could not be read to its end");
    return POSTA_OK;
}
