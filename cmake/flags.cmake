# What every target of ours is compiled with.

set(POSTA_WARNINGS)
if(POSTA_TOP_LEVEL)
  set(POSTA_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2
      # C11 has none; a compiler that lets it pass gives a module which fails only when it is loaded.
      -Werror=implicit-function-declaration)
  if(POSTA_WERROR)
    list(APPEND POSTA_WARNINGS -Werror)
  endif()
endif()

# 1 or 0, and seen by who includes us too: headers may say less in a smaller build.
set(POSTA_DEFINITIONS)
foreach(switch FILES TEXTS RESOLVER THREADS TLS SIMD)
  if(POSTA_${switch})
    list(APPEND POSTA_DEFINITIONS POSTA_${switch}=1)
  else()
    list(APPEND POSTA_DEFINITIONS POSTA_${switch}=0)
  endif()
endforeach()
if(POSTA_HAS_IDNA)
  list(APPEND POSTA_DEFINITIONS POSTA_IDNA=1)
else()
  list(APPEND POSTA_DEFINITIONS POSTA_IDNA=0)
endif()
if(POSTA_TINY)
  list(APPEND POSTA_DEFINITIONS POSTA_TINY=1 POSTA_FOLD_AT=20u)
endif()

# As flags, not as a target: hosts need no find_package(Threads). Empty where libc has them.
set(POSTA_THREAD_LIBS)
if(POSTA_THREADS)
  set(CMAKE_THREAD_PREFER_PTHREAD ON)
  find_package(Threads REQUIRED)
  set(POSTA_THREAD_LIBS ${CMAKE_THREAD_LIBS_INIT})
endif()

set(POSTA_SANITIZE_FLAGS)
if(POSTA_SANITIZE STREQUAL "thread")
  set(POSTA_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(POSTA_SANITIZE)
  set(POSTA_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
endif()

# C11 without extensions; hidden unless said otherwise; position independent, because the same objects
# go into the archives, the shared library and the Lua module.
function(posta_compile_options target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE ${POSTA_WARNINGS} ${POSTA_SANITIZE_FLAGS})
  target_link_options(${target} PRIVATE ${POSTA_SANITIZE_FLAGS})
endfunction()
