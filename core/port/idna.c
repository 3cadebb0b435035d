/* core/port: names that are not ASCII, by libidn2: IDNA2008 (RFC 5891) for looking up, without the
 * mappings of UTS #46, which would make another name of what was given (row G05). Mapped are ASCII
 * capitals, which never meant anything in a domain, and letters that came with their accents apart
 * (NFC). */
#include "base_i.h"
#include "posta/port.h"

#if POSTA_IDNA

#include <idn2.h>

static const char *why_not(int code) {
    switch (code) {
    case IDN2_DISALLOWED:
        return "has a capital letter or a sign in its domain that no domain may have; write it "
               "small";
    case IDN2_UNASSIGNED: return "has a character in its domain that IDNA does not know";
    case IDN2_BIDI: return "has a domain that mixes directions of writing";
    case IDN2_CONTEXTJ:
    case IDN2_CONTEXTJ_NO_RULE:
    case IDN2_CONTEXTO:
    case IDN2_CONTEXTO_NO_RULE: return "has a character in its domain that may not stand there";
    case IDN2_LEADING_COMBINING: return "has a domain part that begins with an accent";
    case IDN2_TOO_BIG_LABEL: return "has a part over 63 octets in its domain, written as ASCII";
    case IDN2_TOO_BIG_DOMAIN: return "has a domain over 255 octets, written as ASCII";
    case IDN2_2HYPHEN:
    case IDN2_HYPHEN_STARTEND: return "has a domain part with a hyphen where none may be";
    case IDN2_ENCODING_ERROR: return "has a domain that is not UTF-8";
    default: return "has a domain that IDNA does not allow";
    }
}

posta_status posta_domain_to_ascii(posta_span domain, posta_window *out, const char **why_out) {
    uint8_t in[POSTA_MAX_DOMAIN + 1], *made = NULL;
    const char *unused;
    int code;
    if (!why_out) why_out = &unused;
    if (domain.len >= sizeof in) {
        *why_out = "has a domain over 255 octets";
        return POSTA_E_FIELD;
    }
    if (domain.len > 0 && memchr(domain.p, 0, domain.len)) { /* libidn2 would see its front only */
        *why_out = "has a NUL in its domain";
        return POSTA_E_FIELD;
    }
    for (size_t i = 0; i < domain.len; i++)
        in[i] = posta__lower(domain.p[i]);
    in[domain.len] = 0;
    code = idn2_lookup_u8(in, &made, IDN2_NFC_INPUT | IDN2_NO_TR46);
    if (code == IDN2_MALLOC) return POSTA_E_MEMORY;
    if (code != IDN2_OK) {
        *why_out = why_not(code);
        return POSTA_E_FIELD;
    }
    posta_status status =
        posta__put(out, posta__span_of((const char *)made)) ? POSTA_OK : POSTA_E_LIMIT;
    idn2_free(made);
    return status;
}

#else

posta_status posta_domain_to_ascii(posta_span domain, posta_window *out, const char **why_out) {
    (void)domain;
    (void)out;
    if (why_out)
        *why_out = "has a domain that is not ASCII; this build of posta has no IDNA: give its "
                   "A-labels (xn--...)";
    return POSTA_E_NOT_BUILT;
}

#endif
