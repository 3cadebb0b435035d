/* bindings: who logs in. C never calls Lua: when credentials are asked for, that is noted and
 * answered with POSTA_AGAIN; the loop asks `asks_login`, calls the user's function in a plain Lua
 * frame, and hands the answer in by `login`.
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

/* A step of a mechanism is asked for like credentials. */
static posta_status step(const posta_mechanism *m, void *state, const posta_login *login,
                         posta_span challenge, posta_window *out, const char **why_out) {
    posta__lua_login *l = m->user;
    (void)state;
    (void)login;
    if (!l->has_answer) {
        l->asks = true;
        l->step = (size_t)(m - l->custom) + 1;
        l->challenge = challenge;
        return POSTA_AGAIN;
    }
    l->has_answer = false;
    *why_out = "the mechanism's function gave no answer";
    if (l->answer != POSTA_OK) return l->answer;
    *why_out = "the mechanism's answer is longer than there is room for in a line of AUTH";
    if (l->said.len > out->cap - out->len) return POSTA_E_LIMIT;
    if (l->said.len > 0) memcpy(out->p + out->len, l->said.p, l->said.len);
    out->len += l->said.len;
    return POSTA_OK;
}

/* custom = { { name =, first = }, ... } of the table on top, looked at before */
static void take_mechanisms(lua_State *L, posta__lua_login *l) {
    lua_pushliteral(L, "custom");
    lua_rawget(L, -2);
    size_t n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    for (size_t i = 0; i < n && i < POSTA__LUA_MECHANISMS; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        const char *name = posta__lua_text(L, lua_gettop(L), "name");
        size_t len = name != NULL ? strlen(name) : 0;
        memcpy(l->names[i], name != NULL ? name : "",
               len < POSTA_MAX_MECHANISM ? len : POSTA_MAX_MECHANISM);
        l->custom[i] = (posta_mechanism){
            .size = sizeof l->custom[i],
            .name = l->names[i],
            .flags = posta__lua_flag(L, lua_gettop(L), "first") ? POSTA_MECHANISM_FIRST : 0u,
            .user = l,
            .answer = step,
        };
        l->list[i] = &l->custom[i];
        l->auth.custom_n = i + 1;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (l->auth.custom_n > 0) l->auth.custom = l->list;
}

const posta_auth *posta__lua_login_config(lua_State *L, int at, posta__lua_login *l, int handle) {
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
    take_mechanisms(L, l);
    if (posta__lua_flag(L, auth, "asks")) {
        l->auth.ask = ask;
        l->auth.ask_data = l;
    }
    if (handle != 0) posta__lua_keep(L, handle, POSTA__LUA_KEY_AUTH, auth);
    lua_pop(L, 1);
    return &l->auth;
}

/* asks_login(handle) -> "first" or "refused", when credentials are asked for; "step", which,
 * challenge, when a mechanism's step is; else nothing */
int posta__lua_login_asks(lua_State *L, const posta__lua_login *l) {
    if (!l->asks) return 0;
    if (l->step > 0) {
        lua_pushliteral(L, "step");
        lua_pushinteger(L, (lua_Integer)l->step);
        lua_pushlstring(L, l->challenge.len > 0 ? (const char *)l->challenge.p : "",
                        l->challenge.len);
        return 3;
    }
    lua_pushstring(L, l->why == POSTA_AUTH_ASK_FIRST ? "first" : "refused");
    return 1;
}

/* login(handle, { password =, token =, said = }): what was asked for; nil: there is none, and
 * nobody logs in. */
int posta__lua_login_answer(lua_State *L, posta__lua_login *l) {
    l->asks = false;
    l->has_answer = true;
    l->answer = POSTA_E_CANCELLED;
    l->given = (posta_credentials){NULL, NULL, NULL};
    l->said = (posta_span){NULL, 0};
    l->step = 0;
    if (!lua_istable(L, 2)) return 0;
    l->answer = POSTA_OK;
    l->given.password = posta__lua_text(L, 2, "password");
    l->given.token = posta__lua_text(L, 2, "token");
    lua_pushliteral(L, "said");
    lua_rawget(L, 2);
    if (lua_type(L, -1) == LUA_TSTRING)
        l->said.p = (const uint8_t *)lua_tolstring(L, -1, &l->said.len);
    lua_pop(L, 1);
    posta__lua_keep(L, 1, POSTA__LUA_KEY_ANSWER, 2);
    return 0;
}

void posta__lua_login_reset(lua_State *L, posta__lua_login *l, int handle) {
    l->asks = l->has_answer = false;
    l->step = 0;
    l->challenge = l->said = (posta_span){NULL, 0};
    l->given = (posta_credentials){NULL, NULL, NULL};
    posta__lua_unkeep(L, handle, POSTA__LUA_KEY_ANSWER);
}

void posta__lua_login_forget(lua_State *L, posta__lua_login *l, int handle, bool is_asking) {
    bool has_strings = l->given.password || l->given.token || l->said.p;
    bool is_over = !is_asking && (l->asks || l->has_answer);
    bool is_taken = has_strings && !l->has_answer && !l->asks;
    if (is_over || is_taken) posta__lua_login_reset(L, l, handle);
}
