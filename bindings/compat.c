/* bindings: lua-compat-5.3's functions, compiled once under our own prefix, for Lua 5.1, 5.2 and
 * LuaJIT. With a newer Lua this file is empty but for one declaration. */
#include "lua_i.h"

#ifdef POSTA_COMPAT53
#include <compat-5.3.c>
#endif
