# The Lua module posta/core.so, and the same code as an archive for hosts with a Lua of their own.

# The Lua that a folder's lua.h is of: "5.4"; empty when there is none or it cannot be read.
function(posta_lua_h_version folder out)
  set(found)
  if(EXISTS "${folder}/lua.h")
    file(STRINGS "${folder}/lua.h" lines REGEX "^#define[ \t]+LUA_VERSION_(NUM[ \t]+50|MINOR_N[ \t]+)[0-9]")
    if(lines)
      string(REGEX REPLACE "^.*([0-9])[^0-9]*$" "5.\\1" found "${lines}")
    endif()
  endif()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# Normal variables, not cached: both may change from one configuration to the next.
set(lua_version "${POSTA_LUA_VERSION}")
set(lua_include "${POSTA_LUA_INCLUDE_DIR}")
if(NOT lua_version)
  posta_lua_h_version("${lua_include}" lua_version)
  if(NOT lua_version)
    set(lua_version 5.4)
  endif()
endif()
if(NOT lua_version MATCHES "^(5\\.[1-5]|luajit)$")
  message(FATAL_ERROR "POSTA_LUA_VERSION=${lua_version}: want 5.1, 5.2, 5.3, 5.4 or luajit")
endif()

# LuaJIT speaks the ABI of 5.1 and looks for modules where 5.1 does.
set(POSTA_LUA_ABI ${lua_version})
if(lua_version STREQUAL "luajit")
  set(POSTA_LUA_ABI 5.1)
endif()

if(NOT lua_include)
  string(REPLACE "." "" lua_digits ${lua_version})
  set(lua_suffixes lua${lua_version} lua-${lua_version} lua${lua_digits})
  if(lua_version STREQUAL "luajit")
    set(lua_suffixes luajit-2.1 luajit-2.0)
  endif()
  unset(posta_lua_h CACHE)
  find_path(posta_lua_h lua.h PATH_SUFFIXES ${lua_suffixes})
  set(lua_include ${posta_lua_h})
  unset(posta_lua_h CACHE)
endif()
if(NOT EXISTS "${lua_include}/lua.h")
  message(FATAL_ERROR "lua.h of Lua ${lua_version} not found: install its headers (Debian: "
                      "liblua${lua_version}-dev; libluajit-5.1-dev), or give POSTA_LUA_INCLUDE_DIR, "
                      "or -DPOSTA_BUILD_LUA=OFF")
endif()
# A module built for another Lua than its folder says would fail only when it is loaded.
posta_lua_h_version("${lua_include}" lua_h_version)
if(lua_h_version AND NOT lua_h_version STREQUAL POSTA_LUA_ABI)
  message(FATAL_ERROR "${lua_include}/lua.h is of Lua ${lua_h_version}, "
                      "but POSTA_LUA_VERSION is ${lua_version}")
endif()

# Lua 5.1, 5.2 and LuaJIT get the C functions of 5.3 from lua-compat-5.3.
set(lua_compat)
if(POSTA_LUA_ABI VERSION_LESS 5.3)
  set(lua_compat ${POSTA_COMPAT53_INCLUDE_DIR})
  if(NOT lua_compat)
    unset(posta_compat_h CACHE)
    find_path(posta_compat_h compat-5.3.h HINTS ${lua_include}
              PATH_SUFFIXES lua${POSTA_LUA_ABI} lua-${POSTA_LUA_ABI} lua-compat-5.3)
    set(lua_compat ${posta_compat_h})
    unset(posta_compat_h CACHE)
  endif()
  if(NOT EXISTS "${lua_compat}/compat-5.3.h")
    message(FATAL_ERROR "compat-5.3.h not found: Lua ${lua_version} needs lua-compat-5.3 "
                        "(Debian: lua-compat53-dev), or give POSTA_COMPAT53_INCLUDE_DIR")
  endif()
endif()
message(STATUS "Lua ${lua_version}: ${lua_include} ${lua_compat}")

function(posta_lua_target target)
  posta_compile_options(${target})
  # The order matters: lua-compat-5.3 may lie beside the lua.h of another Lua (5.1's, for LuaJIT).
  target_include_directories(${target} SYSTEM PRIVATE ${lua_include} ${lua_compat})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/bindings)
  if(lua_compat)
    target_compile_definitions(${target} PRIVATE POSTA_COMPAT53)
  endif()
endfunction()

add_library(posta_lua_static STATIC ${POSTA_LUA_SOURCES})
add_library(posta::lua_static ALIAS posta_lua_static)
set_target_properties(posta_lua_static PROPERTIES EXPORT_NAME lua_static)
posta_lua_target(posta_lua_static)
target_include_directories(posta_lua_static PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/bindings> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(posta_lua_static PUBLIC posta)

add_library(posta_lua MODULE ${POSTA_LUA_SOURCES})
posta_lua_target(posta_lua)
set_target_properties(posta_lua PROPERTIES
  PREFIX "" SUFFIX ".so" OUTPUT_NAME core
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lua/posta
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/module.map)
# Of objects, not of posta: that brings mbedTLS as the archives have it. What archives bring in here
# (mbedTLS's static libraries) is not seen outside, so it meets no mbedTLS that the host has of its own.
# Not linked to a liblua: the symbols are those of the process that loads it.
# Never unloaded: a metatable that outlives its lua_State's module would point into nothing.
target_sources(posta_lua PRIVATE ${POSTA_CORE_OBJECTS} ${POSTA_SESSION_OBJECTS} ${POSTA_TLS_OBJECTS})
target_compile_definitions(posta_lua PRIVATE ${POSTA_DEFINITIONS})
target_include_directories(posta_lua PRIVATE ${PROJECT_SOURCE_DIR}/core/include)
target_link_libraries(posta_lua PRIVATE ${POSTA_MBEDTLS_MODULE} ${idn2} ${POSTA_THREAD_LIBS})
target_link_options(posta_lua PRIVATE -Wl,-z,nodelete -Wl,-z,text -Wl,--exclude-libs,ALL
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/module.map)
