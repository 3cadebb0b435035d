/* core/tls: why a handshake failed, in words. mbedTLS's numbers are the last resort: what the peer
 * sent says more. */
#include "conn_i.h"

/* TLS alerts, RFC 8446 6.2. */
enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_PROTOCOL_VERSION = 70, ALERT_NO_NAME = 112 };

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

static posta_status of_alert(posta__tls *t) {
    char digits[POSTA_DECIMAL_CAP];
    if (t->alert == ALERT_PROTOCOL_VERSION)
        return say(t,
                   "the server refused the handshake: it speaks no TLS as new as is wanted here");
    if (t->alert == ALERT_HANDSHAKE_FAILURE)
        return say(t, "the server refused the handshake: no cipher suite in common, or it wants a "
                      "client certificate");
    if (t->alert == ALERT_NO_NAME)
        return say(t, "the server refused the handshake: it does not know the name asked for");
    put(t, "the server refused the handshake: TLS alert ");
    posta__put(&t->why, posta__span(digits, posta__decimal(t->alert, digits)));
    return POSTA_E_TLS_HANDSHAKE;
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
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && t->alert > 0) return of_alert(t);
    if (result == POSTA__MBED_BAD_VERSION)
        return say(t,
                   "the TLS handshake failed: the server speaks no TLS as new as is wanted here");
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
                ? "the certificate's chain cannot be checked: it is longer than 8, or broken"
                : "the certificate cannot be used: its key usage is not for this, or it is broken");
        return j->reason = POSTA_E_TLS_ISSUER;
    }
    put(t, "the TLS handshake failed");
    put_hex(t, (unsigned)-result);
    return POSTA_E_TLS_HANDSHAKE;
}
