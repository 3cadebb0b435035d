/* Fuzz: an address for a server without SMTPUTF8 and for one with it, by the system's IDNA. Rows
 * G01-G06: what goes out is ASCII or what was given; what was made stands for itself. */
#include "codec_i.h"
#include "posta/port.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static posta_status domain_to_ascii(void *user, posta_span domain, posta_window *out,
                                    const char **why_out) {
    (void)user;
    return posta_domain_to_ascii(domain, out, why_out);
}

static void want(bool is_so) {
    if (!is_so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const posta_port port = {.size = sizeof port, .domain_to_ascii = domain_to_ascii};
    const posta__form ascii = {false, &port}, utf8 = {true, &port};
    uint8_t a[POSTA_MAX_PATH], b[POSTA_MAX_PATH], c[POSTA_MAX_PATH];
    posta_window as_ascii = posta__window(a, sizeof a), as_utf8 = posta__window(b, sizeof b),
                 again = posta__window(c, sizeof c);
    posta__address_fault fault = {NULL, 0, false};
    posta_span in = posta__span(data, len);
    if (len > 2048) return 0;
    posta_status narrow = posta__path_rewrite(in, 0, &ascii, &as_ascii, &fault);
    posta_status wide = posta__path_rewrite(in, 0, &utf8, &as_utf8, NULL);
    if (wide == POSTA_OK) {
        posta_span out = posta__span(b, as_utf8.len);
        want(posta__utf8_check(out, NULL) && !posta__letters_why(out, false));
        want(posta__is_ascii(in) == posta__is_ascii(out));
    }
    if (narrow != POSTA_OK) {
        want(as_ascii.len == 0 && (fault.why || narrow == POSTA_E_MEMORY));
        want(narrow != POSTA_E_NOT_BUILT);
        return 0;
    }
    posta_span out = posta__span(a, as_ascii.len);
    want(posta__is_ascii(out));
    want(posta__path_rewrite(out, 0, NULL, &again, NULL) == POSTA_OK);
    want(posta_span_is(posta__span(c, again.len), out));
    /* an A-label may be shorter than the limit where the U-label is not, never the reverse */
    if (wide == POSTA_OK && posta__is_ascii(in))
        want(posta_span_is(out, posta__span(b, as_utf8.len)));
    return 0;
}
