# C tests: core/test/*/test_*.c and core/test/test_*.c, a program and a CTest entry each.
# core/test/servers/test_*.c speak to the servers of tools/servers and read where they are from the
# environment (POSTA_POSTFIX, ...). core/test/tls/test_*.c see mbedTLS itself and are not built without TLS.
# What needs certificates reads them from POSTA_CERTS, where the fixture `certs` puts them; builds may
# share that folder.

find_path(POSTA_CMOCKA_INCLUDE cmocka.h)
find_library(POSTA_CMOCKA_LIBRARY cmocka)
if(NOT POSTA_CMOCKA_INCLUDE OR NOT POSTA_CMOCKA_LIBRARY)
  message(FATAL_ERROR "cmocka not found (Debian: libcmocka-dev); or give -DPOSTA_BUILD_TESTS=OFF")
endif()

set(test_root ${PROJECT_SOURCE_DIR}/core/test)
set(POSTA_CERTS ${PROJECT_BINARY_DIR}/certs CACHE PATH "Where tests have certificates (by tools/certs)")

function(posta_test_target target)
  posta_compile_options(${target})
  # Tables of cases hold formats.
  target_compile_options(${target} PRIVATE -Wno-format-nonliteral)
  target_include_directories(${target} SYSTEM PRIVATE ${POSTA_CMOCKA_INCLUDE})
  target_include_directories(${target} PRIVATE ${test_root}/support ${POSTA_SESSION_INCLUDES})
  target_compile_definitions(${target} PRIVATE
    POSTA_DIALOGUES="${test_root}/dialogues" POSTA_TEST_DATA="${test_root}/data"
    POSTA_DOCS="${PROJECT_SOURCE_DIR}/docs" POSTA_CERTS="${POSTA_CERTS}")
endfunction()

file(GLOB support CONFIGURE_DEPENDS ${test_root}/support/*.c)
find_package(Threads REQUIRED)
set(test_libraries posta ${POSTA_CMOCKA_LIBRARY} Threads::Threads)
if(support)
  add_library(t_support STATIC ${support})
  posta_test_target(t_support)
  target_link_libraries(t_support PUBLIC posta ${POSTA_CMOCKA_LIBRARY})
  list(INSERT test_libraries 0 t_support)
endif()

if(POSTA_TLS)
  add_test(NAME certs COMMAND ${PROJECT_SOURCE_DIR}/tools/certs ${POSTA_CERTS})
  set_tests_properties(certs PROPERTIES FIXTURES_SETUP certs TIMEOUT 120)
endif()

file(GLOB tests CONFIGURE_DEPENDS ${test_root}/test_*.c ${test_root}/*/test_*.c)
# A device's mbedTLS has no server to test against.
set(can_serve OFF)
if(POSTA_TLS)
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES posta::mbedtls)
  unset(POSTA_MBEDTLS_CAN_SERVE CACHE)
  check_c_source_compiles("#include <mbedtls/ssl.h>
    #ifndef MBEDTLS_SSL_SRV_C
    #error none
    #endif
    int main(void) { return 0; }" POSTA_MBEDTLS_CAN_SERVE)
  set(can_serve ${POSTA_MBEDTLS_CAN_SERVE})
  unset(CMAKE_REQUIRED_LIBRARIES)
endif()
# Their certificates are files.
if(NOT can_serve OR NOT POSTA_FILES)
  list(FILTER tests EXCLUDE REGEX "/core/test/tls/")
endif()
foreach(source IN LISTS tests)
  file(RELATIVE_PATH name ${test_root} ${source})
  string(REGEX REPLACE "\\.c$" "" name ${name})
  string(REPLACE "/test_" "_" target ${name})
  add_executable(t_${target} ${source})
  posta_test_target(t_${target})
  target_link_libraries(t_${target} PRIVATE ${test_libraries})
  if(name MATCHES "^tls/")
    target_include_directories(t_${target} PRIVATE ${test_root}/tls)
    target_link_libraries(t_${target} PRIVATE posta::mbedtls)
  endif()
  # Tests against real servers run only when asked for: ctest -C servers -L servers
  set(only_with)
  if(name MATCHES "^servers/")
    set(only_with CONFIGURATIONS servers)
  endif()
  add_test(NAME ${name} COMMAND t_${target} WORKING_DIRECTORY ${PROJECT_BINARY_DIR} ${only_with})
  # cmocka ends with 0 when a test skipped itself; here that is no pass.
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  if(only_with)
    set_tests_properties(${name} PROPERTIES LABELS servers)
  endif()
  if(POSTA_TLS AND name MATCHES "^(tls|servers)/|/test_tls")
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED certs)
  endif()
endforeach()

# What TLS costs in memory, counted by a calloc of its own, against docs/devices.md. Which column is true
# depends on mbedTLS's configuration.
set(POSTA_BUDGET "Debian" CACHE STRING "The column of docs/devices.md that this mbedTLS is of; empty: none")
if(POSTA_TLS AND POSTA_FILES AND POSTA_BUDGET AND NOT POSTA_SANITIZE AND NOT POSTA_TINY)
  add_executable(t_tls_budget ${test_root}/tls/budget.c)
  posta_test_target(t_tls_budget)
  target_link_libraries(t_tls_budget PRIVATE posta posta::mbedtls)
  find_program(POSTA_PYTHON NAMES python3)
  add_test(NAME tls/budget
    COMMAND ${POSTA_PYTHON} -B ${test_root}/tls/budget.py $<TARGET_FILE:t_tls_budget> ${POSTA_BUDGET})
  set_tests_properties(tls/budget PROPERTIES TIMEOUT 60)
endif()

# judge_X.c with judge_X.py beside it: the program writes, the script reads it back independently.
find_program(POSTA_PYTHON NAMES python3)
if(NOT POSTA_PYTHON)
  message(FATAL_ERROR "python3 not found: judges and guards need it; or give -DPOSTA_BUILD_TESTS=OFF")
endif()
file(GLOB judges CONFIGURE_DEPENDS ${test_root}/*/judge_*.c)
# Folding at 20 leaves a field's name alone on its line, and Python then reads the fold's blank as text.
if(POSTA_TINY)
  set(judges)
endif()
foreach(source IN LISTS judges)
  file(RELATIVE_PATH name ${test_root} ${source})
  string(REGEX REPLACE "\\.c$" "" name ${name})
  string(REPLACE "/" "_" target ${name})
  add_executable(t_${target} ${source})
  posta_test_target(t_${target})
  target_link_libraries(t_${target} PRIVATE ${test_libraries})
  add_test(NAME ${name} COMMAND ${POSTA_PYTHON} -B ${test_root}/${name}.py $<TARGET_FILE:t_${target}>)
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()

# Programs in the model's style, which know posta/treck.h alone; core/test/treck/test_programs.c runs
# them.
foreach(name blocking nonblocking)
  add_executable(treck_${name} ${test_root}/treck/${name}.c)
  posta_compile_options(treck_${name})
  target_compile_definitions(treck_${name} PRIVATE _POSIX_C_SOURCE=200809L)
  target_link_libraries(treck_${name} PRIVATE posta Threads::Threads)
  string(TOUPPER ${name} upper)
  target_compile_definitions(t_treck_programs PRIVATE POSTA_TRECK_${upper}="$<TARGET_FILE:treck_${name}>")
  add_dependencies(t_treck_programs treck_${name})
endforeach()

# Composes N random message trees for core/test/mime/judge*.py; see step_trees of tools/test.
file(GLOB random_sources CONFIGURE_DEPENDS ${test_root}/mime/random_*.c)
add_executable(random_trees ${random_sources})
posta_test_target(random_trees)
target_link_libraries(random_trees PRIVATE ${test_libraries})

# A figure, no test; that it runs is one.
# bench/ is run by hand; what of it needs nothing but posta is kept compiling here.
add_executable(bench_codec ${PROJECT_SOURCE_DIR}/bench/codec.c ${PROJECT_SOURCE_DIR}/bench/codec_alone.c)
posta_test_target(bench_codec)
target_link_libraries(bench_codec PRIVATE posta)
add_executable(bench_posta ${PROJECT_SOURCE_DIR}/bench/drivers/posta.c)
posta_test_target(bench_posta)
target_link_libraries(bench_posta PRIVATE posta)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  foreach(tool sink measure)
    add_executable(bench_${tool} ${PROJECT_SOURCE_DIR}/bench/${tool}.c)
    posta_test_target(bench_${tool})
  endforeach()
endif()
add_test(NAME bench/codec COMMAND bench_codec 1)
set_tests_properties(bench/codec PROPERTIES TIMEOUT 60)

# Counted by tools/test --step counts.
add_executable(bench_compose_small ${PROJECT_SOURCE_DIR}/bench/compose_small.c)
posta_test_target(bench_compose_small)
target_link_libraries(bench_compose_small PRIVATE posta)
foreach(mode whole make compose)
  add_test(NAME bench/compose_small_${mode} COMMAND bench_compose_small 10 ${mode})
endforeach()

include(${PROJECT_SOURCE_DIR}/cmake/guards.cmake)

# The binding inside a C host, with an allocator that fails at every turn. LuaJIT's states take none.
if(TARGET posta_lua_static AND NOT lua_version STREQUAL "luajit")
  find_library(POSTA_TEST_LUA_LIBRARY NAMES lua${lua_version} lua-${lua_version})
  if(NOT POSTA_TEST_LUA_LIBRARY)
    message(FATAL_ERROR "liblua${lua_version} not found: the tests of the binding in a C host need it")
  endif()
  add_executable(t_lua_host ${PROJECT_SOURCE_DIR}/bindings/test/test_host.c)
  posta_test_target(t_lua_host)
  posta_lua_target(t_lua_host)
  target_compile_definitions(t_lua_host PRIVATE POSTA_LUA_DIR="${PROJECT_SOURCE_DIR}/lua")
  target_link_libraries(t_lua_host PRIVATE posta_lua_static ${test_libraries} ${POSTA_TEST_LUA_LIBRARY} m)
  add_test(NAME lua/host COMMAND t_lua_host)
  set_tests_properties(lua/host PROPERTIES TIMEOUT 120 FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endif()

# Each example against tools/catch: what it prints, and what arrived.
find_program(POSTA_TEST_LUA NAMES lua5.4 lua5.3 luajit lua)
function(posta_test_example name output text recipients)
  add_test(NAME examples/${name} COMMAND ${POSTA_PYTHON} -B ${test_root}/examples/run.py
    $<TARGET_FILE:example_${name}> ${output} ${text} ${recipients})
  set_tests_properties(examples/${name} PROPERTIES TIMEOUT 60)
endfunction()
if(POSTA_BUILD_EXAMPLES AND POSTA_TEST_LUA AND POSTA_TEXTS)
  posta_test_example(send "^accepted for 1 of 1: 250 " "Hello from C.\\r\\n" 1)
  posta_test_example(blocking "^accepted: <" "line.\\r\\n.and this one begins with a dot\\r\\n" 3)
  posta_test_example(nonblocking "^accepted: " "line 1000 of 1000\\r\\n" 1)
  if(POSTA_THREADS)
    posta_test_example(async_notify "^accepted for 100" "\\r\\n\\r\\nHello.\\r\\n" 100)
  endif()
  posta_test_example(custom_transport "^accepted, [0-9]+ octets out" "wire of our own" 1)
endif()
