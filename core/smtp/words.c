/* core/smtp: the sentences of errors, in one place: what happened, the server's own words, what
 * became of the mail, and what to do. POSTA_TEXTS=OFF keeps codes and the server's words only.
 */
#include "smtp_i.h"

#ifndef POSTA_TEXTS
#define POSTA_TEXTS 1
#endif

static void put(posta_window *out, const char *s) {
    posta_span in = posta__span_of(s);
    posta__put_some(out, &in);
}

static void put_number(posta_window *out, uint64_t n) {
    char digits[POSTA_DECIMAL_CAP];
    posta_span in = posta__span(digits, posta__decimal(n, digits));
    posta__put_some(out, &in);
}

#if POSTA_TEXTS
static bool says(const posta_reply *r, unsigned a, unsigned b, unsigned c) {
    return r && r->enhanced[0] == a && r->enhanced[1] == b && r->enhanced[2] == c;
}

static const char *refusal_hint(const posta_reply *r) {
    if (!r || r->code == 0) return "";
    if (r->code == 530 || says(r, 5, 7, 0)) return "The server may want a login, or TLS first.";
    if (says(r, 5, 7, 1) || r->code == 554)
        return "The server does not relay this for you: check the address, or log in.";
    if (r->code == 552 || r->code == 523)
        return "The message or the mailbox is too large for the server.";
    if (r->code >= 400 && r->code < 500) return "Try again later.";
    return "";
}

static const char *hint(const posta__account *a) {
    if (a->is_unknown) return "Ask before sending it again: it may arrive twice.";
    switch (a->cause) {
    case POSTA_E_DNS: return "Check the host's name, or give a numeric address.";
    case POSTA_E_CONNECT_REFUSED:
        return "Is a mail server listening on that port? Submission is 465 or 587, a relay 25.";
    case POSTA_E_CONNECT:
    case POSTA_E_TIMEOUT_CONNECT: return "Check the host, the port and the network.";
    case POSTA_E_TLS_NOT_BUILT:
        return "If you trust this network: security=\"none\". Local servers: "
               "smtp://127.0.0.1:PORT.";
    case POSTA_E_TOO_BIG: return "Send fewer or smaller attachments.";
    case POSTA_E_GREETING_REFUSED: return "The server takes no mail from here now.";
    case POSTA_E_PROTOCOL:
        return "Is this really an SMTP server, and the port one without TLS from the start?";
    case POSTA_E_TIMEOUT_GREETING:
        return "A server that is silent may expect TLS from the first byte (port 465).";
    case POSTA_E_SENDER_REFUSED:
    case POSTA_E_RECIPIENTS_REFUSED:
    case POSTA_E_MESSAGE_REFUSED:
    case POSTA_E_LOST: return refusal_hint(a->reply);
    default: return "";
    }
}

static const char *fate(const posta__account *a) {
    if (!a->has_message) return "nothing was sent";
    return a->is_unknown ? "the message may or may not have been delivered" : "nothing was sent";
}
#else
static const char *hint(const posta__account *a) {
    (void)a;
    return "";
}
static const char *fate(const posta__account *a) {
    return a->is_unknown ? "unknown" : "not sent";
}
#endif

posta_span posta__hint(const posta__account *a) {
    return posta__span_of(hint(a));
}

static void put_reply(const posta_reply *r, posta_window *out) {
    put(out, ": ");
    put_number(out, r->code);
    if (r->enhanced[0] > 0) {
        put(out, " ");
        put_number(out, r->enhanced[0]);
        put(out, ".");
        put_number(out, r->enhanced[1]);
        put(out, ".");
        put_number(out, r->enhanced[2]);
    }
    if (!r->text[0]) return;
    put(out, " ");
    posta__printable(out, posta__span_of(r->text));
}

static void put_patience(const posta__account *a, posta_window *out) {
    put(out, " (");
    if (a->limit_ms % 1000 == 0) {
        put_number(out, a->limit_ms / 1000);
        put(out, " s)");
    } else {
        put_number(out, a->limit_ms);
        put(out, " ms)");
    }
}

void posta__explain(const posta__account *a, posta_window *out) {
    const char *advice = hint(a);
    if (a->peer.len > 0) {
        posta__printable(out, a->peer);
        put(out, ": ");
    }
    if (a->detail.len > 0)
        posta__printable(out, a->detail);
    else
        put(out, posta_status_text(a->cause));
    if (a->limit_ms > 0) put_patience(a, out);
    if (a->reply && a->reply->code > 0) put_reply(a->reply, out);
    put(out, "; ");
    put(out, fate(a));
    put(out, ".");
    if (!advice[0]) return;
    put(out, " ");
    put(out, advice);
}
