/* core/session: options. The list is POSTA_OPTION_LIST of posta/session.h; here is where each
 * lives. */
#include "session_i.h"

static const posta_option_info infos[] = {
#define POSTA_OPTION_INFO(id, name, type, when, unit) {id, name, type, when, unit},
    POSTA_OPTION_LIST(POSTA_OPTION_INFO)
#undef POSTA_OPTION_INFO
};

const posta_option_info *posta_option_at(posta_option option) {
    return (size_t)option < sizeof infos / sizeof *infos ? &infos[option] : NULL;
}

const posta_option_info *posta_option_find(const char *name) {
    for (size_t i = 0; name && i < sizeof infos / sizeof *infos; i++)
        if (strcmp(infos[i].name, name) == 0) return &infos[i];
    return NULL;
}

/* ---- where numbers live ---- */

static uint32_t *timeout_of(posta_timeouts *t, posta_option option) {
    switch (option) {
    case POSTA_OPTION_TIMEOUT_RESOLVE: return &t->resolve;
    case POSTA_OPTION_TIMEOUT_CONNECT: return &t->connect;
    case POSTA_OPTION_TIMEOUT_TLS: return &t->tls;
    case POSTA_OPTION_TIMEOUT_GREETING: return &t->greeting;
    case POSTA_OPTION_TIMEOUT_COMMAND: return &t->command;
    case POSTA_OPTION_TIMEOUT_DATA: return &t->data;
    case POSTA_OPTION_TIMEOUT_BLOCK: return &t->block;
    case POSTA_OPTION_TIMEOUT_RESULT: return &t->result;
    case POSTA_OPTION_TIMEOUT_QUIT: return &t->quit;
    case POSTA_OPTION_TIMEOUT_TOTAL: return &t->total;
    default: return NULL;
    }
}

static uint32_t number_of(const posta_session *s, posta_option option) {
    const posta_engine_config *c = &s->link_config.engine;
    posta_timeouts timeouts = c->timeouts;
    const uint32_t *timeout = timeout_of(&timeouts, option);
    if (timeout) return *timeout;
    switch (option) {
    case POSTA_OPTION_ON_REFUSED: return (uint32_t)c->on_refused;
    case POSTA_OPTION_PIPELINING: return !c->no_pipelining;
    case POSTA_OPTION_CHUNKING: return c->chunking;
    case POSTA_OPTION_TRACE: return c->trace;
    case POSTA_OPTION_LENIENT: return c->lenient;
    case POSTA_OPTION_TLS_MODE: return (uint32_t)s->where.security;
    case POSTA_OPTION_BLOCKING: return !s->non_blocking;
    case POSTA_OPTION_HEADER_SPACE: return (uint32_t)s->head.space;
    case POSTA_OPTION_REPLY_SPACE: return (uint32_t)c->reply_space;
    case POSTA_OPTION_SMTPUTF8: return c->smtputf8;
    default: return 0;
    }
}

static const char *text_of(const posta_session *s, posta_option option) {
    if (option == POSTA_OPTION_AGENT) return s->agent;
    return s->picks_hello ? "" : s->hello;
}

/* ---- setting ---- */

static posta_status refuse(posta_session *s, posta_status status, const posta_option_info *info,
                           const char *why) {
    posta_problem p;
    posta__problem(&p, status, info->name, why, posta__span(NULL, 0));
    return posta__session_refuse(s, &p);
}

void posta__session_retarget(posta_session *s, const posta_where *to) {
    s->where = *to;
    s->link_config.engine.lmtp = to->is_lmtp;
    if (s->state == SESSION_CLOSED) posta__session_name_peer(s);
}

static posta_status set_tls_mode(posta_session *s, const posta_option_info *info, uint32_t n) {
    posta_where w = s->where;
    posta_problem p;
    posta_status status;
    if (n < POSTA_SECURITY_NONE || n > POSTA_SECURITY_TLS)
        return refuse(s, POSTA_E_FIELD, info, "is none of the modes");
    memset(&p, 0, sizeof p);
    status = posta__where_secure(&w, (posta_security)n, &p);
    if (status == POSTA_OK)
        status = posta__check_built(&w, s->owns_transport ? NULL : &s->transport, &p);
    if (status != POSTA_OK) return posta__session_refuse(s, &p);
    if (!posta__session_may_secure(s, w.security))
        return refuse(s, POSTA_E_STATE, info,
                      "was none when the session was made: there is no room for TLS");
    posta__session_retarget(s, &w);
    return POSTA_OK;
}

static posta_status set_number(posta_session *s, const posta_option_info *info, uint32_t n) {
    posta_engine_config *c = &s->link_config.engine;
    uint32_t *timeout = timeout_of(&c->timeouts, info->option);
    if (info->type == POSTA_TYPE_FLAG && n > 1)
        return refuse(s, POSTA_E_FIELD, info, "is a flag: 0 or 1");
    if (timeout) {
        *timeout = n;
        if (s->state == SESSION_TALKING)
            posta_engine_set_timeouts(posta__link_engine(s->link), &c->timeouts);
        if (s->owns_transport)
            posta_socket_set(&s->transport, NULL, c->timeouts.resolve, c->timeouts.connect);
        return POSTA_OK;
    }
    switch (info->option) {
    case POSTA_OPTION_ON_REFUSED:
        if (n > POSTA_REFUSED_ABORT) return refuse(s, POSTA_E_FIELD, info, "is 0 or 1");
        c->on_refused = (posta_on_refused)n;
        return POSTA_OK;
    case POSTA_OPTION_PIPELINING: c->no_pipelining = n == 0; return POSTA_OK;
    case POSTA_OPTION_CHUNKING:
        if (n > POSTA_CHUNKING_AUTO) return refuse(s, POSTA_E_FIELD, info, "is 0 or 1");
        c->chunking = n == POSTA_CHUNKING_AUTO;
        return POSTA_OK;
    case POSTA_OPTION_TRACE: c->trace = n != 0; return POSTA_OK;
    case POSTA_OPTION_LENIENT: c->lenient = n != 0; return POSTA_OK;
    case POSTA_OPTION_SMTPUTF8: c->smtputf8 = n != 0; return POSTA_OK;
    case POSTA_OPTION_BLOCKING:
        s->non_blocking = n == 0;
        if (s->owns_transport) posta_socket_may_wait(&s->transport, n != 0);
        return POSTA_OK;
    case POSTA_OPTION_TLS_MODE: return set_tls_mode(s, info, n);
    default: return refuse(s, POSTA_E_STATE, info, "can be read only");
    }
}

static posta_status set_text(posta_session *s, const posta_option_info *info, posta_span text) {
    bool is_agent = info->option == POSTA_OPTION_AGENT;
    size_t cap = is_agent ? sizeof s->agent : sizeof s->hello;
    const char *why = NULL;
    char *to = is_agent ? s->agent : s->hello;
    if (text.len >= cap) return refuse(s, POSTA_E_FIELD, info, "is too long");
    if (is_agent && posta__text_check(text, &why) != POSTA_OK)
        return refuse(s, POSTA_E_FIELD, info, why);
    if (!is_agent && text.len > 0 && posta__domain_check(text, &why) != POSTA_OK)
        return refuse(s, POSTA_E_FIELD, info, why);
    if (text.len > 0) memcpy(to, text.p, text.len);
    to[text.len] = 0;
    if (is_agent) return POSTA_OK;
    s->picks_hello = text.len == 0;
    if (s->picks_hello) posta__copy_text(to, cap, "[127.0.0.1]");
    return POSTA_OK;
}

posta_status posta_session_set_option(posta_session *s, posta_option option, const void *value,
                                      size_t len) {
    const posta_option_info *info = posta_option_at(option);
    uint32_t n;
    if (!info || (!value && len > 0)) {
        posta_problem p;
        posta__problem(&p, POSTA_E_ARGUMENT, info ? info->name : "option",
                       info ? "lacks its value" : "there is none of that number",
                       posta__span(NULL, 0));
        return posta__session_refuse(s, &p);
    }
    if (info->when == POSTA_WHEN_NEVER)
        return refuse(s, POSTA_E_STATE, info, "can be read only; give it in the configuration");
    if (info->when == POSTA_WHEN_CLOSED && s->state != SESSION_CLOSED)
        return refuse(s, POSTA_E_STATE, info, "can be set only while not connected");
    if (info->type == POSTA_TYPE_TEXT) return set_text(s, info, posta__span(value, len));
    if (len != sizeof n) return refuse(s, POSTA_E_ARGUMENT, info, "has the size of a uint32_t");
    memcpy(&n, value, sizeof n);
    return set_number(s, info, n);
}

posta_status posta_session_get_option(const posta_session *s, posta_option option, void *value,
                                      size_t cap, size_t *len_out) {
    const posta_option_info *info = posta_option_at(option);
    uint32_t n = info && info->type != POSTA_TYPE_TEXT ? number_of(s, option) : 0;
    const void *from = &n;
    size_t len = sizeof n;
    if (len_out) *len_out = 0;
    if (!info || !value) return POSTA_E_ARGUMENT;
    if (info->type == POSTA_TYPE_TEXT) {
        from = text_of(s, option);
        len = strlen(from) + 1;
    }
    if (len_out) *len_out = len;
    if (cap < len) return POSTA_E_LIMIT;
    memcpy(value, from, len);
    return POSTA_OK;
}

posta_status posta_session_set_socket_option(posta_session *s, int level, int name,
                                             const void *value, size_t len) {
    posta_problem p;
    if (s->state != SESSION_CLOSED || !s->owns_transport) {
        posta__problem(&p, POSTA_E_STATE, "socket option",
                       s->owns_transport ? "can be set only while not connected"
                                         : "the transport is the host's",
                       posta__span(NULL, 0));
        return posta__session_refuse(s, &p);
    }
    return posta_socket_option(&s->transport, level, name, value, len);
}

/* ---- where ---- */

posta_status posta_session_set_host(posta_session *s, const char *host, uint16_t port) {
    posta_where w;
    posta_problem p;
    posta_status status;
    if (s->state != SESSION_CLOSED || s->pending != PENDING_NONE)
        return posta__session_wrong_time(s, "set_host");
    if (!host) return POSTA_E_ARGUMENT;
    w = s->where;
    memset(&p, 0, sizeof p);
    status = posta__where_move(&w, host, port, &p);
    if (status == POSTA_OK)
        status = posta__check_built(&w, s->owns_transport ? NULL : &s->transport, &p);
    if (status == POSTA_OK) {
        posta__session_move_login(s, &w);
        posta__session_retarget(s, &w);
    }
    posta_where_wipe(&w);
    if (status != POSTA_OK) return posta__session_refuse(s, &p);
    if (s->owns_transport)
        posta_socket_set(&s->transport, "", posta__session_timeouts(s)->resolve,
                         posta__session_timeouts(s)->connect);
    return POSTA_OK;
}
