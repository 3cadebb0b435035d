/* core/mime: header blocks. Each field is measured, then written into exactly that much of the
 * program's arena, so that a To of ten thousand recipients costs no more than its own length. */
#include "mime_i.h"

typedef void (*writer)(posta__fold *f, const void *what);

static posta_status put_field(posta_message *m, const char *name, const char *label, writer write,
                              const void *what) {
    posta__fold f;
    posta_span n = posta__span_of(name);
    posta_window w;
    posta_status status;
    uint8_t *p;
    posta__fold_begin(&f, NULL, n);
    write(&f, what);
    status = posta__fold_end(&f);
    if (status) return posta__blame_on(m, POSTA_E_FIELD, label, "does not fit into header lines");
    p = posta__arena_bytes(&m->program.arena, f.len);
    if (!p) return POSTA_E_MEMORY;
    w = posta__window(p, f.len);
    posta__fold_begin(&f, &w, n);
    write(&f, what);
    status = posta__fold_end(&f);
    if (status) return posta__blame_on(m, POSTA_E_LIMIT, label, "was measured wrongly");
    return posta__program_take(m, posta__span(w.p, w.len));
}

/* ---- what stands in fields ---- */

static void write_text(posta__fold *f, const void *what) {
    posta__fold_text(f, *(const posta_span *)what);
}

static void write_token(posta__fold *f, const void *what) {
    posta__fold_token(f, *(const posta_span *)what);
}

static void write_words(posta__fold *f, const void *what) {
    posta__fold_words(f, *(const posta_span *)what);
}

static void write_entries(posta__fold *f, const void *what) {
    const posta__entry *e;
    for (e = ((const posta__entries *)what)->first; e; e = e->next)
        posta__fold_address(f, &e->a, !e->next || e->next->a.kind == POSTA__GROUP_END);
}

static void write_first(posta__fold *f, const void *what) {
    posta__fold_address(f, &((const posta__entries *)what)->first->a, true);
}

static void write_content_type(posta__fold *f, const void *what) {
    const posta__part *p = what;
    bool is_utf8 = p->seeks_charset && p->is_scanned && !p->scan.utf8.is_bad;
    posta_span charset = is_utf8 ? POSTA_LIT("utf-8") : p->charset;
    const posta__header *h;
    posta__fold_token(f, p->type);
    if (p->root_type.len > 0)
        posta__fold_param(f, POSTA_LIT("type"), p->root_type, POSTA__PARAM_QUOTED);
    if (p->boundary)
        posta__fold_param(f, POSTA_LIT("boundary"), posta__span(p->boundary, POSTA__BOUNDARY_LEN),
                          POSTA__PARAM_QUOTED);
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
        status = put_field(m, (const char *)h->name.p, label, as_words ? write_words : write_text,
                           &h->value);
    }
    return status;
}

/* ---- header blocks ---- */

static posta_status put_addresses(posta_message *m) {
    static const struct {
        posta_address_field field;
        const char *name, *label;
    } rows[] = {
        {POSTA_FROM, "From", "from"},
        {POSTA_SENDER, "Sender", "sender"},
        {POSTA_REPLY_TO, "Reply-To", "reply_to"},
        {POSTA_TO, "To", "to"},
        {POSTA_CC, "Cc", "cc"},
        {POSTA_NOTIFY_TO, "Disposition-Notification-To", "disposition_notification_to"},
    };
    posta_status status = POSTA_OK;
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0] && !status; i++) {
        const posta__entries *e = &m->addresses[rows[i].field];
        writer write = write_entries;
        const void *what = e;
        posta_span nobody = POSTA_LIT("undisclosed-recipients:;");
        bool is_hidden = rows[i].field == POSTA_TO && !m->addresses[POSTA_CC].first;
        /* several authors must name the one who sends, RFC 5322 3.6.2; the envelope takes the first
         */
        bool needs_sender = rows[i].field == POSTA_SENDER && m->addresses[POSTA_FROM].n > 1;
        if (!e->first && needs_sender) {
            write = write_first;
            what = &m->addresses[POSTA_FROM];
        } else if (!e->first && is_hidden) {
            write = write_token;
            what = &nobody;
        } else if (!e->first)
            continue;
        status = put_field(m, rows[i].name, rows[i].label, write, what);
    }
    return status;
}

posta_status posta__head_write(posta_message *m) {
    posta_status status = POSTA_OK;
    if (m->date.len > 0) status = put_field(m, "Date", "date", write_token, &m->date);
    if (!status) status = put_addresses(m);
    if (!status && m->has_subject)
        status = put_field(m, "Subject", "subject", write_text, &m->subject);
    if (!status) status = put_field(m, "Message-ID", "message_id", write_token, &m->id);
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

/* A multipart says of itself only what is not the default, RFC 2045 6.2. */
static posta_status put_cte(posta_message *m, const posta__part *p) {
    if (p->use == POSTA__USE_MULTIPART && !p->has_8bit) return POSTA_OK;
    return put_encoding(m, p->cte);
}

posta_status posta__head_part(posta_message *m, const posta__part *p) {
    posta_status status = put_field(m, "Content-Type", p->label, write_content_type, p);
    if (!status) status = put_cte(m, p);
    if (!status && p->disposition.len > 0)
        status = put_field(m, "Content-Disposition", p->label, write_disposition, p);
    if (!status && p->content_id.len > 0) status = put_content_id(m, p);
    if (!status && p->description.len > 0)
        status = put_field(m, "Content-Description", p->label, write_text, &p->description);
    if (!status && p->language.len > 0)
        status = put_field(m, "Content-Language", p->label, write_words, &p->language);
    if (!status) status = put_headers(m, p->headers);
    return status ? status : posta__program_put(m, POSTA_LIT("\r\n"));
}
