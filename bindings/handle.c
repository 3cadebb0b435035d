/* bindings: what all handles share: one metatable a type, a user value, and the mark of who runs
 * them.
 *
 * The user value is a table. Number keys hold what posta borrows; DATA holds a table that the Lua
 * layer uses as it likes (hooks, body functions); THREAD and FRAME say who is in the middle of an
 * operation. The thread is held weakly: one that nobody can resume any more is collected, and its
 * operation with it.
 */
#include "lua_i.h"

#include <string.h>

#define KEY_DATA   "data"
#define KEY_THREAD "thread"
#define KEY_FRAME  "frame"
#define WEAK       "posta.weak" /* the metatable's name in the registry */

void *posta__lua_handle_new(lua_State *L, size_t len, const char *type) {
    void *p = lua_newuserdata(L, len);
    memset(p, 0, len);
    lua_createtable(L, 2, 3);
    lua_pushliteral(L, KEY_DATA);
    lua_newtable(L);
    lua_rawset(L, -3);
    lua_setuservalue(L, -2);
    /* Last: a finaliser must never see a handle that is half made. */
    lua_pushstring(L, type);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, -2);
    return p;
}

void posta__lua_handle_type(lua_State *L, const char *type, const luaL_Reg *meta) {
    luaL_newmetatable(L, type);
    luaL_setfuncs(L, meta, 0);
    posta__lua_set_text(L, "__name", type);
    lua_pushliteral(L, "__index");
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
}

void posta__lua_keep(lua_State *L, int handle, int key, int value) {
    value = lua_absindex(L, value);
    lua_getuservalue(L, handle);
    lua_pushvalue(L, value);
    lua_rawseti(L, -2, key);
    lua_pop(L, 1);
}

void posta__lua_unkeep(lua_State *L, int handle, int key) {
    lua_getuservalue(L, handle);
    lua_pushnil(L);
    lua_rawseti(L, -2, key);
    lua_pop(L, 1);
}

static void check(lua_State *L, int at) {
    if (luaL_testudata(L, at, POSTA__LUA_SESSION) != NULL) return;
    if (luaL_testudata(L, at, POSTA__LUA_LINK) != NULL) return;
    if (luaL_testudata(L, at, POSTA__LUA_MESSAGE) != NULL) return;
    luaL_argerror(L, at, "posta handle expected");
}

static void put(lua_State *L, const char *key, int value) {
    lua_pushstring(L, key);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
}

static int get(lua_State *L, const char *key) {
    lua_pushstring(L, key);
    lua_rawget(L, -2);
    return lua_type(L, -1);
}

/* data(handle) -> the Lua layer's own table */
static int handle_data(lua_State *L) {
    check(L, 1);
    lua_getuservalue(L, 1);
    get(L, KEY_DATA);
    return 1;
}

/* Pushes the handle's own table, made once, that holds its thread at 1. */
static void push_thread_holder(lua_State *L, int handle) {
    lua_getuservalue(L, handle);
    if (get(L, KEY_THREAD) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 1, 0);
        if (luaL_newmetatable(L, WEAK)) posta__lua_set_text(L, "__mode", "v");
        lua_setmetatable(L, -2);
        lua_pushliteral(L, KEY_THREAD);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
}

/* enter(handle, frame): this thread begins an operation, whose loop is the function `frame`. */
static int handle_enter(lua_State *L) {
    check(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    luaL_checkstack(L, 8, "posta.enter");
    push_thread_holder(L, 1);
    lua_pushthread(L);
    lua_rawseti(L, -2, 1);
    lua_getuservalue(L, 1);
    put(L, KEY_FRAME, 2);
    return 0;
}

/* leave(handle): the operation is over. */
static int handle_leave(lua_State *L) {
    check(L, 1);
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_getuservalue(L, 1);
    put(L, KEY_FRAME, 2);
    return 0;
}

bool posta__lua_handle_is_entered(lua_State *L, int handle) {
    lua_getuservalue(L, handle);
    bool is_entered = get(L, KEY_FRAME) == LUA_TFUNCTION;
    lua_pop(L, 2);
    return is_entered;
}

void posta__lua_handle_account(lua_State *L, int handle) {
    lua_getuservalue(L, handle);
    get(L, KEY_DATA);
    lua_pushliteral(L, "account");
    lua_pushvalue(L, -4);
    lua_rawset(L, -3);
    lua_pop(L, 3);
}

/* Is the function at index `frame` of L active in thread t? */
static bool is_active(lua_State *L, lua_State *t, int frame) {
    lua_Debug ar;
    if (t != L && lua_status(t) != LUA_OK && lua_status(t) != LUA_YIELD) return false;
    if (!lua_checkstack(t, 1)) return true;
    for (int level = 0; lua_getstack(t, level, &ar); level++) {
        lua_getinfo(t, "f", &ar);
        if (t != L) lua_xmove(t, L, 1);
        bool same = lua_rawequal(L, -1, frame) != 0;
        lua_pop(L, 1);
        if (same) return true;
    }
    return false;
}

/* is_running(handle) -> true while an operation is in the middle of its work (it waits, or a hook
 * of the user runs), and whether the caller is inside it; false when there is none; nil when there
 * was one and an error threw it out, or its coroutine is gone. No pcall could tell: Lua 5.1 cannot
 * yield across one. The debug interface of C can. */
static int handle_is_running(lua_State *L) {
    check(L, 1);
    luaL_checkstack(L, 8, "posta.is_running");
    lua_settop(L, 1);
    lua_getuservalue(L, 1);
    if (get(L, KEY_FRAME) != LUA_TFUNCTION) {
        lua_pushboolean(L, false);
        return 1;
    }
    int frame = lua_gettop(L);
    push_thread_holder(L, 1);
    lua_rawgeti(L, -1, 1);
    lua_State *t = lua_tothread(L, -1);
    if (t == NULL || !is_active(L, t, frame)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushboolean(L, true);
    lua_pushboolean(L, t == L);
    return 2;
}

/* now() -> seconds of the monotonic clock, for budgets */
static int handle_now(lua_State *L) {
    const posta_port *system = posta_port_default();
    lua_pushnumber(L, (lua_Number)system->now_ms(system->user) / 1000);
    return 1;
}

const luaL_Reg posta__lua_handle_functions[] = {
    {"data", handle_data},   {"enter", handle_enter},
    {"leave", handle_leave}, {"is_running", handle_is_running},
    {"now", handle_now},     {NULL, NULL},
};
