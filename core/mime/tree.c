/* core/mime: the tree of parts. Given by hand it is as it was put together; by intention it follows
 * from what was given:
 *
 *     mixed { alternative { text, related { html, inline... }, calendar }, attachment... }
 *
 * where a multipart with one child is left out (behaviour H18). Either is written by one walk
 * without recursion. The line end in front of a delimiter belongs to the delimiter (RFC
 * 2046 5.1.1), so parts end exactly where their octets end.
 */
#include "mime_i.h"

/* ---- walking ---- */

posta__part *posta__tree_next(const posta__part *p) {
    if (p->child) return p->child;
    while (p && !p->next)
        p = p->parent;
    return p ? p->next : NULL;
}

/* ---- by hand ---- */

static posta_status refuse(posta_message *m, const posta__part *p, const char *why) {
    return posta__setter_fails(m, posta__blame_on(m, POSTA_E_FIELD, p->label, why));
}

static void hang(posta__part *parent, posta__part *p) {
    p->parent = parent;
    p->next = NULL;
    if (parent->child_last)
        parent->child_last->next = p;
    else
        parent->child = p;
    parent->child_last = p;
}

static bool is_over(const posta__part *p, const posta__part *child) {
    for (; p; p = p->parent)
        if (p == child) return true;
    return false;
}

/* Null: `p` may get a place in the tree. */
static const char *used_why(const posta_message *m, const posta__part *p) {
    if (p->message != m) return "is a part of another message";
    if (p->is_placed) return "is used already; a part has one place in a message";
    if (p->use < POSTA__USE_LEAF || p->use == POSTA__USE_RAW)
        return "has its place by how it was given";
    return NULL;
}

posta_status posta_part_add(posta_part *multipart, posta_part *child) {
    posta_message *m;
    const char *why;
    if (!multipart || !child) return POSTA_E_ARGUMENT;
    m = multipart->message;
    if (m->status) return m->status;
    if (multipart->use != POSTA__USE_MULTIPART)
        return refuse(m, multipart, "is no multipart: nothing can be put into it");
    if (is_over(multipart, child)) return refuse(m, child, "would be a part of itself");
    why = used_why(m, child);
    if (why) return refuse(m, child, why);
    child->is_placed = true;
    hang(multipart, child);
    return POSTA_OK;
}

posta_status posta_message_tree(posta_message *m, posta_part *root) {
    const char *why;
    if (!m || !root) return POSTA_E_ARGUMENT;
    if (m->status) return m->status;
    why = m->tree ? "is a second tree; a message has one" : used_why(m, root);
    if (why) return refuse(m, root, why);
    root->is_placed = true;
    m->tree = root;
    return POSTA_OK;
}

posta_status posta_message_attach_part(posta_message *m, posta_part *part) {
    const char *why;
    if (!m || !part) return POSTA_E_ARGUMENT;
    if (m->status) return m->status;
    why = used_why(m, part);
    if (why) return refuse(m, part, why);
    part->is_placed = true;
    if (part->use != POSTA__USE_MULTIPART && !part->has_disposition)
        part->disposition = POSTA_LIT("attachment");
    if (part->use == POSTA__USE_LEAF && !part->is_whole) {
        /* its octets arrive unchanged from now on, so they need not be UTF-8 */
        part->is_text = part->is_utf8 = false;
        if (part->seeks_charset) part->charset = posta__span(NULL, 0);
    }
    if (m->attachments_last)
        m->attachments_last->next = part;
    else
        m->attachments = part;
    m->attachments_last = part;
    m->attachments_n++;
    return POSTA_OK;
}

/* ---- what is asked of any tree ---- */

static posta_status blame(posta_message *m, const posta__part *p, const char *why) {
    return posta__blame_on(m, POSTA_E_FIELD, p->label, why);
}

static bool is_type(const posta__part *p, const char *type) {
    return posta_span_is_nocase(p->type, posta__span_of(type));
}

/* RFC 2387 3.2: the root is the first, or what `start` names. */
static const posta__part *root_of(const posta__part *related) {
    const posta__header *h;
    for (h = related->parameters; h; h = h->next) {
        posta_span id = h->value;
        const posta__part *p;
        if (!posta_span_is_nocase(h->name, POSTA_LIT("start"))) continue;
        if (id.len > 2 && id.p[0] == '<') id = posta__span_sub(id, 1, id.len - 2);
        for (p = related->child; p; p = p->next)
            if (p->content_id.len > 0 && posta_span_is(p->content_id, id)) return p;
        return NULL;
    }
    return related->child;
}

static posta_status check_multipart(posta_message *m, posta__part *p) {
    const posta__part *root;
    if (!p->child) return blame(m, p, "is a multipart without parts (RFC 2046 5.1)");
    if (!is_type(p, "multipart/related")) return POSTA_OK;
    root = root_of(p);
    if (!root) return blame(m, p, "has a start that is the content_id of none of its parts");
    p->root_type = root->type;
    return POSTA_OK;
}

static size_t depth_of(const posta__part *p) {
    size_t n = p->enclosed ? p->enclosed->depth : 0;
    for (; p; p = p->parent)
        n++;
    return n;
}

/* Every part once: its shape, its place, and the list of multiparts. */
static posta_status check_tree(posta_message *m) {
    posta__part *p, *last = NULL;
    m->multiparts = NULL;
    m->depth = 0;
    for (p = m->root; p; p = posta__tree_next(p)) {
        posta_status status = p->enclosed ? posta__tree_find(p->enclosed) : POSTA_OK;
        size_t depth = depth_of(p);
        if (status) return posta__blame_enclosed(m, status, p);
        if (depth > POSTA_MAX_DEPTH)
            return blame(m, p, "is deeper than 40 levels of multiparts and enclosed messages");
        if (depth > m->depth) m->depth = depth;
        p->has_8bit = false;
        p->cte = POSTA__CTE_7BIT;
        p->next_multipart = NULL;
        if (p->use != POSTA__USE_MULTIPART) continue;
        status = check_multipart(m, p);
        if (status) return status;
        if (last)
            last->next_multipart = p;
        else
            m->multiparts = p;
        last = p;
    }
    return POSTA_OK;
}

/* Nothing that was made by hand is lost on the way. */
static posta_status check_loose(posta_message *m) {
    posta__part *p;
    for (p = m->all; p; p = p->next_all) {
        bool is_made = p->use == POSTA__USE_LEAF || p->use == POSTA__USE_MULTIPART;
        bool is_hung = p == m->root || p->parent;
        if (is_made && !is_hung) return blame(m, p, "was made and has no place in the message");
        if (!is_made && m->tree && !is_hung)
            return blame(m, p, "does not go with a tree given by hand; put it into the tree");
    }
    return POSTA_OK;
}

/* ---- by intention ---- */

static const char *const types[POSTA__NODES] = {
    "multipart/mixed",
    "multipart/alternative",
    "multipart/related",
};

static posta__part *node(posta_message *m, posta__node which) {
    posta__part *p = m->nodes[which];
    if (!p) {
        p = posta__arena_take(&m->arena, sizeof *p);
        if (!p) return NULL;
        memset(p, 0, offsetof(posta__part, scan));
        p->message = m;
        p->use = POSTA__USE_MULTIPART;
        p->type = posta__span_of(types[which]);
        p->label = types[which];
        m->nodes[which] = p;
    }
    p->parent = p->child = p->child_last = p->next = NULL;
    return p;
}

static void hang_list(posta__part *parent, posta__part *first) {
    while (first) {
        posta__part *p = first;
        first = p->next;
        hang(parent, p);
    }
}

/* HTML with its pictures. False: out of memory. */
static bool find_html(posta_message *m, posta__part **out) {
    *out = m->html;
    if (!m->inlines) return true;
    *out = node(m, POSTA__NODE_RELATED);
    if (!*out) return false;
    hang(*out, m->html);
    hang_list(*out, m->inlines);
    return true;
}

/* All that says the same; null: nothing. */
static bool find_content(posta_message *m, posta__part **out) {
    posta__part *html = NULL;
    size_t n = (m->text ? 1u : 0u) + (m->html ? 1u : 0u) + (m->calendar ? 1u : 0u);
    if (m->html && !find_html(m, &html)) return false;
    *out = m->text ? m->text : html ? html : m->calendar;
    if (n < 2) return true;
    *out = node(m, POSTA__NODE_ALTERNATIVE);
    if (!*out) return false;
    if (m->text) hang(*out, m->text);
    if (html) hang(*out, html);
    if (m->calendar) hang(*out, m->calendar);
    return true;
}

/* What hung somewhere the last time hangs anew. */
static void unhang(posta_message *m) {
    posta__part *p;
    if (m->text) m->text->parent = m->text->next = NULL;
    if (m->html) m->html->parent = m->html->next = NULL;
    if (m->calendar) m->calendar->parent = m->calendar->next = NULL;
    for (p = m->inlines; p; p = p->next)
        p->parent = NULL;
    for (p = m->attachments; p; p = p->next)
        p->parent = NULL;
}

static bool find_all(posta_message *m) {
    posta__part *content = NULL;
    if (!find_content(m, &content)) return false;
    m->root = content ? content : m->attachments;
    if (m->attachments_n + (content != NULL) < 2) return true;
    m->root = node(m, POSTA__NODE_MIXED);
    if (!m->root) return false;
    if (content) hang(m->root, content);
    hang_list(m->root, m->attachments);
    return true;
}

posta_status posta__tree_find(posta_message *m) {
    posta_status status;
    unhang(m);
    m->root = m->tree;
    if (!m->tree && !find_all(m)) return POSTA_E_MEMORY;
    status = check_tree(m);
    return status ? status : check_loose(m);
}

/* ---- writing ---- */

typedef enum delimiter { FIRST, NEXT, CLOSE } delimiter;

static posta_status put_delimiter(posta_message *m, const posta__part *multipart, delimiter d) {
    posta_span b = posta__span(multipart->boundary, POSTA__BOUNDARY_LEN);
    posta_status status = posta__program_put(m, d == FIRST ? POSTA_LIT("--") : POSTA_LIT("\r\n--"));
    if (!status) status = posta__program_put(m, b);
    if (status) return status;
    return posta__program_put(m, d == CLOSE ? POSTA_LIT("--") : POSTA_LIT("\r\n"));
}

/* The first header block that ends is the message's. */
static void end_head(posta_message *m) {
    posta__program *g = &m->program;
    if (g->head_len == 0) g->head_len = g->len + g->text.len;
}

static posta_status put_part(posta_message *m, posta__part *p) {
    posta_status status = posta__head_part(m, p);
    end_head(m);
    if (status) return status;
    if (p->use == POSTA__USE_MULTIPART) return put_delimiter(m, p, FIRST);
    return posta__program_add(m, POSTA__SEG_BODY, p);
}

/* Behind a part without children: the ends of all that it was the last of, then the next begins. */
static posta_status put_ends(posta_message *m, const posta__part *p) {
    posta_status status = POSTA_OK;
    for (; p != m->root && !p->next && !status; p = p->parent)
        status = put_delimiter(m, p->parent, CLOSE);
    if (status || p == m->root) return status;
    return put_delimiter(m, p->parent, NEXT);
}

static posta_status put_nothing(posta_message *m) {
    posta_status status =
        posta__program_put(m, POSTA_LIT("Content-Type: text/plain; charset=utf-8\r\n"
                                        "Content-Transfer-Encoding: 7bit\r\n\r\n"));
    end_head(m);
    return status ? status : posta__program_close(m);
}

/* A multipart needs what the worst of its parts does, RFC 2045 6.2. */
static void lift_8bit(posta_message *m) {
    posta__part *p, *over;
    for (p = m->root; p; p = posta__tree_next(p)) {
        if (p->use == POSTA__USE_MULTIPART || !p->has_8bit) continue;
        for (over = p->parent; over && !(over->has_8bit && over->cte >= p->cte);
             over = over->parent) {
            over->has_8bit = true;
            if (over->cte < p->cte) over->cte = p->cte;
        }
    }
}

posta_status posta__tree_write(posta_message *m) {
    posta_status status = POSTA_OK;
    posta__part *p;
    if (!m->root) return put_nothing(m);
    lift_8bit(m);
    for (p = m->root; p && !status; p = posta__tree_next(p)) {
        status = put_part(m, p);
        if (!status && !p->child) status = put_ends(m, p);
    }
    if (status) return status;
    return posta__program_add(m, POSTA__SEG_EOL,
                              m->root->use == POSTA__USE_MULTIPART ? NULL : m->root);
}
