/* core/session: whose TLS a session uses, and whom that trusts. What is not given is made when a
 * target needs it: the system's certificates, or those of the URL's ca_file. */
#include "../tls/tls_i.h"
#include "session_i.h"

static bool is_built(void) {
    return posta__tls_size(1) > 0;
}

/* TLS that the host brings: before posta has the wire, or by its own handshake. */
static bool is_hosts(const posta_transport *t) {
    return t && (t->starttls || (t->flags & POSTA_TRANSPORT_SECURE));
}

static bool insists(const posta_where *w) {
    return w->security == POSTA_SECURITY_TLS || w->security == POSTA_SECURITY_STARTTLS;
}

posta_status posta__check_built(const posta_where *w, const posta_transport *t, posta_problem *p) {
    if (insists(w) && !is_built() && !is_hosts(t)) {
        memset(p, 0, sizeof *p);
        p->status = POSTA_E_TLS_NOT_BUILT;
        posta__copy_text(p->field, sizeof p->field, "security");
        return p->status;
    }
    return POSTA_OK;
}

size_t posta__session_tls_space(const posta_session_config *c) {
    if (c->security == POSTA_SECURITY_NONE || is_hosts(c->transport)) return 0;
    return c->tls_space;
}

static posta_status take_default(posta_session *s, posta_problem *p) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    if (s->tls && s->tls_is_default && posta__tls_is_empty(s->tls) && insists(&s->where))
        posta_tls_free(&s->tls); /* it was made for a target that did not insist */
    if (s->tls) return POSTA_OK;
    c.port = s->port;
    c.ca_file = s->where.ca_file[0] ? s->where.ca_file : NULL;
    c.insecure = s->link_config.insecure;
    s->tls_is_default = true;
    return posta__tls_make(&c, !insists(&s->where), &s->tls, p);
}

/* TLS of posta's own is wanted. */
static bool needs_ours(const posta_session *s, posta_security security) {
    bool is_wanted = security != POSTA_SECURITY_DEFAULT && security != POSTA_SECURITY_NONE;
    return is_wanted && is_built() && !is_hosts(s->owns_transport ? NULL : &s->transport);
}

bool posta__session_may_secure(const posta_session *s, posta_security security) {
    return !needs_ours(s, security) || s->link_config.tls_space > 0;
}

posta_status posta__session_trust(posta_session *s, posta_problem *p) {
    posta_status status;
    s->link_config.tls = NULL;
    if (!needs_ours(s, s->where.security)) return POSTA_OK;
    if (s->link_config.tls_space == 0)
        return posta__problem(p, POSTA_E_STATE, "security",
                              "this session was made with security none and has no room for TLS",
                              posta__span(NULL, 0));
    status = take_default(s, p);
    if (status != POSTA_OK) return status;
    s->link_config.tls = s->tls;
    s->link_config.server_name = s->where.is_unix ? "" : s->where.host;
    if (!insists(&s->where)) return POSTA_OK;
    return posta__tls_check(s->tls, posta__span_of(s->link_config.server_name),
                            s->link_config.insecure, p);
}

posta_status posta__session_take_tls(posta_session *s, posta_tls *tls, posta_problem *p) {
    if (tls && s->where.ca_file[0])
        return posta__problem(p, POSTA_E_FIELD, "ca_file",
                              "the URL has it and tls is given too: write one of them",
                              posta__span_of(s->where.ca_file));
    tls = posta__tls_share(tls);
    posta_tls_free(&s->tls);
    s->tls = tls;
    s->tls_is_default = false;
    return POSTA_OK;
}

posta_status posta_session_set_tls(posta_session *s, posta_tls *tls) {
    posta_problem p;
    posta_where w;
    if (s->state != SESSION_CLOSED || s->pending != PENDING_NONE)
        return posta__session_wrong_time(s, "set_tls");
    if (posta__session_take_tls(s, tls, &p) != POSTA_OK) return posta__session_refuse(s, &p);
    w = s->where;
    w.has_tls = tls != NULL;
    /* Who says whom to trust wants TLS, on loopback too. */
    if (tls && w.is_default_clear &&
        posta__where_secure(&w, POSTA_SECURITY_DEFAULT, &p) != POSTA_OK)
        return posta__session_refuse(s, &p);
    posta__session_retarget(s, &w);
    posta_where_wipe(&w);
    return POSTA_OK;
}

void posta_session_tls(const posta_session *s, posta_tls_info *out) {
    memset(out, 0, sizeof *out);
    if (s->link) posta_link_tls(s->link, out);
}

posta_starttls posta__session_starttls(const posta_session *s) {
    const posta_transport *t = &s->transport;
    bool is_there = (t->flags & POSTA_TRANSPORT_SECURE) &&
                    (!t->starttls || s->where.security == POSTA_SECURITY_TLS);
    if (is_there || (!t->starttls && !s->link_config.tls)) return POSTA_STARTTLS_NEVER;
    switch (s->where.security) {
    case POSTA_SECURITY_TLS: return POSTA_STARTTLS_IMPLICIT;
    case POSTA_SECURITY_STARTTLS: return POSTA_STARTTLS_ALWAYS;
    case POSTA_SECURITY_OPPORTUNISTIC: return POSTA_STARTTLS_OFFERED;
    default: return POSTA_STARTTLS_NEVER;
    }
}
