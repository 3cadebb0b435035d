/* core/tls: names of peers and on certificates, RFC 9525. Addresses and names never match each
 * other (row J04); what is not a plain host name in ASCII matches nothing (rows J05, J06). */
#include "name_i.h"

#include "codec_i.h"

#define MAX_LABEL 63u

/* ---- addresses ---- */

static bool take_number(posta_span *s, unsigned *out) {
    size_t n = 0;
    *out = 0;
    while (n < s->len && n < 4 && posta__is_digit(s->p[n]))
        *out = *out * 10 + (s->p[n++] - (unsigned)'0');
    if (n == 0 || n > 3 || *out > 255 || (n > 1 && s->p[0] == '0')) return false;
    *s = posta__span_sub(*s, n, s->len);
    return true;
}

/* Four decimal numbers, no zero before them: 0177.1 and the like mean different things to
   different programs. */
static bool read_ip4(posta_span s, uint8_t out[4]) {
    for (size_t i = 0; i < 4; i++) {
        unsigned n;
        if (i > 0 && (s.len == 0 || s.p[0] != '.')) return false;
        if (i > 0) s = posta__span_sub(s, 1, s.len);
        if (!take_number(&s, &n)) return false;
        out[i] = (uint8_t)n;
    }
    return s.len == 0;
}

/* How many hex digits a group has; more than four: none. */
static size_t take_group(posta_span *s, unsigned *out) {
    size_t n = 0;
    *out = 0;
    while (n < s->len && n < 5 && posta__hex_digit(s->p[n]) >= 0)
        *out = *out << 4 | (unsigned)posta__hex_digit(s->p[n++]);
    if (n > 4) return 0;
    *s = posta__span_sub(*s, n, s->len);
    return n;
}

static bool begins(posta_span s, const char *with) {
    return posta_span_is(posta__span_sub(s, 0, strlen(with)), posta__span_of(with));
}

/* RFC 4291 2.2. */
static bool read_ip6(posta_span s, uint8_t out[16]) {
    size_t n = 0, gap = SIZE_MAX; /* octets written; where "::" is */
    memset(out, 0, 16);
    if (begins(s, "::")) {
        gap = 0;
        s = posta__span_sub(s, 2, s.len);
    }
    while (s.len > 0 && n < 16) {
        unsigned group;
        if (n <= 12 && read_ip4(s, out + n)) {
            n += 4;
            s.len = 0;
            break;
        }
        if (take_group(&s, &group) == 0) return false;
        out[n++] = (uint8_t)(group >> 8);
        out[n++] = (uint8_t)group;
        if (s.len == 0) break;
        if (begins(s, "::") && gap == SIZE_MAX) {
            gap = n;
            s = posta__span_sub(s, 2, s.len);
        } else if (s.p[0] == ':' && s.len > 1 && s.p[1] != ':') {
            s = posta__span_sub(s, 1, s.len);
        } else {
            return false;
        }
    }
    if (s.len > 0 || (gap == SIZE_MAX ? n != 16 : n > 14)) return false;
    if (gap != SIZE_MAX && n < 16) {
        memmove(out + 16 - (n - gap), out + gap, n - gap);
        memset(out + gap, 0, 16 - n);
    }
    return true;
}

/* ---- host names ---- */

static const char *why_no_label(posta_span label) {
    if (label.len == 0) return "a label of the name is empty";
    if (label.len > MAX_LABEL) return "a label of the name is longer than 63";
    if (label.p[0] == '-' || label.p[label.len - 1] == '-')
        return "a label of the name begins or ends with a hyphen";
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.p[i];
        if (c >= 0x80) return "the name is not ASCII: give its A-labels (xn--...)";
        if (!posta__is_alpha(c) && !posta__is_digit(c) && c != '-' && c != '_')
            return "it is no host name";
    }
    return NULL;
}

static posta_span first_label(posta_span s) {
    const uint8_t *dot = s.len > 0 ? memchr(s.p, '.', s.len) : NULL;
    return posta__span_sub(s, 0, dot ? (size_t)(dot - s.p) : s.len);
}

/* Programs take 127.1 and 0x7f000001 for addresses, so a name may not look like one. */
static bool is_number(posta_span label) {
    if (begins(label, "0x") || begins(label, "0X")) return true;
    for (size_t i = 0; i < label.len; i++)
        if (!posta__is_digit(label.p[i])) return false;
    return true;
}

static const char *why_no_name(posta_span s) {
    posta_span label = s;
    if (s.len == 0) return "a name is needed, to check the server's certificate";
    for (;;) {
        const char *why;
        label = first_label(s);
        why = why_no_label(label);
        if (why) return why;
        if (label.len == s.len) break;
        s = posta__span_sub(s, label.len + 1, s.len);
    }
    return is_number(label) ? "it is neither a host name nor an address" : NULL;
}

static posta_span without_dot(posta_span s) {
    if (s.len > 1 && s.p[s.len - 1] == '.') s.len--;
    return s;
}

static posta_span without_zone(posta_span s) {
    const uint8_t *zone = s.len > 0 ? memchr(s.p, '%', s.len) : NULL;
    return posta__span_sub(s, 0, zone ? (size_t)(zone - s.p) : s.len);
}

posta_status posta__tls_name_init(posta__tls_name *n, posta_span host, const char **why_out) {
    const char *why;
    memset(n, 0, sizeof *n);
    if (read_ip4(host, n->ip)) {
        n->ip_len = 4;
        return POSTA_OK;
    }
    if (read_ip6(without_zone(host), n->ip)) {
        n->ip_len = 16;
        return POSTA_OK;
    }
    memset(n->ip, 0, sizeof n->ip);
    host = without_dot(host);
    why = host.len < sizeof n->dns ? why_no_name(host) : "the name is longer than 253";
    if (why_out) *why_out = why;
    if (why) return POSTA_E_FIELD;
    for (size_t i = 0; i < host.len; i++)
        n->dns[i] = (char)posta__lower(host.p[i]);
    return POSTA_OK;
}

/* ---- names on certificates ---- */

/* Behind `*.`: two labels or more, so that no certificate stands for a whole top-level domain. */
static bool has_two_labels(posta_span s) {
    return first_label(s).len < s.len;
}

static bool covers_dns(posta_span dns, posta_span san) {
    san = without_dot(san);
    if (begins(san, "*.")) {
        san = posta__span_sub(san, 2, san.len);
        if (!has_two_labels(san)) return false;
        dns = posta__span_sub(dns, first_label(dns).len + 1, dns.len);
    }
    return !why_no_name(san) && posta_span_is_nocase(dns, san);
}

bool posta__tls_name_covers(const posta__tls_name *n, unsigned tag, posta_span san) {
    if (n->ip_len > 0)
        return tag == POSTA__SAN_IP && posta_span_is(posta__span(n->ip, n->ip_len), san);
    return tag == POSTA__SAN_DNS && n->dns[0] && covers_dns(posta__span_of(n->dns), san);
}

/* ---- for people ---- */

static void put_number(posta_window *out, unsigned n) {
    char digits[POSTA_DECIMAL_CAP];
    posta__put(out, posta__span(digits, posta__decimal(n, digits)));
}

static void put_group(posta_window *out, unsigned n) {
    static const char hex[] = "0123456789abcdef";
    int shift = 12;
    while (shift > 0 && n >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        posta__put(out, posta__span(hex + (n >> shift & 15), 1));
}

/* The longest run of zero groups, two or more, the first of equals. */
static void find_gap(const unsigned *groups, size_t *at, size_t *len) {
    *at = *len = 0;
    for (size_t i = 0; i < 8; i++) {
        size_t n = 0;
        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n > *len && n > 1) {
            *at = i;
            *len = n;
        }
    }
}

static void put_ip6(posta_window *out, const uint8_t *p) {
    unsigned groups[8];
    size_t gap, gap_len;
    for (size_t i = 0; i < 8; i++)
        groups[i] = (unsigned)p[2 * i] << 8 | p[2 * i + 1];
    find_gap(groups, &gap, &gap_len);
    for (size_t i = 0; i < 8; i++) {
        if (gap_len > 0 && i == gap) {
            posta__put(out, POSTA_LIT("::"));
            i += gap_len - 1;
            continue;
        }
        if (i > 0 && !(gap_len > 0 && i == gap + gap_len)) posta__put(out, POSTA_LIT(":"));
        put_group(out, groups[i]);
    }
}

static bool looks_like_address(posta_span san) {
    posta__tls_name name;
    return posta__tls_name_init(&name, san, NULL) == POSTA_OK && name.ip_len > 0;
}

void posta__tls_name_show(posta_window *out, unsigned tag, posta_span san) {
    if (tag == POSTA__SAN_DNS) {
        if (looks_like_address(san)) posta__put(out, POSTA_LIT("DNS:")); /* and is none */
        posta__printable(out, san);
    }
    if (tag != POSTA__SAN_IP) return;
    if (san.len == 16) put_ip6(out, san.p);
    for (size_t i = 0; i < 4 && san.len == 4; i++) {
        if (i > 0) posta__put(out, POSTA_LIT("."));
        put_number(out, san.p[i]);
    }
}
