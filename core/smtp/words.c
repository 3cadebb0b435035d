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

static bool has(posta_span s, const char *word) {
    for (size_t len = strlen(word); s.len >= len; s = posta__span_sub(s, 1, s.len))
        if (memcmp(s.p, word, len) == 0) return true;
    return false;
}

/* A pin is shown where to trust the key would help; no CA does where the key is none of tls.pin. */
static const char *issuer_hint(posta_span detail) {
    if (!has(detail, "sha256//")) return "";
    if (has(detail, "none of those in tls.pin"))
        return "If you know this server and its key has changed, put that pin into tls.pin.";
    return "Give its CA in tls.ca_file, or, if you know this server, the pin of its key in "
           "tls.pin.";
}

/* The handshake's sentence says what happened; here is who can mend it. */
static const char *handshake_hint(posta_span detail) {
    if (has(detail, "no version of TLS"))
        return "Its owner has to allow TLS 1.2 or later; older ones are not safe.";
    if (has(detail, "closed the connection"))
        return "Is this a port with TLS? A firewall may cut it off too.";
    if (has(detail, "refused the handshake")) return "The server's log says more.";
    return "";
}

static const char *tls_hint(posta_status cause, posta_span detail) {
    switch (cause) {
    case POSTA_E_TLS_NAME: return "Set tls.server_name, or connect to the name on the certificate.";
    case POSTA_E_TLS_ISSUER: return issuer_hint(detail);
    case POSTA_E_TLS_EXPIRED: return "Its owner has to renew it; or is the clock here wrong?";
    case POSTA_E_TLS_NOT_YET: return "Check the clock here.";
    case POSTA_E_TLS_WEAK:
        return "Its owner has to replace it: with SHA-256, and a key of 2048 bits (RSA) or 256 "
               "(ECDSA) "
               "or more.";
    case POSTA_E_TLS_HANDSHAKE: return handshake_hint(detail);
    case POSTA_E_TIMEOUT_TLS:
        return "The port may not speak TLS, or a firewall swallows what is said.";
    case POSTA_E_TLS_NO_CLOCK: return "Set the clock, or allow it by insecure_no_time.";
    case POSTA_E_TLS_NOT_BUILT:
        return "If you trust this network: security=\"none\". Local servers: "
               "smtp://127.0.0.1:PORT.";
    default: return "";
    }
}

/* What providers mean by their refusals, RFC 4954 6. */
static const char *login_hint(const posta__account *a) {
    unsigned code = a->reply ? a->reply->code : 0;
    if (a->cause == POSTA_E_AUTH_INSECURE)
        return "Use security=starttls or tls with a verified server; insecure_auth takes the risk.";
    if (a->cause == POSTA_E_AUTH_UNAVAILABLE)
        return "Is this the port for submission (465 or 587), and TLS on? Else leave auth away.";
    if (code == 534 || says(a->reply, 5, 7, 9))
        return "The provider wants an application password, or a login by browser (OAuth) first.";
    if (code == 530 || code == 538 || says(a->reply, 5, 7, 11))
        return "The server wants TLS before it: security=starttls, or smtps://.";
    if (code == 432 || says(a->reply, 4, 7, 12)) return "The password has to be changed first.";
    if (code >= 400 && code < 500) return "Try again later.";
    if (code >= 500) return "Check user and password, or the token.";
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
    case POSTA_E_TOO_BIG: return "Send fewer or smaller attachments.";
    case POSTA_E_GREETING_REFUSED: return "The server takes no mail from here now.";
    case POSTA_E_PROTOCOL:
        if (a->phase == POSTA_PHASE_AUTH) return "";
        return a->is_secure
                   ? "Is this really an SMTP server?"
                   : "Is this really an SMTP server, and the port one without TLS from the start?";
    case POSTA_E_TIMEOUT_GREETING:
        return a->is_secure
                   ? ""
                   : "A server that is silent may expect TLS from the first byte (port 465).";
    case POSTA_E_SENDER_REFUSED:
    case POSTA_E_RECIPIENTS_REFUSED:
    case POSTA_E_MESSAGE_REFUSED:
    case POSTA_E_LOST: return refusal_hint(a->reply);
    case POSTA_E_AUTH_REJECTED:
    case POSTA_E_AUTH_UNAVAILABLE:
    case POSTA_E_AUTH_INSECURE: return login_hint(a);
    default: return tls_hint(a->cause, a->detail);
    }
}

static void put_hint(const posta__account *a, posta_window *out) {
    posta_span host = a->peer;
    put(out, hint(a));
    while (host.len > 0 && host.p[host.len - 1] != ':')
        host.len--;
    if (host.len > 0) host.len--;
    if (host.len == 0) host = a->peer;
    if (a->cause == POSTA_E_TLS_UNAVAILABLE) {
        put(out, "If you trust this network: security=\"none\". If the server has a TLS port: "
                 "smtps://");
        posta__printable(out, host);
    } else if (a->cause == POSTA_E_TLS_UNEXPECTED) {
        put(out, "This port begins with TLS: smtps://");
        posta__printable(out, a->peer);
    } else if (a->cause == POSTA_E_TLS_NOT_TLS && a->by_command) {
        put(out, "It agreed to STARTTLS: is a firewall or a scanner between here and the server?");
    } else if (a->cause == POSTA_E_TLS_NOT_TLS) {
        put(out, "This port begins in clear text: smtp://");
        posta__printable(out, a->peer);
        put(out, "?security=starttls");
    }
}

static const char *fate(const posta__account *a) {
    if (!a->has_message) return "nothing was sent";
    return a->is_unknown ? "the message may or may not have been delivered" : "nothing was sent";
}
#else
static void put_hint(const posta__account *a, posta_window *out) {
    (void)a;
    (void)out;
}
static const char *fate(const posta__account *a) {
    return a->is_unknown ? "unknown" : "not sent";
}
#endif

void posta__hint(const posta__account *a, posta_window *out) {
    put_hint(a, out);
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
    size_t before;
    /* What a server says that never offered STARTTLS tells nobody anything. */
    bool says_more = a->cause != POSTA_E_TLS_UNAVAILABLE || a->detail.len > 0;
    if (a->peer.len > 0) {
        posta__printable(out, a->peer);
        put(out, ": ");
    }
    if (a->detail.len > 0)
        posta__printable(out, a->detail);
    else
        put(out, posta_status_text(a->cause));
    if (a->limit_ms > 0) put_patience(a, out);
    if (says_more && a->reply && a->reply->code > 0) put_reply(a->reply, out);
    put(out, "; ");
    put(out, fate(a));
    put(out, ". ");
    before = out->len;
    put_hint(a, out);
    if (out->len == before) out->len--;
}
