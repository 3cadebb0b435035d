/* bindings: a message step by step: sender, recipient, begin_message, body, end_message. Each
 * answers a status; "in_progress": step until it is another. */
#include "lua_i.h"

#define any  posta__lua_session_any
#define open posta__lua_session_open

/* set_host(s, host or nil, port or nil) -> status */
static int steps_set_host(lua_State *L) {
    posta__lua_session *s = open(L);
    const char *host = luaL_checkstring(L, 2);
    lua_Number port = luaL_optnumber(L, 3, 0);
    luaL_argcheck(L, port >= 0 && port <= 65535, 3, "expected 0 to 65535");
    return posta__lua_push_status(L, posta_session_set_host(s->session, host, (uint16_t)port));
}

/* peer(s) -> "host:port", as its sentences name it */
static int steps_peer(lua_State *L) {
    lua_pushstring(L, posta_session_peer(open(L)->session));
    return 1;
}

/* sender(s, t): address, name, reply_to_name, reply_to */
static int steps_sender(lua_State *L) {
    posta__lua_session *s = open(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    const char *name = posta__lua_text(L, 2, "name");
    const char *address = posta__lua_text(L, 2, "address");
    const char *reply_to_name = posta__lua_text(L, 2, "reply_to_name");
    const char *reply_to = posta__lua_text(L, 2, "reply_to");
    return posta__lua_session_begun(
        L, s, posta_session_sender(s->session, name, address, reply_to_name, reply_to));
}

/* recipient(s, t): address, name, type */
static int steps_recipient(lua_State *L) {
    posta__lua_session *s = open(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    const char *name = posta__lua_text(L, 2, "name");
    const char *address = posta__lua_text(L, 2, "address");
    const char *word = posta__lua_text(L, 2, "type");
    posta_recipient_type type = POSTA_RECIPIENT_TO;
    if (word != NULL && word[0] == 'c') type = POSTA_RECIPIENT_CC;
    if (word != NULL && word[0] == 'b') type = POSTA_RECIPIENT_BCC;
    return posta__lua_session_begun(L, s, posta_session_recipient(s->session, name, address, type));
}

/* begin_message(s, t): subject, date, mime */
static int steps_begin_message(lua_State *L) {
    posta__lua_session *s = open(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    const char *subject = posta__lua_text(L, 2, "subject");
    const char *date = posta__lua_text(L, 2, "date");
    unsigned flags = posta__lua_flag(L, 2, "mime") ? POSTA_MESSAGE_MIME : 0u;
    return posta__lua_session_begun(L, s,
                                    posta_session_begin_message(s->session, subject, date, flags));
}

/* body(s, bytes, i, j) -> index of the last byte taken, status. i and j are within the bytes. */
static int steps_body(lua_State *L) {
    posta__lua_session *s = open(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_Number i = luaL_checknumber(L, 3);
    lua_Number j = luaL_checknumber(L, 4);
    luaL_argcheck(L, i >= 1 && i <= (lua_Number)len + 1, 3, "not an index of the bytes");
    luaL_argcheck(L, j >= i - 1 && j <= (lua_Number)len, 4, "not an index of the bytes");
    size_t from = (size_t)i - 1;
    posta_status status = POSTA_OK;
    size_t n = posta_session_body(s->session, bytes + from, (size_t)j - from, &status);
    lua_pushinteger(L, (lua_Integer)(from + n));
    return 1 + posta__lua_push_status(L, status);
}

static int steps_end_message(lua_State *L) {
    posta__lua_session *s = open(L);
    return posta__lua_session_begun(L, s, posta_session_end_message(s->session));
}

const luaL_Reg posta__lua_session_steps[] = {
    {"set_host", steps_set_host},
    {"peer", steps_peer},
    {"sender", steps_sender},
    {"recipient", steps_recipient},
    {"begin_message", steps_begin_message},
    {"body", steps_body},
    {"end_message", steps_end_message},
    {NULL, NULL},
};
