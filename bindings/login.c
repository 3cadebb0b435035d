/* bindings: who logs in. C never calls Lua: when credentials are asked for, that is noted and answered with
 * POSTA_AGAIN; the loop asks `asks_login`, calls the user's function in a plain Lua frame, and hands the answer
 * in by `login`.
 */
#include "lua_i.h"

#include <string.h>

static posta_status ask(void *user, posta_auth_ask why, posta_credentials *out) {
    posta__lua_login *l = user;
    if (!l->has_answer) {
        l->asks = true;
        l->why = why;
        return POSTA_AGAIN;
    }
    l->has_answer = false;
    if (l->answer != POSTA_OK) return l->answer;
    if (l->given.password) out->password = l->given.password;
    if (l->given.token) out->token = l->given.token;
    return POSTA_OK;
}

const posta_auth *posta__lua_login_config(lua_State *L, int at, posta__lua_login *l,
                                          int handle) {
    const posta_auth none = POSTA_AUTH;
    lua_pushliteral(L, "auth");
    lua_rawget(L, at);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        return NULL;
    }
    int auth = lua_gettop(L);
    l->auth = none;
    l->auth.user = posta__lua_text(L, auth, "user");
    l->auth.password = posta__lua_text(L, auth, "password");
    l->auth.token = posta__lua_text(L, auth, "token");
    l->auth.authzid = posta__lua_text(L, auth, "authzid");
    l->auth.mechanisms = posta__lua_text(L, auth, "mechanisms");
    l->auth.insecure = posta__lua_flag(L, auth, "insecure");
    l->auth.min_iterations =
        (uint32_t)posta__lua_number(L, auth, "min_iterations", UINT32_MAX, l->auth.min_iterations);
    l->auth.max_iterations =
        (uint32_t)posta__lua_number(L, auth, "max_iterations", UINT32_MAX, l->auth.max_iterations);
    if (posta__lua_flag(L, auth, "asks")) {
        l->auth.ask = ask;
        l->auth.ask_data = l;
    }
    if (handle != 0) posta__lua_keep(L, handle, POSTA__LUA_KEY_AUTH, auth);
    lua_pop(L, 1);
    return &l->auth;
}

/* asks_login(handle) -> "first" or "refused", when credentials are asked for; else nothing */
int posta__lua_login_asks(lua_State *L, const posta__lua_login *l) {
    if (!l->asks) return 0;
    lua_pushstring(L, l->why == POSTA_AUTH_ASK_FIRST ? "first" : "refused");
    return 1;
}

/* login(handle, { password =, token = }): what was asked for; nil: there is none, and nobody logs in. */
int posta__lua_login_answer(lua_State *L, posta__lua_login *l) {
    l->asks = false;
    l->has_answer = true;
    l->answer = POSTA_E_CANCELLED;
    l->given = (posta_credentials){NULL, NULL, NULL};
    if (!lua_istable(L, 2)) return 0;
    l->answer = POSTA_OK;
    l->given.password = posta__lua_text(L, 2, "password");
    l->given.token = posta__lua_text(L, 2, "token");
    posta__lua_keep(L, 1, POSTA__LUA_KEY_ANSWER, 2);
    return 0;
}

/* C has its own copy: Lua's need not live on. */
void posta__lua_login_forget(lua_State *L, posta__lua_login *l, int handle) {
    if (l->has_answer || !(l->given.password || l->given.token)) return;
    l->given = (posta_credentials){NULL, NULL, NULL};
    posta__lua_unkeep(L, handle, POSTA__LUA_KEY_ANSWER);
}
