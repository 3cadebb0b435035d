/* core/tls: why a handshake failed, in words. mbedTLS's numbers are the last resort: what the peer
 * sent says more. */
#include "conn_i.h"

#define NO_CERTIFICATE "it does not take our client certificate: see tls.cert"

/* TLS alerts, RFC 8446 6.2; those that a client can be the reason of. */
static const struct {
    uint8_t alert;
    const char *says;
} alerts[] = {
    {20, "a record was spoilt on the way"},
    {40, "no version or cipher suite in common, or it wants a client certificate (tls.cert)"},
    {42, NO_CERTIFICATE},
    {43, NO_CERTIFICATE},
    {44, NO_CERTIFICATE},
    {45, NO_CERTIFICATE},
    {46, NO_CERTIFICATE},
    {48, "it does not know the CA of our client certificate"},
    {49, "access is denied"},
    {50, "it cannot read what was sent"},
    {71, "what is offered here is too weak for it"},
    {80, "something is wrong in the server"},
    {112, "it does not know the name asked for"},
    {116, "it wants a client certificate: set tls.cert and tls.key"},
};
enum { ALERT_PROTOCOL_VERSION = 70 };

static void put(posta__tls *t, const char *text) {
    posta__put(&t->why, posta__span_of(text));
}

static void put_hex(posta__tls *t, unsigned n) {
    static const char hex[] = "0123456789abcdef";
    char text[4] = {hex[n >> 12 & 15], hex[n >> 8 & 15], hex[n >> 4 & 15], hex[n & 15]};
    put(t, " (mbedTLS: -0x");
    posta__put(&t->why, posta__span(text, sizeof text));
    put(t, ")");
}

static bool is_clear_text(const posta__tls *t) {
    return t->first_n > 0 &&
           (t->first[0] < 0x14 || t->first[0] > 0x17 || (t->first_n > 1 && t->first[1] != 3));
}

static posta_status not_tls(posta__tls *t) {
    put(t, "the server does not speak TLS here: it begins with \"");
    posta__printable(&t->why, posta__span(t->first, t->first_n));
    put(t, "\"");
    return POSTA_E_TLS_NOT_TLS;
}

static posta_status say(posta__tls *t, const char *text) {
    put(t, text);
    return POSTA_E_TLS_HANDSHAKE;
}

/* Row J26. */
static posta_status too_large(posta__tls *t) {
    char digits[POSTA_DECIMAL_CAP];
    put(t, "the TLS handshake failed: the server sends records larger than this mbedTLS takes, ");
    posta__put(&t->why, posta__span(digits, posta__decimal(MBEDTLS_SSL_IN_CONTENT_LEN, digits)));
    return say(t, " octets (MBEDTLS_SSL_IN_CONTENT_LEN)");
}

static posta_status no_version(posta__tls *t) {
    put(t, "the TLS handshake failed: no version of TLS in common; what is spoken here is ");
    put(t, t->tls->min_version == POSTA_TLS_1_3 ? "1.3"
           : posta__mbed_has_1_3()              ? "1.2 and 1.3"
                                                : "1.2");
    return POSTA_E_TLS_HANDSHAKE;
}

static void put_alert(posta__tls *t) {
    char digits[POSTA_DECIMAL_CAP];
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].alert == t->alert) {
            put(t, alerts[i].says);
            return;
        }
    put(t, "TLS alert ");
    posta__put(&t->why, posta__span(digits, posta__decimal(t->alert, digits)));
}

static posta_status of_alert(posta__tls *t) {
    if (t->alert == ALERT_PROTOCOL_VERSION) return no_version(t);
    put(t, "the server refused the handshake: ");
    put_alert(t);
    return POSTA_E_TLS_HANDSHAKE;
}

/* Errors of x509 and pk, before any certificate was judged: it did not parse. */
static bool is_unreadable(const posta__tls *t, int result) {
    int high = -(-result & 0xff80);
    bool is_x509 =
        high <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && high >= MBEDTLS_ERR_X509_BUFFER_TOO_SMALL;
    bool is_pk = high <= MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE && high >= MBEDTLS_ERR_PK_TYPE_MISMATCH;
    return !t->judge.is_done && (is_x509 || is_pk);
}

void posta__tls_end_fault(posta__tls *t, int result) {
    t->why.len = 0;
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        t->alert = posta__mbed_alert(&t->ssl);
        put(t, "the server ended TLS: ");
        put_alert(t);
    } else if (result == MBEDTLS_ERR_SSL_INVALID_MAC) {
        put(t, "a record came that cannot be decrypted");
    }
    t->why_text[t->why.len] = 0;
}

posta_status posta__tls_fault(posta__tls *t, int result) {
    posta__tls_judge *j = &t->judge;
    if (j->is_done && !posta__tls_may_go_on(j)) return j->reason;
    if (result == POSTA__MBED_BAD_CERTIFICATE && j->reason != POSTA_OK) return j->reason;
    t->why.len = 0;
    if (posta__mbed_is_memory(result)) return POSTA_E_MEMORY;
    if (t->rng_failed) return POSTA_E_ENTROPY;
    if (is_clear_text(t)) return not_tls(t);
    if (t->largest > MBEDTLS_SSL_IN_CONTENT_LEN) return too_large(t);
    if (result == MBEDTLS_ERR_SSL_CONN_EOF)
        return say(t, "the server closed the connection in the TLS handshake");
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        if (t->alert == 0) t->alert = posta__mbed_alert(&t->ssl); /* an encrypted one */
        return of_alert(t);
    }
    if (result == POSTA__MBED_BAD_VERSION) return no_version(t);
    if (result == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE) {
        put(t,
            "the TLS handshake failed: the server does what this mbedTLS cannot do, like cutting "
            "handshake messages in pieces");
        put_hex(t, (unsigned)-result);
        return POSTA_E_TLS_HANDSHAKE;
    }
    if (result == POSTA__MBED_BAD_CERTIFICATE || result == MBEDTLS_ERR_X509_FATAL_ERROR) {
        put(t,
            result == MBEDTLS_ERR_X509_FATAL_ERROR
                ? "the certificate's chain cannot be checked: it is longer than 8, or broken, "
                  "which only its owner can mend"
                : "the certificate cannot be used: it is not for this, or broken, which only its "
                  "owner can mend");
        return j->reason = POSTA_E_TLS_ISSUER;
    }
    put(t, is_unreadable(t, result)
               ? "a certificate of the server cannot be read: it is broken, or has what "
                 "this mbedTLS does not know"
               : "the TLS handshake failed");
    put_hex(t, (unsigned)-result);
    return POSTA_E_TLS_HANDSHAKE;
}
