/* core/tls: pins, the SHA-256 of a SubjectPublicKeyInfo (RFC 7469 2.4), written as curl writes
 * them. */
#include "conn_i.h"

#define PREFIX POSTA_LIT("sha256//")

static bool take_pin(posta_span s, uint8_t out[POSTA__TLS_PIN_LEN]) {
    uint8_t store[64];
    posta_window w = posta__window(store, sizeof store);
    if (!posta_span_is(posta__span_sub(s, 0, PREFIX.len), PREFIX)) return false;
    s = posta__span_sub(s, PREFIX.len, s.len);
    if (posta__base64_decode(s, &w) != POSTA_OK || w.len != POSTA__TLS_PIN_LEN) return false;
    memcpy(out, store, POSTA__TLS_PIN_LEN);
    return true;
}

posta_status posta__tls_take_pins(posta_tls *t, const char *text, posta_problem *p) {
    posta_span rest = posta__span_of(text);
    if (rest.len == 0)
        return posta__problem(p, POSTA_E_FIELD, "tls.pin", "it is empty", posta__span(NULL, 0));
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.p, ';', rest.len);
        posta_span one = posta__span_sub(rest, 0, end ? (size_t)(end - rest.p) : rest.len);
        rest = posta__span_sub(rest, one.len + 1, rest.len);
        if (t->pins_n == POSTA__TLS_MAX_PINS)
            return posta__problem(p, POSTA_E_LIMIT, "tls.pin", "there are at most 8 of them",
                                  posta__span(NULL, 0));
        if (!take_pin(one, t->pins[t->pins_n]))
            return posta__problem(p, POSTA_E_FIELD, "tls.pin",
                                  "a pin is sha256// and 44 characters of base64", one);
        t->pins_n++;
    }
    return POSTA_OK;
}

bool posta__tls_pin_of(const mbedtls_x509_crt *crt, uint8_t out[POSTA__TLS_PIN_LEN]) {
    return posta__mbed_sha256(posta__span(crt->pk_raw.p, crt->pk_raw.len), out);
}

void posta__tls_show_pin(posta_window *out, const uint8_t pin[POSTA__TLS_PIN_LEN]) {
    posta__put(out, PREFIX);
    posta__base64_put(out, posta__span(pin, POSTA__TLS_PIN_LEN));
}
