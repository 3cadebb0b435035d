# libidn2, for domains that are not ASCII: POSTA_IDNA=AUTO takes it where it is found, ON wants it.
#   POSTA_HAS_IDNA    1 or 0
#   posta::idn2       what our archives link; posta-config.cmake finds it anew
#   POSTA_IDN2_PC     what posta.pc requires for it
set(POSTA_HAS_IDNA OFF)
set(POSTA_IDN2_PC)
if(POSTA_IDNA)
  find_path(POSTA_IDN2_INCLUDE_DIR idn2.h)
  find_library(POSTA_LIB_idn2 idn2)
  mark_as_advanced(POSTA_IDN2_INCLUDE_DIR POSTA_LIB_idn2)
  if(POSTA_IDN2_INCLUDE_DIR AND POSTA_LIB_idn2)
    set(POSTA_HAS_IDNA ON)
    # Imported, so that install(EXPORT) writes its name down and asks for no target behind it.
    add_library(posta::idn2 INTERFACE IMPORTED GLOBAL)
    target_link_libraries(posta::idn2 INTERFACE ${POSTA_LIB_idn2})
    target_include_directories(posta::idn2 INTERFACE ${POSTA_IDN2_INCLUDE_DIR})
    set(POSTA_IDN2_PC "libidn2")
  elseif(NOT POSTA_IDNA STREQUAL "AUTO")
    message(FATAL_ERROR "libidn2 not found (Debian: libidn2-dev); give CMAKE_PREFIX_PATH, or -DPOSTA_IDNA=OFF "
                        "for a posta that takes domains in ASCII only")
  endif()
endif()
message(STATUS "IDNA: ${POSTA_HAS_IDNA} ${POSTA_LIB_idn2}")
