/* core/mime: the setters of parts: what a part is, what is said about it, where its octets come
 * from. */
#include "mime_i.h"

static void close_body(const posta_body *body) {
    if (body->kind == POSTA_BODY_SOURCE && body->source.close)
        body->source.close(body->source.user);
}

/* ---- bodies ---- */

static const char *body_why(const posta_body *b) {
    switch (b->kind) {
    case POSTA_BODY_DATA: return b->data.p || b->data.len == 0 ? NULL : "lacks its bytes";
    case POSTA_BODY_SOURCE: return b->source.pull ? NULL : "has a source that cannot be pulled";
    case POSTA_BODY_SLOT: return NULL;
    case POSTA_BODY_NONE: return "lacks its body";
    default: return "has a body of no known kind";
    }
}

static uint64_t body_len(const posta_body *b) {
    if (b->kind == POSTA_BODY_DATA) return b->data.len;
    return b->kind == POSTA_BODY_SOURCE ? b->source.len : b->len;
}

/* ---- Content-IDs ---- */

uint32_t posta__hash(posta_span s, uint32_t from) {
    uint32_t h = from ^ 0x811c9dc5u;
    size_t i;
    for (i = 0; i < s.len; i++)
        h = (h ^ posta__lower(s.p[i])) * 0x01000193u; /* FNV-1a */
    return h;
}

posta__part **posta__part_by_id(posta_message *m, posta_span id) {
    uint32_t hash = posta__hash(id, 0), bits = hash;
    posta__part **at = &m->ids;
    while (*at && !((*at)->id_hash == hash && posta_span_is((*at)->content_id, id))) {
        at = &(*at)->ids[bits & 1];
        bits = bits >> 1 | bits << 31;
    }
    return at;
}

/* ---- making parts ---- */

/* A part is joined to the message only when nothing can fail any more, so a body is closed either
   here or by the message, never twice. */
static posta_status make_part(posta_message *m, posta__use use, const posta_body *body,
                              const posta_part_options *options, const char *label,
                              posta__part **out) {
    static const posta_part_options none = POSTA_PART_OPTIONS;
    const char *why = use == POSTA__USE_MULTIPART ? NULL : body_why(body);
    posta__part *p;
    char *kept;
    if (!options) options = &none;
    if (why) return posta__setter_fails(m, posta__blame_on(m, POSTA_E_ARGUMENT, label, why));
    if (options->size < sizeof none)
        return posta__setter_fails(
            m, posta__blame_on(m, POSTA_E_ARGUMENT, label, "has options without their size"));
    p = posta__arena_take(&m->arena, sizeof *p);
    kept = posta__arena_copy(&m->arena, posta__span_of(label));
    if (!p || !kept) return posta__setter_starves(m);
    memset(p, 0, offsetof(posta__part, scan));
    p->message = m;
    p->label = kept;
    p->use = use;
    p->body = *body;
    p->len = body_len(body);
    p->out_len = POSTA_LEN_UNKNOWN;
    if (use != POSTA__USE_RAW && posta__part_options(m, p, options, label)) return m->status;
    if (body->kind == POSTA_BODY_SLOT) p->slot = m->slots_n++;
    if (m->all_last)
        m->all_last->next_all = p;
    else
        m->all = p;
    m->all_last = p;
    *out = p;
    return POSTA_OK;
}

static posta_status add_part(posta_message *m, posta__use use, posta_body body,
                             const posta_part_options *options, const char *standard,
                             posta__part **out) {
    const char *label;
    posta_status status = posta__setter_begin(m, standard, &label);
    if (!status && m->owner)
        status = posta__setter_fails(
            m, posta__blame_on(m, POSTA_E_STATE, label, "comes too late: the message is enclosed"));
    if (!status) status = make_part(m, use, &body, options, label, out);
    if (status) close_body(&body);
    return status;
}

/* "attachments[3]": counted from 1, as people do. */
static void numbered(char out[POSTA__LABEL_CAP], const char *name, size_t n) {
    posta__text t = posta__text_in(out, POSTA__LABEL_CAP);
    posta__text_put(&t, name);
    posta__text_put(&t, "[");
    posta__text_number(&t, n);
    posta__text_put(&t, "]");
}

posta_status posta_message_text(posta_message *m, posta_body body,
                                const posta_part_options *options) {
    posta__part *p = NULL;
    posta_status status = add_part(m, POSTA__USE_TEXT, body, options, "text", &p);
    if (!status) m->text = p;
    return status;
}

posta_status posta_message_html(posta_message *m, posta_body body,
                                const posta_part_options *options) {
    posta__part *p = NULL;
    posta_status status = add_part(m, POSTA__USE_HTML, body, options, "html", &p);
    if (!status) m->html = p;
    return status;
}

posta_status posta_message_inline(posta_message *m, posta_body body,
                                  const posta_part_options *options) {
    char standard[POSTA__LABEL_CAP];
    posta__part *p = NULL;
    posta_status status;
    numbered(standard, "inline", m ? m->inlines_n + 1 : 1);
    status = add_part(m, POSTA__USE_INLINE, body, options, standard, &p);
    if (status) return status;
    if (m->inlines_last)
        m->inlines_last->next = p;
    else
        m->inlines = p;
    m->inlines_last = p;
    m->inlines_n++;
    return POSTA_OK;
}

posta_status posta_message_attach(posta_message *m, posta_body body,
                                  const posta_part_options *options) {
    char standard[POSTA__LABEL_CAP];
    posta__part *p = NULL;
    posta_status status;
    numbered(standard, "attachments", m ? m->attachments_n + 1 : 1);
    status = add_part(m, POSTA__USE_ATTACHMENT, body, options, standard, &p);
    if (status) return status;
    if (m->attachments_last)
        m->attachments_last->next = p;
    else
        m->attachments = p;
    m->attachments_last = p;
    m->attachments_n++;
    return POSTA_OK;
}

posta_status posta_message_raw(posta_message *m, posta_body body, posta_line_ends ends) {
    posta__part *p = NULL;
    posta_status status = add_part(m, POSTA__USE_RAW, body, NULL, "raw", &p);
    if (status) return status;
    m->raw = p;
    m->line_ends = ends;
    return POSTA_OK;
}

/* ---- invitations ---- */

/* RFC 5546 1.4: an iTIP method is a name of letters. */
static bool is_method(posta_span s) {
    size_t i;
    for (i = 0; i < s.len; i++)
        if (!posta__is_alpha(s.p[i]) && s.p[i] != '-') return false;
    return s.len > 0 && s.len <= 32;
}

static posta_status attach_copy(posta_message *m, posta_body body, const char *name) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta__part *p = NULL;
    posta_status status;
    o.type = "application/ics";
    o.name = name ? name : "invite.ics";
    o.disposition = "attachment";
    status = add_part(m, POSTA__USE_LEAF, body, &o, "calendar", &p);
    return status ? status : posta_message_attach_part(m, p);
}

posta_status posta_message_calendar(posta_message *m, posta_body body, const char *method,
                                    const posta_part_options *options) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_span name = posta__span_of(method);
    posta__part *p = NULL;
    char *kept;
    posta_status status = m ? m->status : POSTA_E_ARGUMENT;
    if (!status && !is_method(name)) {
        posta__blame b = {"calendar.method", name, "is no method of iTIP (REQUEST, CANCEL, REPLY)",
                          POSTA__NOWHERE};
        status = posta__setter_fails(m, posta__blame_it(m, POSTA_E_FIELD, b));
    }
    if (status) {
        close_body(&body);
        return status;
    }
    if (options) o = *options;
    o.name = NULL; /* of the attachment: an alternative with a name is shown as one by some */
    kept = posta__arena_copy(&m->arena, name);
    status = add_part(m, POSTA__USE_CALENDAR, body, &o, "calendar", &p);
    if (status) return status;
    if (!kept) return posta__setter_starves(m);
    p->method = posta__span(kept, name.len);
    m->calendar = p;
    return body.kind == POSTA_BODY_DATA ? attach_copy(m, body, options ? options->name : NULL)
                                        : POSTA_OK;
}

/* ---- by hand ---- */

static posta_status make_by_hand(posta_message *m, posta__use use, posta_body body,
                                 const posta_part_options *options, posta_part **out) {
    char standard[POSTA__LABEL_CAP];
    posta_status status;
    if (out) *out = NULL;
    numbered(standard, "part", m ? m->made_n + 1 : 1);
    if (!m || !out) {
        close_body(&body);
        return POSTA_E_ARGUMENT;
    }
    status = add_part(m, use, body, options, standard, out);
    if (!status) m->made_n++;
    return status;
}

posta_status posta_message_leaf(posta_message *m, posta_body body,
                                const posta_part_options *options, posta_part **out) {
    return make_by_hand(m, POSTA__USE_LEAF, body, options, out);
}

posta_status posta_message_multipart(posta_message *m, const posta_part_options *options,
                                     posta_part **out) {
    return make_by_hand(m, POSTA__USE_MULTIPART, posta_body_data(NULL, 0), options, out);
}

/* Null: `other` may be put into `m`. */
static const char *enclose_why(const posta_message *m, const posta_message *other) {
    const posta_message *over;
    size_t n = other->chain + 1;
    if (other->owner) return "is enclosed already; a message has one place";
    if (other->raw) return "is a finished text: give it as a part of type message/rfc822";
    for (over = m; over; over = over->owner) {
        if (over == other) return "would be enclosed in itself";
        n++;
    }
    return n > POSTA_MAX_DEPTH ? "is deeper than 40 levels of multiparts and enclosed messages"
                               : NULL;
}

posta_status posta_message_enclose(posta_message *m, posta_message *other,
                                   const posta_part_options *options, posta_part **out) {
    static const posta_part_options none = POSTA_PART_OPTIONS;
    posta_part_options o = options ? *options : none;
    posta_message *over;
    const char *why;
    size_t n;
    posta_status status;
    if (!m || !other || !out) return POSTA_E_ARGUMENT;
    if (!o.type) o.type = "message/rfc822";
    status = make_by_hand(m, POSTA__USE_LEAF,
                          posta_body_source((posta_source){.user = other,
                                                           .pull = posta__message_pull,
                                                           .rewind = posta__message_rewind,
                                                           .len = POSTA_LEN_UNKNOWN}),
                          &o, out);
    if (status) return status;
    why = (*out)->is_whole ? enclose_why(m, other) : "has to be message/rfc822";
    if (why) return posta__setter_fails(m, posta__blame_on(m, POSTA_E_FIELD, (*out)->label, why));
    (*out)->enclosed = other;
    other->owner = m;
    for (over = m, n = other->chain + 1; over; over = over->owner, n++)
        if (over->chain < n) over->chain = n;
    return POSTA_OK;
}
