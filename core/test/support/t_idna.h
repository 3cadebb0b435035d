/* core/test/support: a place that knows one domain, so that tests need no libidn2. */
#ifndef POSTA_T_IDNA_H
#define POSTA_T_IDNA_H

#include "base_i.h"
#include "posta/base.h"

/* b<u with dots>cher.example, and with a capital; "j<o with tilde>e" */
#define T_U_LABEL                                                                                  \
    "b\xc3\xbc"                                                                                    \
    "cher.example"
#define T_U_LABEL_CAPITAL                                                                          \
    "B\xc3\xbc"                                                                                    \
    "cher.example"
#define T_A_LABEL "xn--bcher-kva.example"
#define T_LOCAL                                                                                    \
    "j\xc3\xb5"                                                                                    \
    "e"

static inline posta_status t_domain_to_ascii(void *user, posta_span domain, posta_window *out,
                                             const char **why_out) {
    (void)user;
    if (posta_span_is(domain, POSTA_LIT(T_U_LABEL)) ||
        posta_span_is(domain, POSTA_LIT(T_U_LABEL_CAPITAL)))
        return posta__put(out, POSTA_LIT(T_A_LABEL)) ? POSTA_OK : POSTA_E_LIMIT;
    *why_out = "has a domain that this test does not know";
    return POSTA_E_FIELD;
}

#endif
