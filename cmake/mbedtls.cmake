# mbedTLS: the host's own target, or a package of CMake's (3.x), or libraries and headers (2.28).
#   posta::mbedtls          what our archives link, and where its headers are. posta-config.cmake finds it
#                           anew, so that no path of this machine is installed
#   POSTA_MBEDTLS_LIBS      the same without headers: targets or paths
#   POSTA_MBEDTLS_MODULE    what the Lua module links
#   POSTA_MBEDTLS_INSIDE    the module holds mbedTLS: these are static libraries
#   POSTA_MBEDTLS_PACKAGE   the version of CMake's package, which the users of posta should find too
#   POSTA_MBEDTLS_PC        what posta.pc says of it; nothing of a host's own target

set(mbedtls_names mbedtls mbedx509 mbedcrypto)
set(mbedtls_help "(Debian: libmbedtls-dev); give CMAKE_PREFIX_PATH or POSTA_MBEDTLS_TARGET, \
or -DPOSTA_TLS=OFF for a posta without TLS")
set(POSTA_MBEDTLS_PACKAGE)
set(mbedtls_include)    # empty when the targets say it
set(mbedtls_static)     # the static libraries, when there are all three
set(mbedtls_folder)     # where the libraries are

function(posta_mbedtls_by_target)
  foreach(target IN LISTS POSTA_MBEDTLS_TARGET)
    if(NOT TARGET ${target})
      message(FATAL_ERROR "POSTA_MBEDTLS_TARGET: there is no target ${target} (it must be made before "
                          "posta is added)")
    endif()
  endforeach()
  set(POSTA_MBEDTLS_LIBS ${POSTA_MBEDTLS_TARGET} PARENT_SCOPE)
endfunction()

# A package may have static and shared libraries, then the static ones are MbedTLS::mbedtls_static etc.
function(posta_mbedtls_by_package)
  set(libs)
  set(statics)
  foreach(name IN LISTS mbedtls_names)
    list(APPEND libs MbedTLS::${name})
    get_target_property(type MbedTLS::${name} TYPE)
    if(TARGET MbedTLS::${name}_static)
      list(APPEND statics MbedTLS::${name}_static)
    elseif(type STREQUAL "STATIC_LIBRARY")
      list(APPEND statics MbedTLS::${name})
    endif()
  endforeach()
  list(LENGTH statics n)
  if(n EQUAL 3)
    set(mbedtls_static ${statics} PARENT_SCOPE)
  endif()
  set(POSTA_MBEDTLS_LIBS ${libs} PARENT_SCOPE)
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" release "${MbedTLS_VERSION}")
  set(POSTA_MBEDTLS_PACKAGE ${release} PARENT_SCOPE)
  foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_RELEASE IMPORTED_LOCATION_NOCONFIG
                   IMPORTED_LOCATION_DEBUG)
    get_target_property(location MbedTLS::mbedtls ${property})
    if(location)
      get_filename_component(folder ${location} DIRECTORY)
      set(mbedtls_folder ${folder} PARENT_SCOPE)
      break()
    endif()
  endforeach()
endfunction()

# The static libraries are looked for beside the others: elsewhere they may be of another version.
function(posta_mbedtls_by_files)
  set(libs)
  set(statics)
  find_path(POSTA_MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
  foreach(name IN LISTS mbedtls_names)
    find_library(POSTA_LIB_${name} ${name})
    if(NOT POSTA_LIB_${name} OR NOT POSTA_MBEDTLS_INCLUDE_DIR)
      message(FATAL_ERROR "mbedTLS not found ${mbedtls_help}")
    endif()
    list(APPEND libs ${POSTA_LIB_${name}})
    get_filename_component(folder ${POSTA_LIB_${name}} DIRECTORY)
    find_library(POSTA_STATIC_${name} lib${name}.a PATHS ${folder} NO_DEFAULT_PATH)
    mark_as_advanced(POSTA_LIB_${name} POSTA_STATIC_${name})
    if(POSTA_STATIC_${name})
      list(APPEND statics ${POSTA_STATIC_${name}})
    endif()
  endforeach()
  list(LENGTH statics n)
  if(n EQUAL 3)
    set(mbedtls_static ${statics} PARENT_SCOPE)
  endif()
  set(POSTA_MBEDTLS_LIBS ${libs} PARENT_SCOPE)
  set(mbedtls_include ${POSTA_MBEDTLS_INCLUDE_DIR} PARENT_SCOPE)
  set(mbedtls_folder ${folder} PARENT_SCOPE)
endfunction()

if(POSTA_MBEDTLS_TARGET)
  posta_mbedtls_by_target()
else()
  find_package(MbedTLS CONFIG QUIET)
  if(TARGET MbedTLS::mbedtls)
    posta_mbedtls_by_package()
  else()
    posta_mbedtls_by_files()
  endif()
endif()

# May these go into a shared object? Debian's may; mbedTLS's own build makes them without -fPIC.
function(posta_mbedtls_fits out)
  set(source ${PROJECT_BINARY_DIR}/CMakeFiles/posta_mbedtls_fits.c)
  file(WRITE ${source} "int mbedtls_ssl_handshake(void *);\n"
                       "int fits(void *);\nint fits(void *p) { return mbedtls_ssl_handshake(p); }\n")
  unset(posta_mbedtls_fits CACHE)
  try_compile(posta_mbedtls_fits ${PROJECT_BINARY_DIR}/CMakeFiles/posta_mbedtls_fits SOURCES ${source}
    CMAKE_FLAGS -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    LINK_OPTIONS -shared -Wl,-z,text -Wl,--exclude-libs,ALL LINK_LIBRARIES ${ARGN} OUTPUT_VARIABLE said)
  if(NOT posta_mbedtls_fits)
    file(WRITE ${PROJECT_BINARY_DIR}/posta_mbedtls_fits.log "${said}")
  endif()
  set(${out} ${posta_mbedtls_fits} PARENT_SCOPE)
  unset(posta_mbedtls_fits CACHE)
endfunction()

set(POSTA_MBEDTLS_MODULE ${POSTA_MBEDTLS_LIBS})
set(POSTA_MBEDTLS_INSIDE OFF)
if(POSTA_MBEDTLS_STATIC AND POSTA_BUILD_LUA AND NOT POSTA_MBEDTLS_TARGET)
  set(why "libmbedtls.a, libmbedx509.a and libmbedcrypto.a are not all in ${mbedtls_folder}")
  if(mbedtls_static)
    posta_mbedtls_fits(POSTA_MBEDTLS_INSIDE ${mbedtls_static})
    set(why "the static libraries in ${mbedtls_folder} do not link into a shared object: build mbedTLS with \
-DCMAKE_POSITION_INDEPENDENT_CODE=ON (what the linker said: ${PROJECT_BINARY_DIR}/posta_mbedtls_fits.log)")
  endif()
  if(POSTA_MBEDTLS_INSIDE)
    set(POSTA_MBEDTLS_MODULE ${mbedtls_static})
  elseif(POSTA_MBEDTLS_STATIC STREQUAL "AUTO")
    message(STATUS "The Lua module will need mbedTLS's shared libraries at run time: ${why}")
  else()
    message(FATAL_ERROR "POSTA_MBEDTLS_STATIC=${POSTA_MBEDTLS_STATIC}: ${why}; or give "
                        "POSTA_MBEDTLS_STATIC=OFF for a module that needs the shared libraries at run time")
  endif()
endif()

# Imported, so that install(EXPORT) writes its name down and asks for no target behind it.
add_library(posta::mbedtls INTERFACE IMPORTED GLOBAL)
target_link_libraries(posta::mbedtls INTERFACE ${POSTA_MBEDTLS_LIBS})
target_include_directories(posta::mbedtls INTERFACE ${mbedtls_include})

set(POSTA_MBEDTLS_PC)
if(NOT POSTA_MBEDTLS_TARGET)
  set(POSTA_MBEDTLS_PC "-lmbedtls -lmbedx509 -lmbedcrypto")
  if(mbedtls_folder AND NOT mbedtls_folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
    set(POSTA_MBEDTLS_PC "-L${mbedtls_folder} ${POSTA_MBEDTLS_PC}")
  endif()
endif()
message(STATUS "mbedTLS: ${POSTA_MBEDTLS_LIBS}; in the Lua module: ${POSTA_MBEDTLS_MODULE}")

include(${CMAKE_CURRENT_LIST_DIR}/mbedtls_version.cmake)
