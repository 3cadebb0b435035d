/* core/mime: what will go wrong with a message, or annoy, found before it is sent. The message is
 * composed as for sending, and bodies that can be read twice are looked into.
 */
#include "mime_i.h"

typedef struct search {
    posta_message *m;
    posta_finding *out;
    size_t cap, n;
} search;

static posta_finding *add(search *s, posta_severity severity, const char *code, const char *place,
                          const char *text) {
    posta_finding *f = s->n < s->cap ? &s->out[s->n] : NULL;
    posta__text t;
    s->n++;
    if (!f) return NULL;
    f->severity = severity;
    f->code = code;
    t = posta__text_in(f->place, sizeof f->place);
    posta__text_put(&t, place);
    t = posta__text_in(f->text, sizeof f->text);
    posta__text_put(&t, text);
    return f;
}

static void add_value(search *s, posta_severity severity, const char *code, const char *place,
                      posta_span value, const char *why) {
    posta_finding *f = add(s, severity, code, place, "");
    posta__text t;
    if (!f) return;
    t = posta__text_in(f->text, sizeof f->text);
    posta__text_value(&t, value);
    posta__text_put(&t, " ");
    posta__text_put(&t, why);
}

/* ---- what stops it ---- */

static bool says(const posta_problem *p, const char *what) {
    posta_span s = posta__span_of(p->text);
    size_t len = strlen(what);
    for (; s.len >= len; s = posta__span_sub(s, 1, s.len))
        if (memcmp(s.p, what, len) == 0) return true;
    return false;
}

static const char *code_of(const posta_problem *p) {
    if (says(p, "Bcc field") || says(p, "must never be in the text")) return "bcc.in_header";
    if (says(p, "over 998")) return "line.too_long";
    return posta_status_code(p->status);
}

static void add_problem(search *s) {
    const posta_problem *p = &s->m->problem;
    add(s, POSTA_SEVERITY_ERROR, code_of(p), p->field, p->text);
}

/* ---- the header ---- */

static bool has_header(const posta_message *m, const char *name) {
    const posta__header *h;
    for (h = m->headers; h; h = h->next)
        if (posta_span_is_nocase(h->name, posta__span_of(name))) return true;
    return false;
}

static void check_bulk(search *s, bool is_bulk) {
    if (!is_bulk && !has_header(s->m, "List-Id")) return;
    if (!has_header(s->m, "List-Unsubscribe"))
        add(s, POSTA_SEVERITY_WARNING, "bulk.no_unsubscribe", "list.unsubscribe",
            "bulk mail needs a List-Unsubscribe; large providers refuse it without");
    else if (!has_header(s->m, "List-Unsubscribe-Post"))
        add(s, POSTA_SEVERITY_WARNING, "bulk.no_one_click", "list.one_click",
            "bulk mail needs one-click unsubscribing (RFC 8058); large providers refuse it "
            "without");
}

/* Receivers that check SPF and DMARC want the two to be of one domain. */
static void check_sender(search *s) {
    const posta__entry *from = s->m->addresses[POSTA_FROM].first;
    const posta__entry *given = s->m->addresses[POSTA_ENVELOPE_FROM].first;
    if (!given) given = s->m->addresses[POSTA_SENDER].first;
    if (!from || !given ||
        posta_span_is_nocase(posta__entry_domain(from), posta__entry_domain(given)))
        return;
    add_value(
        s, POSTA_SEVERITY_WARNING, "from.mismatch", "from", from->a.domain,
        "is not the domain of the envelope's sender; receivers that check DMARC may refuse it");
}

static void check_header(search *s, const posta_check_options *o) {
    const posta_message *m = s->m;
    if (!m->has_subject || m->subject.len == 0)
        add(s, POSTA_SEVERITY_WARNING, "subject.missing", "subject", "the subject is missing");
    if (m->date.len == 0)
        add(s, POSTA_SEVERITY_NOTE, "date.missing", "date",
            "there is no clock, so there is no Date; the server may add one");
    check_bulk(s, o->is_bulk);
    check_sender(s);
}

/* ---- pictures ---- */

#define ID_CAP 255u

/* Looks for cid: in HTML as it goes by; RFC 2392. */
typedef struct cids {
    size_t matched; /* of "cid:" */
    uint8_t before; /* the octet in front of it */
    uint8_t last;
    bool in_id;
    uint8_t id[ID_CAP];
    size_t n;
} cids;

static bool ends_id(uint8_t c) {
    return c <= ' ' || c == '"' || c == '\'' || c == '>' || c == ')' || c == '<' || c == '&';
}

/* %XX stands for an octet. */
static posta_span decoded(cids *c) {
    size_t n = 0, i;
    for (i = 0; i < c->n; i++) {
        bool is_coded = c->id[i] == '%' && i + 2 < c->n && posta__hex_digit(c->id[i + 1]) >= 0 &&
                        posta__hex_digit(c->id[i + 2]) >= 0;
        uint8_t octet = c->id[i];
        if (is_coded) {
            octet = (uint8_t)(posta__hex_digit(c->id[i + 1]) * 16 + posta__hex_digit(c->id[i + 2]));
            i += 2;
        }
        c->id[n++] = octet;
    }
    return posta__span(c->id, n);
}

static void found_id(search *s, const posta__part *html, posta_span id) {
    posta__part *p = *posta__part_by_id(s->m, id);
    if (p) {
        p->is_named = true;
        return;
    }
    add_value(s, POSTA_SEVERITY_WARNING, "cid.without_part", html->label, id,
              "is shown by cid: and no part has that Content-ID");
}

static void take(search *s, const posta__part *html, cids *c, uint8_t octet) {
    static const uint8_t mark[] = "cid:";
    if (c->in_id && !ends_id(octet)) {
        if (c->n < ID_CAP) c->id[c->n++] = octet;
        return;
    }
    if (c->in_id && c->n > 0) found_id(s, html, decoded(c));
    c->in_id = false;
    if (posta__lower(octet) == mark[c->matched]) {
        if (c->matched++ == 0) c->before = c->last;
    } else {
        c->matched = posta__lower(octet) == 'c';
        c->before = c->last;
    }
    c->last = octet;
    if (c->matched < 4) return;
    c->matched = 0;
    c->n = 0;
    /* "acid: x" is none; behind a ; as in url(&quot;cid:x&quot;) */
    c->in_id = c->before <= ' ' || c->before == '"' || c->before == '\'' || c->before == '=' ||
               c->before == '(' || c->before == ';';
}

static bool can_read(const posta__part *p) {
    if (p->body.kind == POSTA_BODY_DATA) return true;
    return p->body.kind == POSTA_BODY_SOURCE && p->body.source.rewind && !p->enclosed;
}

/* False: it could not be read, so nothing is known of what it shows. */
static bool read_html(search *s, posta__part *html) {
    cids c;
    posta__input in;
    posta_status status;
    if (!can_read(html)) return false;
    memset(&c, 0, sizeof c);
    posta__input_init(&in, html);
    while ((status = posta__input_fill(s->m, &in)) == POSTA_OK) {
        for (; in.in.len > 0; in.in = posta__span_sub(in.in, 1, in.in.len))
            take(s, html, &c, in.in.p[0]);
    }
    take(s, html, &c, ' ');
    return posta__part_rewind(s->m, html) == POSTA_OK && status == POSTA_END;
}

static bool is_of(const posta__part *p, const char *type) {
    return posta_span_is_nocase(p->type, posta__span_of(type));
}

static bool is_shown(const posta__part *p) {
    return !posta_span_is_nocase(p->disposition, POSTA_LIT("attachment"));
}

static void check_pictures(search *s) {
    posta__part *p;
    bool is_known = true, has_html = false;
    for (p = s->m->all; p; p = p->next_all)
        p->is_named = false;
    for (p = s->m->root; p; p = posta__tree_next(p)) {
        if (!is_of(p, "text/html") || !is_shown(p)) continue;
        has_html = true;
        if (!read_html(s, p)) is_known = false;
    }
    for (p = s->m->root; p && has_html && is_known; p = posta__tree_next(p)) {
        bool is_picture = p->use == POSTA__USE_INLINE ||
                          posta_span_is_nocase(p->disposition, POSTA_LIT("inline"));
        if (is_picture && p->content_id.len > 0 && !p->is_named)
            add_value(s, POSTA_SEVERITY_WARNING, "part.without_cid", p->label, p->content_id,
                      "is shown by no cid: of the HTML");
    }
}

/* ---- the parts ---- */

static void check_texts(search *s) {
    const posta__part *p;
    bool has_text = false, has_html = false;
    for (p = s->m->root; p; p = posta__tree_next(p)) {
        if (p->is_text && p->is_scanned && p->scan.longest > 998 && p->use != POSTA__USE_RAW)
            add(s, POSTA_SEVERITY_NOTE, "line.too_long", p->label,
                "has lines over 998 octets; it is encoded for that");
        has_text = has_text || (is_of(p, "text/plain") && is_shown(p));
        has_html = has_html || (is_of(p, "text/html") && is_shown(p));
    }
    if (has_html && !has_text)
        add(s, POSTA_SEVERITY_WARNING, "text.missing", "text",
            "there is HTML and no plain text; some readers show none, and filters mind");
    if (!s->m->root)
        add(s, POSTA_SEVERITY_WARNING, "body.empty", "text", "the message has no content");
}

static void check_size(search *s, uint64_t max) {
    posta_finding *f;
    posta__text t;
    uint64_t len = s->m->program.len;
    if (max == 0 || len == POSTA_LEN_UNKNOWN || len <= max) return;
    f = add(s, POSTA_SEVERITY_ERROR, "size.over", "", "");
    if (!f) return;
    t = posta__text_in(f->text, sizeof f->text);
    posta__text_put(&t, "the message has ");
    posta__text_number(&t, len);
    posta__text_put(&t, " octets when encoded, the server takes at most ");
    posta__text_number(&t, max);
}

posta_status posta_message_check(posta_message *m, const posta_check_options *options,
                                 posta_finding *out, size_t cap, size_t *n_out) {
    static const posta_check_options standard = POSTA_CHECK_OPTIONS;
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    search s = {m, out, cap, 0};
    posta_source source;
    posta_status status;
    if (!options) options = &standard;
    if (!m || !n_out || (!out && cap > 0) || options->size < sizeof standard)
        return POSTA_E_ARGUMENT;
    o.may_8bit = options->may_8bit;
    o.may_utf8 = options->may_utf8;
    status = posta_message_compose(m, &o, &source, NULL);
    if (posta__needs_utf8(m, status)) {
        add(&s, POSTA_SEVERITY_WARNING, "smtputf8.needed", m->problem.field,
            "is not ASCII: only a server with SMTPUTF8 takes it");
        status = posta__message_export(m, &o, &source);
    }
    if (status) {
        add_problem(&s);
    } else if (!m->raw) {
        check_header(&s, options);
        check_texts(&s);
        check_pictures(&s);
    }
    if (m->program.shape != POSTA__SHAPE_NONE) check_size(&s, options->size_max);
    *n_out = s.n;
    return POSTA_OK;
}
