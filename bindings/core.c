/* bindings: the module's table. `require "posta.core"` is for lua/posta; people require "posta". */
#include "lua_i.h"

#include "posta/port.h"

#include <string.h>

/* where(options) -> { host, port, security, is_unix, is_lmtp, has_user, ca_file }; or nil, field,
 * text, code. Options: url or host, port, security, has_auth, has_tls. */
static int core_where(lua_State *L) {
    const posta_auth auth = POSTA_AUTH;
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_where where;
    posta_problem problem;
    static const char *const security[] = {"default", "none", "opportunistic", "starttls", "tls"};
    luaL_checktype(L, 1, LUA_TTABLE);
    c.url = posta__lua_text(L, 1, "url");
    c.host = posta__lua_text(L, 1, "host");
    c.tcp_port = (uint16_t)posta__lua_number(L, 1, "port", UINT16_MAX, 0);
    c.security = posta__lua_security(L, 1, "security");
    /* Only whether there is one is asked, never what it holds. */
    c.tls = posta__lua_flag(L, 1, "has_tls") ? (posta_tls *)(void *)&c : NULL;
    c.auth = posta__lua_flag(L, 1, "has_auth") ? &auth : NULL;
    posta_status status = posta_session_where(&c, &where, &problem);
    /* Credentials leave no copy on the C stack, whatever may raise below. */
    char host[sizeof where.host];
    memcpy(host, where.host, sizeof host);
    uint16_t port = where.port;
    const char *word = security[where.security];
    bool is_unix = where.is_unix;
    bool is_lmtp = where.is_lmtp;
    bool has_user = where.has_user;
    char ca_file[sizeof where.ca_file];
    memcpy(ca_file, where.ca_file, sizeof ca_file);
    posta_where_wipe(&where);
    if (status != POSTA_OK) {
        lua_pushnil(L);
        lua_pushstring(L, problem.field);
        lua_pushstring(L, problem.text[0] != '\0' ? problem.text : posta_status_text(status));
        lua_pushstring(L, posta_status_code(status));
        return 4;
    }
    lua_createtable(L, 0, 8);
    posta__lua_set_text(L, "host", host);
    posta__lua_set_integer(L, "port", port);
    posta__lua_set_text(L, "security", word);
    posta__lua_set_flag(L, "is_unix", is_unix);
    posta__lua_set_flag(L, "is_lmtp", is_lmtp);
    posta__lua_set_flag(L, "has_user", has_user);
    if (ca_file[0] != 0) posta__lua_set_text(L, "ca_file", ca_file);
    return 1;
}

/* host_name() -> the machine's name when it has a dot, else nil */
static int core_host_name(lua_State *L) {
    char name[POSTA_MAX_DOMAIN + 1];
    if (posta_host_name(name, sizeof name) != POSTA_OK) return 0;
    lua_pushstring(L, name);
    return 1;
}

static const luaL_Reg functions[] = {
    {"where", core_where},
    {"host_name", core_host_name},
    {NULL, NULL},
};

static void add(lua_State *L, const char *key, void (*open)(lua_State *)) {
    lua_pushstring(L, key);
    open(L);
    lua_rawset(L, -3);
}

int luaopen_posta_core(lua_State *L) {
#if LUA_VERSION_NUM >= 502
    luaL_checkversion(L);
#endif
    luaL_checkstack(L, 12, "posta.core");
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    luaL_setfuncs(L, posta__lua_handle_functions, 0);
    posta__lua_set_text(L, "version", "0.1.0");
    /* What this file was built for; lua/posta compares it with _VERSION. */
    posta__lua_set_integer(L, "lua", LUA_VERSION_NUM);
    add(L, "message", posta__lua_open_messages);
    add(L, "session", posta__lua_open_sessions);
    add(L, "link", posta__lua_open_links);
    add(L, "address", posta__lua_open_addresses);
    add(L, "tls", posta__lua_open_tls);
    add(L, "codec", posta__lua_open_codecs);
    return 1;
}

/* registry._LOADED.package.preload, each step raw: a host's own metatables are not asked. */
void posta_preload(lua_State *L) {
    static const char *const path[] = {"_LOADED", "package", "preload"};
    luaL_checkstack(L, 6, "posta_preload");
    int top = lua_gettop(L);
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        lua_pushstring(L, path[i]);
        lua_rawget(L, -2);
        if (lua_type(L, -1) != LUA_TTABLE) {
            lua_settop(L, top);
            return;
        }
    }
    lua_pushliteral(L, "posta.core");
    lua_pushcfunction(L, luaopen_posta_core);
    lua_rawset(L, -3);
    lua_settop(L, top);
}
