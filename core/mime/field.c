/* core/mime: the setters of header fields and of the envelope. Every string is checked here, once,
 * by the codec's check for its grammar, and refused with the field's name; nothing is stripped. */
#include "mime_i.h"

static const char *const address_labels[POSTA__ADDRESS_FIELDS] = {
    "from",
    "sender",
    "reply_to",
    "to",
    "cc",
    "bcc",
    "envelope.from",
    "envelope.to",
    "disposition_notification_to",
};

/* ---- addresses ---- */

static bool is_single(posta_address_field field) {
    return field == POSTA_SENDER || field == POSTA_ENVELOPE_FROM;
}

static bool takes_groups(posta_address_field field) {
    return field != POSTA_FROM && !is_single(field);
}

static unsigned path_flags(posta_address_field field) {
    bool is_recipient =
        field == POSTA_TO || field == POSTA_CC || field == POSTA_BCC || field == POSTA_ENVELOPE_TO;
    /* LMTP's mailboxes of the place have no domain; SMTP refuses them when it is known to be it */
    if (field == POSTA_ENVELOPE_TO) return POSTA__PATH_LOCAL_OK;
    return is_recipient ? POSTA__PATH_POSTMASTER_OK : 0;
}

/* No list, and no RFC 5322 mailbox: what a path may be that stands alone. */
static bool is_alone(posta_address_field field, posta_span s) {
    if (posta_span_is_nocase(s, POSTA_LIT("Postmaster"))) return path_flags(field) != 0;
    if (field != POSTA_ENVELOPE_TO || s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != '.' && !posta__is_atext(s.p[i])) return false;
    return true;
}

static posta_status blame_address(posta_message *m, const char *label, posta_span value,
                                  const char *why) {
    posta__blame b = {label, value, why, POSTA__NOWHERE};
    return posta__setter_fails(m, posta__blame_it(m, POSTA_E_FIELD, b));
}

static posta_status add_entry(posta_message *m, posta_address_field field, const char *label,
                              const posta__address *a, posta_span shown) {
    posta__entry *e = posta__arena_take(&m->arena, sizeof *e);
    posta__address_fault fault = {"is no address", 0, false};
    posta_status status;
    if (!e) return posta__setter_starves(m);
    *e = (posta__entry){.a = *a};
    status = posta__entry_look(m, e, label, &fault);
    if (status == POSTA_E_MEMORY) return posta__setter_starves(m);
    if (status) return blame_address(m, label, shown, fault.why);
    posta__entries_add(&m->addresses[field], e);
    m->to = NULL; /* the envelope is made anew */
    return POSTA_OK;
}

/* The entry around a fault: from where it began to the next comma. */
static posta_span entry_at(posta_span list, size_t begin, size_t fault_at) {
    size_t end = fault_at > begin ? fault_at : begin;
    while (begin < list.len && (list.p[begin] == ' ' || list.p[begin] == ','))
        begin++;
    if (end < begin) end = begin;
    while (end < list.len && list.p[end] != ',')
        end++;
    return begin < list.len ? posta__span_sub(list, begin, end - begin) : list;
}

static posta_status take_address(posta_message *m, posta_address_field field, const char *label,
                                 const posta__address *a, posta_span shown) {
    bool is_mailto =
        a->kind == POSTA__GROUP_BEGIN && posta_span_is_nocase(a->name, POSTA_LIT("mailto"));
    if (is_mailto && !takes_groups(field))
        return blame_address(m, label, shown, "is no address; give the address without mailto:");
    if (a->kind != POSTA__MAILBOX && !takes_groups(field))
        return blame_address(m, label, shown, "is a group; this field takes none");
    if (a->kind != POSTA__MAILBOX) return add_entry(m, field, label, a, shown);
    if (is_single(field) && m->addresses[field].n > 0)
        return blame_address(m, label, shown, "is a second address; this field takes one");
    return add_entry(m, field, label, a, shown);
}

static posta_status set_null_path(posta_message *m, const char *label) {
    if (m->addresses[POSTA_ENVELOPE_FROM].n > 0)
        return blame_address(m, label, POSTA_LIT(""), "is a second address; this field takes one");
    m->has_envelope_from = true;
    m->to = NULL;
    return POSTA_OK;
}

static bool is_null_path(posta_address_field field, posta_span s) {
    return field == POSTA_ENVELOPE_FROM && (s.len == 0 || posta_span_is(s, POSTA_LIT("<>")));
}

/* One address that is a path already, with an optional name. */
static posta_status add_path(posta_message *m, posta_address_field field, const char *label,
                             posta_span name, posta_span path) {
    posta__address a;
    posta__address_fault fault = {"is no address", 0, false};
    posta_status status = posta__path_parse(path, path_flags(field), &m->arena, &a, &fault);
    if (status == POSTA_E_MEMORY) return posta__setter_starves(m);
    if (status) return blame_address(m, label, path, fault.why);
    if (name.len > 0) {
        char *copy = posta__arena_copy(&m->arena, name);
        if (!copy) return posta__setter_starves(m);
        a.name = posta__span(copy, name.len);
    }
    status = take_address(m, field, label, &a, path);
    if (!status && field == POSTA_ENVELOPE_FROM) m->has_envelope_from = true;
    return status;
}

posta_status posta_message_addresses(posta_message *m, posta_address_field field,
                                     const char *list) {
    const char *label;
    posta_span in = posta__span_of(list);
    posta__address_reader reader;
    posta_status status;
    if (!m || (size_t)field >= POSTA__ADDRESS_FIELDS) return POSTA_E_ARGUMENT;
    status = posta__setter_begin(m, address_labels[field], &label);
    if (status) return status;
    if (!list) return blame_address(m, label, in, "is missing");
    if (is_null_path(field, in)) return set_null_path(m, label);
    /* recipients without a domain (RFC 5321 4.5.1) */
    if (is_alone(field, in)) return add_path(m, field, label, posta__span(NULL, 0), in);
    posta__address_reader_init(&reader, in);
    for (;;) {
        posta__address a;
        posta__address_fault fault = {"is no address", 0, false};
        size_t begin = reader.at;
        posta_span shown;
        status = posta__address_next(&reader, &m->arena, &a, &fault);
        if (status == POSTA_END) break;
        if (status == POSTA_E_MEMORY) return posta__setter_starves(m);
        shown = entry_at(in, begin, status ? fault.at : reader.at);
        if (status) return blame_address(m, label, shown, fault.why);
        status = take_address(m, field, label, &a, shown);
        if (status) return status;
    }
    if (field == POSTA_ENVELOPE_FROM) m->has_envelope_from = true;
    return POSTA_OK;
}

posta_status posta_message_mailbox(posta_message *m, posta_address_field field, const char *name,
                                   const char *address) {
    const char *label;
    posta_span text = posta__span_of(address), display = posta__span_of(name);
    posta__blame b = {NULL, display, NULL, POSTA__NOWHERE};
    posta_status status;
    if (!m || (size_t)field >= POSTA__ADDRESS_FIELDS) return POSTA_E_ARGUMENT;
    status = posta__setter_begin(m, address_labels[field], &label);
    if (status) return status;
    if (!address) return blame_address(m, label, text, "lacks its address");
    b.label = label;
    if (posta__text_check_at(display, &b.why, &b.at))
        return posta__setter_fails(m, posta__blame_it(m, POSTA_E_FIELD, b));
    if (is_null_path(field, text)) return set_null_path(m, label);
    return add_path(m, field, label, display, text);
}

/* ---- text fields ---- */

/* Copies `s` into the arena; on failure the message is in error. */
static bool keep(posta_message *m, posta_span s, posta_span *out) {
    char *copy = posta__arena_copy(&m->arena, s);
    if (copy)
        *out = posta__span(copy, s.len);
    else
        posta__setter_starves(m);
    return copy != NULL;
}

static posta_status blame_text(posta_message *m, const char *label, posta_span value,
                               const char *why, size_t at) {
    posta__blame b = {label, value, why, at};
    return posta__setter_fails(m, posta__blame_it(m, POSTA_E_FIELD, b));
}

posta_status posta_message_subject(posta_message *m, const char *text) {
    const char *label;
    posta_span s = posta__span_of(text);
    const char *why = NULL;
    size_t at = 0;
    posta_status status = posta__setter_begin(m, "subject", &label);
    if (status) return status;
    if (!text) return blame_text(m, label, s, "is missing", POSTA__NOWHERE);
    if (posta__text_check_at(s, &why, &at)) return blame_text(m, label, s, why, at);
    if (!keep(m, s, &m->subject)) return m->status;
    m->has_subject = true;
    m->subject_is_simple = posta__text_is_simple(s);
    return POSTA_OK;
}

posta_status posta_message_date(posta_message *m, int64_t unix_seconds) {
    const char *label;
    uint8_t text[POSTA__DATE_LEN + 1];
    posta_window w = posta__window(text, sizeof text);
    posta_status status = posta__setter_begin(m, "date", &label);
    if (status) return status;
    if (posta__date_put(&w, unix_seconds, 0))
        return blame_text(m, label, posta__span_of(NULL), "is not in the years 1900 to 9999",
                          POSTA__NOWHERE);
    keep(m, posta__span(w.p, w.len), &m->date);
    return m->status;
}

posta_status posta_message_date_text(posta_message *m, const char *date) {
    const char *label;
    posta_span s = posta__span_of(date);
    const char *why = "is missing";
    posta_status status = posta__setter_begin(m, "date", &label);
    if (status) return status;
    if (!date || posta__date_parse(s, NULL, NULL, &why))
        return blame_text(m, label, s, why, POSTA__NOWHERE);
    keep(m, s, &m->date);
    return m->status;
}

posta_status posta_message_id(posta_message *m, const char *id) {
    const char *label;
    posta_span s = posta__span_of(id), bare;
    const char *why = "is missing";
    uint8_t *p;
    posta_status status = posta__setter_begin(m, "message_id", &label);
    if (status) return status;
    if (!id || posta__msg_id_check(s, 0, &bare, &why))
        return blame_text(m, label, s, why, POSTA__NOWHERE);
    p = posta__arena_bytes(&m->arena, bare.len + 3);
    if (!p) return posta__setter_starves(m);
    p[0] = '<';
    memcpy(p + 1, bare.p, bare.len);
    memcpy(p + 1 + bare.len, ">", 2);
    m->id = posta__span(p, bare.len + 2);
    return POSTA_OK;
}

/* ---- other header fields ---- */

typedef struct owned_field {
    const char *name;
    const char *why;
} owned_field;

/* Fields that have a setter: a second copy from here could contradict it. Behaviour C13, C14. */
static const owned_field owned[] = {
    {"From", "is written by posta; give the address as from"},
    {"Sender", "is written by posta; give the address as sender"},
    {"Reply-To", "is written by posta; give the addresses as reply_to"},
    {"To", "is written by posta; give the addresses as to"},
    {"Cc", "is written by posta; give the addresses as cc"},
    {"Bcc", "must never be in the text; give the addresses as bcc"},
    {"Resent-Bcc", "must never be in the text; give the addresses as bcc"},
    {"Subject", "is written by posta; give the text as subject"},
    {"Date", "is written by posta; give the time as date"},
    {"Message-ID", "is written by posta; give it as message_id"},
    {"MIME-Version", "is written by posta"},
    {"Disposition-Notification-To", "is given as disposition_notification_to"},
};

static bool is_typed(const posta_message *m, posta_span name) {
    const posta__header *h;
    for (h = m->typed; h; h = h->next_typed)
        if (posta_span_is_nocase(h->name, name)) return true;
    return false;
}

static const char *const owned_in_part[] = {
    "Content-Type",        "Content-Transfer-Encoding", "Content-ID",
    "Content-Disposition", "Content-Description",       "Content-Language",
};

static const char *owned_why(posta_span name, bool in_part) {
    posta_span content = POSTA_LIT("Content-");
    size_t i;
    for (i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (posta_span_is_nocase(name, posta__span_of(owned[i].name))) return owned[i].why;
    }
    if (!in_part && posta_span_is_nocase(posta__span_sub(name, 0, content.len), content))
        return "is written by posta; give it as an option of the part";
    for (i = 0; in_part && i < sizeof owned_in_part / sizeof owned_in_part[0]; i++) {
        if (posta_span_is_nocase(name, posta__span_of(owned_in_part[i])))
            return "is written by posta; give it as an option of the part";
    }
    return NULL;
}

/* A value in ASCII goes as it is. */
static bool read_addresses(posta_message *m, const char *label, posta__header *h) {
    posta__address_fault fault = {"is no address", 0, false};
    posta_status status;
    if (posta__is_ascii(h->value) || !posta__is_address_field(h->name)) return true;
    status = posta__header_addresses(m, h, label, &fault);
    if (status == POSTA_E_MEMORY)
        posta__setter_starves(m);
    else if (status)
        blame_text(m, label, h->value, fault.why, fault.at);
    return status == POSTA_OK;
}

posta__header *posta__header_new(posta_message *m, const char *label, posta_field field,
                                 bool in_part) {
    posta_span name = posta__span_of(field.name), value = posta__span_of(field.value);
    const char *why = NULL;
    size_t at = 0;
    posta__header *h;
    if (!in_part && is_typed(m, name)) why = "is given by its own setter already";
    if (why || posta__field_name_check(name, &why) || (why = owned_why(name, in_part)) != NULL) {
        blame_text(m, label, name, why, POSTA__NOWHERE);
        return NULL;
    }
    if (!field.value || posta__text_check_at(value, &why, &at)) {
        blame_text(m, label, value, why ? why : "lacks its value", why ? at : POSTA__NOWHERE);
        return NULL;
    }
    h = posta__arena_take(&m->arena, sizeof *h);
    if (!h) {
        posta__setter_starves(m);
        return NULL;
    }
    *h = (posta__header){.next = NULL};
    if (!keep(m, name, &h->name) || !keep(m, value, &h->value)) return NULL;
    return in_part || read_addresses(m, label, h) ? h : NULL;
}

posta_status posta_message_header(posta_message *m, const char *name, const char *value) {
    char standard[POSTA__LABEL_CAP];
    const char *label;
    posta__text t = posta__text_in(standard, sizeof standard);
    posta__header *h;
    posta_status status;
    posta__text_put(&t, "headers");
    if (!posta__field_name_check(posta__span_of(name), NULL)) {
        posta__text_put(&t, ".");
        posta__text_put(&t, name);
    }
    status = posta__setter_begin(m, standard, &label);
    if (status) return status;
    h = posta__header_new(m, label, (posta_field){name, value}, false);
    if (!h) return m->status;
    posta__header_add(m, h);
    return POSTA_OK;
}

void posta__header_add(posta_message *m, posta__header *h) {
    if (m->headers_last)
        m->headers_last->next = h;
    else
        m->headers = h;
    m->headers_last = h;
}
