/* core/tls: what depends on the version of mbedTLS: 2.28 and 3.x. Nothing else asks for it, so 4.x
 * (no generator in the configuration, hashes and keys by PSA) is a third branch here; until that is
 * compiled and run it is refused. */
#include "conn_i.h"

#include <mbedtls/aes.h>
#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x021c0000 || MBEDTLS_VERSION_NUMBER >= 0x04000000
#error "posta is written for mbedTLS 2.28 and 3.x"
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define MBED_3 1
#include <psa/crypto.h>
#else
#define MBED_3 0
#endif

#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBED_3
#define HAS_1_3 1
#else
#define HAS_1_3 0
#endif

#ifndef POSTA_THREADS
#define POSTA_THREADS 1
#endif
#if POSTA_THREADS
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define LOCK()   pthread_mutex_lock(&lock)
#define UNLOCK() pthread_mutex_unlock(&lock)
#else
#define LOCK()   ((void)0)
#define UNLOCK() ((void)0)
#endif

/* ---- once ---- */

/* Row J22: looking for the processor's AES is not safe in two threads, so it is done here. */
static bool warm_up(void) {
    static const unsigned char key[16];
    mbedtls_aes_context aes;
    int result;
    mbedtls_aes_init(&aes);
    result = mbedtls_aes_setkey_enc(&aes, key, 128);
    mbedtls_aes_free(&aes);
    return result == 0;
}

static posta_status start(void) {
#if MBED_3 && (HAS_1_3 || defined(MBEDTLS_USE_PSA_CRYPTO))
    psa_status_t status = psa_crypto_init();
    if (status == PSA_ERROR_INSUFFICIENT_MEMORY) return POSTA_E_MEMORY;
    if (status != PSA_SUCCESS) return POSTA_E_ENTROPY;
#endif
    return warm_up() ? POSTA_OK : POSTA_E_MEMORY;
}

posta_status posta__mbed_start(void) {
    static bool is_started;
    posta_status status = POSTA_OK;
    LOCK();
    if (!is_started) status = start();
    is_started = status == POSTA_OK;
    UNLOCK();
    return status;
}

const char *posta_tls_library(void) {
    return "mbed TLS " MBEDTLS_VERSION_STRING;
}

/* ---- a connection's settings ---- */

bool posta__mbed_has_1_3(void) {
    return HAS_1_3;
}

#if MBED_3
/* Rows J09: no SHA-1 in the handshake's signatures. */
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE,
};
#else
static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
                             MBEDTLS_MD_NONE};
#endif

/* A build with small buffers asks servers for small records, RFC 6066 4. Versions before 3.6.3 do
 * not join the handshake messages that servers then cut. */
static void ask_for_small_records(mbedtls_ssl_config *c) {
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH) && MBEDTLS_VERSION_NUMBER >= 0x03060300
    if (MBEDTLS_SSL_IN_CONTENT_LEN < 2048)
        mbedtls_ssl_conf_max_frag_len(c, MBEDTLS_SSL_MAX_FRAG_LEN_1024);
    else if (MBEDTLS_SSL_IN_CONTENT_LEN < 4096)
        mbedtls_ssl_conf_max_frag_len(c, MBEDTLS_SSL_MAX_FRAG_LEN_2048);
    else if (MBEDTLS_SSL_IN_CONTENT_LEN < 16384)
        mbedtls_ssl_conf_max_frag_len(c, MBEDTLS_SSL_MAX_FRAG_LEN_4096);
#else
    (void)c;
#endif
}

void posta__mbed_configure(mbedtls_ssl_config *c, posta_tls_version min_version,
                           posta__mbed_rng rng, void *rng_user) {
    mbedtls_ssl_conf_rng(c, rng, rng_user);
    ask_for_small_records(c);
#if MBED_3
    mbedtls_ssl_conf_min_tls_version(c, min_version == POSTA_TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                                     : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_sig_algs(c, signatures);
#else
    (void)min_version;
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_sig_hashes(c, hashes);
#endif
#if HAS_1_3
    /* Rows J17, J23: no resumption, no PSK. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(c, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    mbedtls_ssl_conf_session_tickets(c, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
}

/* ---- what went on ---- */

bool posta__mbed_is_up(const mbedtls_ssl_context *ssl) {
#if MBED_3
    return mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)ssl) != 0;
#else
    return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
#endif
}

bool posta__mbed_alerts(const mbedtls_ssl_context *ssl, int *result_out) {
#if MBED_3
    *result_out = ssl->MBEDTLS_PRIVATE(alert_reason);
    return ssl->MBEDTLS_PRIVATE(send_alert) != 0;
#else
    (void)ssl;
    (void)result_out;
    return false;
#endif
}

bool posta__mbed_export(mbedtls_ssl_context *ssl, uint8_t *out, size_t len) {
#if HAS_1_3 && defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
    static const char label[] = "EXPORTER-Channel-Binding";
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3 &&
           mbedtls_ssl_export_keying_material(ssl, out, len, label, sizeof label - 1,
                                              (const unsigned char *)"", 0, 1) == 0;
#else
    (void)ssl;
    (void)out;
    (void)len;
    return false;
#endif
}

uint8_t posta__mbed_alert(const mbedtls_ssl_context *ssl) {
#if MBED_3
    return ssl->MBEDTLS_PRIVATE(in_msg)[1];
#else
    return ssl->in_msg[1];
#endif
}

bool posta__mbed_is_news(int result) {
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
    return result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
    (void)result;
    return false;
#endif
}

/* An error is a high part (a module's) and a low one (of what that called). */
bool posta__mbed_is_memory(int result) {
    int high = -(-result & 0xff80), low = -(-result & 0x7f);
    return high == MBEDTLS_ERR_SSL_ALLOC_FAILED || high == MBEDTLS_ERR_X509_ALLOC_FAILED ||
           high == MBEDTLS_ERR_PK_ALLOC_FAILED || high == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
           high == MBEDTLS_ERR_MD_ALLOC_FAILED || high == MBEDTLS_ERR_CIPHER_ALLOC_FAILED ||
           low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
}

/* ---- keys and hashes ---- */

int posta__mbed_parse_key(mbedtls_pk_context *key, const uint8_t *p, size_t len,
                          const uint8_t *password, size_t password_len, posta__mbed_rng rng,
                          void *rng_user) {
#if MBED_3
    return mbedtls_pk_parse_key(key, p, len, password, password_len, rng, rng_user);
#else
    (void)rng;
    (void)rng_user;
    return mbedtls_pk_parse_key(key, p, len, password, password_len);
#endif
}

bool posta__mbed_is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *key,
                         posta__mbed_rng rng, void *rng_user) {
#if MBED_3
    return mbedtls_pk_check_pair(public_key, key, rng, rng_user) == 0;
#else
    (void)rng;
    (void)rng_user;
    return mbedtls_pk_check_pair(public_key, key) == 0;
#endif
}

bool posta__mbed_sha256(posta_span in, uint8_t out[POSTA__TLS_PIN_LEN]) {
#if MBED_3
    return mbedtls_sha256(in.p, in.len, out, 0) == 0;
#else
    return mbedtls_sha256_ret(in.p, in.len, out, 0) == 0;
#endif
}

bool posta__mbed_has_names(const mbedtls_x509_crt *crt) {
    return crt->subject_alt_names.buf.len > 0 || crt->subject_alt_names.next;
}
