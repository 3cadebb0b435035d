/* core/mime: the tree that follows from what was given, written as a flat program:
 *
 *     mixed { alternative { text, related { html, inline... } }, attachment... }
 *
 * A multipart with one child is left out (behaviour H18). The line end in front of a delimiter
 * belongs to the delimiter (RFC 2046 5.1.1), so parts end exactly where their octets end.
 */
#include "mime_i.h"

enum { MIXED, ALTERNATIVE, RELATED };

static const char *const types[POSTA__MULTIPARTS] = {
    "multipart/mixed",
    "multipart/alternative",
    "multipart/related",
};

static bool any_8bit(const posta__part *p) {
    for (; p; p = p->next) {
        if (p->has_8bit) return true;
    }
    return false;
}

static bool has_8bit(const posta_message *m, int kind) {
    bool is = (m->html && m->html->has_8bit) || any_8bit(m->inlines);
    if (kind == RELATED) return is;
    is = is || (m->text && m->text->has_8bit);
    return kind == ALTERNATIVE ? is : is || any_8bit(m->attachments);
}

/* The first header block that ends is the message's. */
static void mark_head(posta_message *m) {
    if (m->program.head_len == 0) m->program.head_len = m->program.len;
}

static posta_status open_multipart(posta_message *m, int kind) {
    posta_span root = kind == RELATED ? m->html->type : posta__span(NULL, 0);
    posta_status status =
        posta__head_multipart(m, types[kind], root, m->boundary[kind], has_8bit(m, kind));
    mark_head(m);
    return status;
}

typedef enum delimiter { FIRST, NEXT, CLOSE } delimiter;

static posta_status put_delimiter(posta_message *m, int kind, delimiter d) {
    posta_span b = posta__span(m->boundary[kind], POSTA__BOUNDARY_LEN);
    posta_status status = posta__program_put(m, d == FIRST ? POSTA_LIT("--") : POSTA_LIT("\r\n--"));
    if (!status) status = posta__program_put(m, b);
    if (status) return status;
    return posta__program_put(m, d == CLOSE ? POSTA_LIT("--") : POSTA_LIT("\r\n"));
}

static posta_status put_part(posta_message *m, posta__part *p) {
    posta_status status = posta__head_part(m, p);
    mark_head(m);
    return status ? status : posta__program_add(m, POSTA__SEG_BODY, p);
}

static posta_status put_related(posta_message *m) {
    posta_status status = open_multipart(m, RELATED);
    posta__part *p;
    if (!status) status = put_delimiter(m, RELATED, FIRST);
    if (!status) status = put_part(m, m->html);
    for (p = m->inlines; p && !status; p = p->next) {
        status = put_delimiter(m, RELATED, NEXT);
        if (!status) status = put_part(m, p);
    }
    return status ? status : put_delimiter(m, RELATED, CLOSE);
}

static posta_status put_html(posta_message *m) {
    return m->inlines ? put_related(m) : put_part(m, m->html);
}

static posta_status put_content(posta_message *m) {
    posta_status status;
    if (!m->text) return put_html(m);
    if (!m->html) return put_part(m, m->text);
    status = open_multipart(m, ALTERNATIVE);
    if (!status) status = put_delimiter(m, ALTERNATIVE, FIRST);
    if (!status) status = put_part(m, m->text);
    if (!status) status = put_delimiter(m, ALTERNATIVE, NEXT);
    if (!status) status = put_html(m);
    return status ? status : put_delimiter(m, ALTERNATIVE, CLOSE);
}

static posta_status put_mixed(posta_message *m, bool has_content) {
    posta_status status = open_multipart(m, MIXED);
    delimiter d = FIRST;
    posta__part *p;
    if (!status && has_content) {
        status = put_delimiter(m, MIXED, FIRST);
        if (!status) status = put_content(m);
        d = NEXT;
    }
    for (p = m->attachments; p && !status; p = p->next) {
        status = put_delimiter(m, MIXED, d);
        if (!status) status = put_part(m, p);
        d = NEXT;
    }
    return status ? status : put_delimiter(m, MIXED, CLOSE);
}

static posta_status put_nothing(posta_message *m) {
    posta_status status =
        posta__program_put(m, POSTA_LIT("Content-Type: text/plain; charset=utf-8\r\n"
                                        "Content-Transfer-Encoding: 7bit\r\n\r\n"));
    mark_head(m);
    return status;
}

posta__part *posta__tree_root(const posta_message *m) {
    bool has_content = m->text || m->html;
    if (m->raw) return m->raw;
    if (m->attachments_n + has_content != 1) return NULL;
    if (!has_content) return m->attachments;
    if ((m->text && m->html) || m->inlines) return NULL;
    return m->text ? m->text : m->html;
}

bool posta__tree_is_multipart(const posta_message *m) {
    return !posta__tree_root(m) && (m->text || m->html || m->attachments);
}

posta_status posta__tree_write(posta_message *m) {
    bool has_content = m->text || m->html;
    size_t children = m->attachments_n + has_content;
    posta_status status;
    if (children > 1)
        status = put_mixed(m, has_content);
    else if (has_content)
        status = put_content(m);
    else if (m->attachments)
        status = put_part(m, m->attachments);
    else
        return put_nothing(m);
    return status ? status : posta__program_add(m, POSTA__SEG_EOL, posta__tree_root(m));
}
