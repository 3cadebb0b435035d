/* bindings: a session over sockets, always in non-blocking mode: the loop is Lua's
 * (lua/posta/loop.lua). */
#include "lua_i.h"

#include <string.h>

typedef struct lua_session {
    posta__lua_place place;
    posta_session *session; /* null: closed */
    posta__lua_sending sending;
    bool is_acting; /* an action was begun and has no verdict yet */
} lua_session;

/* ---- life ---- */

static void fill(lua_State *L, int at, posta_session_config *c) {
    c->url = posta__lua_text(L, at, "url");
    c->host = posta__lua_text(L, at, "host");
    c->tcp_port = (uint16_t)posta__lua_number(L, at, "port", UINT16_MAX, 0);
    c->address = posta__lua_text(L, at, "address");
    c->local_address = posta__lua_text(L, at, "local_address");
    c->user = posta__lua_text(L, at, "user");
    c->password = posta__lua_text(L, at, "password");
    c->hello = posta__lua_text(L, at, "hello");
    c->non_blocking = true;
    posta__lua_engine_config(L, at, &c->engine);
}

static posta_security security_of(const char *word) {
    if (word == NULL) return POSTA_SECURITY_DEFAULT;
    if (strcmp(word, "none") == 0) return POSTA_SECURITY_NONE;
    if (strcmp(word, "opportunistic") == 0) return POSTA_SECURITY_OPPORTUNISTIC;
    if (strcmp(word, "starttls") == 0) return POSTA_SECURITY_STARTTLS;
    return POSTA_SECURITY_TLS;
}

/* new(options) -> session; or nil, receipt */
static int session_new(lua_State *L) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_receipt why;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_session *s = (lua_session *)posta__lua_handle_new(L, sizeof *s, POSTA__LUA_SESSION);
    posta__lua_place_init(L, &s->place);
    fill(L, 1, &c);
    c.security = security_of(posta__lua_text(L, 1, "security"));
    c.port = &s->place.port;
    memset(&why, 0, sizeof why);
    if (posta_session_new(&c, &s->session, &why) == POSTA_OK) return 1;
    s->session = NULL;
    lua_pushnil(L);
    posta__lua_push_receipt(L, &why);
    return 2;
}

static lua_session *any(lua_State *L) {
    return (lua_session *)luaL_checkudata(L, 1, POSTA__LUA_SESSION);
}

static lua_session *open(lua_State *L) {
    lua_session *s = any(L);
    if (s->session == NULL) luaL_error(L, "session is closed");
    return s;
}

/* A finaliser says nothing to the server and waits for nothing. */
static int session_gc(lua_State *L) {
    lua_session *s = any(L);
    posta_session_drop(&s->session);
    posta__lua_sending_forget(&s->sending);
    return 0;
}

/* Gives up what is under way, and has the account of it. A verdict that was heard already, but not
 * told to anybody, stands. */
static void settle(lua_session *s) {
    posta_event e;
    bool is_sent = false;
    if (s->is_acting) {
        while (!is_sent && posta_session_next_event(s->session, &e)) {
            is_sent = e.type == POSTA_EVENT_SENT;
        }
        if (!is_sent) posta_session_cancel(s->session);
        while (!is_sent && posta_session_next_event(s->session, &e)) {
            is_sent = e.type == POSTA_EVENT_SENT;
        }
    }
    s->is_acting = false;
    posta__lua_sending_end(&s->sending);
}

/* QUIT is written when nothing is open or pending; nobody waits for its answer. Who waits for the
 * end of an action finds the account of it in the handle's data. */
static int session_close(lua_State *L) {
    lua_session *s = any(L);
    if (s->session != NULL && posta__lua_handle_is_entered(L, 1)) {
        settle(s);
        posta__lua_push_receipt(L, posta_session_receipt(s->session));
        posta__lua_handle_account(L, 1);
    }
    posta_session_free(&s->session);
    posta__lua_sending_forget(&s->sending);
    return 0;
}

/* is_session(value): of any type */
static int session_is_session(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, POSTA__LUA_SESSION) != NULL);
    return 1;
}

static int session_is_closed(lua_State *L) {
    lua_pushboolean(L, any(L)->session == NULL);
    return 1;
}

static int session_tostring(lua_State *L) {
    lua_session *s = any(L);
    if (s->session == NULL) {
        lua_pushliteral(L, "posta.session (closed)");
    } else {
        lua_pushfstring(L, "posta.session: %p", (const void *)s);
    }
    return 1;
}

/* ---- actions: each answers a status; "in_progress": step until it is another ---- */

static int act(lua_State *L, posta_status (*begin)(posta_session *s)) {
    lua_session *s = open(L);
    posta_status status = begin(s->session);
    s->is_acting = status == POSTA_E_IN_PROGRESS;
    return posta__lua_push_status(L, status);
}

static int session_connect(lua_State *L) {
    return act(L, posta_session_connect);
}

static int session_disconnect(lua_State *L) {
    return act(L, posta_session_disconnect);
}

static int session_reset(lua_State *L) {
    return act(L, posta_session_reset);
}

static int session_noop(lua_State *L) {
    return act(L, posta_session_noop);
}

static int session_cancel(lua_State *L) {
    lua_session *s = open(L);
    posta_session_cancel(s->session);
    posta__lua_sending_end(&s->sending);
    return 0;
}

/* give_up(s) -> the receipt of what was under way, which is cancelled */
static int session_give_up(lua_State *L) {
    lua_session *s = open(L);
    settle(s);
    posta__lua_push_receipt(L, posta_session_receipt(s->session));
    return 1;
}

/* send(s, m): the message is the session's until a step answers something else than in_progress. */
static int session_send(lua_State *L) {
    lua_session *s = open(L);
    posta__lua_message *m = posta__lua_message_check(L, 2);
    if (!posta__lua_sending_begin(L, 1, 2, &s->sending)) {
        return posta__lua_push_status(L, POSTA_E_BUSY);
    }
    posta_status status = posta_session_send_message(s->session, m->box->message, NULL);
    s->is_acting = status == POSTA_E_IN_PROGRESS;
    if (!s->is_acting) posta__lua_sending_end(&s->sending);
    return posta__lua_push_status(L, status);
}

/* step(s, microseconds) -> status */
static int session_step(lua_State *L) {
    lua_session *s = open(L);
    lua_Number budget = luaL_optnumber(L, 2, 0);
    uint32_t us = budget > 0 && budget < (lua_Number)UINT32_MAX ? (uint32_t)budget : 0;
    posta_status status = posta_session_execute(s->session, us);
    s->is_acting = status == POSTA_E_IN_PROGRESS;
    if (!s->is_acting) posta__lua_sending_end(&s->sending);
    return posta__lua_push_status(L, status);
}

/* wait(s, milliseconds): returns early when there is work, and on a signal. */
static int session_wait(lua_State *L) {
    lua_session *s = open(L);
    lua_Number ms = luaL_checknumber(L, 2);
    luaL_argcheck(L, ms >= 0 && ms <= 1000, 2, "expected 0 to 1000");
    posta_session_wait(s->session, (uint32_t)ms);
    return 0;
}

/* next_event(s) -> name, info; or nothing */
static int session_next_event(lua_State *L) {
    posta_event e;
    if (!posta_session_next_event(open(L)->session, &e)) return 0;
    return posta__lua_push_event(L, &e);
}

/* ---- what is known ---- */

/* pollfd(s) -> descriptor, or nil while there is none */
static int session_pollfd(lua_State *L) {
    int fd = posta_session_pollfd(open(L)->session);
    if (fd < 0) return 0;
    lua_pushinteger(L, fd);
    return 1;
}

/* events(s) -> "r", "w", "rw" or "" */
static int session_events(lua_State *L) {
    static const char *const words[] = {"", "r", "w", "rw"};
    unsigned wants = posta_session_wants(open(L)->session);
    size_t i = ((wants & POSTA_WANT_RX) ? 1u : 0u) + ((wants & POSTA_WANT_TX) ? 2u : 0u);
    lua_pushstring(L, words[i]);
    return 1;
}

/* timeout(s) -> seconds until there is work without any byte moving, nil: no limit */
static int session_timeout(lua_State *L) {
    int64_t ms = posta_session_timeout(open(L)->session);
    if (ms < 0) return 0;
    lua_pushnumber(L, (lua_Number)ms / 1000);
    return 1;
}

static int session_wants_body(lua_State *L) {
    lua_pushboolean(L, (posta_session_wants(open(L)->session) & POSTA_WANT_BODY) != 0);
    return 1;
}

static int session_is_connected(lua_State *L) {
    lua_session *s = any(L);
    lua_pushboolean(L, s->session != NULL && posta_session_is_connected(s->session));
    return 1;
}

static int session_capabilities(lua_State *L) {
    posta__lua_push_capabilities(L, posta_session_capabilities(open(L)->session));
    return 1;
}

static int session_receipt(lua_State *L) {
    posta__lua_push_receipt(L, posta_session_receipt(open(L)->session));
    return 1;
}

/* last_response(s) -> text, reply, was_cut */
static int session_last_response(lua_State *L) {
    posta_reply reply;
    bool cut = false;
    memset(&reply, 0, sizeof reply);
    posta_span text = posta_session_last_response(open(L)->session, &reply, &cut);
    lua_pushlstring(L, text.len > 0 ? (const char *)text.p : "", text.len);
    posta__lua_push_reply(L, &reply);
    lua_pushboolean(L, cut);
    return 3;
}

static const luaL_Reg functions[] = {
    {"new", session_new},
    {"close", session_close},
    {"is_session", session_is_session},
    {"is_closed", session_is_closed},
    {"connect", session_connect},
    {"disconnect", session_disconnect},
    {"reset", session_reset},
    {"noop", session_noop},
    {"cancel", session_cancel},
    {"give_up", session_give_up},
    {"send", session_send},
    {"step", session_step},
    {"wait", session_wait},
    {"next_event", session_next_event},
    {"pollfd", session_pollfd},
    {"events", session_events},
    {"timeout", session_timeout},
    {"wants_body", session_wants_body},
    {"is_connected", session_is_connected},
    {"capabilities", session_capabilities},
    {"receipt", session_receipt},
    {"last_response", session_last_response},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", session_gc},
    {"__close", session_close},
    {"__tostring", session_tostring},
    {NULL, NULL},
};

void posta__lua_open_sessions(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, "methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    posta__lua_handle_type(L, POSTA__LUA_SESSION, meta);
    lua_rawset(L, -3);
}
