/* core/session: who logs in. What the configuration, its user and password, and the URL say becomes
 * one posta_auth; the strings are the session's, and wiped with it.
 */
#include "../auth/auth_i.h"
#include "../tls/tls_i.h"
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

static bool has_secret(const posta_auth *a) {
    return (a->password && a->password[0]) || (a->token && a->token[0]);
}

static bool has_user(const posta_auth *a) {
    return a->user && a->user[0];
}

/* ---- what can be told before anybody is asked ---- */

static posta_status check_names(const posta_auth *a, posta_problem *p) {
    posta_span names = posta__span_of(a->mechanisms), word = posta__auth_next_word(&names);
    if (!a->mechanisms) return POSTA_OK;
    if (word.len == 0)
        return posta__problem(p, POSTA_E_ARGUMENT, "auth.mechanisms",
                              "it names none: leave it away for posta's own choice", word);
    for (; word.len > 0; word = posta__auth_next_word(&names))
        if (!posta__auth_is_known(word, a->custom, a->custom_n))
            return posta__problem(p, POSTA_E_ARGUMENT, "auth.mechanisms",
                                  "there is no such mechanism here; there are " POSTA__MECHANISMS
                                  ", and those in auth.custom",
                                  word);
    return POSTA_OK;
}

static posta_status check_numbers(const posta_auth *a, posta_problem *p) {
    posta_span none = posta__span(NULL, 0);
    if (a->custom_n > POSTA__MAX_CUSTOM || a->space == 0 || a->min_iterations == 0)
        return posta__problem(p, POSTA_E_ARGUMENT, "auth",
                              "it needs space, iterations, and at most 8 mechanisms of its own",
                              none);
    if (a->min_iterations > a->max_iterations)
        return posta__problem(p, POSTA_E_ARGUMENT, "auth.min_iterations",
                              "it is above auth.max_iterations", none);
    return POSTA_OK;
}

static posta_status check_channel(const posta_session *s, posta_problem *p) {
    posta_span none = posta__span(NULL, 0);
    bool is_hosts = !s->owns_transport && (s->transport.flags & POSTA_TRANSPORT_SECURE);
    if (s->auth.insecure || is_hosts) return POSTA_OK;
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

static bool may_use(const posta_auth *a, const char *name) {
    posta_span list = posta__span_of(a->mechanisms);
    return a->mechanisms && posta__auth_has_word(list, posta__span_of(name));
}

/* Whoever can log in without user and password, or has them when they are asked for. */
static bool needs_none(const posta_session *s) {
    const posta_auth *a = &s->auth;
    bool has_cert = s->tls && posta__tls_has_cert(s->tls);
    return a->ask || a->custom_n > 0 || has_cert || may_use(a, "ANONYMOUS") ||
           may_use(a, "EXTERNAL");
}

static posta_status check_given(const posta_session *s, posta_problem *p) {
    const posta_auth *a = &s->auth;
    posta_span none = posta__span(NULL, 0);
    if (needs_none(s) || (has_user(a) && has_secret(a))) return POSTA_OK;
    if (has_user(a))
        return posta__problem(p, POSTA_E_FIELD, "auth.password", "is missing, or empty", none);
    return posta__problem(p, POSTA_E_FIELD, "auth.user", "is missing, or empty", none);
}

/* Nobody to log in was named yet: that is for posta_session_set_login. */
static bool is_nobody(const posta_auth *a) {
    return !has_user(a) && !has_secret(a) && !a->ask && a->custom_n == 0 && !a->mechanisms;
}

static posta_status check(const posta_session *s, posta_problem *p) {
    posta_status status = check_numbers(&s->auth, p);
    if (status == POSTA_OK) status = check_names(&s->auth, p);
    if (status == POSTA_OK && !is_nobody(&s->auth)) status = check_channel(s, p);
    return status;
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
    posta__wipe(s->auth_text, s->auth_text_len);
}

/* ---- others, later ---- */

/* What is replaced is not kept, wherever it was. */
static void put_text(const char **text, char *store, size_t cap, const char *given) {
    if (*text) posta__wipe((char *)(uintptr_t)*text, strlen(*text));
    posta__wipe(store, cap);
    posta__copy_text(store, cap, given);
    *text = store;
}

posta_status posta_session_set_login(posta_session *s, const char *user, const char *password) {
    posta_where *w = &s->where;
    if (s->pending != PENDING_NONE || s->auth.size == 0) return POSTA_E_STATE;
    if (!user && !password) {
        s->link_config.auth = NULL;
        return POSTA_OK;
    }
    if (!user || !password || strlen(user) >= sizeof w->user ||
        strlen(password) >= sizeof w->password)
        return POSTA_E_ARGUMENT;
    /* The connection that stands knows the old ones. */
    if (s->link) posta__login_remember(posta__link_engine(s->link), posta__span(NULL, 0));
    put_text(&s->auth.user, w->user, sizeof w->user, user);
    put_text(&s->auth.password, w->password, sizeof w->password, password);
    s->auth.token = NULL;
    s->auth.ask = NULL;
    s->link_config.auth = &s->auth;
    s->is_auth_elsewhere = false;
    return POSTA_OK;
}

/* A dot at the end makes no other name of it. */
static posta_span name_of(const posta_where *w) {
    posta_span s = posta__span_of(w->host);
    if (s.len > 1 && s.p[s.len - 1] == '.' && !w->is_unix) s.len--;
    return s;
}

void posta__session_move_login(posta_session *s, const posta_where *to) {
    bool is_same =
        posta_span_is_nocase(name_of(&s->where), name_of(to)) && s->where.port == to->port;
    if (s->where.host[0] && !is_same && s->auth.size > 0) s->is_auth_elsewhere = true;
}

posta_status posta__session_check_login(posta_session *s, posta_problem *p) {
    if (!s->link_config.auth) return POSTA_OK;
    if (s->is_auth_elsewhere)
        return posta__problem(
            p, POSTA_E_FIELD, "auth",
            "the host was changed behind the credentials: give those for this one",
            posta__span_of(s->where.host));
    return check_given(s, p);
}
