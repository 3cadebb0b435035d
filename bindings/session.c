/* bindings: a session, always in non-blocking mode: the loop is Lua's (lua/posta/loop.lua). The
 * steps of a message are in steps.c, options in options.c, hooks of the outer world in wire.c. */
#include "lua_i.h"

#include <string.h>

typedef posta__lua_session lua_session;

static void push_account(lua_State *L, lua_session *s);

/* ---- life ---- */

static void fill(lua_State *L, int at, posta_session_config *c) {
    c->url = posta__lua_text(L, at, "url");
    c->host = posta__lua_text(L, at, "host");
    c->tcp_port = (uint16_t)posta__lua_number(L, at, "port", UINT16_MAX, 0);
    c->address = posta__lua_text(L, at, "address");
    c->local_address = posta__lua_text(L, at, "local_address");
    c->hello = posta__lua_text(L, at, "hello");
    c->agent = posta__lua_text(L, at, "agent");
    c->header_space = (size_t)posta__lua_number(L, at, "header_space", 1u << 24, c->header_space);
    c->non_blocking = true;
    posta__lua_engine_config(L, at, &c->engine);
    c->engine.reply_space =
        (size_t)posta__lua_number(L, at, "reply_space", 1u << 24, c->engine.reply_space);
}

/* new(options) -> session; or nil, receipt */
static int session_new(lua_State *L) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_transport transport;
    posta_receipt why;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    size_t more = posta__lua_flag(L, 1, "has_transport") ? POSTA__LUA_TX_SPACE : 0;
    lua_session *s = (lua_session *)posta__lua_handle_new(L, sizeof *s + more, POSTA__LUA_SESSION);
    posta__lua_place_init(L, &s->place);
    fill(L, 1, &c);
    c.security = posta__lua_security(L, 1, "security");
    c.tls = posta__lua_tls_at(L, 1, "tls");
    c.insecure = (unsigned)posta__lua_number(L, 1, "insecure", 15, 0);
    c.auth = posta__lua_login_config(L, 1, &s->login, 0);
    c.port = &s->place.port;
    posta__lua_wire_config(L, 1, s, &transport, &c);
    lua_pushliteral(L, "on_event");
    lua_rawget(L, 1);
    posta__lua_keep(L, 2, POSTA__LUA_KEY_ON_EVENT, -1);
    lua_pop(L, 1);
    memset(&why, 0, sizeof why);
    if (posta_session_new(&c, &s->session, &why) == POSTA_OK) return 1;
    s->session = NULL;
    lua_pushnil(L);
    posta__lua_push_receipt(L, &why);
    return 2;
}

lua_session *posta__lua_session_any(lua_State *L) {
    return (lua_session *)luaL_checkudata(L, 1, POSTA__LUA_SESSION);
}

lua_session *posta__lua_session_open(lua_State *L) {
    lua_session *s = posta__lua_session_any(L);
    if (s->session == NULL) luaL_error(L, "session is closed");
    return s;
}

#define any  posta__lua_session_any
#define open posta__lua_session_open

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
        if (!is_sent) {
            posta_session_cancel(s->session);
            posta_session_execute(s->session, 0);
        }
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
        push_account(L, s);
        posta__lua_handle_account(L, 1);
    }
    posta_session_free(&s->session);
    posta__lua_login_reset(L, &s->login, 1);
    s->is_acting = false;
    posta__lua_sending_forget(&s->sending);
    return 0;
}

/* is_session(value): of any type */
static int session_is_session(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, POSTA__LUA_SESSION) != NULL);
    return 1;
}

static int session_is_acting(lua_State *L) {
    lua_pushboolean(L, any(L)->is_acting);
    return 1;
}

/* on_close(f): the function that Lua 5.4's to-be-closed variables call; once only. */
static int session_on_close(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushliteral(L, POSTA__LUA_SESSION);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "__close");
    lua_rawget(L, -2);
    bool is_ours = lua_iscfunction(L, -1) != 0;
    lua_pop(L, 1);
    if (!is_ours) return 0;
    lua_pushliteral(L, "__close");
    lua_pushvalue(L, 1);
    lua_rawset(L, -3);
    return 0;
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

int posta__lua_session_begun(lua_State *L, lua_session *s, posta_status status) {
    if (status == POSTA_E_IN_PROGRESS) s->is_acting = true;
    return posta__lua_push_status(L, status);
}

static int act(lua_State *L, posta_status (*begin)(posta_session *s)) {
    lua_session *s = open(L);
    return posta__lua_session_begun(L, s, begin(s->session));
}

/* Behind a refused login it is over the connection that stands, and so is the transport. */
static int session_connect(lua_State *L) {
    lua_session *s = open(L);
    bool stands = posta_session_is_connected(s->session);
    posta_status status = posta_session_connect(s->session);
    if (status == POSTA_E_IN_PROGRESS && !stands) posta__lua_wire_reset(&s->wire);
    return posta__lua_session_begun(L, s, status);
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

/* set_tls(s, { tls = handle or nil }) -> status */
static int session_set_tls(lua_State *L) {
    lua_session *s = open(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    return posta__lua_push_status(
        L, posta_session_set_tls(s->session, posta__lua_tls_at(L, 2, "tls")));
}

/* tls(s) -> { tls =, insecure = } as in receipts */
static int session_tls(lua_State *L) {
    posta_tls_info info;
    posta_session_tls(open(L)->session, &info);
    luaL_checkstack(L, 6, "posta.tls");
    lua_newtable(L);
    posta__lua_set_tls(L, &info);
    return 1;
}

/* cancel(s): what is pending ends at the next step; credentials are not asked for any more. */
static int session_cancel(lua_State *L) {
    lua_session *s = open(L);
    posta_session_cancel(s->session);
    posta__lua_login_reset(L, &s->login, 1);
    return 0;
}

/* give_up(s) -> the receipt of what was under way, which is cancelled */
static int session_give_up(lua_State *L) {
    lua_session *s = open(L);
    settle(s);
    posta__lua_login_reset(L, &s->login, 1);
    push_account(L, s);
    return 1;
}

/* Counts the text as it is pulled, for progress. */
static posta_status count_pull(void *user, posta_window *out) {
    lua_session *s = (lua_session *)user;
    size_t had = out->len;
    posta_status status = s->text.pull(s->text.user, out);
    s->pulled += out->len - had;
    return status;
}

static posta_status count_rewind(void *user) {
    lua_session *s = (lua_session *)user;
    s->pulled = 0;
    return s->text.rewind(s->text.user);
}

/* As posta_session_send_message, which answers itself when the message is wrong. */
static posta_status send_counted(lua_session *s, posta_message *m) {
    posta_compose_options options = posta_session_compose_options(s->session);
    s->pulled = 0;
    memset(&s->text, 0, sizeof s->text);
    if (!posta_session_is_connected(s->session) ||
        posta_message_compose(m, &options, &s->text, NULL) != POSTA_OK ||
        posta_message_envelope(m, &s->envelope) != POSTA_OK) {
        return posta_session_send_message(s->session, m, NULL);
    }
    s->envelope.has_crlf = true;
    s->counted = s->text;
    s->counted.user = s;
    s->counted.pull = count_pull;
    s->counted.rewind = s->text.rewind != NULL ? count_rewind : NULL;
    s->counted.close = NULL; /* the message's */
    return posta_session_send(s->session, &s->envelope, &s->counted, NULL);
}

/* send(s, m): the message is the session's until a step answers something else than in_progress. */
static int session_send(lua_State *L) {
    lua_session *s = open(L);
    posta__lua_message *m = posta__lua_message_check(L, 2);
    if (s->sending.is_reading || s->is_acting) return posta__lua_push_status(L, POSTA_E_STATE);
    if (!posta__lua_sending_begin(L, 1, 2, &s->sending)) {
        return posta__lua_push_status(L, POSTA_E_BUSY);
    }
    posta_status status = send_counted(s, m->box->message);
    if (status != POSTA_E_IN_PROGRESS) posta__lua_sending_end(&s->sending);
    return posta__lua_session_begun(L, s, status);
}

/* has_sent(s): was a message ever begun? Whoever was thrown out in the middle can tell by it. */
static int session_has_sent(lua_State *L) {
    lua_pushboolean(L, any(L)->sending.box != NULL);
    return 1;
}

/* progress(s) -> octets of the text that were taken, octets in all or nil */
static int session_progress(lua_State *L) {
    lua_session *s = any(L);
    posta__lua_push_count(L, s->pulled);
    if (s->text.pull == NULL || s->text.len == POSTA_LEN_UNKNOWN) return 1;
    posta__lua_push_count(L, s->text.len);
    return 2;
}

/* step(s, microseconds) -> status */
static int session_step(lua_State *L) {
    lua_session *s = open(L);
    lua_Number budget = luaL_optnumber(L, 2, 0);
    uint32_t us = budget > 0 && budget < (lua_Number)UINT32_MAX ? (uint32_t)budget : 0;
    posta_status status = posta_session_execute(s->session, us);
    bool is_asking = (posta_session_wants(s->session) & POSTA_WANT_AUTH) != 0;
    posta__lua_login_forget(L, &s->login, 1, is_asking);
    s->is_acting = status == POSTA_E_IN_PROGRESS;
    if (!s->is_acting) posta__lua_sending_end(&s->sending);
    return posta__lua_push_status(L, status);
}

static int session_asks_login(lua_State *L) {
    return posta__lua_login_asks(L, &any(L)->login);
}

static int session_login(lua_State *L) {
    return posta__lua_login_answer(L, &any(L)->login);
}

/* set_login(s, user, password) -> status: for the next connect */
static int session_set_login(lua_State *L) {
    lua_session *s = open(L);
    return posta__lua_push_status(
        L, posta_session_set_login(s->session, luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
}

/* wait(s, milliseconds): returns early when there is work, and on a signal. */
static int session_wait(lua_State *L) {
    lua_session *s = open(L);
    lua_Number ms = luaL_checknumber(L, 2);
    luaL_argcheck(L, ms >= 0 && ms <= 1000, 2, "expected 0 to 1000");
    posta_session_wait(s->session, (uint32_t)ms);
    return 0;
}

/* The function of the handlers for the event whose name is at `name`; nil when there is none. */
static void push_handler(lua_State *L, int name) {
    name = lua_absindex(L, name);
    lua_getuservalue(L, 1);
    lua_rawgeti(L, -1, POSTA__LUA_KEY_ON_EVENT);
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_pushvalue(L, name);
        lua_rawget(L, -2);
        lua_remove(L, -2);
    }
    lua_remove(L, -2);
}

/* An event has no enhanced code; the last response has, when it is the same reply still. */
static void add_enhanced(lua_State *L, const lua_session *s, const posta_event *e) {
    posta_reply reply;
    memset(&reply, 0, sizeof reply);
    posta_session_last_response(s->session, &reply, NULL);
    size_t n = strlen(reply.text);
    if (n > 40) n = 40;
    if (e->code == 0 || reply.code != e->code || reply.enhanced[0] == 0 || n > e->text.len) return;
    if (n > 0 && memcmp(reply.text, e->text.p, n) != 0) return;
    lua_pushliteral(L, "reply");
    lua_rawget(L, -2);
    if (lua_type(L, -1) == LUA_TTABLE) posta__lua_set_enhanced(L, &reply);
    lua_pop(L, 1);
}

/* take_event(s) -> handler or nil, name, info; or nothing. Lua calls the handler. */
static int session_take_event(lua_State *L) {
    posta_event e;
    lua_session *s = open(L);
    lua_settop(L, 1);
    luaL_checkstack(L, 8, "posta.event");
    if (!posta_session_next_event(s->session, &e)) return 0;
    posta__lua_push_event(L, &e);
    add_enhanced(L, s, &e);
    push_handler(L, 2);
    lua_insert(L, 2);
    return 3;
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

/* The account of the last action; the id of a message that was counted is the message's to tell. */
static void push_account(lua_State *L, lua_session *s) {
    const char *id = NULL;
    const posta_receipt *account = posta_session_receipt(s->session);
    posta__lua_push_receipt(L, account);
    if (s->sending.box != NULL && account->recipients_n > 0) {
        id = posta_message_id_of(s->sending.box->message);
    }
    if (id != NULL) posta__lua_set_text(L, "message_id", id);
}

static int session_receipt(lua_State *L) {
    push_account(L, open(L));
    return 1;
}

/* fault(s) -> code of the cause, phase, sentence: what ended the connection, when no account tells
 * it yet */
static int session_fault(lua_State *L) {
    const posta_fault *f = posta_session_fault(open(L)->session);
    posta__lua_push_status(L, f->cause);
    lua_pushstring(L, posta_phase_name(f->phase));
    lua_pushstring(L, posta_status_text(f->cause));
    return 3;
}

/* read_timer(s) -> seconds left for the server, 0 when they are over; nil: nothing is awaited */
static int session_read_timer(lua_State *L) {
    int64_t ms = posta_session_read_timer(open(L)->session);
    if (ms < 0) return 0;
    lua_pushnumber(L, (lua_Number)ms / 1000);
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
    {"set_tls", session_set_tls},
    {"tls", session_tls},
    {"close", session_close},
    {"is_session", session_is_session},
    {"is_closed", session_is_closed},
    {"is_acting", session_is_acting},
    {"on_close", session_on_close},
    {"connect", session_connect},
    {"disconnect", session_disconnect},
    {"reset", session_reset},
    {"noop", session_noop},
    {"cancel", session_cancel},
    {"give_up", session_give_up},
    {"send", session_send},
    {"step", session_step},
    {"asks_login", session_asks_login},
    {"login", session_login},
    {"set_login", session_set_login},
    {"wait", session_wait},
    {"take_event", session_take_event},
    {"progress", session_progress},
    {"has_sent", session_has_sent},
    {"fault", session_fault},
    {"read_timer", session_read_timer},
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
    luaL_setfuncs(L, posta__lua_session_steps, 0);
    luaL_setfuncs(L, posta__lua_session_extensions, 0);
    luaL_setfuncs(L, posta__lua_session_options, 0);
    luaL_setfuncs(L, posta__lua_session_wire, 0);
    lua_pushliteral(L, "methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    posta__lua_handle_type(L, POSTA__LUA_SESSION, meta);
    lua_rawset(L, -3);
}
