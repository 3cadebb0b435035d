/* bindings: transport and resolver whose functions are Lua's. C never calls Lua: what C wants to
 * know is noted and answered with POSTA_AGAIN; the loop asks `asks`, calls the hook in a plain Lua
 * frame, where it may yield and raise, and hands the answer in. Bytes count as written when Lua's
 * `write` said so, not before, so the outcome of a message stays honest.
 */
#include "lua_i.h"

#include <string.h>

typedef posta__lua_session lua_session;
typedef posta__lua_wire lua_wire;

/* Whatever went out may have been a line of AUTH. */
static void drop_tx(lua_wire *w) {
    if (w->tx_len > 0) posta__lua_wipe(w->tx, w->tx_len);
    w->tx_len = w->tx_done = 0;
}

/* ---- what C calls ---- */

static posta_status wire_open(void *user, const char *host, uint16_t port) {
    lua_wire *w = &((lua_session *)user)->wire;
    if (w->was_opened) {
        w->was_opened = false;
        w->is_open = w->open_fault == POSTA_OK;
        return w->open_fault;
    }
    size_t n = strlen(host);
    if (n >= sizeof w->host) n = sizeof w->host - 1;
    memcpy(w->host, host, n);
    w->host[n] = '\0';
    w->port = port;
    w->asks_open = true;
    return POSTA_AGAIN;
}

static posta_status wire_read(void *user, void *p, size_t cap, size_t *n_out) {
    lua_wire *w = &((lua_session *)user)->wire;
    *n_out = 0;
    if (w->rx_len > 0) {
        size_t n = w->rx_len < cap ? w->rx_len : cap;
        memcpy(p, w->rx, n);
        w->rx += n;
        w->rx_len -= n;
        *n_out = n;
        return POSTA_OK;
    }
    if (w->has_ended) return w->end;
    if (w->was_tried) {
        w->was_tried = false;
        return POSTA_AGAIN;
    }
    w->asks_read = true;
    return POSTA_E_IN_PROGRESS;
}

static posta_status wire_write(void *user, const void *p, size_t len, size_t *n_out) {
    lua_wire *w = &((lua_session *)user)->wire;
    *n_out = 0;
    /* What went out counts first, whatever happened behind it; with `len` 0 only that is asked. */
    if (w->tx_done > 0) {
        *n_out = w->tx_done;
        drop_tx(w);
        return POSTA_OK;
    }
    if (w->is_broken) return POSTA_E_LOST;
    if (len == 0) return POSTA_AGAIN;
    if (w->tx_len == 0) {
        w->tx_len = len < POSTA__LUA_TX_SPACE ? len : POSTA__LUA_TX_SPACE;
        memcpy(w->tx, p, w->tx_len);
    }
    return POSTA_AGAIN;
}

static posta_status wire_starttls(void *user, const char *server_name) {
    lua_wire *w = &((lua_session *)user)->wire;
    if (w->has_tls) {
        w->has_tls = false;
        return w->tls;
    }
    size_t n = strlen(server_name);
    if (n >= sizeof w->host) return POSTA_E_TLS_HANDSHAKE;
    memcpy(w->host, server_name, n + 1);
    w->asks_tls = true;
    return POSTA_AGAIN;
}

static void wire_close(void *user) {
    lua_wire *w = &((lua_session *)user)->wire;
    w->asks_close = w->is_open || w->asks_open;
    w->is_open = w->asks_open = w->was_opened = w->asks_read = w->was_tried = false;
    w->asks_tls = w->has_tls = false;
    w->rx_len = 0;
    /* A farewell may still go out; anything else that was not written must not any more: the
     * account says so already. */
    if (!w->is_leaving || w->tx_done > 0 || !w->asks_close) drop_tx(w);
    w->is_leaving = false;
}

static void wire_leave(void *user) {
    lua_wire *w = &((lua_session *)user)->wire;
    if (w->tx_len == 0) w->is_leaving = true;
}

static posta_status wire_resolve(void *user, const char *host, char (*out)[POSTA_MAX_ADDRESS_TEXT],
                                 size_t cap, size_t *n_out) {
    lua_wire *w = &((lua_session *)user)->wire;
    *n_out = 0;
    if (!w->has_answer) {
        size_t n = strlen(host);
        if (n >= sizeof w->host) return POSTA_E_DNS;
        memcpy(w->host, host, n + 1);
        w->asks_address = true;
        return POSTA_AGAIN;
    }
    size_t n = w->addresses_n < cap ? w->addresses_n : cap;
    for (size_t i = 0; i < n; i++)
        memcpy(out[i], w->addresses[i], POSTA_MAX_ADDRESS_TEXT);
    *n_out = n;
    return w->answer;
}

void posta__lua_wire_config(lua_State *L, int at, lua_session *s, posta_transport *t,
                            posta_session_config *c) {
    memset(t, 0, sizeof *t);
    t->size = sizeof *t;
    t->user = s;
    t->open = wire_open;
    t->read = wire_read;
    t->write = wire_write;
    t->close = wire_close;
    t->leave = wire_leave;
    if (posta__lua_flag(L, at, "has_starttls")) t->starttls = wire_starttls;
    t->flags = POSTA_TRANSPORT_LATE;
    if (posta__lua_flag(L, at, "is_secure")) t->flags |= POSTA_TRANSPORT_SECURE;
    s->wire.is_used = posta__lua_flag(L, at, "has_transport");
    if (s->wire.is_used) {
        s->wire.tx = (uint8_t *)(s + 1);
        c->transport = t;
        /* Reads and writes may wait and come by turns: the replies to a burst must fit in a pipe.
         */
        c->engine.owed_max = 8;
    }
    if (posta__lua_flag(L, at, "has_resolve")) {
        c->resolver = wire_resolve;
        c->resolver_user = s;
    }
}

void posta__lua_wire_reset(lua_wire *w) {
    bool is_used = w->is_used;
    uint8_t *tx = w->tx;
    drop_tx(w);
    memset(w, 0, sizeof *w);
    w->is_used = is_used;
    w->tx = tx;
}

/* ---- what the loop asks and answers ---- */

/* "line", or how many bytes to read, exactly. */
static void push_hint(lua_State *L, const lua_session *s) {
    size_t hint = posta_session_hint(s->session);
    if (hint > 0)
        lua_pushinteger(L, (lua_Integer)hint);
    else
        lua_pushliteral(L, "line");
}

/* asks(s) -> "close"; "resolve", host; "open", host, port; "starttls", name; "write", bytes; "now",
 * hint (a read that does not wait); "read", hint; or nothing. Also of a closed session: its last
 * bytes and its end. */
static int wire_asks(lua_State *L) {
    lua_session *s = posta__lua_session_any(L);
    lua_wire *w = &s->wire;
    bool is_open = s->session != NULL;
    if (is_open && w->asks_address) {
        lua_pushliteral(L, "resolve");
        lua_pushstring(L, w->host);
        return 2;
    }
    if (w->tx_len > 0 && w->tx_done == 0 && !w->is_broken) {
        lua_pushliteral(L, "write");
        lua_pushlstring(L, (const char *)w->tx, w->tx_len);
        return 2;
    }
    if (w->asks_close) {
        lua_pushliteral(L, "close");
        return 1;
    }
    if (!is_open || !w->is_used) return 0;
    if (w->asks_open) {
        lua_pushliteral(L, "open");
        lua_pushstring(L, w->host);
        lua_pushinteger(L, w->port);
        return 3;
    }
    if (w->asks_tls) {
        lua_pushliteral(L, "starttls");
        lua_pushstring(L, w->host);
        return 2;
    }
    if (!w->is_open || w->has_ended || w->rx_len > 0) return 0;
    unsigned wants = posta_session_wants(s->session);
    if (wants & POSTA_WANT_NOW) {
        lua_pushliteral(L, "now");
        push_hint(L, s);
        return 2;
    }
    if (!w->asks_read) return 0;
    lua_pushliteral(L, "read");
    push_hint(L, s);
    return 2;
}

/* opened(s, ok, refused): what `open` came to. */
static int wire_opened(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    w->asks_open = false;
    w->was_opened = true;
    w->open_fault = POSTA_OK;
    if (!lua_toboolean(L, 2)) {
        w->open_fault = lua_toboolean(L, 3) ? POSTA_E_CONNECT_REFUSED : POSTA_E_CONNECT;
    }
    return 0;
}

/* secured(s, ok): what `starttls` came to. */
static int wire_secured(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    w->asks_tls = false;
    w->has_tls = true;
    w->tls = lua_toboolean(L, 2) ? POSTA_OK : POSTA_E_TLS_HANDSHAKE;
    return 0;
}

/* received(s, bytes): what `read` gave; "" is nothing. */
static int wire_received(lua_State *L) {
    lua_session *s = posta__lua_session_any(L);
    lua_wire *w = &s->wire;
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    w->asks_read = false;
    w->was_tried =
        len == 0 && s->session != NULL && (posta_session_wants(s->session) & POSTA_WANT_NOW);
    if (len == 0 || w->rx_len > 0 || w->has_ended) return 0;
    posta__lua_keep(L, 1, POSTA__LUA_KEY_RX, 2);
    w->rx = (const uint8_t *)bytes;
    w->rx_len = len;
    return 0;
}

/* ended(s, lost): the peer closed its side; lost: not in order. */
static int wire_ended(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    w->has_ended = true;
    w->asks_read = false;
    w->end = lua_toboolean(L, 2) ? POSTA_E_LOST : POSTA_OK;
    return 0;
}

/* wrote(s, n): `write` took n bytes; nil: it takes no more ever, and what it took before counts. C
 * learns of it at the next step, before that looks at the clock or at a cancel. */
static int wire_wrote(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    if (lua_isnoneornil(L, 2)) {
        w->is_broken = true;
        if (w->tx_done == 0) drop_tx(w);
        return 0;
    }
    lua_Number n = luaL_checknumber(L, 2);
    luaL_argcheck(L, n >= 0 && n <= (lua_Number)w->tx_len, 2, "more than was pending");
    w->tx_done = (size_t)n;
    return 0;
}

/* closed(s): `close` was called; nothing is written any more. */
static int wire_closed(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    w->asks_close = false;
    drop_tx(w);
    return 0;
}

/* resolved(s, list or nil) -> true; or false, index of what is no numeric address */
static int wire_resolved(lua_State *L) {
    lua_wire *w = &posta__lua_session_any(L)->wire;
    w->asks_address = false;
    w->has_answer = true;
    w->answer = POSTA_E_DNS;
    w->addresses_n = 0;
    lua_settop(L, 2);
    luaL_checkstack(L, 4, "posta.resolve");
    size_t n = lua_type(L, 2) == LUA_TTABLE ? lua_rawlen(L, 2) : 0;
    for (size_t i = 0; i < n && w->addresses_n < POSTA__LUA_ADDRESSES; i++) {
        size_t len = 0;
        lua_rawgeti(L, 2, (int)i + 1);
        const char *one = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
        bool fine =
            len < POSTA_MAX_ADDRESS_TEXT && strlen(one) == len && posta_address_is_numeric(one);
        if (fine) memcpy(w->addresses[w->addresses_n++], one, len + 1);
        lua_pop(L, 1);
        if (!fine) {
            lua_pushboolean(L, 0);
            lua_pushinteger(L, (lua_Integer)i + 1);
            return 2;
        }
    }
    if (w->addresses_n > 0) w->answer = POSTA_OK;
    lua_pushboolean(L, 1);
    return 1;
}

const luaL_Reg posta__lua_session_wire[] = {
    {"asks", wire_asks},         {"opened", wire_opened},   {"received", wire_received},
    {"ended", wire_ended},       {"wrote", wire_wrote},     {"closed", wire_closed},
    {"resolved", wire_resolved}, {"secured", wire_secured}, {NULL, NULL},
};
