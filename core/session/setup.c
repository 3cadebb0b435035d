/* core/session: making a session: every setting is checked here, before anything is connected.
 */
#include "session_i.h"

#define SESSION_LEN POSTA__ALIGNED(sizeof(posta_session))

static void name_peer(const posta_where *where, char *out, size_t cap) {
    posta_window w = posta__window(out, cap - 1);
    char digits[POSTA_DECIMAL_CAP];
    bool is_ip6 = strchr(where->host, ':') != NULL && !where->is_unix;
    posta__put(&w, posta__span_of(is_ip6 ? "[" : ""));
    posta__put(&w, posta__span_of(where->host));
    posta__put(&w, posta__span_of(is_ip6 ? "]" : ""));
    if (!where->is_unix) {
        posta__put(&w, POSTA_LIT(":"));
        posta__put(&w, posta__span(digits, posta__decimal(where->port, digits)));
    }
    out[w.len] = 0;
}

static posta_status check_hello(const posta_session_config *c, posta_problem *p) {
    const char *why = NULL;
    if (!c->hello) return POSTA_OK;
    if (posta__domain_check(posta__span_of(c->hello), &why) == POSTA_OK) return POSTA_OK;
    return posta__problem(p, POSTA_E_FIELD, "hello", why, posta__span_of(c->hello));
}

static posta_status check_address(const char *field, const char *address, posta_problem *p) {
    if (!address || posta_address_is_numeric(address)) return POSTA_OK;
    return posta__problem(p, POSTA_E_FIELD, field,
                          "an address is numeric, like 192.0.2.1 or 2001:db8::1",
                          posta__span_of(address));
}

void posta__session_name_peer(posta_session *s) {
    name_peer(&s->where, s->peer, sizeof s->peer);
}

static void released(int fd, void *user) {
    posta_session *s = user;
    if (s->on_release) s->on_release(fd, s->user_data);
}

static posta_status make_transport(posta_session *s, const posta_session_config *c) {
    posta_socket_config sc = POSTA_SOCKET_CONFIG;
    if (c->transport) {
        s->transport = *c->transport;
        return POSTA_OK;
    }
    sc.address = c->address;
    sc.local_address = c->local_address;
    sc.connect_ms = c->engine.timeouts.connect;
    sc.resolve_ms = c->engine.timeouts.resolve;
    sc.resolver = c->resolver;
    sc.resolver_user = c->resolver_user;
    sc.on_release = released;
    sc.release_user = s;
    sc.may_wait = !c->non_blocking;
    s->owns_transport = true;
    return posta_socket_new(s->port, &sc, &s->transport);
}

/* Of two limits, 0 being none. */
static uint32_t shorter(uint32_t a, uint32_t b) {
    if (a == 0 || b == 0) return a + b;
    return a < b ? a : b;
}

static posta_status set_up(posta_session *s, const posta_session_config *c, posta_problem *p) {
    posta_status status;
    s->link_config = (posta_link_config)POSTA_LINK_CONFIG;
    s->link_config.engine = c->engine;
    s->link_config.engine.hello = s->hello;
    s->link_config.engine.lmtp = s->where.is_lmtp;
    s->link_config.peer = s->peer;
    s->link_config.server_name = s->where.host;
    s->link_config.port = s->port;
    s->link_config.insecure = c->insecure;
    s->link_config.tls_space = posta__session_tls_space(c);
    s->link_config.engine.timeouts.total =
        shorter(s->where.total_ms, s->link_config.engine.timeouts.total);
    s->non_blocking = c->non_blocking;
    s->on_release = c->on_release;
    s->callback = c->callback;
    s->user_data = c->user_data;
    s->picks_hello = !c->hello;
    posta__copy_text(s->hello, sizeof s->hello, c->hello ? c->hello : "[127.0.0.1]");
    posta__copy_text(s->agent, sizeof s->agent, c->agent ? c->agent : "posta/" POSTA_VERSION);
    posta__session_name_peer(s);
    status = make_transport(s, c);
    p->status = status;
    if (status == POSTA_OK) status = posta__session_take_auth(s, c, p);
    if (status == POSTA_OK && c->tls) status = posta__session_take_tls(s, c->tls, p);
    if (status == POSTA_OK && s->where.host[0]) status = posta__session_trust(s, p);
    return status;
}

static size_t head_len_of(const posta_session_config *c) {
    return POSTA__ALIGNED(c->header_space + POSTA__HEAD_REST);
}

/* In `mem`, or where that is null in memory of the port's. */
static posta_status make(const posta_session_config *c, const posta_where *where, void *mem,
                         size_t len, posta_session **out, posta_problem *p) {
    const posta_port *port = c->port ? c->port : posta_port_default();
    size_t head_len = head_len_of(c);
    posta_session *s = mem ? mem : port->allocate(port->user, NULL, 0, len);
    if (!s) return p->status = POSTA_E_MEMORY;
    memset(s, 0, sizeof *s);
    s->port = port;
    s->len = len;
    s->owns_memory = !mem;
    s->where = *where;
    s->head.p = (uint8_t *)s + SESSION_LEN;
    s->head.cap = head_len;
    s->head.space = c->header_space;
    s->auth_text = s->head.p + head_len;
    s->auth_text_len = posta__session_auth_text(c);
    s->link_memory = s->auth_text + s->auth_text_len;
    s->link_len = len - SESSION_LEN - head_len - s->auth_text_len;
    *out = s;
    return set_up(s, c, p);
}

size_t posta_session_size(const posta_session_config *c) {
    static const posta_auth none = POSTA_AUTH;
    posta_link_config link = POSTA_LINK_CONFIG;
    size_t link_len;
    if (!c || c->size != sizeof *c || c->header_space > POSTA_MAX_SPACE) return 0;
    link.engine = c->engine;
    link.tls_space = posta__session_tls_space(c);
    if (posta__session_logs_in(c)) link.auth = c->auth ? c->auth : &none;
    link.engine.hello = "x"; /* its length does not count, and it is not known yet */
    link_len = posta_link_size(&link);
    return link_len == 0 ? 0
                         : SESSION_LEN + head_len_of(c) + posta__session_auth_text(c) + link_len;
}

static posta_status check_agent(const posta_session_config *c, posta_problem *p) {
    posta_span agent = posta__span_of(c->agent);
    const char *why = "is longer than 63 octets";
    if (agent.len < sizeof((posta_session *)0)->agent && posta__text_check(agent, &why) == POSTA_OK)
        return POSTA_OK;
    return posta__problem(p, POSTA_E_FIELD, "agent", why, agent);
}

static posta_status check_place(const posta_session_config *c, posta_problem *p) {
    const posta_transport *t = c->transport;
    const char *why = NULL;
    if (c->port && (c->port->size != sizeof *c->port || !c->port->now_ms || !c->port->allocate))
        why = "the port needs its size, now_ms and allocate";
    if (t && (t->size != sizeof *t || !t->read || !t->write))
        why = "the transport needs its size, read and write";
    if (!why) return POSTA_OK;
    return posta__problem(p, POSTA_E_ARGUMENT, "config", why, posta__span(NULL, 0));
}

static posta_status create(const posta_session_config *config, void *mem, size_t len,
                           posta_session **out, posta_receipt *why_out) {
    posta_where where;
    posta_problem problem;
    char peer[POSTA_MAX_DOMAIN + 16] = "";
    size_t need = posta_session_size(config);
    posta_status status;
    *out = NULL;
    memset(&problem, 0, sizeof problem);
    memset(&where, 0, sizeof where);
    status = problem.status = POSTA_E_ARGUMENT;
    if (need > 0 && (!mem || len >= need)) status = posta_session_where(config, &where, &problem);
    if (status == POSTA_OK) {
        name_peer(&where, peer, sizeof peer);
        if (where.host[0]) status = posta__check_built(&where, config->transport, &problem);
    }
    if (status == POSTA_OK) status = check_place(config, &problem);
    if (status == POSTA_OK) status = check_hello(config, &problem);
    if (status == POSTA_OK) status = check_agent(config, &problem);
    if (status == POSTA_OK) status = check_address("address", config->address, &problem);
    if (status == POSTA_OK)
        status = check_address("local_address", config->local_address, &problem);
    if (status == POSTA_OK) status = make(config, &where, mem, need, out, &problem);
    posta_where_wipe(&where);
    if (status == POSTA_OK) return status;
    posta_session_drop(out);
    if (why_out) posta__receipt_problem(why_out, posta__span_of(peer), &problem);
    return status;
}

posta_status posta_session_new(const posta_session_config *config, posta_session **out,
                               posta_receipt *why_out) {
    return out ? create(config, NULL, 0, out, why_out) : POSTA_E_ARGUMENT;
}

posta_status posta_session_place(void *mem, size_t len, const posta_session_config *config,
                                 posta_session **out, posta_receipt *why_out) {
    if (!out || !mem) return POSTA_E_ARGUMENT;
    return create(config, mem, len, out, why_out);
}
