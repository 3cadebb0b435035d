/* core/tls: posta_tls, what connections have in common: who is trusted, what is shown, which
 * ciphers. Read once, then never changed, so threads may share it. */
#include "conn_i.h"

#include "posta/port.h"

#include <mbedtls/platform_util.h>
#include <mbedtls/ssl_ciphersuites.h>

#define NO_VALUE posta__span(NULL, 0)

/* ---- cipher suites: ephemeral keys only; never PSK (row J23) ---- */

static const int suites[] = {
    0x1301, /* TLS_AES_128_GCM_SHA256 and the others of TLS 1.3 */
    0x1302,
    0x1303,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
};

/* mbedTLS writes TLS-ECDHE-..., and TLS1-3-AES-... for those of TLS 1.3. */
static bool is_name_of(int suite, posta_span name) {
    const char *theirs = mbedtls_ssl_get_ciphersuite_name(suite);
    posta_span s = posta__span_of(theirs);
    size_t skip = suite < 0x1400 && suite >= 0x1300 ? 7 : 4; /* "TLS1-3-", "TLS-" */
    if (s.len <= skip || name.len < 4 || memcmp(name.p, "TLS", 3) != 0) return false;
    s = posta__span_sub(s, skip, s.len);
    name = posta__span_sub(name, 4, name.len);
    if (s.len != name.len) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != name.p[i] && !(s.p[i] == '-' && name.p[i] == '_')) return false;
    return true;
}

static bool is_known(int suite) {
    return mbedtls_ssl_ciphersuite_from_id(suite) != NULL;
}

static bool add_suite(posta_tls *t, posta_span name) {
    for (size_t i = 0, n = 0; i < sizeof suites / sizeof *suites; i++) {
        if (!is_known(suites[i]) || !is_name_of(suites[i], name)) continue;
        while (t->suites[n] != 0 && t->suites[n] != suites[i])
            n++;
        t->suites[n] = suites[i];
        return true;
    }
    return false;
}

static posta_status take_suites(posta_tls *t, const char *text, posta_problem *p) {
    posta_span rest = posta__span_of(text);
    size_t n = 0;
    if (!text) {
        for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
            if (is_known(suites[i])) t->suites[n++] = suites[i];
        return POSTA_OK;
    }
    while (rest.len > 0 || n == 0) {
        posta_span one = rest;
        for (one.len = 0; one.len < rest.len; one.len++)
            if (rest.p[one.len] == ':' || rest.p[one.len] == ',') break;
        rest = posta__span_sub(rest, one.len + 1, rest.len);
        if (!add_suite(t, one))
            return posta__problem(p, POSTA_E_FIELD, "tls.ciphers",
                                  "no cipher suite that posta takes; names are IANA's, like "
                                  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                  one);
        n++;
    }
    return POSTA_OK;
}

/* ---- life ---- */

int posta__tls_random(void *user, unsigned char *out, size_t len) {
    const posta_port *port = user;
    if (port->entropy && port->entropy(port->user, out, len) == POSTA_OK) return 0;
    return MBEDTLS_ERR_SSL_NO_RNG;
}

posta_tls *posta__tls_share(posta_tls *tls) {
    if (tls) atomic_fetch_add(&tls->users, 1);
    return tls;
}

bool posta__tls_has_cert(const posta_tls *tls) {
    return tls->has_cert;
}

bool posta__tls_is_empty(const posta_tls *tls) {
    return !tls->has_trusted && tls->pins_n == 0;
}

void posta_tls_free(posta_tls **tls) {
    posta_tls *t = tls ? *tls : NULL;
    const posta_port *port;
    if (!t) return;
    *tls = NULL;
    if (atomic_fetch_sub(&t->users, 1) != 1) return;
    port = t->port;
    mbedtls_x509_crt_free(&t->trusted);
    mbedtls_x509_crt_free(&t->cert);
    mbedtls_pk_free(&t->key);
    mbedtls_platform_zeroize(t, sizeof *t);
    port->allocate(port->user, t, sizeof *t, 0);
}

/* ---- making one ---- */

static posta_status load_trusted(posta_tls *t, const posta_tls_config *c, bool may_be_empty,
                                 posta_problem *p) {
    posta_status status = POSTA_OK;
    size_t n = 0;
    if (c->ca_file)
        status = posta__tls_add_file(t, &t->trusted, (posta__tls_origin){"tls.ca_file", c->ca_file},
                                     NULL, p);
    if (status == POSTA_OK && c->ca.len > 0)
        status =
            posta__tls_add_certs(&t->trusted, c->ca, (posta__tls_origin){"tls.ca", NULL}, NULL, p);
    if (status == POSTA_OK && c->ca_path) {
        status = posta__tls_add_folder(t, c->ca_path, "tls.ca_path", &n, p);
        if (status == POSTA_OK && n == 0)
            return posta__problem(p, POSTA_E_FILE, "tls.ca_path",
                                  "no file of the folder holds a certificate",
                                  posta__span_of(c->ca_path));
    }
    if (status != POSTA_OK) return status;
    t->has_trusted = c->ca_file || c->ca.len > 0 || c->ca_path;
    if (t->has_trusted || t->pins_n > 0 || (t->insecure & POSTA_INSECURE_NO_VERIFY))
        return POSTA_OK;
    status = posta__tls_add_system(t, p);
    t->has_trusted = status == POSTA_OK;
    return status == POSTA_E_FILE && may_be_empty ? POSTA_OK : status;
}

static posta_status load_own(posta_tls *t, const posta_tls_config *c, posta_problem *p) {
    posta_status status;
    if (!c->cert_file && c->cert.len == 0) {
        if (!c->key_file && c->key.len == 0) return POSTA_OK;
        return posta__problem(p, POSTA_E_FIELD, "tls.cert", "the key needs its certificate",
                              NO_VALUE);
    }
    if (c->cert.len > 0)
        status =
            posta__tls_add_certs(&t->cert, c->cert, (posta__tls_origin){"tls.cert", NULL}, NULL, p);
    else
        status = posta__tls_add_file(t, &t->cert, (posta__tls_origin){"tls.cert", c->cert_file},
                                     NULL, p);
    if (status != POSTA_OK) return status;
    t->has_cert = true;
    return posta__tls_load_key(t, c, p);
}

static posta_status take_name(posta_tls *t, const char *name, posta_problem *p) {
    posta_span s = posta__span_of(name);
    uint8_t ascii[POSTA_MAX_DOMAIN + 1];
    posta_window w = posta__window(ascii, sizeof ascii);
    posta__tls_name checked;
    const char *why = NULL;
    if (!name) return POSTA_OK;
    /* Row J06: certificates have A-labels. What cannot be one is refused below, as it was given. */
    if (!posta__is_ascii(s) &&
        posta__domain_to_ascii(s, posta_port_default(), &w, NULL) == POSTA_OK)
        s = posta__span(w.p, w.len);
    if (posta__tls_name_init(&checked, s, &why) != POSTA_OK)
        return posta__problem(p, POSTA_E_FIELD, "tls.server_name", why, s);
    if (s.len >= sizeof t->server_name)
        return posta__problem(p, POSTA_E_FIELD, "tls.server_name", "it is too long", s);
    memcpy(t->server_name, s.p, s.len);
    return POSTA_OK;
}

static posta_status fill(posta_tls *t, const posta_tls_config *c, bool may_be_empty,
                         posta_problem *p) {
    posta_status status;
    t->insecure = c->insecure;
    t->min_version = c->min_version;
    if (c->min_version == POSTA_TLS_1_3 && !posta__mbed_has_1_3())
        return posta__problem(p, POSTA_E_NOT_BUILT, "tls.min_version",
                              "the mbedTLS at hand has no TLS 1.3", NO_VALUE);
    status = take_name(t, c->server_name, p);
    if (status == POSTA_OK) status = take_suites(t, c->ciphers, p);
    if (status == POSTA_OK && c->pin) status = posta__tls_take_pins(t, c->pin, p);
    if (status == POSTA_OK) status = load_trusted(t, c, may_be_empty, p);
    if (status == POSTA_OK) status = load_own(t, c, p);
    return status;
}

posta_status posta_tls_new(const posta_tls_config *config, posta_tls **out,
                           posta_problem *problem_out) {
    return posta__tls_make(config, false, out, problem_out);
}

posta_status posta__tls_make(const posta_tls_config *config, bool may_be_empty, posta_tls **out,
                             posta_problem *problem_out) {
    posta_problem unused;
    posta_problem *p = problem_out ? problem_out : &unused;
    const posta_port *port;
    posta_tls *t;
    posta_status status;
    memset(p, 0, sizeof *p);
    if (out) *out = NULL;
    if (!out || !config || config->size != sizeof *config || config->min_version > POSTA_TLS_1_3)
        return p->status = POSTA_E_ARGUMENT;
    port = config->port ? config->port : posta_port_default();
    status = posta__mbed_start();
    if (status != POSTA_OK) return p->status = status;
    t = port->allocate(port->user, NULL, 0, sizeof *t);
    if (!t) return p->status = POSTA_E_MEMORY;
    memset(t, 0, sizeof *t);
    t->port = port;
    atomic_init(&t->users, 1);
    mbedtls_x509_crt_init(&t->trusted);
    mbedtls_x509_crt_init(&t->cert);
    mbedtls_pk_init(&t->key);
    status = fill(t, config, may_be_empty, p);
    if (status == POSTA_OK) {
        memset(p, 0, sizeof *p); /* of files of a folder that hold none */
        *out = t;
    } else {
        posta_tls_free(&t);
    }
    return status;
}
