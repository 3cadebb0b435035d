/* core/codec: the address itself: local part, domain, RFC 5321 4.1.2. One set of rules and one
 * writer for the envelope and for header fields, so that the two cannot disagree. Contracts in
 * codec_i.h. */
#include "codec_i.h"

#define MAX_LABEL 63u

/* ---- domains ---- */

/* sub-domain = Let-dig [Ldh-str] / U-label; a U-label's limit is its A-label's */
static const char *label_why(posta_span s) {
    bool is_ascii = posta__is_ascii(s);
    if (s.len == 0) return "has an empty part between dots in its domain";
    if (is_ascii && s.len > MAX_LABEL) return "has a part over 63 octets in its domain";
    if (!is_ascii && s.len >= 4 && s.p[2] == '-' && s.p[3] == '-')
        return "has a domain part that is not ASCII and has -- behind two letters";
    if (s.p[0] == '-' || s.p[s.len - 1] == '-')
        return "has a domain part that begins or ends with -";
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] >= 0x80 || s.p[i] == '-') continue;
        if (posta__is_alpha(s.p[i]) || posta__is_digit(s.p[i])) continue;
        return "has a character in its domain that is no letter, digit, hyphen or dot";
    }
    return NULL;
}

/* Four decimal numbers up to 255, no zeros in front (some readers take those as octal). */
static bool is_ipv4(posta_span s) {
    size_t at = 0;
    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t digits = 0;
        if (part > 0 && (at >= s.len || s.p[at++] != '.')) return false;
        for (; at < s.len && posta__is_digit(s.p[at]) && digits < 4; at++, digits++)
            value = value * 10 + (unsigned)(s.p[at] - '0');
        if (digits == 0 || value > 255 || (digits > 1 && s.p[at - digits] == '0')) return false;
    }
    return at == s.len;
}

static size_t hex_len(posta_span s, size_t at) {
    size_t n = 0;
    for (; at + n < s.len; n++) {
        uint8_t c = posta__lower(s.p[at + n]);
        if (!posta__is_digit(c) && (c < 'a' || c > 'f')) break;
    }
    return n;
}

/* IPv6-full, IPv6-comp, and both with a dotted tail. Beside "::" at most six groups, a dotted tail
   counting as two: RFC 5321 4.1.3. */
static bool is_ipv6(posta_span s) {
    size_t at = 0, groups = 0;
    bool has_gap = false, needs_group = true;
    if (s.len >= 2 && s.p[0] == ':' && s.p[1] == ':') {
        has_gap = true;
        needs_group = false;
        at = 2;
    }
    while (at < s.len) {
        size_t n = hex_len(s, at);
        if (at + n < s.len && s.p[at + n] == '.') {
            if (!is_ipv4(posta__span_sub(s, at, s.len))) return false;
            groups += 2;
            needs_group = false;
            break;
        }
        if (n == 0 || n > 4) return false;
        groups++;
        at += n;
        needs_group = false;
        if (at == s.len) break;
        if (s.p[at++] != ':') return false;
        needs_group = true;
        if (at < s.len && s.p[at] == ':') {
            if (has_gap) return false;
            has_gap = true;
            needs_group = false;
            at++;
        }
    }
    return !needs_group && (has_gap ? groups <= 6 : groups == 8);
}

static const char *literal_why(posta_span s) {
    posta_span inner = posta__span_sub(s, 1, s.len - 2);
    if (s.len < 2 || s.p[s.len - 1] != ']')
        return "has a domain that begins with [ and does not end with ]";
    if (is_ipv4(inner)) return NULL;
    if (posta_span_is_nocase(posta__span_sub(inner, 0, 5), POSTA_LIT("IPv6:")) &&
        is_ipv6(posta__span_sub(inner, 5, inner.len)))
        return NULL;
    return "has an address literal that is not like [192.0.2.1] or [IPv6:2001:db8::1]";
}

const char *posta__domain_why(posta_span s) {
    if (s.len == 0) return "has no domain";
    if (s.len > POSTA_MAX_DOMAIN) return "has a domain over 255 octets";
    if (s.p[0] == '[') return literal_why(s);
    for (size_t at = 0, len; at <= s.len; at += len + 1) {
        const uint8_t *dot = at < s.len ? memchr(s.p + at, '.', s.len - at) : NULL;
        len = dot ? (size_t)(dot - s.p) - at : s.len - at;
        const char *why = label_why(posta__span(s.p + at, len));
        if (why) return why;
    }
    return posta__letters_why(s, true);
}

posta_status posta__domain_check(posta_span s, const char **why_out) {
    const char *why = posta__is_ascii(s) ? posta__domain_why(s) : "has a domain that is not ASCII";
    if (why && why_out) *why_out = why;
    return why ? POSTA_E_FIELD : POSTA_OK;
}

/* ---- local parts ---- */

size_t posta__quoted_len(posta_span s) {
    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] == '"') return i + 1;
        if (s.p[i] == '\\') i++;
    }
    return 0;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE; printable only */
static const char *quoted_why(posta_span s, uint8_t *out, size_t *len_out) {
    size_t len = 0;
    if (posta__quoted_len(s) != s.len)
        return "has a quoted part before the @ that does not end there";
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.p[i] == '\\') i++;
        if (s.p[i] < 0x20 || s.p[i] == 0x7F) return "has a control character before the @";
        if (out) out[len] = s.p[i];
        len++;
    }
    *len_out = len;
    return NULL;
}

/* dot-atom-text, RFC 5322 3.2.3; all that is not ASCII is atext, RFC 6532 3.2 */
static const char *dot_atom_why(posta_span s) {
    for (size_t i = 0; i < s.len; i++) {
        bool is_dot = s.p[i] == '.';
        if (!is_dot && s.p[i] < 0x80 && !posta__is_atext(s.p[i]))
            return "has a character before the @ that must stand in quotes";
        if (is_dot && i == 0) return "begins with a dot";
        if (is_dot && i + 1 == s.len) return "has a dot right before the @";
        if (is_dot && s.p[i - 1] == '.') return "has two dots in a row before the @";
    }
    return s.len > 0 ? NULL : "has nothing before the @";
}

const char *posta__local_why(posta_span s, uint8_t *out, size_t *len_out) {
    *len_out = 0;
    const char *why = posta__letters_why(s, false);
    if (why) return why;
    if (s.len > 0 && s.p[0] == '"') return quoted_why(s, out, len_out);
    why = dot_atom_why(s);
    if (why) return why;
    if (out) memcpy(out, s.p, s.len);
    *len_out = s.len;
    return NULL;
}

static bool is_dot_atom(posta_span local) {
    return local.len > 0 && !dot_atom_why(local);
}

static size_t written_len(posta_span local, bool is_atom) {
    if (is_atom) return local.len;
    size_t len = 2 + local.len;
    for (size_t i = 0; i < local.len; i++)
        len += local.p[i] == '"' || local.p[i] == '\\';
    return len;
}

const char *posta__path_len_why(posta_span local, posta_span domain) {
    size_t len = written_len(local, is_dot_atom(local));
    if (len > POSTA_MAX_LOCAL_PART) return "has more than 64 octets before the @";
    if (len + 1 + domain.len + 2 > POSTA_MAX_PATH) return "is longer than 254 octets";
    return NULL;
}

bool posta__path_put(posta_window *out, const posta__address *a) {
    bool is_null = a->local.len == 0 && a->domain.len == 0;
    bool is_quoted = !is_dot_atom(a->local);
    size_t start = out->len, local_len = written_len(a->local, !is_quoted);
    if (is_null) return true;
    if (a->is_simple) return posta__put(out, posta__address_written(a));
    bool fits = posta__room(out) >= local_len;
    if (fits && !is_quoted) (void)posta__put(out, a->local);
    if (fits && is_quoted) {
        (void)posta__put(out, POSTA_LIT("\""));
        for (size_t i = 0; i < a->local.len; i++) {
            uint8_t c = a->local.p[i];
            if (c == '"' || c == '\\') (void)posta__put(out, POSTA_LIT("\\"));
            (void)posta__put(out, posta__span(&c, 1));
        }
        (void)posta__put(out, POSTA_LIT("\""));
    }
    if (fits && a->domain.len > 0)
        fits = posta__put(out, POSTA_LIT("@")) && posta__put(out, a->domain);
    if (!fits) out->len = start;
    return fits;
}

/* ---- Mailbox and Path ---- */

static posta_status say(posta__address_fault *fault, const char *why, size_t at) {
    if (fault) *fault = (posta__address_fault){why, at, false};
    return POSTA_E_FIELD;
}

static bool may_stand_alone(posta_span local, unsigned flags) {
    if (flags & POSTA__PATH_LOCAL_OK) return true;
    return (flags & POSTA__PATH_POSTMASTER_OK) &&
           posta_span_is_nocase(local, POSTA_LIT("Postmaster"));
}

/* Octets before the '@' that ends the local part, or all. */
static size_t local_end(posta_span text) {
    if (text.len == 0) return 0;
    size_t quoted = text.p[0] == '"' ? posta__quoted_len(text) : 0;
    const uint8_t *at = memchr(text.p + quoted, '@', text.len - quoted);
    return at ? (size_t)(at - text.p) : text.len;
}

posta_status posta__path_parse(posta_span text, unsigned flags, posta_arena *arena,
                               posta__address *out, posta__address_fault *fault_out) {
    const char *why = NULL;
    size_t at = 0, local_len = 0;
    *out = (posta__address){.kind = POSTA__MAILBOX};
    if (text.len == 0 && (flags & POSTA__PATH_NULL_OK)) return POSTA_OK;
    if (text.len == 0) return say(fault_out, "is empty", 0);
    if (posta__text_check_at(text, &why, &at) != POSTA_OK) return say(fault_out, why, at);

    size_t end = local_end(text);
    posta_span local = posta__span(text.p, end), domain = posta__span_sub(text, end + 1, text.len);
    why = posta__local_why(local, NULL, &local_len);
    if (why) return say(fault_out, why, 0);
    if (end < text.len)
        why = posta__domain_why(domain);
    else if (!may_stand_alone(local, flags))
        why = "has no @";
    if (why) return say(fault_out, why, end < text.len ? end + 1 : end);

    uint8_t *copy = posta__arena_bytes(arena, local_len + domain.len + 1);
    if (!copy) return POSTA_E_MEMORY;
    (void)posta__local_why(local, copy, &local_len);
    out->local = posta__span(copy, local_len);
    out->domain = posta__span(copy + local_len, domain.len);
    if (domain.len > 0) memcpy(copy + local_len, domain.p, domain.len);
    why = posta__path_len_why(out->local, domain);
    return why ? say(fault_out, why, 0) : POSTA_OK;
}

posta_status posta__path_rewrite(posta_span text, unsigned flags, const posta__form *form,
                                 posta_window *out, posta__address_fault *fault_out) {
    /* The local part without its escapes, then the domain; the domain in ASCII takes its place, as
       it can be read from the text as well. One frame is small so. */
    uint8_t room[POSTA_MAX_LOCAL_PART + POSTA_MAX_DOMAIN + 1];
    posta_window store;
    posta_arena arena;
    posta__address a;
    if (text.len > 2 * POSTA_MAX_PATH) return say(fault_out, "is longer than 254 octets", 0);
    posta__arena_init(&arena, NULL, room, sizeof room, 0);
    posta_status status = posta__path_parse(text, flags, &arena, &a, fault_out);
    if (status == POSTA_E_MEMORY) return say(fault_out, "is longer than 254 octets", 0);
    if (status != POSTA_OK) return status;
    if (a.domain.len > 0) a.domain = posta__span_sub(text, text.len - a.domain.len, text.len);
    store = posta__window(room + a.local.len, sizeof room - a.local.len);
    status = posta__address_form(&a, form, &store, fault_out);
    if (status != POSTA_OK) return status;
    return posta__path_put(out, &a) ? POSTA_OK : POSTA_E_LIMIT;
}
