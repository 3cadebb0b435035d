/* core/tls: one connection's TLS. mbedTLS is given memory for a wire: what came waits in the rx
 * window, what is to go stays in mbedTLS's own buffer until the host has taken it, so nothing is
 * copied on the way out. After any error but "wait" a context is never used again (row J15).
 */
#include "conn_i.h"

#include "../port/port_i.h"

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

#define WEAK_CURVES                                                                                \
    (MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP192R1) |                                              \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP224R1) |                                              \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP192K1) |                                              \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP224K1))

/* Rows J09: SHA-2 and keys of today, whatever mbedTLS's defaults are. */
static const mbedtls_x509_crt_profile profile = {
    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    0xFFFFFFF, /* any kind of key */
    0xFFFFFFF & ~(uint32_t)(WEAK_CURVES),
    2048,
};

/* ---- mbedTLS's side of the wire ---- */

/* Notes what fault.c wants to know: the first octets, and alerts in clear text. */
static void note(posta__tls *t, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n && t->first_n < sizeof t->first; i++)
        t->first[t->first_n++] = p[i];
    while (n > 0) {
        if (t->header_n < sizeof t->header) {
            t->header[t->header_n++] = *p++;
            n--;
            t->body_left = (size_t)t->header[3] << 8 | t->header[4];
            if (t->header_n == sizeof t->header && t->body_left > t->largest)
                t->largest = t->body_left;
            continue;
        }
        size_t take = n < t->body_left ? n : t->body_left;
        bool is_alert = t->header[0] == 21 && t->header[3] == 0 && t->header[4] == 2;
        if (is_alert && take == t->body_left && take > 0) t->alert = p[take - 1];
        p += take;
        n -= take;
        t->body_left -= take;
        if (t->body_left == 0) t->header_n = 0;
    }
}

static int receive(void *user, unsigned char *buf, size_t len) {
    posta__tls *t = user;
    size_t n = posta__unread(&t->rx);
    t->hint = 0;
    if (n == 0 && t->rx_ended) return MBEDTLS_ERR_SSL_CONN_EOF;
    if (n == 0) {
        t->hint = len;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (n > len) n = len;
    memcpy(buf, t->rx.p + t->rx.at, n);
    if (!t->is_up) note(t, buf, n);
    t->rx.at += n;
    if (t->rx.at == t->rx.len) t->rx.at = t->rx.len = 0;
    return (int)n;
}

/* What the host took since the last call is told first; then the rest is lent to it. */
static int transmit(void *user, const unsigned char *buf, size_t len) {
    posta__tls *t = user;
    size_t n = t->credit < len ? t->credit : len;
    if (n > 0) {
        t->credit -= n;
        return (int)n;
    }
    t->out = posta__span(buf, len);
    return MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int random_octets(void *user, unsigned char *out, size_t len) {
    posta__tls *t = user;
    int result = posta__tls_random((void *)(uintptr_t)t->port, out, len);
    if (result != 0) t->rng_failed = true;
    return result;
}

/* ---- life ---- */

size_t posta__tls_size(size_t rx_cap) {
    return POSTA__ALIGNED(sizeof(posta__tls)) + POSTA__ALIGNED(rx_cap);
}

static posta_span name_of(const posta_tls *tls, posta_span host) {
    return tls->server_name[0] ? posta__span_of(tls->server_name) : host;
}

posta_status posta__tls_check(const posta_tls *tls, posta_span host, unsigned insecure,
                              posta_problem *p) {
    posta__tls_name name;
    const char *why = NULL;
    posta_span s = name_of(tls, host);
    if ((insecure | tls->insecure) & (POSTA_INSECURE_ANY_NAME | POSTA_INSECURE_NO_VERIFY))
        return POSTA_OK;
    if (posta__tls_name_init(&name, s, &why) == POSTA_OK) return POSTA_OK;
    return posta__problem(p, POSTA_E_FIELD, tls->server_name[0] ? "tls.server_name" : "host", why,
                          s);
}

static void configure(posta__tls *t) {
    mbedtls_ssl_config *c = &t->config;
    mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(c, &t->tls->trusted, NULL);
    mbedtls_ssl_conf_verify(c, posta__tls_judge_cert, &t->judge);
    mbedtls_ssl_conf_cert_profile(c, &profile);
    mbedtls_ssl_conf_ciphersuites(c, t->tls->suites);
    posta__mbed_configure(c, t->tls->min_version, random_octets, t);
}

static int set_up(posta__tls *t) {
    int result =
        mbedtls_ssl_config_defaults(&t->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT);
    if (result != 0) return result;
    configure(t);
    if (t->tls->has_cert)
        result = mbedtls_ssl_conf_own_cert(&t->config, &t->tls->cert, &t->tls->key);
    if (result == 0) result = mbedtls_ssl_setup(&t->ssl, &t->config);
    /* Row J01: always called. An address is no name for SNI (RFC 6066 3). */
    if (result == 0)
        result = mbedtls_ssl_set_hostname(&t->ssl, t->name.dns[0] ? t->name.dns : NULL);
    if (result == 0) mbedtls_ssl_set_bio(&t->ssl, t, transmit, receive, NULL);
    return result;
}

posta_status posta__tls_place(void *mem, size_t rx_cap, const posta__tls_setup *setup,
                              posta__tls **out) {
    posta__tls *t = mem;
    const char *why = NULL;
    memset(t, 0, sizeof *t);
    *out = NULL;
    t->tls = posta__tls_share(setup->tls);
    t->port = setup->port;
    t->forks = posta__forks();
    t->rx = posta__window((uint8_t *)mem + POSTA__ALIGNED(sizeof *t), rx_cap);
    t->why = posta__window(t->why_text, sizeof t->why_text - 1);
    if (posta__tls_name_init(&t->name, name_of(setup->tls, setup->host), &why) != POSTA_OK)
        memset(&t->name, 0, sizeof t->name); /* posta__tls_check has said whether that may be */
    t->judge = (posta__tls_judge){
        .tls = t->tls,
        .name = &t->name,
        .insecure = setup->insecure | setup->tls->insecure,
        .is_opportunistic = setup->is_opportunistic,
        .now = setup->port->unix_time ? setup->port->unix_time(setup->port->user) : -1,
        .why = &t->why};
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->config);
    if (set_up(t) != 0) {
        posta__tls_wipe(&t);
        return POSTA_E_MEMORY;
    }
    *out = t;
    return POSTA_OK;
}

void posta__tls_wipe(posta__tls **t_in_out) {
    posta__tls *t = *t_in_out;
    posta_tls *tls;
    if (!t) return;
    *t_in_out = NULL;
    tls = t->tls;
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->config);
    mbedtls_platform_zeroize(t->rx.p, t->rx.cap);
    mbedtls_platform_zeroize(t, sizeof *t);
    posta_tls_free(&tls);
}

/* ---- the wire's side ---- */

posta_mspan posta__tls_rx_space(posta__tls *t) {
    posta__window_compact(&t->rx);
    return (posta_mspan){t->rx.p + t->rx.len, t->is_over ? 0 : posta__room(&t->rx)};
}

void posta__tls_rx_commit(posta__tls *t, size_t n) {
    t->rx.len += n < posta__room(&t->rx) ? n : posta__room(&t->rx);
    t->may_have = true;
}

void posta__tls_rx_end(posta__tls *t) {
    t->rx_ended = true;
}

posta_span posta__tls_tx_data(const posta__tls *t) {
    return posta__forks() == t->forks ? t->out : posta__span(NULL, 0); /* row K07 */
}

void posta__tls_tx_consume(posta__tls *t, size_t n) {
    if (n > t->out.len) n = t->out.len;
    t->credit += n;
    t->out = posta__span_sub(t->out, n, t->out.len);
}

size_t posta__tls_hint(const posta__tls *t) {
    return t->hint;
}

/* ---- the engine's side ---- */

static bool waits(int result) {
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* Row K07: a child of fork has a copy of the keys, and must not use them. */
static bool is_forked(posta__tls *t) {
    if (posta__forks() == t->forks) return false;
    t->is_over = true;
    t->out = posta__span(NULL, 0);
    t->why_text[0] = 0;
    return true;
}

static posta_status give_up(posta__tls *t, posta_status status) {
    t->is_over = true;
    t->why_text[t->why.len] = 0;
    return status;
}

/* No success without a certificate that was looked at (row J16). */
static posta_status come_up(posta__tls *t) {
    if (!t->judge.is_done || !posta__tls_may_go_on(&t->judge) ||
        mbedtls_ssl_get_verify_result(&t->ssl) != 0)
        return give_up(t, POSTA_E_TLS_HANDSHAKE);
    t->is_up = true;
    t->why_text[t->why.len] = 0;
    return POSTA_OK;
}

/* The peer has closed while it is our turn to speak; what it said last may tell why. */
static posta_status cut_off(posta__tls *t) {
    note(t, t->rx.p + t->rx.at, posta__unread(&t->rx));
    return give_up(t, posta__tls_fault(t, t->alert > 0 ? MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE
                                                       : MBEDTLS_ERR_SSL_CONN_EOF));
}

posta_status posta__tls_step(posta__tls *t) {
    int result;
    if (t->is_up) return POSTA_OK;
    if (is_forked(t)) return POSTA_E_LOST;
    if (t->is_over) return POSTA_E_TLS_HANDSHAKE;
    if (t->out.len > 0) return t->rx_ended ? cut_off(t) : POSTA_AGAIN;
    result = mbedtls_ssl_handshake_step(&t->ssl);
    if (waits(result) && !posta__mbed_alerts(&t->ssl, &result)) return POSTA_AGAIN;
    if (result != 0 && !posta__mbed_is_news(result)) return give_up(t, posta__tls_fault(t, result));
    return posta__mbed_is_up(&t->ssl) ? come_up(t) : POSTA_E_IN_PROGRESS;
}

posta_status posta__tls_read(posta__tls *t, void *p, size_t cap, size_t *n_out) {
    int result;
    *n_out = 0;
    if (is_forked(t) || t->is_over) return POSTA_E_LOST;
    /* A read would finish the record under way behind its write's back (row J13). */
    if (t->frozen > 0 && t->out.len == 0) return POSTA_AGAIN;
    do
        result = mbedtls_ssl_read(&t->ssl, p, cap);
    while (posta__mbed_is_news(result));
    if (result > 0) {
        *n_out = (size_t)result;
        return POSTA_OK;
    }
    t->may_have = false;
    if (waits(result)) return POSTA_AGAIN;
    t->is_over = true;
    posta__tls_end_fault(t, result);
    return result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? POSTA_END : POSTA_E_LOST;
}

bool posta__tls_may_have(const posta__tls *t) {
    return t->may_have && !t->is_over;
}

posta_status posta__tls_write(posta__tls *t, const void *p, size_t len, size_t *n_out) {
    int result;
    *n_out = 0;
    if (is_forked(t) || t->is_over) return POSTA_E_LOST;
    if (t->out.len > 0) return POSTA_AGAIN;
    /* An alert that a read has sent (row J18): mbedTLS would take its end for that of these octets.
       This only tells it that the alert is gone, since one is under way. */
    if (t->frozen == 0 && t->credit > 0) mbedtls_ssl_close_notify(&t->ssl);
    if (t->frozen > 0 && t->frozen < len) len = t->frozen;
    result = mbedtls_ssl_write(&t->ssl, p, len);
    if (waits(result)) {
        t->frozen = len;
        return POSTA_AGAIN;
    }
    t->frozen = 0;
    if (result > 0) {
        *n_out = (size_t)result;
        return POSTA_OK;
    }
    t->is_over = true;
    posta__tls_end_fault(t, result);
    return POSTA_E_LOST;
}

void posta__tls_goodbye(posta__tls *t) {
    if (!t->is_up || is_forked(t) || t->is_over || t->out.len > 0) return;
    mbedtls_ssl_close_notify(&t->ssl);
    t->is_over = true;
}

posta_span posta__tls_last_words(const posta__tls *t) {
    bool is_fit = t->is_over && t->frozen == 0;
    return is_fit ? posta__tls_tx_data(t) : posta__span(NULL, 0);
}

/* ---- what is known ---- */

/* As IANA writes it: mbedTLS has dashes, and TLS1-3- for TLS_. */
static void put_cipher(const char *name, char *out, size_t cap) {
    posta_window w = posta__window(out, cap - 1);
    posta_span s = posta__span_of(name), old = POSTA_LIT("TLS1-3-");
    if (posta_span_is(posta__span_sub(s, 0, old.len), old)) {
        posta__put(&w, POSTA_LIT("TLS-"));
        s = posta__span_sub(s, old.len, s.len);
    }
    posta__put_some(&w, &s);
    for (size_t i = 0; i < w.len; i++)
        if (out[i] == '-') out[i] = '_';
    out[w.len] = 0;
}

void posta__tls_info(const posta__tls *t, posta_tls_info *out) {
    posta_window w = posta__window(out->version, sizeof out->version - 1);
    memset(out, 0, sizeof *out);
    out->insecure = t->judge.insecure;
    out->reason = t->judge.reason;
    if (!t->is_up) return;
    out->is_on = true;
    out->is_verified = t->judge.reason == POSTA_OK &&
                       !(t->judge.insecure & (POSTA_INSECURE_ANY_NAME | POSTA_INSECURE_NO_TIME));
    posta__put(&w, posta__span_of(mbedtls_ssl_get_version(&t->ssl)));
    put_cipher(mbedtls_ssl_get_ciphersuite(&t->ssl), out->cipher, sizeof out->cipher);
}

const char *posta__tls_why(const posta__tls *t) {
    return t->why_text;
}
