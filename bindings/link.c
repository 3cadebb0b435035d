/* bindings: the link, posta's engine for hosts that own the bytes. Bytes in and out as strings. */
#include "lua_i.h"

#include <string.h>

typedef struct lua_link {
    posta__lua_place place;
    posta_link *link; /* null: closed */
    void *mem;
    size_t mem_len;
    bool has_own_tls; /* TLS is posta's, not the host's */
    bool is_ticking;  /* the clock runs */
    posta__lua_sending sending;
    posta__lua_login login;
    char user[256], password[256]; /* of the URL */
} lua_link;

/* Keys in the user value for what the configuration borrows; bodies and slots are the messages'. */
enum { KEY_HELLO = 1, KEY_PEER = 2, KEY_NAME = 3 };

static lua_link *any(lua_State *L) {
    return (lua_link *)luaL_checkudata(L, 1, POSTA__LUA_LINK);
}

static lua_link *open(lua_State *L) {
    lua_link *l = any(L);
    if (l->link == NULL) luaL_error(L, "engine is closed");
    return l;
}

static bool can_step(const lua_link *l) {
    unsigned wants = posta_link_wants(l->link, NULL);
    return (l->has_own_tls && (wants & POSTA_WANT_TLS)) || ((wants & POSTA_WANT_AUTH) && !l->login.asks);
}

/* Looks at the clock. TLS of posta's own and a login go as far as they can: nobody else makes their steps. */
static void tick(lua_link *l) {
    l->is_ticking = true;
    do
        posta_link_tick(l->link, l->place.port.now_ms(l->place.port.user));
    while (can_step(l));
}

static void go_on(lua_link *l) {
    if (can_step(l)) tick(l);
}

/* ---- life ---- */

static const char *borrow(lua_State *L, const char *key, int at) {
    const char *text = posta__lua_text(L, 1, key);
    lua_pushstring(L, key);
    lua_rawget(L, 1);
    posta__lua_keep(L, 2, at, -1);
    lua_pop(L, 1);
    return text;
}

/* By which word TLS begins, where it does. */
static posta_starttls starttls_of(lua_State *L) {
    switch (posta__lua_security(L, 1, "security")) {
    case POSTA_SECURITY_TLS: return POSTA_STARTTLS_IMPLICIT;
    case POSTA_SECURITY_STARTTLS: return POSTA_STARTTLS_ALWAYS;
    case POSTA_SECURITY_OPPORTUNISTIC: return POSTA_STARTTLS_OFFERED;
    default: return POSTA_STARTTLS_NEVER;
    }
}

/* What the URL says of a login, where the options say nothing. */
static void login_of_url(lua_State *L, lua_link *l) {
    const char *url = posta__lua_text(L, 1, "url");
    posta_where where;
    if (url == NULL || posta_where_parse(url, &where, NULL) != POSTA_OK) return;
    memcpy(l->user, where.user, sizeof l->user);
    memcpy(l->password, where.password, sizeof l->password);
    if (where.has_user && l->login.auth.user == NULL) l->login.auth.user = l->user;
    if (where.has_password && l->login.auth.password == NULL) l->login.auth.password = l->password;
    posta_where_wipe(&where);
}

/* new(options) -> link; or nil, status. Options: hello, peer, name, security, tls, timeouts, ... */
static int link_new(lua_State *L) {
    posta_link_config c = POSTA_LINK_CONFIG;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_link *l = (lua_link *)posta__lua_handle_new(L, sizeof *l, POSTA__LUA_LINK);
    posta__lua_place_init(L, &l->place);
    posta__lua_engine_config(L, 1, &c.engine);
    c.engine.owed_max =
        (size_t)posta__lua_number(L, 1, "owed_max", POSTA_MAX_OWED, c.engine.owed_max);
    c.engine.starttls = starttls_of(L);
    c.tls = posta__lua_tls_at(L, 1, "tls");
    l->has_own_tls = c.tls != NULL;
    c.server_name = borrow(L, "name", KEY_NAME);
    c.insecure = (unsigned)posta__lua_number(L, 1, "insecure", 15, 0);
    c.port = &l->place.port;
    c.auth = posta__lua_login_config(L, 1, &l->login, 2);
    login_of_url(L, l);
    c.tcp_port = (uint16_t)posta__lua_number(L, 1, "peer_port", UINT16_MAX, 0);
    c.is_protected = posta__lua_flag(L, 1, "is_protected");
    if (c.tls == NULL) c.tls_space = 0;
    c.engine.hello = borrow(L, "hello", KEY_HELLO);
    c.peer = borrow(L, "peer", KEY_PEER);
    posta_status status = POSTA_E_ARGUMENT;
    l->mem_len = posta_link_size(&c);
    if (l->mem_len > 0) {
        status = POSTA_E_MEMORY;
        l->mem = l->place.port.allocate(&l->place, NULL, 0, l->mem_len);
        if (l->mem != NULL) status = posta_link_place(l->mem, l->mem_len, &c, &l->link);
    }
    /* The clock starts by the first call: a tick here would begin TLS before use_host_tls can come. */
    if (status == POSTA_OK) return 1;
    l->link = NULL;
    lua_pushnil(L);
    return 1 + posta__lua_push_status(L, status);
}

static void push_account(lua_State *L, const lua_link *l) {
    posta_receipt r;
    memset(&r, 0, sizeof r);
    posta_link_receipt(l->link, &r);
    posta__lua_push_receipt(L, &r);
}

/* Gives up what is under way. A verdict that was heard already, but not told to anybody, stands. */
static void settle(lua_link *l) {
    posta_event e;
    bool is_sent = false;
    if (l->sending.is_reading) {
        while (!is_sent && posta_link_next_event(l->link, &e))
            is_sent = e.type == POSTA_EVENT_SENT;
    }
    if (is_sent || posta_engine_is_idle(posta_link_engine(l->link))) return;
    posta_link_abort(l->link, POSTA_E_CANCELLED);
    while (!is_sent && posta_link_next_event(l->link, &e))
        is_sent = e.type == POSTA_EVENT_SENT;
}

static int link_gc(lua_State *L) {
    lua_link *l = any(L);
    posta_link_wipe(&l->link);
    posta__lua_wipe(l->user, sizeof l->user);
    posta__lua_wipe(l->password, sizeof l->password);
    if (l->mem != NULL) l->place.port.allocate(&l->place, l->mem, l->mem_len, 0);
    l->mem = NULL;
    posta__lua_sending_forget(&l->sending);
    return 0;
}

/* Who waits for the end of an operation finds the account of it in the handle's data. */
static int link_close(lua_State *L) {
    lua_link *l = any(L);
    if (l->link != NULL && posta__lua_handle_is_entered(L, 1)) {
        settle(l);
        push_account(L, l);
        posta__lua_handle_account(L, 1);
    }
    return link_gc(L);
}

/* is_link(value): of any type */
static int link_is_link(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, POSTA__LUA_LINK) != NULL);
    return 1;
}

static int link_is_closed(lua_State *L) {
    lua_pushboolean(L, any(L)->link == NULL);
    return 1;
}

static int link_tostring(lua_State *L) {
    lua_link *l = any(L);
    if (l->link == NULL) {
        lua_pushliteral(L, "posta.engine (closed)");
    } else {
        lua_pushfstring(L, "posta.engine: %p", (const void *)l);
    }
    return 1;
}

/* ---- the wire ---- */

/* receive(l, bytes [, from]) -> index of the last byte taken. Fewer than all: take the events
 * first. An empty string says that a read was tried and the wire had nothing. */
static int link_receive(lua_State *L) {
    lua_link *l = open(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_Number from = luaL_optnumber(L, 3, 1);
    luaL_argcheck(L, from >= 1 && from <= (lua_Number)len + 1, 3, "not an index of the bytes");
    size_t at = (size_t)from - 1;
    tick(l);
    if (at == len) posta_link_rx_commit(l->link, 0);
    go_on(l);
    while (at < len) {
        posta_mspan room = posta_link_rx_space(l->link);
        size_t n = len - at < room.cap ? len - at : room.cap;
        if (n == 0) break;
        memcpy(room.p, bytes + at, n);
        posta_link_rx_commit(l->link, n);
        go_on(l);
        at += n;
    }
    lua_pushinteger(L, (lua_Integer)at);
    return 1;
}

/* eof(l [, lost]): the peer closed its side; lost: not in order. */
static int link_eof(lua_State *L) {
    lua_link *l = open(L);
    tick(l);
    posta_link_rx_end(l->link, lua_toboolean(L, 2) ? POSTA_E_LOST : POSTA_OK);
    go_on(l);
    return 0;
}

/* pending(l) -> the bytes to write, "" when there are none */
static int link_pending(lua_State *L) {
    lua_link *l = open(L);
    tick(l);
    posta_span out = posta_link_tx_data(l->link);
    lua_pushlstring(L, out.len > 0 ? (const char *)out.p : "", out.len);
    return 1;
}

/* sent(l, n): the first n bytes of pending were written. */
static int link_sent(lua_State *L) {
    lua_link *l = open(L);
    lua_Number n = luaL_checknumber(L, 2);
    posta_span out = posta_link_tx_data(l->link);
    luaL_argcheck(L, n >= 0 && n <= (lua_Number)out.len, 2, "more than was pending");
    posta_link_tx_consume(l->link, (size_t)n);
    go_on(l);
    return 0;
}

/* tick(l): looks at the clock and goes on. */
static int link_tick(lua_State *L) {
    tick(open(L));
    return 0;
}

/* use_host_tls(l) -> done: the handshake is the host's from now on; false: it is too late. */
static int link_use_host_tls(lua_State *L) {
    lua_link *l = open(L);
    bool is_done = !l->has_own_tls || posta_link_set_tls(l->link, NULL) == POSTA_OK;
    if (is_done) l->has_own_tls = false;
    lua_pushboolean(L, is_done);
    return 1;
}

/* has_own_tls(l): TLS, where some is needed, is posta's. */
static int link_has_own_tls(lua_State *L) {
    lua_pushboolean(L, any(L)->has_own_tls);
    return 1;
}

/* goodbye(l): TLS says that it ends, in what is pending. */
static int link_goodbye(lua_State *L) {
    posta_link_goodbye(open(L)->link);
    return 0;
}

/* secured(l, done): the host's TLS is up, or has failed. */
static int link_secured(lua_State *L) {
    lua_link *l = open(L);
    tick(l);
    posta_link_secured(l->link, lua_toboolean(L, 2) ? POSTA_OK : POSTA_E_TLS_HANDSHAKE);
    return 0;
}

/* wants(l) -> read, write, body, now, hint, tls of the host's */
static int link_wants(lua_State *L) {
    size_t hint = 0;
    lua_link *l = open(L);
    go_on(l);
    unsigned wants = posta_link_wants(l->link, &hint);
    lua_pushboolean(L, (wants & POSTA_WANT_RX) != 0);
    lua_pushboolean(L, (wants & POSTA_WANT_TX) != 0);
    lua_pushboolean(L, (wants & POSTA_WANT_BODY) != 0);
    lua_pushboolean(L, (wants & POSTA_WANT_NOW) != 0);
    lua_pushinteger(L, (lua_Integer)hint);
    lua_pushboolean(L, (wants & POSTA_WANT_TLS) && !l->has_own_tls);
    return 6;
}

static bool is_asking(const lua_link *l) {
    return l->link != NULL && (posta_link_wants(l->link, NULL) & POSTA_WANT_AUTH);
}

static int link_asks_login(lua_State *L) {
    lua_link *l = any(L);
    posta__lua_login_forget(L, &l->login, 1, is_asking(l));
    return posta__lua_login_asks(L, &l->login);
}

static int link_login(lua_State *L) {
    lua_link *l = open(L);
    posta__lua_login_answer(L, &l->login);
    tick(l);
    posta__lua_login_forget(L, &l->login, 1, is_asking(l));
    return 0;
}

/* timeout(l) -> seconds until the engine must be asked again, nil: no limit */
static int link_timeout(lua_State *L) {
    lua_link *l = open(L);
    if (!l->is_ticking) tick(l);
    uint64_t until = posta_link_deadline(l->link);
    uint64_t now = l->place.port.now_ms(l->place.port.user);
    if (until == UINT64_MAX) return 0;
    lua_pushnumber(L, until > now ? (lua_Number)(until - now) / 1000 : 0);
    return 1;
}

/* next_event(l) -> name, info; or nothing */
static int link_next_event(lua_State *L) {
    posta_event e;
    lua_link *l = open(L);
    if (!posta_link_next_event(l->link, &e)) return 0;
    if (e.type == POSTA_EVENT_SENT) posta__lua_sending_end(&l->sending);
    int n = posta__lua_push_event(L, &e);
    /* With room for events the engine goes on, and what it says or reads then goes through TLS. */
    tick(l);
    return n;
}

/* ---- actions ---- */

static int link_send(lua_State *L) {
    lua_link *l = open(L);
    posta__lua_message *m = posta__lua_message_check(L, 2);
    if (!posta__lua_sending_begin(L, 1, 2, &l->sending)) {
        return posta__lua_push_status(L, POSTA_E_BUSY);
    }
    posta_status status = posta_link_send_message(l->link, m->box->message);
    if (status != POSTA_E_IN_PROGRESS) posta__lua_sending_end(&l->sending);
    return posta__lua_push_status(L, status);
}

static int link_reset(lua_State *L) {
    return posta__lua_push_status(L, posta_link_reset(open(L)->link));
}

static int link_noop(lua_State *L) {
    return posta__lua_push_status(L, posta_link_noop(open(L)->link));
}

static int link_quit(lua_State *L) {
    return posta__lua_push_status(L, posta_link_quit(open(L)->link));
}

static int link_cancel(lua_State *L) {
    lua_link *l = open(L);
    posta_link_abort(l->link, POSTA_E_CANCELLED);
    posta__lua_sending_end(&l->sending);
    return 0;
}

/* ---- what is known ---- */

static int link_state(lua_State *L) {
    lua_link *l = any(L);
    const char *word = "busy";
    if (l->link == NULL || posta_engine_is_closed(posta_link_engine(l->link))) {
        word = "closed";
    } else if (posta_engine_is_idle(posta_link_engine(l->link))) {
        word = "idle";
    }
    lua_pushstring(L, word);
    return 1;
}

static int link_receipt(lua_State *L) {
    push_account(L, open(L));
    return 1;
}

static int link_capabilities(lua_State *L) {
    posta__lua_push_capabilities(L, posta_engine_capabilities(posta_link_engine(open(L)->link)));
    return 1;
}

static const luaL_Reg functions[] = {
    {"new", link_new},
    {"close", link_close},
    {"is_link", link_is_link},
    {"is_closed", link_is_closed},
    {"receive", link_receive},
    {"eof", link_eof},
    {"pending", link_pending},
    {"sent", link_sent},
    {"tick", link_tick},
    {"secured", link_secured},
    {"use_host_tls", link_use_host_tls},
    {"has_own_tls", link_has_own_tls},
    {"goodbye", link_goodbye},
    {"wants", link_wants},
    {"asks_login", link_asks_login},
    {"login", link_login},
    {"timeout", link_timeout},
    {"next_event", link_next_event},
    {"send", link_send},
    {"reset", link_reset},
    {"noop", link_noop},
    {"quit", link_quit},
    {"cancel", link_cancel},
    {"state", link_state},
    {"receipt", link_receipt},
    {"capabilities", link_capabilities},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", link_gc},
    {"__close", link_close},
    {"__tostring", link_tostring},
    {NULL, NULL},
};

void posta__lua_open_links(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, "methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    posta__lua_handle_type(L, POSTA__LUA_LINK, meta);
    lua_rawset(L, -3);
}
