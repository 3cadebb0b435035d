/* core/session: who logs in. What the configuration, its user and password, and the URL say becomes
 * one posta_auth; the strings are the session's, and wiped with it.
 */
#include "session_i.h"

bool posta__session_logs_in(const posta_session_config *c) {
    return c->auth || c->user || c->password || (c->url && strchr(c->url, '@'));
}

enum { USER, PASSWORD, TOKEN, AUTHZID, MECHANISMS, TEXTS };

/* The configuration's strings; null: not given. */
static void strings_of(const posta_session_config *c, const char *out[TEXTS]) {
    static const posta_auth none = POSTA_AUTH;
    const posta_auth *a = c->auth ? c->auth : &none;
    out[USER] = a->user ? a->user : c->user;
    out[PASSWORD] = a->password ? a->password : c->password;
    out[TOKEN] = a->token;
    out[AUTHZID] = a->authzid;
    out[MECHANISMS] = a->mechanisms;
}

size_t posta__session_auth_text(const posta_session_config *c) {
    const char *texts[TEXTS];
    size_t len = 0;
    strings_of(c, texts);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i]) len += strlen(texts[i]) + 1;
    return POSTA__ALIGNED(len);
}

static posta_status check(const posta_session *s, posta_problem *p) {
    const posta_auth *a = &s->auth;
    posta_span none = posta__span(NULL, 0);
    if (a->custom_n > 8 || a->space == 0 || a->min_iterations == 0)
        return posta__problem(p, POSTA_E_ARGUMENT, "auth",
                              "it needs space, iterations, and at most 8 mechanisms of its own",
                              none);
    if (a->insecure || (!s->owns_transport && (s->transport.flags & POSTA_TRANSPORT_SECURE)))
        return POSTA_OK;
    /* RFC 7435: a channel that may be anybody's is none for a password. */
    if (s->where.security == POSTA_SECURITY_OPPORTUNISTIC)
        return posta__problem(p, POSTA_E_AUTH_INSECURE, "auth",
                              "a login needs security=starttls or tls, or insecure_auth", none);
    if (s->where.security == POSTA_SECURITY_NONE)
        return posta__problem(p, POSTA_E_AUTH_INSECURE, "auth",
                              "a login would go over clear text, which only insecure_auth allows",
                              none);
    return POSTA_OK;
}

posta_status posta__session_take_auth(posta_session *s, const posta_session_config *c,
                                      posta_problem *p) {
    static const posta_auth none = POSTA_AUTH;
    const char *texts[TEXTS];
    char *at = (char *)s->auth_text;
    if (!c->auth && !s->where.has_user && !s->where.has_password && !c->password) return POSTA_OK;
    strings_of(c, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t len;
        if (!texts[i]) continue;
        len = strlen(texts[i]) + 1;
        memcpy(at, texts[i], len);
        texts[i] = at;
        at += len;
    }
    if (!texts[USER] && s->where.user[0]) texts[USER] = s->where.user;
    if (!texts[PASSWORD] && s->where.has_password) texts[PASSWORD] = s->where.password;
    s->auth = c->auth ? *c->auth : none;
    s->auth.user = texts[USER];
    s->auth.password = texts[PASSWORD];
    s->auth.token = texts[TOKEN];
    s->auth.authzid = texts[AUTHZID];
    s->auth.mechanisms = texts[MECHANISMS];
    s->link_config.auth = &s->auth;
    return check(s, p);
}

void posta__session_wipe_auth(posta_session *s) {
    volatile uint8_t *p = s->auth_text;
    for (size_t i = 0; i < s->auth_text_len; i++)
        p[i] = 0;
}

posta_status posta_session_set_login(posta_session *s, const char *user, const char *password) {
    posta_where *w = &s->where;
    if (s->pending != PENDING_NONE || s->auth.size == 0) return POSTA_E_STATE;
    s->link_config.auth = NULL;
    if (!user && !password) return POSTA_OK;
    s->link_config.auth = &s->auth;
    if (!user || !password || strlen(user) >= sizeof w->user ||
        strlen(password) >= sizeof w->password)
        return POSTA_E_ARGUMENT;
    posta__copy_text(w->user, sizeof w->user, user);
    posta__copy_text(w->password, sizeof w->password, password);
    s->auth.user = w->user;
    s->auth.password = w->password;
    s->auth.token = NULL;
    s->auth.ask = NULL;
    s->is_auth_elsewhere = false;
    return POSTA_OK;
}

void posta__session_move_login(posta_session *s, const posta_where *to) {
    posta_span from = posta__span_of(s->where.host);
    bool is_same =
        posta_span_is_nocase(from, posta__span_of(to->host)) && s->where.port == to->port;
    if (from.len > 0 && !is_same && s->link_config.auth) s->is_auth_elsewhere = true;
}

posta_status posta__session_check_login(posta_session *s, posta_problem *p) {
    if (!s->link_config.auth || !s->is_auth_elsewhere) return POSTA_OK;
    return posta__problem(p, POSTA_E_FIELD, "auth",
                          "the credentials were given for another host; give those for this one",
                          posta__span_of(s->where.host));
}
