/* core/session: the header of a message that is given step by step. It is kept as finished lines in
 * the order in which they go out, so that nothing is laid out anew when the text begins:
 *
 *     From, Reply-To | To, continued | Cc, continued | Subject, Date, Message-ID, X-Mailer
 *                    ^to_at          ^cc_at          ^end
 *
 * A recipient is put at the end of its field; what stands behind moves on. Bcc is never in it.
 */
#include "session_i.h"

#define HEX_AT   2u /* behind "=_" of a boundary */
#define NAME_LEN 3u /* "To:", "Cc:" */

static const char utf8_fields[] = "MIME-Version: 1.0\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Transfer-Encoding: ";

#define CLOSE_LEN (sizeof utf8_fields + 20u) /* kept free for posta__head_close */

/* Why a name or an address is wrong, told as `field.part`. */
static posta_status blame(posta_problem *p, posta_status status, const char *field,
                          const char *part, const char *why, posta_span value) {
    char label[64];
    posta_window w = posta__window(label, sizeof label - 1);
    posta__put(&w, posta__span_of(field));
    posta__put(&w, posta__span_of(part));
    label[w.len] = 0;
    return posta__problem(p, status, label, why, value);
}

static posta_status no_room(posta_problem *p, const char *field) {
    return posta__problem(p, POSTA_E_LIMIT, field,
                          "the header has no room for it; make header_space larger",
                          posta__span(NULL, 0));
}

void posta__head_clear(posta__head *h) {
    h->len = h->to_at = h->cc_at = h->rest_at = h->at = 0;
    h->domain_len = 0;
}

/* ---- fields ---- */

/* What only the text's begin adds goes again: it is begun anew, or more recipients come. */
static void drop_rest(posta__head *h) {
    if (h->rest_at > 0) h->len = h->rest_at;
    h->rest_at = h->at = 0;
}

static size_t room(const posta__head *h) {
    return h->cap - CLOSE_LEN - h->len;
}

/* Puts octets in at `at`; what stands behind moves on. */
static bool insert(posta__head *h, size_t at, posta_span s) {
    if (room(h) < s.len) return false;
    memmove(h->p + at + s.len, h->p + at, h->len - at);
    memcpy(h->p + at, s.p, s.len);
    h->len += s.len;
    return true;
}

/* The room behind the header, where a field is written before it is put in its place. */
static posta_window behind(posta__head *h) {
    return posta__window(h->p + h->len, room(h));
}

static posta_status put_text(posta__head *h, const char *name, posta_span text) {
    posta_window w = behind(h);
    posta__fold f;
    posta_status status;
    posta__fold_begin(&f, &w, posta__span_of(name));
    posta__fold_text(&f, text);
    status = posta__fold_end(&f);
    if (status == POSTA_OK) h->len += w.len;
    return status;
}

static posta_status put_mailbox(posta_window *w, const char *name, const posta__address *a) {
    posta__fold f;
    posta__fold_begin(&f, w, posta__span_of(name));
    posta__fold_address(&f, a, true);
    return posta__fold_end(&f);
}

/* ---- addresses ---- */

typedef struct mailbox {
    uint8_t store[1024], ascii[POSTA_MAX_DOMAIN + 1];
    posta_arena arena;
    posta__address a;
} mailbox;

static posta_status read_mailbox(mailbox *m, const posta__form *form, const char *field,
                                 const char *name, const char *address, unsigned flags,
                                 posta_problem *p) {
    posta_window ascii = posta__window(m->ascii, sizeof m->ascii);
    posta__address_fault fault = {"is no address", 0, false};
    posta_span display = posta__span_of(name);
    const char *why = NULL;
    size_t at = 0;
    posta_status status;
    if (!address)
        return blame(p, POSTA_E_FIELD, field, ".address", "is missing", posta__span(NULL, 0));
    posta__arena_init(&m->arena, NULL, m->store, sizeof m->store, 0);
    status = posta__path_parse(posta__span_of(address), flags, &m->arena, &m->a, &fault);
    if (status == POSTA_E_MEMORY) {
        fault.why = "is too long";
        status = POSTA_E_FIELD;
    }
    if (status == POSTA_OK) status = posta__address_form(&m->a, form, &ascii, &fault);
    if (status != POSTA_OK)
        return blame(p, status, field, ".address", fault.why, posta__span_of(address));
    if (posta__text_check_at(display, &why, &at) != POSTA_OK)
        return blame(p, POSTA_E_FIELD, field, ".name", why, display);
    m->a.name = display;
    return POSTA_OK;
}

static posta_status put_line(posta__head *h, const char *name, const char *field, const mailbox *m,
                             posta_problem *p) {
    posta_window w = behind(h);
    posta_status status = put_mailbox(&w, name, &m->a);
    if (status == POSTA_E_LIMIT) return no_room(p, field);
    if (status != POSTA_OK)
        return posta__problem(p, POSTA_E_FIELD, field, "does not fit into header lines", m->a.name);
    h->len += w.len;
    return POSTA_OK;
}

/* A Message-ID is ASCII: what nobody can write so is left out. */
static void keep_domain(posta__head *h, posta_span domain, const posta_port *port) {
    posta_window w = posta__window(h->domain, sizeof h->domain);
    if (posta__domain_to_ascii(domain, port, &w, NULL) != POSTA_OK)
        posta__put(&w, POSTA_LIT("posta.invalid"));
    h->domain_len = w.len;
}

posta_status posta__head_sender(posta__head *h, const posta__form *form, const char *name,
                                const char *address, const char *reply_name, const char *reply_to,
                                posta_problem *p) {
    mailbox m;
    posta_status status;
    posta__head_clear(h);
    status = read_mailbox(&m, form, "sender", name, address, POSTA__PATH_NULL_OK, p);
    if (status == POSTA_OK && address[0] != 0) {
        keep_domain(h, m.a.domain, form->port);
        status = put_line(h, "From", "sender", &m, p);
    }
    if (status == POSTA_OK && reply_to && reply_to[0] != 0) {
        status = read_mailbox(&m, form, "sender.reply_to", reply_name, reply_to, 0, p);
        if (status == POSTA_OK) status = put_line(h, "Reply-To", "sender.reply_to", &m, p);
    }
    h->to_at = h->cc_at = h->len;
    if (status != POSTA_OK) posta__head_clear(h);
    return status;
}

/* Behind a first mailbox the others are lines of their own: the field's last line end becomes a
   comma and a fold. Each is written with the field's name, which is then cut off, and with it the
   fold that a long mailbox may have directly behind the name. */
static bool put_recipient(posta__head *h, posta_recipient_type type, posta_window w, size_t from) {
    size_t at = type == POSTA_RECIPIENT_TO ? h->cc_at : h->len;
    bool is_first = at == from;
    posta_span line = posta__span(w.p, w.len);
    uint8_t copy[1200];
    size_t grows;
    if (!is_first) line = posta__span_sub(line, NAME_LEN, line.len);
    if (line.p[0] == '\r') line = posta__span_sub(line, 2, line.len);
    if (line.len > sizeof copy) return false;
    grows = line.len + !is_first;
    if (h->len - h->to_at + grows > h->space) return false;
    memcpy(copy, line.p, line.len); /* it lies where the header grows into */
    line.p = copy;
    if (!is_first && !insert(h, at - 2, POSTA_LIT(","))) return false;
    if (!is_first) at++;
    if (!insert(h, at, line)) return false;
    if (type == POSTA_RECIPIENT_TO) h->cc_at += grows;
    return true;
}

posta_status posta__head_recipient(posta__head *h, const posta__form *form, const char *name,
                                   const char *address, posta_recipient_type type,
                                   posta_problem *p) {
    mailbox m;
    posta_window w;
    size_t from = type == POSTA_RECIPIENT_TO ? h->to_at : h->cc_at;
    posta_status status =
        read_mailbox(&m, form, "recipient", name, address, POSTA__PATH_POSTMASTER_OK, p);
    if (status == POSTA_OK && type > POSTA_RECIPIENT_BCC)
        return posta__problem(p, POSTA_E_ARGUMENT, "recipient.type", "is none of the three",
                              posta__span(NULL, 0));
    if (status != POSTA_OK || type == POSTA_RECIPIENT_BCC) return status;
    drop_rest(h);
    w = behind(h);
    if (m.a.domain.len == 0)
        return blame(p, POSTA_E_FIELD, "recipient", ".address",
                     "has no domain: that is for the envelope only, give it as bcc",
                     posta__span_of(address));
    status = put_mailbox(&w, type == POSTA_RECIPIENT_TO ? "To" : "Cc", &m.a);
    if (status == POSTA_E_LIMIT || (status == POSTA_OK && !put_recipient(h, type, w, from)))
        return no_room(p, "recipient");
    if (status != POSTA_OK)
        return blame(p, POSTA_E_FIELD, "recipient", ".name", "does not fit into a header line",
                     posta__span_of(name));
    return POSTA_OK;
}

/* ---- the rest ---- */

static posta_status put_date(posta__head *h, const char *date, const posta_port *port,
                             posta_problem *p) {
    uint8_t text[40];
    posta_window w = posta__window(text, sizeof text);
    posta_span s = posta__span_of(date);
    const char *why = NULL;
    int64_t now = port->unix_time ? port->unix_time(port->user) : -1;
    if (date && posta__date_parse(s, NULL, NULL, &why) != POSTA_OK)
        return posta__problem(p, POSTA_E_FIELD, "date", why, s);
    /* A clock that does not know gives no field; the server then adds one. */
    if (!date && (now < 0 || posta__date_put(&w, now, 0) != POSTA_OK)) return POSTA_OK;
    if (!date) s = posta__span(w.p, w.len);
    w = behind(h);
    if (!posta__put(&w, POSTA_LIT("Date: ")) || !posta__put(&w, s) ||
        !posta__put(&w, POSTA_LIT("\r\n")))
        return no_room(p, "date");
    h->len += w.len;
    return POSTA_OK;
}

/* <32 hex digits @ domain of the sender>, RFC 5322 3.6.4. */
static posta_status put_id(posta__head *h, const posta_port *port, posta_problem *p) {
    char hex[POSTA__BOUNDARY_LEN];
    uint8_t random[16];
    posta_window w = behind(h), id = posta__window(h->id, sizeof h->id - 1);
    if (h->domain_len == 0) return POSTA_OK;
    if (!port->entropy || port->entropy(port->user, random, sizeof random) != POSTA_OK)
        return posta__problem(p, POSTA_E_ENTROPY, "message_id", posta_status_text(POSTA_E_ENTROPY),
                              posta__span(NULL, 0));
    posta__boundary_put(random, hex);
    posta__put(&id, POSTA_LIT("<"));
    posta__put(&id, posta__span(hex + HEX_AT, sizeof hex - HEX_AT));
    posta__put(&id, POSTA_LIT("@"));
    posta__put(&id, posta__span(h->domain, h->domain_len));
    posta__put(&id, POSTA_LIT(">"));
    h->id[id.len] = 0;
    if (!posta__put(&w, POSTA_LIT("Message-ID: ")) || !posta__put(&w, posta__span(id.p, id.len)) ||
        !posta__put(&w, POSTA_LIT("\r\n")))
        return no_room(p, "message_id");
    h->len += w.len;
    return POSTA_OK;
}

static posta_status put_words(posta__head *h, const char *name, const char *field, const char *text,
                              posta_problem *p) {
    posta_span s = posta__span_of(text);
    const char *why = NULL;
    size_t at = 0;
    posta_status status;
    if (s.len == 0) return POSTA_OK;
    if (posta__text_check_at(s, &why, &at) != POSTA_OK)
        return posta__problem(p, POSTA_E_FIELD, field, why, s);
    status = put_text(h, name, s);
    if (status == POSTA_E_LIMIT) return no_room(p, field);
    if (status != POSTA_OK)
        return posta__problem(p, POSTA_E_FIELD, field, "does not fit into header lines", s);
    return POSTA_OK;
}

posta_status posta__head_finish(posta__head *h, const char *subject, const char *date,
                                const char *agent, const posta_port *port, posta_problem *p) {
    posta_status status;
    drop_rest(h);
    h->rest_at = h->len;
    h->id[0] = 0;
    status = put_words(h, "Subject", "subject", subject, p);
    if (status == POSTA_OK) status = put_date(h, date, port, p);
    if (status == POSTA_OK) status = put_id(h, port, p);
    if (status == POSTA_OK) status = put_words(h, "X-Mailer", "agent", agent, p);
    if (status != POSTA_OK) drop_rest(h);
    return status;
}

void posta__head_close(posta__head *h, bool is_utf8, bool may_8bit) {
    posta_window w = posta__window(h->p + h->len, CLOSE_LEN);
    if (is_utf8) {
        posta__put(&w, posta__span_of(utf8_fields));
        posta__put(&w, posta__span_of(may_8bit ? "8bit\r\n" : "quoted-printable\r\n"));
    }
    posta__put(&w, POSTA_LIT("\r\n"));
    h->len += w.len;
}
