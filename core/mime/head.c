/* core/mime: header blocks. A field is written into what is left of the program's arena; what does
 * not fit there is measured first and gets exactly that much, so that a To of ten thousand
 * recipients costs no more than its own length. */
#include "mime_i.h"

typedef void (*writer)(posta__fold *f, const void *what);

static posta_status put_field(posta_message *m, posta_span name, const char *label, writer write,
                              const void *what) {
    posta_window *w = &m->program.text;
    posta__fold f;
    posta__fold_begin(&f, w, name);
    write(&f, what);
    if (posta__fold_end(&f) == POSTA_OK) return POSTA_OK;
    posta__fold_begin(&f, NULL, name);
    write(&f, what);
    if (posta__fold_end(&f))
        return posta__blame_on(m, POSTA_E_FIELD, label, "does not fit into header lines");
    if (!posta__program_open(m, f.len)) return POSTA_E_MEMORY;
    posta__fold_begin(&f, w, name);
    write(&f, what);
    if (posta__fold_end(&f))
        return posta__blame_on(m, POSTA_E_LIMIT, label, "was measured wrongly");
    return POSTA_OK;
}

static void write_token(posta__fold *f, const void *what) {
    posta__fold_token(f, *(const posta_span *)what);
}

/* ---- lines that need no folding, as most do ---- */

/* A line of `len` octets to be written, its CRLF is; null: it has to fold, or there is no memory.
 */
static uint8_t *take_line(posta_message *m, size_t len) {
    posta_window *w = &m->program.text;
    uint8_t *p;
    if (len > POSTA_FOLD_AT || !posta__program_has_room(m, len + 2)) return NULL;
    p = w->p + w->len;
    memcpy(p + len, "\r\n", 2);
    w->len += len + 2;
    return p;
}

static bool put_line(posta_message *m, posta_span name, posta_span value) {
    uint8_t *p = take_line(m, name.len + 2 + value.len);
    if (!p) return false;
    memcpy(p, name.p, name.len);
    memcpy(p + name.len, ": ", 2);
    memcpy(p + name.len + 2, value.p, value.len);
    return true;
}

static posta_status put_token(posta_message *m, posta_span name, const char *label,
                              posta_span token) {
    if (put_line(m, name, token)) return POSTA_OK;
    return put_field(m, name, label, write_token, &token);
}

/* ---- what stands in fields ---- */

static void write_text(posta__fold *f, const void *what) {
    posta__fold_text(f, *(const posta_span *)what);
}

static void write_words(posta__fold *f, const void *what) {
    posta__fold_words(f, *(const posta_span *)what);
}

typedef struct listing {
    const posta__entry *first;
    bool may_utf8;
} listing;

static void write_entries(posta__fold *f, const void *what) {
    const listing *l = what;
    const posta__entry *e;
    for (e = l->first; e; e = e->next) {
        posta__address a = posta__entry_form(e, l->may_utf8);
        posta__fold_address(f, &a, !e->next || e->next->a.kind == POSTA__GROUP_END);
    }
}

static void write_first(posta__fold *f, const void *what) {
    const listing *l = what;
    posta__address a = posta__entry_form(l->first, l->may_utf8);
    posta__fold_address(f, &a, true);
}

static listing list_of(const posta_message *m, const posta__entries *e) {
    return (listing){e->first, m->program.may_utf8};
}

static posta_span charset_of(const posta__part *p) {
    bool is_utf8 = p->seeks_charset && p->is_scanned && !p->scan.utf8.is_bad;
    return is_utf8 ? POSTA_LIT("utf-8") : p->charset;
}

/* RFC 6532 3.7: the enclosed message has UTF-8 in its header. */
static posta_span type_of(const posta__part *p) {
    bool is_global = p->enclosed && p->enclosed->program.has_utf8;
    return is_global ? POSTA_LIT("message/global") : p->type;
}

static void write_content_type(posta__fold *f, const void *what) {
    const posta__part *p = what;
    posta_span charset = charset_of(p);
    const posta__header *h;
    posta__fold_token(f, type_of(p));
    if (p->root_type.len > 0)
        posta__fold_param(f, POSTA_LIT("type"), p->root_type, POSTA__PARAM_QUOTED);
    if (p->boundary)
        posta__fold_param(f, POSTA_LIT("boundary"), posta__span(p->boundary, POSTA__BOUNDARY_LEN),
                          POSTA__PARAM_QUOTED);
    if (p->method.len > 0) posta__fold_param(f, POSTA_LIT("method"), p->method, POSTA__PARAM_PLAIN);
    for (h = p->parameters; h; h = h->next)
        posta__fold_param(f, h->name, h->value, POSTA__PARAM_PLAIN);
    if (charset.len > 0) posta__fold_param(f, POSTA_LIT("charset"), charset, POSTA__PARAM_PLAIN);
    if (p->name.len > 0) posta__fold_param(f, POSTA_LIT("name"), p->name, POSTA__PARAM_NAME);
}

static void write_disposition(posta__fold *f, const void *what) {
    const posta__part *p = what;
    posta__fold_token(f, p->disposition);
    if (p->name.len > 0)
        posta__fold_param(f, POSTA_LIT("filename"), p->name, POSTA__PARAM_FILENAME);
}

/* ---- other fields ---- */

/* Fields with a grammar of their own, where an encoded word would break what stands there. */
static const char *const structured[] = {
    "In-Reply-To", "References",        "Auto-Submitted",
    "Precedence",  "Return-Receipt-To", "Disposition-Notification-To",
    "Errors-To",   "Feedback-ID",
};

static bool begins_nocase(posta_span s, posta_span with) {
    return posta_span_is_nocase(posta__span_sub(s, 0, with.len), with);
}

static bool is_structured(const posta__header *h) {
    size_t i;
    bool is =
        begins_nocase(h->name, POSTA_LIT("List-")) || begins_nocase(h->name, POSTA_LIT("Resent-"));
    for (i = 0; !is && i < sizeof structured / sizeof structured[0]; i++)
        is = posta_span_is_nocase(h->name, posta__span_of(structured[i]));
    return is;
}

/* ASCII words with single spaces between them: what can be folded and unfolded without a change. */
static bool is_words(posta_span s) {
    size_t i;
    if (s.len == 0 || !posta__is_ascii(s) || s.p[0] == ' ' || s.p[s.len - 1] == ' ') return false;
    for (i = 0; i < s.len; i++) {
        if (s.p[i] == '\t' || (s.p[i] == ' ' && s.p[i + 1] == ' ')) return false;
    }
    return true;
}

static posta_status put_headers(posta_message *m, const posta__header *h) {
    posta_status status = POSTA_OK;
    for (; h && !status; h = h->next) {
        char label[POSTA__LABEL_CAP];
        posta__text t = posta__text_in(label, sizeof label);
        bool as_words = is_structured(h) && is_words(h->value);
        posta__text_put(&t, "headers.");
        posta__text_put(&t, (const char *)h->name.p);
        if (h->addresses.first) {
            listing l = list_of(m, &h->addresses);
            status = put_field(m, h->name, label, write_entries, &l);
        } else {
            status = put_field(m, h->name, label, as_words ? write_words : write_text, &h->value);
        }
    }
    return status;
}

/* ---- header blocks ---- */

/* A single address that is written as it stands in the arena. */
static bool put_simple(posta_message *m, posta_span name, const posta__entries *e) {
    const posta__address *a = &e->first->a;
    return e->first == e->last && a->is_simple && a->name.len == 0 &&
           put_line(m, name, posta__address_written(a));
}

static posta_status put_list(posta_message *m, const posta__entries *e, posta_span name,
                             const char *label) {
    listing l = list_of(m, e);
    return put_simple(m, name, e) ? POSTA_OK : put_field(m, name, label, write_entries, &l);
}

static posta_status put_entries(posta_message *m, posta_address_field field, posta_span name,
                                const char *label) {
    const posta__entries *e = &m->addresses[field];
    return e->first ? put_list(m, e, name, label) : POSTA_OK;
}

/* Several authors must name the one who sends, RFC 5322 3.6.2; the envelope takes the first. */
static posta_status put_sender(posta_message *m) {
    posta_span name = POSTA_LIT("Sender");
    bool is_needed = !m->addresses[POSTA_SENDER].first && m->addresses[POSTA_FROM].n > 1;
    listing from = list_of(m, &m->addresses[POSTA_FROM]);
    if (is_needed) return put_field(m, name, "sender", write_first, &from);
    return put_entries(m, POSTA_SENDER, name, "sender");
}

static posta_status put_to(posta_message *m) {
    posta_span name = POSTA_LIT("To");
    bool is_hidden = !m->addresses[POSTA_TO].first && !m->addresses[POSTA_CC].first;
    if (is_hidden) return put_token(m, name, "to", POSTA_LIT("undisclosed-recipients:;"));
    return put_entries(m, POSTA_TO, name, "to");
}

static posta_status put_addresses(posta_message *m) {
    posta_status status = put_entries(m, POSTA_FROM, POSTA_LIT("From"), "from");
    if (!status) status = put_sender(m);
    if (!status) status = put_entries(m, POSTA_REPLY_TO, POSTA_LIT("Reply-To"), "reply_to");
    if (!status) status = put_to(m);
    if (!status) status = put_entries(m, POSTA_CC, POSTA_LIT("Cc"), "cc");
    if (!status)
        status = put_entries(m, POSTA_NOTIFY_TO, POSTA_LIT("Disposition-Notification-To"),
                             "disposition_notification_to");
    return status;
}

static posta_status put_subject(posta_message *m) {
    posta_span name = POSTA_LIT("Subject");
    if (m->subject_is_simple && put_line(m, name, m->subject)) return POSTA_OK;
    return put_field(m, name, "subject", write_text, &m->subject);
}

posta_status posta__head_write(posta_message *m) {
    posta_status status = POSTA_OK;
    if (m->date.len > 0) status = put_token(m, POSTA_LIT("Date"), "date", m->date);
    if (!status) status = put_addresses(m);
    if (!status && m->has_subject) status = put_subject(m);
    if (!status) status = put_token(m, POSTA_LIT("Message-ID"), "message_id", m->id);
    return status ? status : put_headers(m, m->headers);
}

posta_status posta__head_extra(posta_message *m) {
    return put_headers(m, m->headers);
}

posta_status posta__head_version(posta_message *m) {
    return posta__program_put(m, POSTA_LIT("MIME-Version: 1.0\r\n"));
}

static posta_status put_encoding(posta_message *m, posta__cte cte) {
    switch (cte) {
    case POSTA__CTE_8BIT:
        return posta__program_put(m, POSTA_LIT("Content-Transfer-Encoding: 8bit\r\n"));
    case POSTA__CTE_QP:
        return posta__program_put(m, POSTA_LIT("Content-Transfer-Encoding: quoted-printable\r\n"));
    case POSTA__CTE_BASE64:
        return posta__program_put(m, POSTA_LIT("Content-Transfer-Encoding: base64\r\n"));
    case POSTA__CTE_BINARY:
        return posta__program_put(m, POSTA_LIT("Content-Transfer-Encoding: binary\r\n"));
    case POSTA__CTE_7BIT:
    default: return posta__program_put(m, POSTA_LIT("Content-Transfer-Encoding: 7bit\r\n"));
    }
}

static posta_status put_content_id(posta_message *m, const posta__part *p) {
    posta_status status = posta__program_put(m, POSTA_LIT("Content-ID: <"));
    if (!status) status = posta__program_put(m, p->content_id);
    return status ? status : posta__program_put(m, POSTA_LIT(">\r\n"));
}

static bool put_simple_type(posta_message *m, const posta__part *p) {
    posta_span name = POSTA_LIT("Content-Type: "), more = POSTA_LIT("; charset=");
    posta_span type = type_of(p), charset = charset_of(p);
    uint8_t *to;
    if (p->boundary || p->parameters || p->method.len > 0 || p->name.len > 0) return false;
    if (charset.len == 0) return put_line(m, POSTA_LIT("Content-Type"), type);
    to = take_line(m, name.len + type.len + more.len + charset.len);
    if (!to) return false;
    memcpy(to, name.p, name.len);
    memcpy(to + name.len, type.p, type.len);
    memcpy(to + name.len + type.len, more.p, more.len);
    memcpy(to + name.len + type.len + more.len, charset.p, charset.len);
    return true;
}

static posta_status put_content_type(posta_message *m, const posta__part *p) {
    if (put_simple_type(m, p)) return POSTA_OK;
    return put_field(m, POSTA_LIT("Content-Type"), p->label, write_content_type, p);
}

/* A multipart says of itself only what is not the default, RFC 2045 6.2. */
static posta_status put_cte(posta_message *m, const posta__part *p) {
    if (p->use == POSTA__USE_MULTIPART && !p->has_8bit) return POSTA_OK;
    return put_encoding(m, p->cte);
}

posta_status posta__head_part(posta_message *m, const posta__part *p) {
    posta_status status = put_content_type(m, p);
    if (!status) status = put_cte(m, p);
    if (!status && p->disposition.len > 0)
        status = put_field(m, POSTA_LIT("Content-Disposition"), p->label, write_disposition, p);
    if (!status && p->content_id.len > 0) status = put_content_id(m, p);
    if (!status && p->description.len > 0)
        status =
            put_field(m, POSTA_LIT("Content-Description"), p->label, write_text, &p->description);
    if (!status && p->language.len > 0)
        status = put_field(m, POSTA_LIT("Content-Language"), p->label, write_words, &p->language);
    if (!status) status = put_headers(m, p->headers);
    return status ? status : posta__program_put(m, POSTA_LIT("\r\n"));
}
