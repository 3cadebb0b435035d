/* bindings: options of a session and of its sockets, by name. Values cross as C has them: numbers,
 * flags, texts; lua/posta/options.lua makes seconds and words of them. */
#define _DEFAULT_SOURCE /* SO_PRIORITY and the like are no POSIX */
#include "lua_i.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define open posta__lua_session_open

#define TEXT_SPACE 512u

static const posta_option_info *option_at(lua_State *L, int at) {
    const posta_option_info *info = posta_option_find(luaL_checkstring(L, at));
    if (info == NULL) luaL_argerror(L, at, "no such option");
    return info;
}

/* option_list() -> { name = { type =, when =, unit = }, ... } */
static int options_list(lua_State *L) {
    static const char *const types[] = {"number", "boolean", "string"};
    static const char *const whens[] = {"closed", "any", "never"};
    luaL_checkstack(L, 6, "posta.options");
    lua_newtable(L);
    for (int i = 0; i < (int)POSTA_OPTION_N_; i++) {
        const posta_option_info *info = posta_option_at((posta_option)i);
        lua_pushstring(L, info->name);
        lua_createtable(L, 0, 3);
        posta__lua_set_text(L, "type", types[info->type]);
        posta__lua_set_text(L, "when", whens[info->when]);
        posta__lua_set_text(L, "unit", info->unit);
        lua_rawset(L, -3);
    }
    return 1;
}

/* set_option(s, name, value) -> status. The value's type has been looked at. */
static int options_set(lua_State *L) {
    posta_session *s = open(L)->session;
    const posta_option_info *info = option_at(L, 2);
    if (info->type == POSTA_TYPE_TEXT) {
        size_t len = 0;
        const char *text = luaL_checklstring(L, 3, &len);
        return posta__lua_push_status(L, posta_session_set_option(s, info->option, text, len));
    }
    lua_Number n = info->type == POSTA_TYPE_FLAG ? lua_toboolean(L, 3) : luaL_checknumber(L, 3);
    luaL_argcheck(L, n >= 0 && n <= (lua_Number)UINT32_MAX, 3, "out of range");
    uint32_t number = (uint32_t)n;
    return posta__lua_push_status(
        L, posta_session_set_option(s, info->option, &number, sizeof number));
}

/* option(s, name) -> value; or nil, status */
static int options_get(lua_State *L) {
    posta_session *s = open(L)->session;
    const posta_option_info *info = option_at(L, 2);
    char text[TEXT_SPACE];
    uint32_t number = 0;
    bool is_text = info->type == POSTA_TYPE_TEXT;
    posta_status status =
        posta_session_get_option(s, info->option, is_text ? (void *)text : (void *)&number,
                                 is_text ? sizeof text : sizeof number, NULL);
    if (status != POSTA_OK) {
        lua_pushnil(L);
        return 1 + posta__lua_push_status(L, status);
    }
    if (is_text) {
        lua_pushstring(L, text);
    } else if (info->type == POSTA_TYPE_FLAG) {
        lua_pushboolean(L, number != 0);
    } else {
        lua_pushinteger(L, (lua_Integer)number);
    }
    return 1;
}

/* What may be set on sockets. */
static const struct {
    const char *name;
    int level, option;
} sockets[] = {
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE},
    {"rcvbuf", SOL_SOCKET, SO_RCVBUF},
    {"sndbuf", SOL_SOCKET, SO_SNDBUF},
    {"reuseaddr", SOL_SOCKET, SO_REUSEADDR},
#ifdef SO_BINDTODEVICE
    {"bindtodevice", SOL_SOCKET, SO_BINDTODEVICE},
#endif
#ifdef SO_PRIORITY
    {"priority", SOL_SOCKET, SO_PRIORITY},
#endif
#ifdef SO_MARK
    {"mark", SOL_SOCKET, SO_MARK},
#endif
    {"tos", IPPROTO_IP, IP_TOS},
    {"ttl", IPPROTO_IP, IP_TTL},
    {"nodelay", IPPROTO_TCP, TCP_NODELAY},
#ifdef TCP_MAXSEG
    {"maxseg", IPPROTO_TCP, TCP_MAXSEG},
#endif
#ifdef TCP_KEEPIDLE
    {"keepidle", IPPROTO_TCP, TCP_KEEPIDLE},
    {"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL},
    {"keepcnt", IPPROTO_TCP, TCP_KEEPCNT},
#endif
#ifdef TCP_USER_TIMEOUT
    {"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT},
#endif
};

static bool is_text(size_t i) {
    return strcmp(sockets[i].name, "bindtodevice") == 0;
}

/* socket_option_list() -> { name = "number" or "string", ... } */
static int options_sockets(lua_State *L) {
    lua_newtable(L);
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        posta__lua_set_text(L, sockets[i].name, is_text(i) ? "string" : "number");
    }
    return 1;
}

/* set_socket_option(s, name, number, boolean or string) -> status */
static int options_set_socket(lua_State *L) {
    posta_session *s = open(L)->session;
    const char *name = luaL_checkstring(L, 2);
    size_t i = 0;
    while (i < sizeof sockets / sizeof sockets[0] && strcmp(sockets[i].name, name) != 0)
        i++;
    luaL_argcheck(L, i < sizeof sockets / sizeof sockets[0], 2, "no such option");
    int number = 0;
    const void *value = &number;
    size_t len = sizeof number;
    if (is_text(i)) {
        luaL_checktype(L, 3, LUA_TSTRING);
        value = lua_tolstring(L, 3, &len);
    } else if (lua_type(L, 3) == LUA_TBOOLEAN) {
        number = lua_toboolean(L, 3);
    } else {
        lua_Number n = luaL_checknumber(L, 3);
        luaL_argcheck(L, n >= INT_MIN && n <= INT_MAX, 3, "out of range");
        number = (int)n;
    }
    return posta__lua_push_status(
        L, posta_session_set_socket_option(s, sockets[i].level, sockets[i].option, value, len));
}

const luaL_Reg posta__lua_session_options[] = {
    {"option_list", options_list},
    {"set_option", options_set},
    {"option", options_get},
    {"socket_option_list", options_sockets},
    {"set_socket_option", options_set_socket},
    {NULL, NULL},
};
