/* core/tls: the insides, for the files that speak to mbedTLS. */
#ifndef POSTA_TLS_CONN_I_H
#define POSTA_TLS_CONN_I_H

#include "name_i.h"
#include "tls_i.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdatomic.h>

#define POSTA__TLS_MAX_PINS   8u
#define POSTA__TLS_PIN_LEN    32u /* SHA-256 */
#define POSTA__TLS_MAX_SUITES 32u

struct posta_tls {
    const posta_port *port;
    atomic_uint users;
    mbedtls_x509_crt trusted, cert;
    mbedtls_pk_context key;
    bool has_cert, has_trusted;
    uint8_t pins[POSTA__TLS_MAX_PINS][POSTA__TLS_PIN_LEN];
    size_t pins_n;
    int suites[POSTA__TLS_MAX_SUITES + 1]; /* ends with 0 */
    posta_tls_version min_version;
    unsigned insecure;
    char server_name[POSTA_MAX_DOMAIN + 1]; /* "": the host's */
};

/* What the check of the peer has found so far. */
typedef struct posta__tls_judge {
    const posta_tls *tls;
    const posta__tls_name *name;
    unsigned insecure;
    bool is_opportunistic;
    bool is_done;        /* the peer's own certificate was looked at */
    bool is_misused;     /* the reason is that it is not one for servers */
    int64_t now;         /* seconds since 1970, < 0: not known */
    posta_status reason; /* POSTA_OK: nothing against the peer */
    posta_window *why;
} posta__tls_judge;

struct posta__tls {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    posta_tls *tls;
    const posta_port *port;
    posta__tls_name name;
    posta__tls_judge judge;
    posta_window rx; /* what came from the wire */
    posta_span out;  /* mbedTLS's, waits for the wire */
    size_t credit;   /* of it, taken by the wire and not yet told to mbedTLS */
    size_t hint;
    size_t frozen; /* octets of the write that has to be repeated; 0: none */
    bool rx_ended, is_up, is_over, rng_failed;
    bool may_have;    /* no read has found it empty since octets came */
    uint8_t first[8]; /* the first octets that ever came */
    size_t first_n;
    uint8_t header[5]; /* of the record that is being read; header_n octets of it are here */
    size_t header_n, body_left;
    size_t largest; /* record in clear text, by its header */
    uint8_t alert;  /* the last alert in clear text; 0: none */
    unsigned forks;
    char why_text[384];
    posta_window why;
};

/* ---- mbed.c: what depends on the version ---- */

/* Once before anything else, under a lock (rows J12, J22). */
posta_status posta__mbed_start(void);
typedef int (*posta__mbed_rng)(void *user, unsigned char *out, size_t len);
void posta__mbed_configure(mbedtls_ssl_config *c, posta_tls_version min_version,
                           posta__mbed_rng rng, void *rng_user);
bool posta__mbed_has_1_3(void);
bool posta__mbed_is_up(const mbedtls_ssl_context *ssl);
/* Has the handshake failed, with an alert under way? 3.x would make that alert anew each time it is
   told to wait. *result_out: why. */
bool posta__mbed_alerts(const mbedtls_ssl_context *ssl, int *result_out);
/* Of the fatal alert that a call has just told of: its number, RFC 8446 6.2. */
uint8_t posta__mbed_alert(const mbedtls_ssl_context *ssl);
/* Keying material by the label of RFC 9266. False: none to be had. */
bool posta__mbed_export(mbedtls_ssl_context *ssl, uint8_t *out, size_t len);
/* Is it only news that the caller has nothing to do with (a ticket, row J12)? */
bool posta__mbed_is_news(int result);
/* Was there no memory? */
bool posta__mbed_is_memory(int result);
/* The same number under two names: BAD_HS_PROTOCOL_VERSION in 2.28, BAD_PROTOCOL_VERSION in 3.x. */
#define POSTA__MBED_BAD_VERSION     (-0x6E80)
#define POSTA__MBED_BAD_CERTIFICATE (-0x7A00) /* BAD_HS_CERTIFICATE, BAD_CERTIFICATE */
int posta__mbed_parse_key(mbedtls_pk_context *key, const uint8_t *p, size_t len,
                          const uint8_t *password, size_t password_len, posta__mbed_rng rng,
                          void *rng_user);
bool posta__mbed_is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *key,
                         posta__mbed_rng rng, void *rng_user);
bool posta__mbed_sha256(posta_span in, uint8_t out[POSTA__TLS_PIN_LEN]);
/* Does any subjectAltName stand on the certificate? */
bool posta__mbed_has_names(const mbedtls_x509_crt *crt);

/* A generator over a port's entropy: the `user` is the port. */
int posta__tls_random(void *user, unsigned char *out, size_t len);

/* ---- load.c ---- */

/* Of where certificates come: named in problems. */
typedef struct posta__tls_origin {
    const char *field; /* "tls.ca_file" */
    const char *file;  /* null: memory */
} posta__tls_origin;

/* Adds the certificates in `data` (PEM, or one of DER). Bad ones are a problem that names file and
   line; with `count_out` they are passed over and the good ones counted. */
posta_status posta__tls_add_certs(mbedtls_x509_crt *to, posta_span data, posta__tls_origin from,
                                  size_t *count_out, posta_problem *p);
/* Reads a whole file into memory of the port's, with a NUL behind it; *len_out does not count it.
 */
posta_status posta__tls_read_file(const posta_port *port, posta__tls_origin from, uint8_t **out,
                                  size_t *len_out, posta_problem *p);
/* Overwrites and frees what posta__tls_read_file gave. */
void posta__tls_free_file(const posta_port *port, uint8_t *data, size_t len);
posta_status posta__tls_add_file(posta_tls *t, mbedtls_x509_crt *to, posta__tls_origin from,
                                 size_t *count_out, posta_problem *p);
posta_status posta__tls_load_key(posta_tls *t, const posta_tls_config *c, posta_problem *p);

/* ---- store.c ---- */

/* Every file of the folder that holds certificates. */
posta_status posta__tls_add_folder(posta_tls *t, const char *path, const char *field,
                                   size_t *count_out, posta_problem *p);
/* The system's. POSTA_E_FILE: none found; the problem lists where was looked. */
posta_status posta__tls_add_system(posta_tls *t, posta_problem *p);

/* ---- verify.c ---- */

/* mbedTLS's callback, once for each certificate from the root to the peer; user: a
   posta__tls_judge. */
int posta__tls_judge_cert(void *user, mbedtls_x509_crt *crt, int depth, uint32_t *flags);
bool posta__tls_may_go_on(const posta__tls_judge *j);

/* ---- pin.c ---- */

/* Parses "sha256//...;sha256//...". */
posta_status posta__tls_take_pins(posta_tls *t, const char *text, posta_problem *p);
bool posta__tls_pin_of(const mbedtls_x509_crt *crt, uint8_t out[POSTA__TLS_PIN_LEN]);
void posta__tls_show_pin(posta_window *out, const uint8_t pin[POSTA__TLS_PIN_LEN]);

/* ---- fault.c ---- */

/* What mbedTLS's result in the handshake means; adds to t->why. */
posta_status posta__tls_fault(posta__tls *t, int result);
/* The same of a connection that was up, into `why`; "" where there is no more to say than that. */
void posta__tls_end_fault(posta__tls *t, int result);

#endif
