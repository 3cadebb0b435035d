/* core/tls: what the mechanisms of AUTH need of cryptography, by mbedTLS. */
#include "conn_i.h"

#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

static const mbedtls_md_info_t *info_of(posta_hash hash) {
    switch (hash) {
    case POSTA_HASH_MD5: return mbedtls_md_info_from_type(MBEDTLS_MD_MD5);
    case POSTA_HASH_SHA1: return mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
    default: return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    }
}

static posta_status digest(void *user, posta_hash hash, posta_span data, uint8_t *out) {
    const mbedtls_md_info_t *info = info_of(hash);
    (void)user;
    if (!info) return POSTA_E_NOT_BUILT;
    return mbedtls_md(info, data.p, data.len, out) == 0 ? POSTA_OK : POSTA_E_MEMORY;
}

/* A context with this key; on POSTA_OK the caller frees it. */
static posta_status begin(mbedtls_md_context_t *c, posta_hash hash, posta_span key) {
    const mbedtls_md_info_t *info = info_of(hash);
    mbedtls_md_init(c);
    if (!info) return POSTA_E_NOT_BUILT;
    if (mbedtls_md_setup(c, info, 1) == 0 && mbedtls_md_hmac_starts(c, key.p, key.len) == 0)
        return POSTA_OK;
    mbedtls_md_free(c);
    return POSTA_E_MEMORY;
}

static posta_status hmac(void *user, posta_hash hash, posta_span key, const posta_span *parts,
                         size_t parts_n, uint8_t *out) {
    mbedtls_md_context_t c;
    int result = 0;
    posta_status status = begin(&c, hash, key);
    (void)user;
    if (status != POSTA_OK) return status;
    for (size_t i = 0; i < parts_n && result == 0; i++)
        result = mbedtls_md_hmac_update(&c, parts[i].p, parts[i].len);
    if (result == 0) result = mbedtls_md_hmac_finish(&c, out);
    mbedtls_md_free(&c);
    return result == 0 ? POSTA_OK : POSTA_E_MEMORY;
}

static posta_status iterate(void *user, posta_hash hash, posta_span key, uint8_t *last,
                            uint8_t *sum, uint32_t n) {
    mbedtls_md_context_t c;
    size_t len;
    int result = 0;
    posta_status status = begin(&c, hash, key);
    (void)user;
    if (status != POSTA_OK) return status;
    len = mbedtls_md_get_size(info_of(hash));
    for (; n > 0 && result == 0; n--) {
        result = mbedtls_md_hmac_update(&c, last, len);
        if (result == 0) result = mbedtls_md_hmac_finish(&c, last);
        if (result == 0) result = mbedtls_md_hmac_reset(&c);
        for (size_t i = 0; i < len; i++)
            sum[i] ^= last[i];
    }
    mbedtls_md_free(&c);
    return result == 0 ? POSTA_OK : POSTA_E_MEMORY;
}

static posta_status random_octets(void *user, void *out, size_t len) {
    return posta__tls_random(user, out, len) == 0 ? POSTA_OK : POSTA_E_ENTROPY;
}

bool posta__crypto(const posta_port *port, posta_crypto *out) {
    *out = (posta_crypto){.size = sizeof *out,
                          .user = (void *)(uintptr_t)port,
                          .digest = digest,
                          .hmac = hmac,
                          .iterate = iterate,
                          .random = random_octets};
    for (int hash = POSTA_HASH_MD5; hash <= POSTA_HASH_SHA256; hash++)
        if (info_of((posta_hash)hash)) out->hashes |= 1u << hash;
    return true;
}

/* RFC 9266: only where TLS binds by itself, which is 1.3. */
size_t posta__tls_binding(posta__tls *t, uint8_t out[POSTA__TLS_BINDING_LEN]) {
    if (!t->is_up || t->is_over || !posta__mbed_export(&t->ssl, out, POSTA__TLS_BINDING_LEN))
        return 0;
    return POSTA__TLS_BINDING_LEN;
}
