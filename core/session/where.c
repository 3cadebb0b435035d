/* core/session: where. Parses a target and applies the table of ports and security (docs/where.md),
 * once, for C, Lua and the tools alike. A password is never shown in an error.
 */
#include "session_i.h"

typedef struct parse {
    posta_where *w;
    posta_problem *problem;
} parse;

/* ---- errors ---- */

static posta_status bad(const parse *p, const char *field, const char *why, posta_span value) {
    return posta__problem(p->problem, POSTA_E_FIELD, field, why, value);
}

#define NO_VALUE ((posta_span){NULL, 0})

/* ---- pieces ---- */

/* Percent-decodes into a NUL-terminated buffer. False: too long, a bad escape, or a control octet.
 */
static bool decode(posta_span in, char *out, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        unsigned c = in.p[i];
        if (c == '%') {
            if (i + 2 >= in.len || posta__hex_digit(in.p[i + 1]) < 0 ||
                posta__hex_digit(in.p[i + 2]) < 0)
                return false;
            c = (unsigned)(posta__hex_digit(in.p[i + 1]) * 16 + posta__hex_digit(in.p[i + 2]));
            i += 2;
        }
        if (c < 0x20 || c == 0x7f || n + 1 >= cap) return false;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return true;
}

static bool find(posta_span s, uint8_t c, size_t *at_out) {
    const uint8_t *p = s.len > 0 ? memchr(s.p, c, s.len) : NULL;
    if (p) *at_out = (size_t)(p - s.p);
    return p != NULL;
}

static bool find_last(posta_span s, uint8_t c, size_t *at_out) {
    for (size_t i = s.len; i > 0; i--) {
        if (s.p[i - 1] != c) continue;
        *at_out = i - 1;
        return true;
    }
    return false;
}

/* What stands for a port may be the password of a URL that lacks its '@': digits only are shown. */
static posta_span shown_number(posta_span s) {
    uint64_t n;
    return posta__parse_decimal(s, &n) ? s : NO_VALUE;
}

/* 0: not said. */
static void take_port_number(posta_where *w, uint16_t port) {
    if (port == 0) return;
    w->port = port;
    w->has_port = true;
}

static posta_status take_port(const parse *p, posta_span s) {
    uint64_t n;
    if (!posta__parse_decimal(s, &n) || n == 0 || n > 65535)
        return bad(p, "port", "a port is a number from 1 to 65535", shown_number(s));
    take_port_number(p->w, (uint16_t)n);
    return POSTA_OK;
}

static bool host_char(uint8_t c) {
    return posta__is_alpha(c) || posta__is_digit(c) || c == '-' || c == '.' || c == '_' ||
           c == ':' || c == '%';
}

/* Row J06: it is resolved, asked for and compared as A-labels. */
static posta_status take_letters(const parse *p, posta_span s) {
    posta__address_fault fault = {"is not UTF-8", 0, false};
    posta_window w = posta__window(p->w->host, POSTA_MAX_DOMAIN);
    posta_status status;
    if (s.p[s.len - 1] == '.') s.len--;
    status = posta__domain_to_ascii(s, posta_port_default(), &w, &fault);
    p->w->host[w.len] = 0;
    return status == POSTA_OK ? status : posta__problem(p->problem, status, "host", fault.why, s);
}

static posta_status take_host(const parse *p, posta_span s) {
    if (s.len == 0) return bad(p, "host", "the host is missing", NO_VALUE);
    if (s.len > POSTA_MAX_DOMAIN) return bad(p, "host", "a host has at most 255 octets", s);
    if (!posta__is_ascii(s)) return take_letters(p, s);
    for (size_t i = 0; i < s.len; i++)
        if (!host_char(s.p[i]))
            return bad(p, "host", "a host is a name of letters, digits, - and dots, or an address",
                       s);
    memcpy(p->w->host, s.p, s.len);
    p->w->host[s.len] = 0;
    if (memchr(s.p, ':', s.len) && !posta_address_is_numeric(p->w->host))
        return bad(p, "host", "it is no IPv6 address; a port is given apart from the host",
                   NO_VALUE);
    return POSTA_OK;
}

/* host [ ":" port ], IPv6 in brackets */
static posta_status take_host_port(const parse *p, posta_span s) {
    posta_status status;
    size_t at;
    if (s.len > 0 && s.p[0] == '[') {
        if (!find(s, ']', &at)) return bad(p, "host", "the ] behind an IPv6 address is missing", s);
        status = take_host(p, posta__span_sub(s, 1, at - 1));
        s = posta__span_sub(s, at + 1, s.len);
        if (status != POSTA_OK || s.len == 0) return status;
        if (s.p[0] != ':') return bad(p, "url", "behind the ] comes : and a port, or nothing", s);
        return take_port(p, posta__span_sub(s, 1, s.len));
    }
    if (!find(s, ':', &at)) return take_host(p, s);
    if (memchr(s.p + at + 1, ':', s.len - at - 1))
        return bad(p, "host", "an IPv6 address stands in brackets: [::1]:2525", NO_VALUE);
    status = take_host(p, posta__span_sub(s, 0, at));
    return status == POSTA_OK ? take_port(p, posta__span_sub(s, at + 1, s.len)) : status;
}

static posta_status take_user(const parse *p, posta_span s) {
    size_t at = s.len;
    if (find(s, '/', &at))
        return bad(p, "url", "a / in user or password is written %2F, and a scheme ends in ://",
                   NO_VALUE);
    at = s.len;
    posta_where *w = p->w;
    w->has_user = true;
    w->has_password = find(s, ':', &at);
    if (!decode(posta__span_sub(s, 0, at), w->user, sizeof w->user))
        return bad(p, "user", "it is too long, or has a wrong %XX or a control character",
                   NO_VALUE);
    if (w->has_password &&
        !decode(posta__span_sub(s, at + 1, s.len), w->password, sizeof w->password))
        return bad(p, "password", "it is too long, or has a wrong %XX or a control character",
                   NO_VALUE);
    return POSTA_OK;
}

posta_status posta__security_parse(posta_span s, posta_security *out) {
    static const char *const names[] = {"", "none", "opportunistic", "starttls", "tls"};
    for (unsigned i = 1; i < sizeof names / sizeof *names; i++) {
        if (!posta_span_is(s, posta__span_of(names[i]))) continue;
        *out = (posta_security)i;
        return POSTA_OK;
    }
    return POSTA_E_FIELD;
}

static posta_status take_option(parse *p, posta_span s) {
    size_t at = 0;
    posta_span name, value;
    uint64_t n;
    if (!find(s, '=', &at)) return bad(p, "url", "an option is written name=value", s);
    name = posta__span_sub(s, 0, at);
    value = posta__span_sub(s, at + 1, s.len);
    if (posta_span_is(name, POSTA_LIT("security"))) {
        p->w->has_security = true;
        if (posta__security_parse(value, &p->w->security) == POSTA_OK) return POSTA_OK;
        return bad(p, "security", "it is one of none, opportunistic, starttls, tls", value);
    }
    if (posta_span_is(name, POSTA_LIT("timeout"))) {
        if (!posta__parse_decimal(value, &n) || n == 0 || n > UINT32_MAX / 1000)
            return bad(p, "timeout", "it is a whole number of seconds", value);
        p->w->total_ms = (uint32_t)n * 1000;
        return POSTA_OK;
    }
    if (posta_span_is(name, POSTA_LIT("ca_file"))) {
        if (decode(value, p->w->ca_file, sizeof p->w->ca_file)) return POSTA_OK;
        return bad(p, "ca_file", "it is too long or has a wrong %XX", value);
    }
    return bad(p, "url", "the options are security, ca_file, timeout", name);
}

static posta_status take_options(parse *p, posta_span s) {
    while (s.len > 0) {
        size_t at = s.len;
        posta_status status;
        find(s, '&', &at);
        status = take_option(p, posta__span_sub(s, 0, at));
        if (status != POSTA_OK) return status;
        s = posta__span_sub(s, at + 1, s.len);
    }
    return POSTA_OK;
}

/* ---- schemes ---- */

static posta_status take_scheme(parse *p, posta_span s) {
    posta_where *w = p->w;
    if (posta_span_is_nocase(s, POSTA_LIT("smtp"))) return POSTA_OK;
    if (posta_span_is_nocase(s, POSTA_LIT("smtps"))) {
        w->is_smtps = true;
        return POSTA_OK;
    }
    w->is_lmtp = posta_span_is_nocase(s, POSTA_LIT("lmtp")) ||
                 posta_span_is_nocase(s, POSTA_LIT("lmtp+unix"));
    w->is_unix = posta_span_is_nocase(s, POSTA_LIT("smtp+unix")) ||
                 posta_span_is_nocase(s, POSTA_LIT("lmtp+unix"));
    if (w->is_lmtp || w->is_unix) return POSTA_OK;
    return bad(p, "url", "the schemes are smtp, smtps, lmtp, smtp+unix, lmtp+unix", s);
}

static bool names_loopback(const char *host) {
    posta_span h = posta__span_of(host);
    if (posta_span_is_nocase(h, POSTA_LIT("localhost")) || posta_span_is(h, POSTA_LIT("::1")))
        return true;
    if (h.len < 7 || !posta_span_is(posta__span_sub(h, 0, 4), POSTA_LIT("127."))) return false;
    for (size_t i = 4; i < h.len; i++)
        if (!posta__is_digit(h.p[i]) && h.p[i] != '.') return false;
    return true;
}

/* Fills port and security that were not said. May be asked again when more was said. */
static posta_status settle(posta_where *w, posta_problem *problem) {
    /* Who says whom to trust wants TLS, on loopback too. */
    bool has_tls = w->has_tls || w->ca_file[0] != 0;
    bool is_loopback = names_loopback(w->host);
    bool is_local = is_loopback && !w->has_user && !w->is_smtps;
    uint16_t port = w->is_lmtp ? 24 : 587;
    w->is_default_clear = false;
    if (w->is_unix) {
        if (w->security == POSTA_SECURITY_DEFAULT) w->security = POSTA_SECURITY_NONE;
        w->port = 0;
        return POSTA_OK;
    }
    if (!w->has_security) {
        if (is_local && !has_tls) {
            w->security = POSTA_SECURITY_NONE;
            w->is_default_clear = true;
            if (!w->is_lmtp) port = 25;
        } else if (w->is_smtps || (w->has_port && w->port == 465) ||
                   (!w->is_url && !w->has_port && !is_loopback)) {
            w->security = POSTA_SECURITY_TLS;
            port = 465;
        } else {
            w->security = POSTA_SECURITY_STARTTLS;
        }
    } else if (w->security == POSTA_SECURITY_NONE && is_local && !w->is_lmtp) {
        port = 25;
    } else if (w->security == POSTA_SECURITY_TLS) {
        port = 465;
    } else if (w->is_smtps) {
        return posta__problem(problem, POSTA_E_FIELD, "security", "smtps:// is security=tls",
                              NO_VALUE);
    }
    if (!w->has_port) w->port = port;
    return POSTA_OK;
}

posta_status posta_where_parse(const char *url, posta_where *out, posta_problem *problem_out) {
    posta_problem unused;
    parse p = {out, problem_out ? problem_out : &unused};
    posta_span s = posta__span_of(url), options = NO_VALUE;
    posta_status status = POSTA_OK;
    size_t at;
    memset(out, 0, sizeof *out);
    memset(p.problem, 0, sizeof *p.problem);
    for (size_t i = 0; i + 2 < s.len && !out->is_url; i++)
        if (memcmp(s.p + i, "://", 3) == 0) {
            out->is_url = true;
            status = take_scheme(&p, posta__span_sub(s, 0, i));
            s = posta__span_sub(s, i + 3, s.len);
        }
    if (status != POSTA_OK) return status;
    if (find(s, '?', &at)) {
        options = posta__span_sub(s, at + 1, s.len);
        s = posta__span_sub(s, 0, at);
    }
    /* A user may hold '@'; the last one ends the credentials. */
    if (find_last(s, '@', &at)) {
        status = take_user(&p, posta__span_sub(s, 0, at));
        s = posta__span_sub(s, at + 1, s.len);
    }
    if (status == POSTA_OK) status = take_options(&p, options);
    if (status == POSTA_OK && out->is_unix) {
        if (s.len == 0 || s.p[0] != '/' || !decode(s, out->host, sizeof out->host))
            status = bad(&p, "host", "a Unix socket is written smtp+unix:///path", s);
    } else if (status == POSTA_OK) {
        if (s.len > 0 && s.p[s.len - 1] == '/') s.len--;
        if (find(s, '/', &at))
            status = bad(&p, "url", "a path does not belong here",
                         NO_VALUE); /* a password may be in it */
        else
            status = take_host_port(&p, s);
    }
    if (status == POSTA_OK) status = settle(out, p.problem);
    if (status != POSTA_OK) posta_where_wipe(out);
    return status;
}

/* A host (name, address, or a Unix socket's path) as it is. */
static posta_status take_plain_host(const parse *p, posta_span host) {
    posta_where *w = p->w;
    if (host.len == 0 || host.p[0] != '/') return take_host(p, host);
    if (host.len >= sizeof w->host) return bad(p, "host", "the socket's path is too long", host);
    w->is_unix = true;
    memcpy(w->host, host.p, host.len);
    w->host[host.len] = 0;
    return POSTA_OK;
}

/* What a configuration says beside URL or host. */
static posta_status take_rest(const parse *p, const posta_session_config *c) {
    posta_where *w = p->w;
    if (c->security != POSTA_SECURITY_DEFAULT) {
        w->security = c->security;
        w->has_security = true;
    }
    take_port_number(w, c->tcp_port);
    if (c->user || c->auth) w->has_user = true;
    w->has_tls = c->tls != NULL;
    if (c->tls && w->ca_file[0])
        return bad(p, "ca_file", "the URL has it and tls is given too: write one of them",
                   posta__span_of(w->ca_file));
    return settle(w, p->problem);
}

posta_status posta_session_where(const posta_session_config *c, posta_where *out,
                                 posta_problem *problem_out) {
    posta_problem unused;
    parse p = {out, problem_out ? problem_out : &unused};
    posta_status status = POSTA_OK;
    memset(out, 0, sizeof *out);
    memset(p.problem, 0, sizeof *p.problem);
    if (!c || c->size != sizeof *c) return POSTA_E_ARGUMENT;
    if (c->url)
        status = posta_where_parse(c->url, out, p.problem);
    else if (c->host)
        status = take_plain_host(&p, posta__span_of(c->host));
    if (status == POSTA_OK && (c->url || c->host)) status = take_rest(&p, c);
    if (status != POSTA_OK) {
        posta_where_wipe(out);
    } else if (!out->host[0]) {
        /* It comes with posta_session_set_host, and is judged there. */
        out->security = c->security;
        out->port = c->tcp_port;
    }
    return status;
}

posta_status posta__where_move(posta_where *w, const char *host, uint16_t port,
                               posta_problem *problem) {
    posta_where to = *w;
    parse p = {&to, problem};
    posta_status status;
    to.is_unix = to.is_url = to.is_smtps = false;
    status = take_plain_host(&p, posta__span_of(host));
    to.has_port = to.port != 0;
    take_port_number(&to, port);
    /* Clear text that only a loopback host excused is not carried to another. */
    to.has_security = to.security != POSTA_SECURITY_DEFAULT && !to.is_default_clear;
    if (status == POSTA_OK) status = settle(&to, problem);
    if (status == POSTA_OK) *w = to;
    posta_where_wipe(&to);
    return status;
}

posta_status posta__where_secure(posta_where *w, posta_security security, posta_problem *problem) {
    w->security = security;
    w->is_smtps = false; /* it is said anew */
    if (!w->host[0]) return POSTA_OK;
    w->has_security = security != POSTA_SECURITY_DEFAULT;
    return settle(w, problem);
}

void posta_where_wipe(posta_where *where) {
    posta__wipe(where, sizeof *where);
}
