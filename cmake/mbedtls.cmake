# mbedTLS: the host's own target, or a package of CMake's (3.x), or libraries and headers (2.28).
#   POSTA_MBEDTLS_LIBS      what to link: targets or paths
#   POSTA_MBEDTLS_INCLUDE   where its headers are; empty when the targets say it
#   POSTA_MBEDTLS_MODULE    what the Lua module links, the static libraries with POSTA_MBEDTLS_STATIC

set(POSTA_MBEDTLS_INCLUDE)
if(POSTA_MBEDTLS_TARGET)
  set(POSTA_MBEDTLS_LIBS ${POSTA_MBEDTLS_TARGET})
else()
  find_package(MbedTLS CONFIG QUIET)
  if(TARGET MbedTLS::mbedtls)
    set(POSTA_MBEDTLS_LIBS MbedTLS::mbedtls MbedTLS::mbedx509 MbedTLS::mbedcrypto)
  else()
    find_path(POSTA_MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
    set(POSTA_MBEDTLS_LIBS)
    foreach(name mbedtls mbedx509 mbedcrypto)
      find_library(POSTA_LIB_${name} ${name})
      find_library(POSTA_STATIC_${name} lib${name}.a)
      mark_as_advanced(POSTA_LIB_${name} POSTA_STATIC_${name})
      if(NOT POSTA_LIB_${name} OR NOT POSTA_MBEDTLS_INCLUDE_DIR)
        message(FATAL_ERROR "mbedTLS not found (Debian: libmbedtls-dev); give CMAKE_PREFIX_PATH or "
                            "POSTA_MBEDTLS_TARGET, or -DPOSTA_TLS=OFF for a posta without TLS")
      endif()
      list(APPEND POSTA_MBEDTLS_LIBS ${POSTA_LIB_${name}})
    endforeach()
    set(POSTA_MBEDTLS_INCLUDE ${POSTA_MBEDTLS_INCLUDE_DIR})
  endif()
endif()

set(POSTA_MBEDTLS_MODULE ${POSTA_MBEDTLS_LIBS})
if(POSTA_MBEDTLS_STATIC AND POSTA_MBEDTLS_INCLUDE)
  if(NOT POSTA_STATIC_mbedtls OR NOT POSTA_STATIC_mbedx509 OR NOT POSTA_STATIC_mbedcrypto)
    message(FATAL_ERROR "POSTA_MBEDTLS_STATIC=ON: libmbedtls.a, libmbedx509.a, libmbedcrypto.a not found")
  endif()
  set(POSTA_MBEDTLS_MODULE ${POSTA_STATIC_mbedtls} ${POSTA_STATIC_mbedx509} ${POSTA_STATIC_mbedcrypto})
endif()

# For the sources that see mbedTLS's headers.
function(posta_uses_mbedtls target)
  if(POSTA_MBEDTLS_INCLUDE)
    target_include_directories(${target} SYSTEM PRIVATE ${POSTA_MBEDTLS_INCLUDE})
  else()
    foreach(lib IN LISTS POSTA_MBEDTLS_LIBS)
      target_include_directories(${target} SYSTEM PRIVATE
        $<TARGET_PROPERTY:${lib},INTERFACE_INCLUDE_DIRECTORIES>)
    endforeach()
  endif()
endfunction()
