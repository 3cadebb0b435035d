/* core/smtp: what EHLO tells.
 *
 * ehlo-line = ehlo-keyword *( SP ehlo-param )                       RFC 5321, 4.1.1.1
 * Whole keywords only, ASCII letters without case (row A04). */
#include "smtp_i.h"

static const struct {
    const char *word;
    unsigned bit;
} known[] = {
    {"PIPELINING", POSTA_CAN_PIPELINING},
    {"8BITMIME", POSTA_CAN_8BITMIME},
    {"SIZE", POSTA_CAN_SIZE},
    {"STARTTLS", POSTA_CAN_STARTTLS},
    {"AUTH", POSTA_CAN_AUTH},
    {"ENHANCEDSTATUSCODES", POSTA_CAN_ENHANCED_CODES},
    {"SMTPUTF8", POSTA_CAN_SMTPUTF8},
    {"DSN", POSTA_CAN_DSN},
    {"CHUNKING", POSTA_CAN_CHUNKING},
    {"BINARYMIME", POSTA_CAN_BINARYMIME},
    {"REQUIRETLS", POSTA_CAN_REQUIRETLS},
    {"MT-PRIORITY", POSTA_CAN_MT_PRIORITY},
    {"DELIVERBY", POSTA_CAN_DELIVERBY},
    {"FUTURERELEASE", POSTA_CAN_FUTURERELEASE},
    {"LIMITS", POSTA_CAN_LIMITS},
    {"ETRN", POSTA_CAN_ETRN},
    {"VRFY", POSTA_CAN_VRFY},
    {"EXPN", POSTA_CAN_EXPN},
    {"HELP", POSTA_CAN_HELP},
};

/* Up to the next blank; `in` goes on behind it. */
static posta_span next_word(posta_span *in) {
    const uint8_t *sp = in->len > 0 ? memchr(in->p, ' ', in->len) : NULL;
    size_t n = sp ? (size_t)(sp - in->p) : in->len;
    posta_span word = posta__span_sub(*in, 0, n);
    *in = posta__span_sub(*in, n + (sp ? 1 : 0), in->len);
    return word;
}

/* No number: nothing is told. */
static uint32_t number(posta_span s) {
    uint64_t n = 0;
    if (!posta__parse_decimal(s, &n)) return 0;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* limits = *( name "=" value SP )                                      RFC 9422 4 */
static void take_limits(posta_capabilities *caps, posta_span in) {
    while (in.len > 0) {
        posta_span one = next_word(&in);
        const uint8_t *sign = one.len > 0 ? memchr(one.p, '=', one.len) : NULL;
        size_t n = sign ? (size_t)(sign - one.p) : one.len;
        posta_span name = posta__span_sub(one, 0, n), value = posta__span_sub(one, n + 1, one.len);
        if (posta_span_is_nocase(name, POSTA_LIT("MAILMAX"))) caps->mail_max = number(value);
        if (posta_span_is_nocase(name, POSTA_LIT("RCPTMAX"))) caps->rcpt_max = number(value);
        if (posta_span_is_nocase(name, POSTA_LIT("RCPTDOMAINMAX")))
            caps->rcpt_domain_max = number(value);
    }
}

void posta__caps_take(posta_capabilities *caps, posta_span word, posta_span parameter) {
    unsigned bit = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (posta_span_is_nocase(word, posta__span_of(known[i].word))) bit = known[i].bit;
    caps->bits |= bit;
    if (bit == POSTA_CAN_SIZE) posta__parse_decimal(parameter, &caps->size_max);
    if (bit == POSTA_CAN_DELIVERBY) caps->by_min = number(next_word(&parameter));
    if (bit == POSTA_CAN_FUTURERELEASE) caps->hold_max = number(next_word(&parameter));
    if (bit == POSTA_CAN_LIMITS) take_limits(caps, parameter);
}
