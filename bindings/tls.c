/* bindings: posta.tls, whom a connection trusts and what is shown to servers. A handle holds one
 * share of a posta_tls; sessions and engines hold their own, so it may be collected before them. */
#include "lua_i.h"

#include <string.h>

typedef struct lua_tls {
    posta_tls *tls; /* null: closed */
} lua_tls;

static lua_tls *any(lua_State *L, int at) {
    return (lua_tls *)luaL_checkudata(L, at, POSTA__LUA_TLS);
}

/* The key wants a password: Lua asks its function and tries again. C never calls Lua. */
static size_t note_password(void *user, char *out, size_t cap) {
    (void)out;
    (void)cap;
    *(bool *)user = true;
    return 0;
}

static posta_tls_version version_of(const char *word) {
    if (word == NULL) return POSTA_TLS_DEFAULT;
    return strcmp(word, "1.3") == 0 ? POSTA_TLS_1_3 : POSTA_TLS_1_2;
}

/* Octets of t[key]; they live as long as the table has them. */
static posta_span octets(lua_State *L, int at, const char *key) {
    posta_span s = {NULL, 0};
    lua_pushstring(L, key);
    lua_rawget(L, at);
    if (lua_type(L, -1) == LUA_TSTRING) s.p = (const uint8_t *)lua_tolstring(L, -1, &s.len);
    lua_pop(L, 1);
    return s;
}

/* new(options) -> handle; or nil, status, field, text, whether the key wants a password. Options
 * are those of posta_tls_config, with min_version "1.2" or "1.3". */
static int tls_new(lua_State *L) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    posta_problem problem;
    bool asked = false;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 8, "posta.tls");
    lua_tls *t = (lua_tls *)posta__lua_handle_new(L, sizeof *t, POSTA__LUA_TLS);
    c.ca_file = posta__lua_text(L, 1, "ca_file");
    c.ca_path = posta__lua_text(L, 1, "ca_path");
    c.ca = octets(L, 1, "ca");
    c.cert_file = posta__lua_text(L, 1, "cert_file");
    c.cert = octets(L, 1, "cert");
    c.key_file = posta__lua_text(L, 1, "key_file");
    c.key = octets(L, 1, "key");
    c.key_password = posta__lua_text(L, 1, "key_password");
    c.password = note_password;
    c.password_user = &asked;
    c.pin = posta__lua_text(L, 1, "pin");
    c.server_name = posta__lua_text(L, 1, "server_name");
    c.min_version = version_of(posta__lua_text(L, 1, "min_version"));
    c.ciphers = posta__lua_text(L, 1, "ciphers");
    c.insecure = (unsigned)posta__lua_number(L, 1, "insecure", 15, 0);
    posta_status status = posta_tls_new(&c, &t->tls, &problem);
    if (status == POSTA_OK) return 1;
    lua_pushnil(L);
    posta__lua_push_status(L, status);
    lua_pushstring(L, problem.field);
    lua_pushstring(L, problem.text);
    lua_pushboolean(L, asked);
    return 5;
}

posta_tls *posta__lua_tls_at(lua_State *L, int at, const char *key) {
    lua_pushstring(L, key);
    lua_rawget(L, at);
    lua_tls *t = (lua_tls *)luaL_testudata(L, -1, POSTA__LUA_TLS);
    lua_pop(L, 1);
    return t != NULL ? t->tls : NULL;
}

static int tls_close(lua_State *L) {
    posta_tls_free(&any(L, 1)->tls);
    return 0;
}

static int tls_tostring(lua_State *L) {
    lua_tls *t = any(L, 1);
    if (t->tls == NULL) {
        lua_pushliteral(L, "posta.tls (closed)");
    } else {
        lua_pushfstring(L, "posta.tls: %p", (const void *)t);
    }
    return 1;
}

/* is_tls(value): of any type; and whether it is open */
static int tls_is_tls(lua_State *L) {
    lua_tls *t = (lua_tls *)luaL_testudata(L, 1, POSTA__LUA_TLS);
    lua_pushboolean(L, t != NULL);
    lua_pushboolean(L, t != NULL && t->tls != NULL);
    return 2;
}

/* library() -> "mbed TLS 2.28.3"; "" when none is built in */
static int tls_library(lua_State *L) {
    lua_pushstring(L, posta_tls_library());
    return 1;
}

static const luaL_Reg functions[] = {
    {"new", tls_new},         {"close", tls_close}, {"is_tls", tls_is_tls},
    {"library", tls_library}, {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", tls_close}, {"__close", tls_close}, {"__tostring", tls_tostring}, {NULL, NULL}};

void posta__lua_open_tls(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, "methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    posta__lua_handle_type(L, POSTA__LUA_TLS, meta);
    lua_rawset(L, -3);
}
