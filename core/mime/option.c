/* core/mime: what is said about a part: name, type, charset and the rest, each checked by the
 * codec's check for its grammar. */
#include "mime_i.h"

#define PARAMETERS_MAX 64u /* each is compared with the others */

typedef struct setting {
    posta_message *m;
    posta__part *part;
    const posta_part_options *o;
    const char *label;
} setting;

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
    if (use == POSTA__USE_CALENDAR && !posta_span_is_nocase(type, POSTA_LIT("text/calendar")))
        return "is not text/calendar";
    if (begins_nocase(type, POSTA_LIT("multipart/")) != (use == POSTA__USE_MULTIPART))
        return use == POSTA__USE_MULTIPART ? "is no multipart type"
                                           : "is for a part that holds others";
    return NULL;
}

static posta_span default_type(const posta__part *p) {
    switch (p->use) {
    case POSTA__USE_TEXT: return POSTA_LIT("text/plain");
    case POSTA__USE_HTML: return POSTA_LIT("text/html");
    case POSTA__USE_CALENDAR: return POSTA_LIT("text/calendar");
    case POSTA__USE_MULTIPART: return POSTA_LIT("multipart/mixed");
    default: return posta__type_of_name(p->name);
    }
}

/* Text whose line ends are made CRLF; what is attached is somebody's file. */
static bool is_text_use(const setting *s, posta_span type) {
    posta_span d = posta__span_of(s->o->disposition);
    if (s->part->use == POSTA__USE_LEAF)
        return begins_nocase(type, POSTA_LIT("text/")) &&
               !posta_span_is_nocase(d, POSTA_LIT("attachment"));
    return s->part->use == POSTA__USE_TEXT || s->part->use == POSTA__USE_HTML ||
           s->part->use == POSTA__USE_CALENDAR;
}

static posta_status set_type(const setting *s) {
    posta_span type = posta__span_of(s->o->type);
    const char *why = NULL;
    posta__part *p = s->part;
    if (!s->o->type)
        type = default_type(p);
    else if (posta__media_type_check(type, &why) || (why = type_why(s, type)) != NULL)
        return blame_option(s, "type", type, why, POSTA__NOWHERE);
    p->is_whole = begins_nocase(type, POSTA_LIT("message/")) &&
                  !posta_span_is_nocase(type, POSTA_LIT("message/global"));
    p->is_text = p->is_whole || is_text_use(s, type);
    p->type = type;
    if (s->o->type) keep(s, type, &p->type);
    return s->m->status;
}

static posta_status set_charset(const setting *s) {
    posta_span charset = posta__span_of(s->o->charset);
    bool is_text = begins_nocase(s->part->type, POSTA_LIT("text/"));
    const char *why = NULL;
    posta__part *p = s->part;
    p->seeks_charset = is_text && !s->o->charset;
    if (!s->o->charset && (!is_text || !p->is_text)) return POSTA_OK;
    if (!s->o->charset) {
        p->is_utf8 = true;
        p->charset = POSTA_LIT("utf-8");
        return POSTA_OK;
    }
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
    s->part->has_disposition = s->o->disposition != NULL;
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
    posta__part **place;
    if (!s->o->content_id && s->part->use != POSTA__USE_INLINE) return POSTA_OK;
    if (!s->o->content_id || posta__msg_id_check(id, POSTA__ID_BARE_LEFT, &bare, &why))
        return blame_option(s, "content_id", id, why, POSTA__NOWHERE);
    place = posta__part_by_id(s->m, bare);
    if (*place)
        return blame_option(s, "content_id", id, "names another part already", POSTA__NOWHERE);
    if (!keep(s, bare, &s->part->content_id)) return s->m->status;
    s->part->id_hash = posta__hash(bare, 0);
    *place = s->part;
    return POSTA_OK;
}

/* RFC 3282: tags of letters, digits and hyphens, with commas between them. */
static posta_status set_language(const setting *s) {
    posta_span tags = posta__span_of(s->o->language);
    size_t i;
    if (!s->o->language) return POSTA_OK;
    for (i = 0; i < tags.len; i++) {
        uint8_t c = tags.p[i];
        if (!posta__is_alpha(c) && !posta__is_digit(c) && c != '-' && c != ',' && c != ' ')
            return blame_option(s, "language", tags, "is no list of language tags", i);
    }
    if (tags.len == 0 || tags.p[0] == ' ' || tags.p[tags.len - 1] == ' ')
        return blame_option(s, "language", tags, "is no list of language tags", POSTA__NOWHERE);
    keep(s, tags, &s->part->language);
    return s->m->status;
}

/* ---- parameters of the type ---- */

static const char *parameter_why(const setting *s, posta_span name) {
    static const char *const others[] = {"charset", "name", "boundary"};
    bool is_related = posta_span_is_nocase(s->part->type, POSTA_LIT("multipart/related"));
    const posta__header *h;
    size_t i;
    /* attribute-char: with one of these readers would take it for an encoded charset or boundary */
    for (i = 0; i < name.len; i++)
        if (name.p[i] == '*' || name.p[i] == '\'' || name.p[i] == '%')
            return "is kept for RFC 2231";
    for (i = 0; i < sizeof others / sizeof *others; i++)
        if (posta_span_is_nocase(name, posta__span_of(others[i])))
            return i == 2 ? "is made by posta" : "is an option of its own";
    if (is_related && posta_span_is_nocase(name, POSTA_LIT("type"))) return "is made by posta";
    if (s->part->use == POSTA__USE_CALENDAR && posta_span_is_nocase(name, POSTA_LIT("method")))
        return "is given by itself";
    for (h = s->part->parameters; h; h = h->next)
        if (posta_span_is_nocase(name, h->name)) return "is there already";
    return NULL;
}

static posta_status add_parameter(const setting *s, const posta_field *f) {
    posta_span name = posta__span_of(f->name), value = posta__span_of(f->value);
    const char *why = NULL;
    posta__part *p = s->part;
    posta__header *h;
    if (posta__token_check(name, &why) || (why = parameter_why(s, name)) != NULL)
        return blame_option(s, "parameters", name, why, POSTA__NOWHERE);
    if (!f->value || posta__text_check(value, &why))
        return blame_option(s, "parameters", value, why ? why : "lacks its value", POSTA__NOWHERE);
    h = posta__arena_take(&s->m->arena, sizeof *h);
    if (!h) return posta__setter_starves(s->m);
    *h = (posta__header){.next = NULL};
    if (!keep(s, name, &h->name) || !keep(s, value, &h->value)) return s->m->status;
    if (p->parameters_last)
        p->parameters_last->next = h;
    else
        p->parameters = h;
    p->parameters_last = h;
    return POSTA_OK;
}

/* RFC 3676 4 */
static posta_status set_flowed(const setting *s) {
    posta_field format = {"format", "flowed"};
    posta__part *p = s->part;
    if (!p->is_text || !posta_span_is_nocase(p->type, POSTA_LIT("text/plain")))
        return blame_option(s, "flowed", posta__span_of(NULL), "is for text/plain that is shown",
                            POSTA__NOWHERE);
    p->flow = posta__flow_new(s->m);
    return p->flow ? add_parameter(s, &format) : posta__setter_starves(s->m);
}

static posta_status set_parameters(const setting *s) {
    size_t i;
    if (s->o->parameters_n > PARAMETERS_MAX)
        return blame_option(s, "parameters", posta__span_of(NULL), "are more than 64",
                            POSTA__NOWHERE);
    if (s->o->is_flowed && set_flowed(s)) return s->m->status;
    if (s->o->parameters_n > 0 && !s->o->parameters)
        return blame_option(s, "parameters", posta__span_of(NULL), "lacks its fields",
                            POSTA__NOWHERE);
    for (i = 0; i < s->o->parameters_n; i++) {
        posta_status status = add_parameter(s, &s->o->parameters[i]);
        if (status) return status;
    }
    return POSTA_OK;
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
    posta_encoding e = s->o->encoding;
    bool is_coded = e == POSTA_ENCODING_QUOTED_PRINTABLE || e == POSTA_ENCODING_BASE64;
    s->part->encoding = e;
    if ((unsigned)e > POSTA_ENCODING_BINARY)
        return blame_option(s, "encoding", posta__span_of(NULL), "is not known", POSTA__NOWHERE);
    if (s->part->use == POSTA__USE_MULTIPART && is_coded)
        return blame_option(s, "encoding", posta__span_of(NULL),
                            "is not allowed on a multipart (RFC 2045 6.4); encode its parts",
                            POSTA__NOWHERE);
    if (s->part->is_whole && is_coded)
        return blame_option(s, "encoding", posta__span_of(NULL),
                            "is not allowed for message types (RFC 2046 5.2)", POSTA__NOWHERE);
    return POSTA_OK;
}

posta_status posta__part_options(posta_message *m, posta__part *p, const posta_part_options *o,
                                 const char *label) {
    static posta_status (*const setters[])(const setting *) = {
        set_name,       set_type,     set_charset,    set_disposition, set_description,
        set_content_id, set_language, set_parameters, set_headers,     set_encoding,
    };
    setting s = {m, p, o, label};
    size_t i;
    for (i = 0; i < sizeof setters / sizeof setters[0]; i++) {
        posta_status status = setters[i](&s);
        if (status) return status;
    }
    return POSTA_OK;
}
