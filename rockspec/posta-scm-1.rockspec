-- The rock: the Lua files and the C module, in one step and without network.
--
--   luarocks --lua-version=5.4 --tree=TREE make rockspec/posta-scm-1.rockspec
--
-- from the top folder of the source tree. Needs a C compiler, CMake >= 3.16 and the headers of that Lua
-- and mbedTLS 2.28 or 3.x (Debian: gcc libc6-dev make cmake liblua5.4-dev libmbedtls-dev). Lua 5.1, 5.2 and
-- LuaJIT also need lua-compat-5.3's C header (Debian: lua-compat53-dev). What one may add at the end of the
-- line:
--
--   LUA_INCDIR=FOLDER   where lua.h is, when LuaRocks does not find it. For LuaJIT:
--                       --lua-version=5.1 ... LUA_INCDIR=/usr/include/luajit-2.1
--   COMPAT53_INCDIR=FOLDER   where compat-5.3.h is, when it is in no usual place
--   MBEDTLS_DIR=FOLDER       mbedTLS's own tree (FOLDER/include, FOLDER/lib), when it is in no usual place
--
-- Where libidn2 is found (Debian: libidn2-dev) domains that are not ASCII can go to every server, and the
-- module then needs it at run time.
--
-- The module holds the C core and mbedTLS; it needs libc at run time and no other rock. Where mbedTLS has no
-- static libraries that fit into a module (the build says why), it needs the shared ones at run time.
-- `posta.catcher`, for tests of your own mail code, uses LuaSocket when it is started, and LuaSec when it
-- shall speak TLS.
package = "posta"
version = "scm-1"
rockspec_format = "3.0"
source = {
  url = "file://.",      -- a rock of the working tree: always used with `luarocks make`
}
description = {
  summary = "SMTP client and MIME engine",
  detailed = [[
Sends mail from Lua with one call, inside any event loop, and says honestly what became of it.]],
  license = "MIT",
}
dependencies = {
  "lua >= 5.1, < 5.6",
}
external_dependencies = {
  MBEDTLS = { header = "mbedtls/ssl.h", library = "mbedtls" },
}
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    POSTA_BUILD_TESTS = "OFF",
    POSTA_BUILD_EXAMPLES = "OFF",
    POSTA_BUILD_LUA = "ON",
    POSTA_INSTALL_C = "OFF",
    POSTA_INSTALL_LUA = "ON",
    POSTA_LUA_VERSION = "",                       -- lua.h says
    POSTA_LUA_INCLUDE_DIR = "$(LUA_INCDIR)",
    POSTA_COMPAT53_INCLUDE_DIR = "$(COMPAT53_INCDIR)",
    CMAKE_PREFIX_PATH = "$(MBEDTLS_DIR)",
    POSTA_MBEDTLS_STATIC = "AUTO",
    POSTA_IDNA = "AUTO",
    POSTA_LUA_DIR = "$(LUADIR)",
    POSTA_LUA_LIBDIR = "$(LIBDIR)",
  },
}
