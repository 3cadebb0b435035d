/* core/mime: the message as an object: making, freeing, labels, the begin and the end of setters.
 */
#include "mime_i.h"

#define OWN_SPACE   (POSTA__FIELD_SPACE + POSTA__PROGRAM_SPACE)
#define BLOCK_SPACE 4096u /* further arena blocks, at least */

posta_status posta_message_new(const posta_port *port, posta_message **out) {
    posta_message *m;
    if (!out) return POSTA_E_ARGUMENT;
    *out = NULL;
    if (!port || !port->allocate || !port->entropy) return POSTA_E_ARGUMENT;
    m = port->allocate(port->user, NULL, 0, sizeof *m + OWN_SPACE);
    if (!m) return POSTA_E_MEMORY;
    memset(m, 0, offsetof(posta_message, problem));
    posta__blame_nothing(m);
    m->port = port;
    m->wanted = POSTA_NO_SLOT;
    m->own_space = (uint8_t *)(m + 1);
    posta__arena_init(&m->arena, port, m->own_space, POSTA__FIELD_SPACE, BLOCK_SPACE);
    *out = m;
    return POSTA_OK;
}

/* Who encloses it must not reach for it any more. */
static void leave_owner(const posta_message *m) {
    posta__part *p = m->owner ? m->owner->all : NULL;
    for (; p; p = p->next_all) {
        if (p->enclosed != m) continue;
        p->enclosed = NULL;
        p->body.kind = POSTA_BODY_NONE;
    }
}

void posta_message_free(posta_message **at) {
    posta_message *m = at ? *at : NULL;
    posta__part *p;
    if (!m) return;
    *at = NULL;
    leave_owner(m);
    for (p = m->all; p; p = p->next_all) {
        if (p->enclosed) p->enclosed->owner = NULL;
        if (p->body.kind == POSTA_BODY_SOURCE && p->body.source.close)
            p->body.source.close(p->body.source.user);
    }
    posta__arena_free(&m->program.arena);
    posta__arena_free(&m->arena);
    m->port->allocate(m->port->user, m, sizeof *m + OWN_SPACE, 0);
}

const posta_problem *posta_message_problem(const posta_message *m) {
    static const posta_problem none = {POSTA_E_ARGUMENT, "", "there is no message"};
    return m ? &m->problem : &none;
}

void posta_message_label(posta_message *m, const char *label) {
    posta__text t;
    if (!m) return;
    t = posta__text_in(m->label, sizeof m->label);
    if (label) posta__text_put(&t, label);
    m->has_label = t.len > 0;
}

posta_status posta__setter_begin(posta_message *m, const char *standard, const char **label_out) {
    *label_out = standard;
    if (!m) return POSTA_E_ARGUMENT;
    if (m->has_label) *label_out = m->label;
    m->has_label = false;
    return m->status;
}

posta_status posta__setter_fails(posta_message *m, posta_status status) {
    m->status = status;
    return status;
}

posta_status posta__setter_starves(posta_message *m) {
    return posta__setter_fails(
        m, posta__blame_on(m, POSTA_E_MEMORY, "", posta_status_text(POSTA_E_MEMORY)));
}

const char *posta_message_id_of(const posta_message *m) {
    if (!m || m->raw || m->program.shape == POSTA__SHAPE_NONE || !m->id.p) return NULL;
    return (const char *)m->id.p;
}

posta_body posta_body_data(const void *p, size_t len) {
    posta_body b;
    memset(&b, 0, sizeof b);
    b.kind = POSTA_BODY_DATA;
    b.data = posta__span(p, len);
    return b;
}

posta_body posta_body_string(const char *text) {
    posta_span s = posta__span_of(text);
    posta_body b = posta_body_data(s.p, s.len);
    if (!text) b.kind = POSTA_BODY_NONE; /* forgotten, not empty: the setter refuses it */
    return b;
}

posta_body posta_body_source(posta_source source) {
    posta_body b;
    memset(&b, 0, sizeof b);
    b.kind = POSTA_BODY_SOURCE;
    b.source = source;
    return b;
}

posta_body posta_body_slot(uint64_t len) {
    posta_body b;
    memset(&b, 0, sizeof b);
    b.kind = POSTA_BODY_SLOT;
    b.len = len;
    return b;
}
