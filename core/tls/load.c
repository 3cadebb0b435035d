/* core/tls: certificates and keys, from files and from memory. PEM (RFC 7468) is cut into its
 * blocks here, so that a problem can name file and line; a block goes to mbedTLS as it stands. */
#include "conn_i.h"

#include "posta/port.h"

#include <mbedtls/pem.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#define NO_VALUE   posta__span(NULL, 0)
#define CERT_BEGIN "-----BEGIN CERTIFICATE-----"
#define CERT_END   "-----END CERTIFICATE-----"
#define ENCRYPTED  POSTA_LIT("-----BEGIN ENCRYPTED PRIVATE KEY-----")
#define MAX_FILE   (8u << 20)

#define PATH_SHOWN 60u

/* Of a long path its end: there is the name. */
static posta_span where_of(posta__tls_origin from) {
    posta_span s = from.file ? posta__span_of(from.file) : NO_VALUE;
    size_t at = s.len > PATH_SHOWN ? s.len - PATH_SHOWN : 0;
    while (at > 0 && at < s.len && s.p[at] != '/') /* from a folder on, where there is one */
        at++;
    return at < s.len ? posta__span_sub(s, at, s.len)
                      : posta__span_sub(s, s.len - PATH_SHOWN, s.len);
}

/* `field: "file": line N: why` */
static posta_status wrong_line(posta_problem *p, posta__tls_origin from, size_t line,
                               const char *why) {
    uint8_t store[256];
    char digits[POSTA_DECIMAL_CAP];
    posta_window w = posta__window(store, sizeof store - 1);
    posta__put(&w, POSTA_LIT("line "));
    posta__put(&w, posta__span(digits, posta__decimal(line, digits)));
    posta__put(&w, POSTA_LIT(": "));
    posta__put(&w, posta__span_of(why));
    store[w.len] = 0;
    return posta__problem(p, POSTA_E_FIELD, from.field, (const char *)store, where_of(from));
}

/* ---- files ---- */

static posta_status pull_all(posta_source *s, posta_window *w) {
    for (;;) {
        size_t had = w->len;
        posta_status status = s->pull(s->user, w);
        if (status != POSTA_OK) return status;
        if (w->len == had) return POSTA_E_BODY;
    }
}

posta_status posta__tls_read_file(const posta_port *port, posta__tls_origin from, uint8_t **out,
                                  size_t *len_out, posta_problem *p) {
    posta_source s;
    const char *why = NULL;
    posta_status status = posta_file_source(port, from.file, &s, &why);
    posta_window w = {NULL, 0, 0, 0};
    *out = NULL;
    if (status != POSTA_OK) return posta__problem(p, status, from.field, why, where_of(from));
    if (s.len <= MAX_FILE)
        w = posta__window(port->allocate(port->user, NULL, 0, (size_t)s.len + 1),
                          (size_t)s.len + 1);
    if (!w.p) {
        s.close(s.user);
        if (s.len <= MAX_FILE)
            return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", where_of(from));
        return posta__problem(p, POSTA_E_FILE, from.field, "it is larger than 8 MiB",
                              where_of(from));
    }
    status = pull_all(&s, &w);
    s.close(s.user);
    if (status != POSTA_END) {
        posta__tls_free_file(port, w.p, w.cap - 1);
        return posta__problem(p, POSTA_E_FILE, from.field, "it cannot be read to its end",
                              where_of(from));
    }
    w.p[w.len] = 0;
    *out = w.p;
    *len_out = w.len;
    return POSTA_OK;
}

void posta__tls_free_file(const posta_port *port, uint8_t *data, size_t len) {
    if (!data) return;
    mbedtls_platform_zeroize(data, len);
    port->allocate(port->user, data, len + 1, 0);
}

/* ---- certificates ---- */

static const uint8_t *find(posta_span in, posta_span word) {
    if (word.len == 0 || in.len < word.len) return NULL;
    for (size_t i = 0; i + word.len <= in.len; i++) {
        const uint8_t *c = memchr(in.p + i, word.p[0], in.len - word.len - i + 1);
        if (!c) return NULL;
        if (memcmp(c, word.p, word.len) == 0) return c;
        i = (size_t)(c - in.p);
    }
    return NULL;
}

static size_t lines_before(const uint8_t *from, const uint8_t *to) {
    size_t n = 0;
    while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) {
        n++;
        from++;
    }
    return n;
}

/* A block of PEM becomes DER in `store` (as long as the block): its base64 between the two lines.
 */
static bool block_to_der(posta_span block, posta_window *der) {
    uint8_t *text = der->p; /* the blanks are squeezed out in place, then decoded in place */
    size_t n = 0;
    posta_window out;
    for (size_t i = 0; i < block.len; i++) {
        uint8_t c = block.p[i];
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t') text[n++] = c;
    }
    out = posta__window(text, n);
    if (n == 0 || posta__base64_decode(posta__span(text, n), &out) != POSTA_OK) return false;
    der->len = out.len;
    return true;
}

static int add_block(mbedtls_x509_crt *to, posta_span block, posta_window *scratch) {
    if (!block_to_der(block, scratch)) return MBEDTLS_ERR_X509_INVALID_FORMAT;
    return mbedtls_x509_crt_parse_der(to, scratch->p, scratch->len);
}

static const char *why_bad(int result) {
    return posta__mbed_is_memory(result) ? "out of memory" : "this is no certificate";
}

static posta_status add_pem(mbedtls_x509_crt *to, posta_span data, const uint8_t *begin,
                            posta__tls_origin from, size_t *count_out, uint8_t *scratch,
                            posta_problem *p) {
    const uint8_t *end = data.p + data.len, *counted = data.p;
    size_t line = 1;
    while (begin) {
        posta_span rest;
        const uint8_t *stop;
        posta_window w;
        int result = MBEDTLS_ERR_X509_INVALID_FORMAT;
        line += lines_before(counted, begin);
        counted = begin;
        rest.p = begin + sizeof CERT_BEGIN - 1;
        rest.len = (size_t)(end - rest.p);
        stop = find(rest, POSTA_LIT(CERT_END));
        if (!stop && !count_out)
            return wrong_line(p, from, line, "the certificate that begins here has no end");
        if (!stop) return POSTA_OK;
        w = posta__window(scratch, (size_t)(stop - rest.p));
        result = add_block(to, posta__span(rest.p, w.cap), &w);
        if (posta__mbed_is_memory(result))
            return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", where_of(from));
        if (result != 0 && !count_out) return wrong_line(p, from, line, why_bad(result));
        if (result == 0 && count_out) ++*count_out;
        begin = find(posta__span(stop, (size_t)(end - stop)), POSTA_LIT(CERT_BEGIN));
    }
    return POSTA_OK;
}

/* Scratch comes from mbedTLS's heap, as the certificates do. */
posta_status posta__tls_add_certs(mbedtls_x509_crt *to, posta_span data, posta__tls_origin from,
                                  size_t *count_out, posta_problem *p) {
    const uint8_t *begin = find(data, POSTA_LIT(CERT_BEGIN));
    uint8_t *scratch;
    posta_status status;
    int result;
    if (!begin) {
        bool is_text = find(data, POSTA_LIT("-----BEGIN ")) != NULL;
        result = is_text ? MBEDTLS_ERR_X509_INVALID_FORMAT
                         : mbedtls_x509_crt_parse_der(to, data.p, data.len);
        if (result == 0 && count_out) ++*count_out;
        if (result == 0 || (count_out && !posta__mbed_is_memory(result))) return POSTA_OK;
        if (posta__mbed_is_memory(result))
            return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", where_of(from));
        return posta__problem(p, POSTA_E_FIELD, from.field, "there is no certificate in it",
                              where_of(from));
    }
    scratch = mbedtls_calloc(1, data.len);
    if (!scratch)
        return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", where_of(from));
    status = add_pem(to, data, begin, from, count_out, scratch, p);
    mbedtls_free(scratch);
    return status;
}

posta_status posta__tls_add_file(posta_tls *t, mbedtls_x509_crt *to, posta__tls_origin from,
                                 size_t *count_out, posta_problem *p) {
    uint8_t *data;
    size_t len = 0;
    posta_status status = posta__tls_read_file(t->port, from, &data, &len, p);
    if (status != POSTA_OK) return status;
    status = posta__tls_add_certs(to, posta__span(data, len), from, count_out, p);
    posta__tls_free_file(t->port, data, len);
    return status;
}

/* ---- keys ---- */

/* Of a key that is encrypted, whatever the password is. */
static bool is_unknown_cipher(posta_span data, int result) {
    int high = -(-result & 0xff80);
    return high == MBEDTLS_ERR_PEM_UNKNOWN_ENC_ALG ||
           high == MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE ||
           (high == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE && find(data, ENCRYPTED));
}

/* The line where the key begins; 0: nowhere. */
static size_t line_of_key(posta_span data) {
    posta_span begin = POSTA_LIT("-----BEGIN "), left = data;
    const uint8_t *at;
    while ((at = find(left, begin))) {
        const uint8_t *lf;
        left = posta__span(at + begin.len, left.len - (size_t)(at - left.p) - begin.len);
        lf = memchr(left.p, '\n', left.len);
        if (lf && find(posta__span(left.p, (size_t)(lf - left.p)), POSTA_LIT("PRIVATE KEY-----")))
            return lines_before(data.p, at) + 1;
    }
    return 0;
}

static posta_status key_problem(posta_problem *p, posta_span data, posta__tls_origin from,
                                int result) {
    const char *why = "this is no private key that mbedTLS reads (PEM with PKCS#8 or PKCS#1)";
    if (find(data, ENCRYPTED))
        why = "the key cannot be decrypted: tls.key_password is not its password, or it is "
              "damaged, or encrypted in a way not known here";
    if (is_unknown_cipher(data, result))
        why = "this mbedTLS does not know the cipher that the key is encrypted with: make it anew "
              "by openssl pkey -aes256 -traditional";
    if (posta__mbed_is_memory(result))
        return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", where_of(from));
    if (result == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        why = "the key is encrypted, and tls.key_password is not given";
    if (result == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
        why = "the key is encrypted, and tls.key_password is not its password";
    if (line_of_key(data) > 0) return wrong_line(p, from, line_of_key(data), why);
    return posta__problem(p, POSTA_E_FIELD, from.field, why, where_of(from));
}

/* mbedTLS knows PEM by the NUL behind it, which counts. */
static int parse_key(posta_tls *t, posta_span data, posta_span password) {
    return posta__mbed_parse_key(&t->key, data.p, data.len, password.len > 0 ? password.p : NULL,
                                 password.len, posta__tls_random, (void *)(uintptr_t)t->port);
}

static posta_status use_key(posta_tls *t, const posta_tls_config *c, posta_span data,
                            posta__tls_origin from, posta_problem *p) {
    uint8_t asked[POSTA_MAX_KEY_PASSWORD];
    posta_span password = posta__span_of(c->key_password);
    int result = parse_key(t, data, password);
    if (result == MBEDTLS_ERR_PK_PASSWORD_REQUIRED && password.len == 0 && c->password) {
        size_t n = c->password(c->password_user, (char *)asked, sizeof asked);
        password = posta__span(asked, n < sizeof asked ? n : sizeof asked);
        if (n > 0) result = parse_key(t, data, password);
        mbedtls_platform_zeroize(asked, sizeof asked);
    }
    if (result != 0) return key_problem(p, data, from, result);
    if (!posta__mbed_is_pair(&t->cert.pk, &t->key, posta__tls_random, (void *)(uintptr_t)t->port))
        return posta__problem(p, POSTA_E_FIELD, from.field,
                              "the key is not that of the certificate in tls.cert", where_of(from));
    return POSTA_OK;
}

/* A copy with a NUL behind it, in memory that is overwritten afterwards. */
static posta_status use_key_text(posta_tls *t, const posta_tls_config *c, posta_problem *p) {
    posta__tls_origin from = {"tls.key", NULL};
    uint8_t *copy = t->port->allocate(t->port->user, NULL, 0, c->key.len + 1);
    bool is_text = find(c->key, POSTA_LIT("-----BEGIN ")) != NULL;
    posta_status status;
    if (!copy) return posta__problem(p, POSTA_E_MEMORY, from.field, "out of memory", NO_VALUE);
    memcpy(copy, c->key.p, c->key.len);
    copy[c->key.len] = 0;
    status = use_key(t, c, posta__span(copy, c->key.len + (is_text ? 1 : 0)), from, p);
    posta__tls_free_file(t->port, copy, c->key.len);
    return status;
}

posta_status posta__tls_load_key(posta_tls *t, const posta_tls_config *c, posta_problem *p) {
    posta__tls_origin from = {"tls.key", c->key_file ? c->key_file : c->cert_file};
    uint8_t *data;
    size_t len = 0;
    posta_status status;
    bool is_text;
    if (c->key.len > 0) return use_key_text(t, c, p);
    if (!from.file)
        return posta__problem(p, POSTA_E_FIELD, "tls.key", "the certificate needs its key",
                              NO_VALUE);
    status = posta__tls_read_file(t->port, from, &data, &len, p);
    if (status != POSTA_OK) return status;
    is_text = find(posta__span(data, len), POSTA_LIT("-----BEGIN ")) != NULL;
    status = use_key(t, c, posta__span(data, len + (is_text ? 1 : 0)), from, p);
    posta__tls_free_file(t->port, data, len);
    return status;
}
