/* bindings/posta_lua.h: posta inside a host that has its own Lua. Link posta::lua_static, then:
 *
 *     lua_State *L = luaL_newstate();
 *     luaL_openlibs(L);
 *     posta_preload(L);                         require "posta.core" now needs no core.so
 *
 * The files of lua/posta must be found by the host's `require`, or be preloaded by it likewise.
 */
#ifndef POSTA_LUA_H
#define POSTA_LUA_H

#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POSTA_LUA_API __attribute__((visibility("default")))
#else
#define POSTA_LUA_API
#endif

/** Opens the C module: what `require "posta.core"` calls. Leaves its table on the stack. */
POSTA_LUA_API int luaopen_posta_core(lua_State *L);

/** Puts the C module into package.preload. Without the package library it does nothing: the host
 * then hands luaopen_posta_core to its own loader. May raise Lua's out-of-memory error. */
POSTA_LUA_API void posta_preload(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
