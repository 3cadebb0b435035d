/* core/tls: what its files share. config.c is posta_tls; load.c and store.c read certificates and
 * keys; verify.c judges the peer, name.c its names; wire.c is one connection's TLS over memory
 * windows, fault.c what its errors mean. mbed.c has all that depends on the version of mbedTLS.
 * none.c stands for all of them in a build without TLS.
 */
#ifndef POSTA_TLS_I_H
#define POSTA_TLS_I_H

#include "base_i.h"
#include "codec_i.h"
#include "posta/tls.h"

#ifndef POSTA_TLS
#define POSTA_TLS 1
#endif

/* ---- config.c, for who uses a posta_tls ---- */

/* posta_tls_new; with `may_be_empty` the system's store may be missing. */
posta_status posta__tls_make(const posta_tls_config *config, bool may_be_empty, posta_tls **out,
                             posta_problem *problem_out);
/* One more user of it; each calls posta_tls_free. Null is fine. */
posta_tls *posta__tls_share(posta_tls *tls);
/* Trusts nothing but pins: only for connections that do not insist. */
bool posta__tls_is_empty(const posta_tls *tls);

/* Has it a client certificate? */
bool posta__tls_has_cert(const posta_tls *tls);

/* ---- crypto.c ---- */

/* What AUTH needs of cryptography; random octets are the port's, which is borrowed. False: a build
 * without. */
bool posta__crypto(const posta_port *port, posta_crypto *out);

/* ---- wire.c: one connection ---- */

typedef struct posta__tls posta__tls;

typedef struct posta__tls_setup {
    posta_tls *tls;         /* shared */
    const posta_port *port; /* clock and entropy */
    posta_span host;        /* whom it connects to; server_name of the posta_tls wins */
    unsigned insecure;      /* besides those of the posta_tls */
    bool is_opportunistic;  /* a peer that cannot be verified is reported, and that is all */
} posta__tls_setup;

/* Octets that posta__tls_place needs; rx_cap of them hold what came from the wire. 0: no TLS is
   built. */
size_t posta__tls_size(size_t rx_cap);
/* Before a connection: is there a name to check? POSTA_E_FIELD with a problem. */
posta_status posta__tls_check(const posta_tls *tls, posta_span host, unsigned insecure,
                              posta_problem *p);
/* Begins in `mem`. A fault: nothing is begun, and nothing to wipe. */
posta_status posta__tls_place(void *mem, size_t rx_cap, const posta__tls_setup *setup,
                              posta__tls **out);
/* Frees what mbedTLS has of it and overwrites the rest. Null is fine. */
void posta__tls_wipe(posta__tls **t);

/* The wire's side. */
posta_mspan posta__tls_rx_space(posta__tls *t);
void posta__tls_rx_commit(posta__tls *t, size_t n);
/* No octet comes after those. */
void posta__tls_rx_end(posta__tls *t);
/* What is to be written; good until the next call. */
posta_span posta__tls_tx_data(const posta__tls *t);
void posta__tls_tx_consume(posta__tls *t, size_t n);
/* Octets that it awaits, exactly; 0: it awaits none. */
size_t posta__tls_hint(const posta__tls *t);

#define POSTA__TLS_BINDING_LEN 32u
/* tls-exporter of this connection, RFC 9266; 0: there is none (before TLS 1.3, or mbedTLS exports
 * none).
 */
size_t posta__tls_binding(posta__tls *t, uint8_t out[POSTA__TLS_BINDING_LEN]);

/* The engine's side. */

/* One step of the handshake: POSTA_E_IN_PROGRESS: another can be made at once; POSTA_AGAIN: the
   wire must do something first; POSTA_OK: it is up; a fault: it is over, posta__tls_why says more,
   and tx_data may hold an alert. */
posta_status posta__tls_step(posta__tls *t);
/* POSTA_OK with *n_out > 0; POSTA_AGAIN; POSTA_END: the peer closed in order; POSTA_E_LOST: it did
   not. */
posta_status posta__tls_read(posta__tls *t, void *p, size_t cap, size_t *n_out);
/* POSTA_AGAIN: tx_data must go out first, then the same octets are given again (row J13). POSTA_OK:
   the first *n_out octets are with the transport. POSTA_E_LOST. */
posta_status posta__tls_write(posta__tls *t, const void *p, size_t len, size_t *n_out);
/* Says close_notify, once, into tx_data (row J19); then nothing else is said. */
void posta__tls_goodbye(posta__tls *t);
/* Of tx_data what may go out once it is over: an alert; nothing of a record of octets that were
   given to posta__tls_write. */
posta_span posta__tls_last_words(const posta__tls *t);

/* Octets may wait inside that no wire tells of (row F15). */
bool posta__tls_may_have(const posta__tls *t);

void posta__tls_info(const posta__tls *t, posta_tls_info *out);
/* What went wrong, more exactly than its status; "" when there is no more to say. */
const char *posta__tls_why(const posta__tls *t);

#endif
