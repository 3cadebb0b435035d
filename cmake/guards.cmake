# The laws of the layers, as tests; core/test/guards says what each holds.

set(guards ${PROJECT_SOURCE_DIR}/core/test/guards)
set(python ${POSTA_PYTHON} -B)

# The self-tests see whether the guards can fail.
add_test(NAME guard/includes COMMAND ${python} ${guards}/includes.py ${PROJECT_SOURCE_DIR})
add_test(NAME guard/includes_self
         COMMAND ${python} ${guards}/includes.py --self-test ${PROJECT_SOURCE_DIR})
add_test(NAME guard/symbols_self
         COMMAND ${python} ${guards}/symbols.py --self-test ${CMAKE_C_COMPILER})

file(GLOB public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/include/posta/*.h)
# Sanitizers call their own run time from everywhere: no look at symbols there.
if(NOT POSTA_SANITIZE)
  add_test(NAME guard/symbols_objects
           COMMAND ${python} ${guards}/symbols.py objects
                   ${POSTA_CORE_OBJECTS} ${POSTA_SESSION_OBJECTS} ${POSTA_TLS_OBJECTS}
           COMMAND_EXPAND_LISTS)
  add_test(NAME guard/symbols_library
           COMMAND ${python} ${guards}/symbols.py library $<TARGET_FILE:posta_shared> ${public_headers})
  if(TARGET posta_lua)
    set(alone)
    if(NOT POSTA_TLS OR POSTA_MBEDTLS_INSIDE)
      set(alone --alone)
    endif()
    add_test(NAME guard/symbols_module
             COMMAND ${python} ${guards}/symbols.py module ${alone} $<TARGET_FILE:posta_lua>)
  endif()
endif()

if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_test(NAME guard/stack
           COMMAND ${python} ${guards}/stack.py ${PROJECT_SOURCE_DIR}/core ${CMAKE_C_COMPILER})
  add_test(NAME guard/stack_self
           COMMAND ${python} ${guards}/stack.py ${PROJECT_SOURCE_DIR}/core ${CMAKE_C_COMPILER} --self-test)
endif()

set(include_folder ${PROJECT_SOURCE_DIR}/core/include)
add_test(NAME guard/docs COMMAND ${python} ${guards}/docs.py ${include_folder})
add_test(NAME guard/docs_self COMMAND ${python} ${guards}/docs.py ${include_folder} --self-test)
add_test(NAME guard/headers_c11
         COMMAND ${guards}/headers.sh ${include_folder} ${CMAKE_C_COMPILER} -x c -std=c11)
# C++ is no language of this build, so any compiler of it will do.
find_program(POSTA_CXX NAMES c++ g++ clang++)
if(POSTA_CXX)
  add_test(NAME guard/headers_cxx11
           COMMAND ${guards}/headers.sh ${include_folder} ${POSTA_CXX} -x c++ -std=c++11)
else()
  message(STATUS "no C++ compiler: the headers are not tried as C++11")
endif()

foreach(version 2.28.3 2.28.9 3.0.0 3.6.5)
  add_test(NAME guard/mbedtls_warns_${version}
           COMMAND ${CMAKE_COMMAND} -DMbedTLS_VERSION=${version} -P ${PROJECT_SOURCE_DIR}/cmake/mbedtls_version.cmake)
  set_tests_properties(guard/mbedtls_warns_${version} PROPERTIES PASS_REGULAR_EXPRESSION "known[ \n]+faults")
endforeach()
foreach(version 2.28.10 3.6.6 4.0.0)
  add_test(NAME guard/mbedtls_accepts_${version}
           COMMAND ${CMAKE_COMMAND} -DMbedTLS_VERSION=${version} -P ${PROJECT_SOURCE_DIR}/cmake/mbedtls_version.cmake)
  set_tests_properties(guard/mbedtls_accepts_${version} PROPERTIES FAIL_REGULAR_EXPRESSION "known[ \n]+faults")
endforeach()
