/* core/tls: a build without TLS. */
#include "tls_i.h"

#if !POSTA_TLS

posta_status posta_tls_new(const posta_tls_config *config, posta_tls **out,
                           posta_problem *problem_out) {
    (void)config;
    if (out) *out = NULL;
    if (problem_out) {
        memset(problem_out, 0, sizeof *problem_out);
        problem_out->status = POSTA_E_TLS_NOT_BUILT;
        memcpy(problem_out->field, "tls", 4);
    }
    return POSTA_E_TLS_NOT_BUILT;
}

void posta_tls_free(posta_tls **tls) {
    if (tls) *tls = NULL;
}

const char *posta_tls_library(void) {
    return "";
}

posta_status posta__tls_make(const posta_tls_config *config, bool may_be_empty, posta_tls **out,
                             posta_problem *problem_out) {
    (void)may_be_empty;
    return posta_tls_new(config, out, problem_out);
}

bool posta__crypto(const posta_port *port, posta_crypto *out) {
    (void)port;
    memset(out, 0, sizeof *out);
    return false;
}

/* There is never a posta_tls, so none of these runs. */

posta_tls *posta__tls_share(posta_tls *tls) {
    return tls;
}
bool posta__tls_has_cert(const posta_tls *tls) {
    (void)tls;
    return false;
}
bool posta__tls_is_empty(const posta_tls *tls) {
    return tls == NULL;
}
size_t posta__tls_binding(posta__tls *t, uint8_t out[POSTA__TLS_BINDING_LEN]) {
    (void)t;
    (void)out;
    return 0;
}
size_t posta__tls_size(size_t rx_cap) {
    (void)rx_cap;
    return 0;
}
posta_status posta__tls_check(const posta_tls *tls, posta_span host, unsigned insecure,
                              posta_problem *p) {
    (void)tls;
    (void)host;
    (void)insecure;
    (void)p;
    return POSTA_E_TLS_NOT_BUILT;
}
posta_status posta__tls_place(void *mem, size_t rx_cap, const posta__tls_setup *setup,
                              posta__tls **out) {
    (void)mem;
    (void)rx_cap;
    (void)setup;
    *out = NULL;
    return POSTA_E_TLS_NOT_BUILT;
}
void posta__tls_wipe(posta__tls **t) {
    *t = NULL;
}
posta_mspan posta__tls_rx_space(posta__tls *t) {
    (void)t;
    return (posta_mspan){NULL, 0};
}
void posta__tls_rx_commit(posta__tls *t, size_t n) {
    (void)t;
    (void)n;
}
void posta__tls_rx_end(posta__tls *t) {
    (void)t;
}
posta_span posta__tls_tx_data(const posta__tls *t) {
    (void)t;
    return posta__span(NULL, 0);
}
void posta__tls_tx_consume(posta__tls *t, size_t n) {
    (void)t;
    (void)n;
}
size_t posta__tls_hint(const posta__tls *t) {
    (void)t;
    return 0;
}
posta_status posta__tls_step(posta__tls *t) {
    (void)t;
    return POSTA_E_TLS_NOT_BUILT;
}
posta_status posta__tls_read(posta__tls *t, void *p, size_t cap, size_t *n_out) {
    (void)t;
    (void)p;
    (void)cap;
    *n_out = 0;
    return POSTA_E_TLS_NOT_BUILT;
}
posta_status posta__tls_write(posta__tls *t, const void *p, size_t len, size_t *n_out) {
    (void)t;
    (void)p;
    (void)len;
    *n_out = 0;
    return POSTA_E_TLS_NOT_BUILT;
}
void posta__tls_goodbye(posta__tls *t) {
    (void)t;
}
posta_span posta__tls_last_words(const posta__tls *t) {
    (void)t;
    return posta__span(NULL, 0);
}
bool posta__tls_may_have(const posta__tls *t) {
    (void)t;
    return false;
}
void posta__tls_info(const posta__tls *t, posta_tls_info *out) {
    (void)t;
    memset(out, 0, sizeof *out);
}
const char *posta__tls_why(const posta__tls *t) {
    (void)t;
    return "";
}

#endif
