/* core/mime: addresses that are not ASCII, RFC 6531 and 6532. Each domain beyond ASCII is looked up
 * once, when it is given, and its A-labels are kept beside it. Which of the two is written depends
 * on the server, and is the same in header and envelope (row G03). */
#include "mime_i.h"

static bool has_letters(const posta__address *a) {
    return !posta__is_ascii(a->local) || !posta__is_ascii(a->domain);
}

posta_status posta__entry_look(posta_message *m, posta__entry *e, const char *label,
                               posta__address_fault *fault) {
    uint8_t *p;
    posta_window w;
    posta_status status = POSTA_E_NOT_BUILT;
    if (e->a.kind != POSTA__MAILBOX || e->a.is_simple || !has_letters(&e->a)) return POSTA_OK;
    m->has_letters = true;
    e->label = posta__arena_copy(&m->arena, posta__span_of(label));
    if (!e->label) return POSTA_E_MEMORY;
    if (posta__is_ascii(e->a.domain) || !m->port->domain_to_ascii) return POSTA_OK;
    p = posta__arena_bytes(&m->arena, POSTA_MAX_DOMAIN);
    w = posta__window(p, POSTA_MAX_DOMAIN);
    if (p) status = posta__domain_to_ascii(e->a.domain, m->port, &w, fault);
    if (!p) return POSTA_E_MEMORY;
    posta__arena_trim(&m->arena, p, POSTA_MAX_DOMAIN, w.len);
    if (status == POSTA_OK) e->ascii = posta__span(p, w.len);
    if (status == POSTA_E_LIMIT) {
        fault->why = "has a domain over 255 octets, written as ASCII";
        status = POSTA_E_FIELD;
    }
    return status == POSTA_E_NOT_BUILT ? POSTA_OK : status;
}

posta__address posta__entry_form(const posta__entry *e, bool may_utf8) {
    posta__address a = e->a;
    if (!may_utf8 && e->ascii.len > 0) a.domain = e->ascii;
    return a;
}

posta_span posta__entry_domain(const posta__entry *e) {
    return e->ascii.len > 0 ? e->ascii : e->a.domain;
}

/* Can it be written in ASCII? The same words as the engine's for an envelope without a message. */
static const char *why_not_ascii(const posta__entry *e, posta_status *status_out) {
    posta__address a = posta__entry_form(e, false);
    posta__address_fault fault = {NULL, 0, false};
    posta_window none = posta__window(NULL, 0);
    *status_out = posta__address_form(&a, NULL, &none, &fault);
    if (*status_out == POSTA_OK && (fault.why = posta__path_len_why(a.local, a.domain)) != NULL)
        *status_out = POSTA_E_FIELD;
    return fault.why;
}

static posta_status check_entries(posta_message *m, const posta__entries *list, bool in_header) {
    const posta__entry *e;
    for (e = list->first; e; e = e->next) {
        uint8_t shown[POSTA_MAX_PATH];
        posta_window w = posta__window(shown, sizeof shown);
        posta__blame b = {e->label, {NULL, 0}, NULL, POSTA__NOWHERE};
        posta_status status;
        if (!e->label) continue;
        if (m->program.may_utf8) {
            m->program.has_utf8 = m->program.has_utf8 || in_header;
            continue;
        }
        b.why = why_not_ascii(e, &status);
        if (status == POSTA_OK) continue;
        posta__path_put(&w, &e->a);
        b.value = posta__span(w.p, w.len);
        return posta__blame_it(m, status, b);
    }
    return POSTA_OK;
}

static bool is_in_header(size_t field) {
    return field != POSTA_BCC && field != POSTA_ENVELOPE_FROM && field != POSTA_ENVELOPE_TO;
}

posta_status posta__utf8_look(posta_message *m, bool has_envelope) {
    posta_status status = POSTA_OK;
    const posta__header *h;
    size_t i;
    if (!m->has_letters) return POSTA_OK;
    for (i = 0; i < POSTA__ADDRESS_FIELDS && !status; i++) {
        if (is_in_header(i) || has_envelope)
            status = check_entries(m, &m->addresses[i], is_in_header(i));
    }
    for (h = m->headers; h && !status; h = h->next)
        status = check_entries(m, &h->addresses, true);
    /* A header in UTF-8 is octets above 127 like any other. */
    if (m->program.has_utf8) m->program.has_8bit = true;
    return status;
}

/* ---- address fields that the caller names ---- */

static const char *const address_fields[] = {
    "Resent-From",     "Resent-Sender",     "Resent-To", "Resent-Cc",
    "Resent-Reply-To", "Return-Receipt-To", "Errors-To",
};

bool posta__is_address_field(posta_span name) {
    size_t i;
    for (i = 0; i < sizeof address_fields / sizeof address_fields[0]; i++)
        if (posta_span_is_nocase(name, posta__span_of(address_fields[i]))) return true;
    return false;
}

posta_status posta__header_addresses(posta_message *m, posta__header *h, const char *label,
                                     posta__address_fault *fault) {
    posta__address_reader r;
    posta__address_reader_init(&r, h->value);
    for (;;) {
        posta__entry *e = posta__arena_take(&m->arena, sizeof *e);
        posta_status status;
        if (!e) return POSTA_E_MEMORY;
        *e = (posta__entry){.next = NULL};
        status = posta__address_next(&r, &m->arena, &e->a, fault);
        if (status == POSTA_END) return POSTA_OK;
        if (!status) status = posta__entry_look(m, e, label, fault);
        if (status) return status;
        posta__entries_add(&h->addresses, e);
    }
}

void posta__entries_add(posta__entries *list, posta__entry *e) {
    if (list->last)
        list->last->next = e;
    else
        list->first = e;
    list->last = e;
    if (e->a.kind == POSTA__MAILBOX) list->n++;
}

bool posta__needs_utf8(const posta_message *m, posta_status status) {
    return !m->status && (status == POSTA_E_EXTENSION || status == POSTA_E_NOT_BUILT);
}

posta_status posta__message_export(posta_message *m, const posta_compose_options *options,
                                   posta_source *out) {
    posta_compose_options o = *options;
    posta_status status = posta_message_compose(m, &o, out, NULL);
    /* Nothing of the bodies was read yet: addresses are looked at before them. */
    if (o.may_utf8 || !posta__needs_utf8(m, status)) return status;
    o.may_utf8 = true;
    return posta_message_compose(m, &o, out, NULL);
}
