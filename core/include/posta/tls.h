/* posta/tls.h: how the peer of a TLS connection is judged and what is shown to it. TLS is mbedTLS's;
 * without it (POSTA_TLS=OFF) posta_tls_new answers POSTA_E_TLS_NOT_BUILT.
 *
 * A posta_tls is parsed once and never changes, so sessions may share it, in several threads too
 * where mbedTLS is built with MBEDTLS_THREADING_C. RFC 5246, 8446, 9525; versions from TLS 1.2 on.
 */
#ifndef POSTA_TLS_H
#define POSTA_TLS_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posta_tls posta_tls;

/** What weakens the check of the peer; a set of bits. Each is listed in the receipt. */
enum {
    POSTA_INSECURE_NO_VERIFY = 1u, /* any certificate will do; what was wrong is reported */
    POSTA_INSECURE_ANY_NAME = 2u,  /* the name on the certificate does not matter */
    POSTA_INSECURE_CN = 4u,        /* without subjectAltName the subject's CN counts as a name */
    POSTA_INSECURE_NO_TIME = 8u    /* expired and not yet valid certificates will do */
};

typedef enum posta_tls_version {
    POSTA_TLS_DEFAULT, /* TLS 1.2 and later */
    POSTA_TLS_1_2,
    POSTA_TLS_1_3 /* POSTA_E_NOT_BUILT where mbedTLS has no TLS 1.3 */
} posta_tls_version;

/** Writes the password of a private key into `out`, at most `cap` octets, and returns its length; 0:
 * there is none. Called by posta_tls_new only, which wipes the copy. */
typedef size_t (*posta_tls_password)(void *user, char *out, size_t cap);

#define POSTA_MAX_KEY_PASSWORD 256u

/** Start from POSTA_TLS_CONFIG. Texts and data are read by posta_tls_new and not needed afterwards;
 * the port is borrowed until the last user of the posta_tls is gone. */
typedef struct posta_tls_config {
    size_t size;            /* sizeof(posta_tls_config) */
    const posta_port *port; /* null: posta_port_default() */
    /* The certificates that are trusted, PEM or DER. None of these: the system's store
     * (SSL_CERT_FILE, SSL_CERT_DIR, then the usual places). */
    const char *ca_file;
    const char *ca_path; /* a folder; of its files all that hold certificates */
    posta_span ca;
    /* What is shown to servers that ask: a certificate (and the chain behind it) and its key, each
     * from a file or from memory, PEM or DER. */
    const char *cert_file;
    posta_span cert;
    const char *key_file;
    posta_span key;
    const char *key_password; /* null: `password` is asked, if the key needs one */
    posta_tls_password password;
    void *password_user;
    /** "sha256//" and the base64 of the SHA-256 of the SubjectPublicKeyInfo, several separated by
     * ';'. The peer's key must be one of them; issuer and name then do not matter. RFC 7469 2.4. */
    const char *pin;
    const char *server_name; /* the name to check and to ask for, apart from the host connected to */
    posta_tls_version min_version;
    /** Names of cipher suites as IANA writes them, separated by ':' or ','; null: all that posta
     * takes (ephemeral keys only, and no PSK). */
    const char *ciphers;
    unsigned insecure; /* POSTA_INSECURE_... */
} posta_tls_config;

#define POSTA_TLS_CONFIG                                                                           \
    {                                                                                              \
        sizeof(posta_tls_config), 0, 0, 0, {0, 0}, 0, {0, 0}, 0, {0, 0}, 0, 0, 0, 0, 0,            \
            POSTA_TLS_DEFAULT, 0, 0                                                                \
    }

/** Loads and checks all of it. On failure `problem_out` (may be null) names the field, the file and
 * its line. POSTA_E_FILE: a file cannot be read, or no trusted certificate was found (the places
 * looked at are listed); POSTA_E_FIELD; POSTA_E_MEMORY; POSTA_E_NOT_BUILT; POSTA_E_TLS_NOT_BUILT;
 * POSTA_E_ARGUMENT. */
POSTA_API posta_status posta_tls_new(const posta_tls_config *config, posta_tls **out,
                                     posta_problem *problem_out);
/** Gives it up and nulls the pointer; sessions that use it keep it until they end. Null is fine. */
POSTA_API void posta_tls_free(posta_tls **tls);
/** The TLS library that runs, "mbed TLS 2.28.3"; "" when there is none. Static. */
POSTA_API const char *posta_tls_library(void);

/** What a connection's TLS came to. */
typedef struct posta_tls_info {
    bool is_on;          /* the octets are encrypted by posta */
    bool is_verified;    /* and the peer is who it was asked to be */
    posta_status reason; /* what the check of the peer says; POSTA_OK: nothing against it */
    unsigned insecure;   /* the POSTA_INSECURE_... that were allowed */
    char version[8];     /* "TLSv1.2"; "" while there is none */
    char cipher[64];     /* as IANA writes it */
} posta_tls_info;

#ifdef __cplusplus
}
#endif

#endif
