/* core/mime: the setters of parts: what a part is, what is said about it, where its octets come
 * from. */
#include "mime_i.h"

typedef struct setting {
    posta_message *m;
    posta__part *part;
    const posta_part_options *o;
    const char *label;
} setting;

static void close_body(const posta_body *body) {
    if (body->kind == POSTA_BODY_SOURCE && body->source.close)
        body->source.close(body->source.user);
}

/* `label.sub: "value" why`, kept as the message's error. */
static posta_status blame_option(const setting *s, const char *sub, posta_span value,
                                 const char *why, size_t at) {
    char label[POSTA__LABEL_CAP];
    posta__text t = posta__text_in(label, sizeof label);
    posta__blame b = {label, value, why, at};
    posta__text_put(&t, s->label);
    posta__text_put(&t, ".");
    posta__text_put(&t, sub);
    return posta__setter_fails(s->m, posta__blame_it(s->m, POSTA_E_FIELD, b));
}

static bool keep(const setting *s, posta_span from, posta_span *out) {
    char *copy = posta__arena_copy(&s->m->arena, from);
    if (copy)
        *out = posta__span(copy, from.len);
    else
        posta__setter_starves(s->m);
    return copy != NULL;
}

/* ---- options ---- */

static bool begins_nocase(posta_span s, posta_span with) {
    return s.len >= with.len && posta_span_is_nocase(posta__span_sub(s, 0, with.len), with);
}

static posta_status set_name(const setting *s) {
    posta_span given = posta__span_of(s->o->name), name = posta__file_basename(given);
    const char *why = NULL;
    if (!s->o->name) return POSTA_OK;
    /* the folders in front are cut off, but not before they were looked at: what would be refused
       in a name is refused in them too */
    if (posta__text_check(given, &why) || posta__file_name_check(name, &why))
        return blame_option(s, "name", given, why, POSTA__NOWHERE);
    keep(s, name, &s->part->name);
    return s->m->status;
}

static const char *type_why(const setting *s, posta_span type) {
    posta__use use = s->part->use;
    bool is_text = begins_nocase(type, POSTA_LIT("text/"));
    if ((use == POSTA__USE_TEXT || use == POSTA__USE_HTML) && !is_text)
        return "is not a text type; give the octets as an attachment";
    if (use == POSTA__USE_HTML && !posta_span_is_nocase(type, POSTA_LIT("text/html")))
        return "is not text/html";
    if (begins_nocase(type, POSTA_LIT("multipart/"))) return "is composed by posta, not given";
    return NULL;
}

static posta_status set_type(const setting *s) {
    posta_span type = posta__span_of(s->o->type);
    const char *why = NULL;
    posta__part *p = s->part;
    if (!s->o->type && p->use == POSTA__USE_TEXT) type = POSTA_LIT("text/plain");
    if (!s->o->type && p->use == POSTA__USE_HTML) type = POSTA_LIT("text/html");
    if (!s->o->type && !type.p) type = posta__type_of_name(p->name);
    if (posta__media_type_check(type, &why) || (why = type_why(s, type)) != NULL)
        return blame_option(s, "type", type, why, POSTA__NOWHERE);
    p->is_whole = begins_nocase(type, POSTA_LIT("message/")) &&
                  !posta_span_is_nocase(type, POSTA_LIT("message/global"));
    p->is_text = p->use == POSTA__USE_TEXT || p->use == POSTA__USE_HTML || p->is_whole;
    keep(s, type, &p->type);
    return s->m->status;
}

static posta_status set_charset(const setting *s) {
    posta_span charset = posta__span_of(s->o->charset);
    bool is_text = begins_nocase(s->part->type, POSTA_LIT("text/"));
    const char *why = NULL;
    posta__part *p = s->part;
    p->seeks_charset = is_text && !s->o->charset && !p->is_text;
    if (!s->o->charset && (!is_text || p->seeks_charset)) return POSTA_OK;
    if (!s->o->charset) charset = POSTA_LIT("utf-8");
    if (posta__token_check(charset, &why))
        return blame_option(s, "charset", charset, why, POSTA__NOWHERE);
    if (!is_text)
        return blame_option(s, "charset", charset, "is for text parts only", POSTA__NOWHERE);
    p->is_utf8 = p->is_text && posta_span_is_nocase(charset, POSTA_LIT("utf-8"));
    keep(s, charset, &p->charset);
    return s->m->status;
}

static posta_status set_disposition(const setting *s) {
    posta_span d = posta__span_of(s->o->disposition);
    if (!s->o->disposition && s->part->use == POSTA__USE_INLINE) d = POSTA_LIT("inline");
    if (!s->o->disposition && s->part->use == POSTA__USE_ATTACHMENT) d = POSTA_LIT("attachment");
    if (!d.p && s->part->name.len > 0) d = POSTA_LIT("inline");
    if (!d.p) return POSTA_OK;
    if (!posta_span_is_nocase(d, POSTA_LIT("inline")) &&
        !posta_span_is_nocase(d, POSTA_LIT("attachment")))
        return blame_option(s, "disposition", d, "is neither attachment nor inline",
                            POSTA__NOWHERE);
    keep(s, d, &s->part->disposition);
    return s->m->status;
}

static posta_status set_description(const setting *s) {
    posta_span text = posta__span_of(s->o->description);
    const char *why = NULL;
    size_t at = 0;
    if (!s->o->description) return POSTA_OK;
    if (posta__text_check_at(text, &why, &at)) return blame_option(s, "description", text, why, at);
    keep(s, text, &s->part->description);
    return s->m->status;
}

static posta_status set_content_id(const setting *s) {
    posta_span id = posta__span_of(s->o->content_id), bare;
    const char *why = "is needed: the HTML names the part by it";
    const posta__part *p;
    if (!s->o->content_id && s->part->use != POSTA__USE_INLINE) return POSTA_OK;
    if (!s->o->content_id || posta__msg_id_check(id, POSTA__ID_BARE_LEFT, &bare, &why))
        return blame_option(s, "content_id", id, why, POSTA__NOWHERE);
    for (p = s->m->all; p; p = p->next_all) {
        if (posta_span_is(p->content_id, bare))
            return blame_option(s, "content_id", id, "names another part already", POSTA__NOWHERE);
    }
    keep(s, bare, &s->part->content_id);
    return s->m->status;
}

static posta_status set_headers(const setting *s) {
    size_t i;
    if (s->o->headers_n > 0 && !s->o->headers)
        return blame_option(s, "headers", posta__span_of(NULL), "lacks its fields", POSTA__NOWHERE);
    for (i = 0; i < s->o->headers_n; i++) {
        char label[POSTA__LABEL_CAP];
        posta__text t = posta__text_in(label, sizeof label);
        posta__header *h;
        posta__text_put(&t, s->label);
        posta__text_put(&t, ".headers[");
        posta__text_number(&t, (uint64_t)i + 1);
        posta__text_put(&t, "]");
        h = posta__header_new(s->m, label, s->o->headers[i], true);
        if (!h) return s->m->status;
        if (s->part->headers_last)
            s->part->headers_last->next = h;
        else
            s->part->headers = h;
        s->part->headers_last = h;
    }
    return POSTA_OK;
}

static posta_status set_encoding(const setting *s) {
    s->part->encoding = s->o->encoding;
    if ((unsigned)s->o->encoding > POSTA_ENCODING_BASE64)
        return blame_option(s, "encoding", posta__span_of(NULL), "is not known", POSTA__NOWHERE);
    if (s->part->is_whole && s->o->encoding > POSTA_ENCODING_8BIT)
        return blame_option(s, "encoding", posta__span_of(NULL),
                            "is not allowed for message types (RFC 2046 5.2)", POSTA__NOWHERE);
    return POSTA_OK;
}

static posta_status set_options(const setting *s) {
    posta_status (*const setters[])(const setting *) = {
        set_name,        set_type,       set_charset, set_disposition,
        set_description, set_content_id, set_headers, set_encoding,
    };
    size_t i;
    for (i = 0; i < sizeof setters / sizeof setters[0]; i++) {
        posta_status status = setters[i](s);
        if (status) return status;
    }
    return POSTA_OK;
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

/* A part is joined to the message only when nothing can fail any more, so a body is closed either
   here or by the message, never twice. */
static posta_status make_part(posta_message *m, posta__use use, const posta_body *body,
                              const posta_part_options *options, const char *label,
                              posta__part **out) {
    static const posta_part_options none = POSTA_PART_OPTIONS;
    setting s = {m, NULL, options ? options : &none, label};
    const char *why = body_why(body);
    posta__part *p;
    char *kept;
    if (why) return posta__setter_fails(m, posta__blame_on(m, POSTA_E_ARGUMENT, label, why));
    if (s.o->size < sizeof none)
        return posta__setter_fails(
            m, posta__blame_on(m, POSTA_E_ARGUMENT, label, "has options without their size"));
    p = posta__arena_take(&m->arena, sizeof *p);
    kept = posta__arena_copy(&m->arena, posta__span_of(label));
    if (!p || !kept) return posta__setter_starves(m);
    memset(p, 0, sizeof *p);
    p->label = kept;
    p->use = use;
    p->body = *body;
    p->len = body_len(body);
    p->out_len = POSTA_LEN_UNKNOWN;
    s.part = p;
    if (use != POSTA__USE_RAW && set_options(&s)) return m->status;
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
    char label[POSTA__LABEL_CAP];
    posta_status status = posta__setter_begin(m, standard, label);
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
