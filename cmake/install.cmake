# Where things go.
#   POSTA_INSTALL_C    lib/ include/posta/ lib/pkgconfig/posta.pc lib/cmake/posta/
#   POSTA_INSTALL_LUA  share/lua/5.4/posta/*.lua lib/lua/5.4/posta/core.so (the version that was built for)
include(CMakePackageConfigHelpers)

if(POSTA_INSTALL_C)
  if(TARGET posta_lua_static)
    list(APPEND POSTA_LIBRARIES posta_lua_static)
    install(FILES ${PROJECT_SOURCE_DIR}/bindings/posta_lua.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
  install(TARGETS ${POSTA_LIBRARIES} EXPORT posta-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/include/posta DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")

  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/posta)
  install(EXPORT posta-targets NAMESPACE posta:: DESTINATION ${package_dir})
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/posta-config.cmake.in
    ${PROJECT_BINARY_DIR}/posta-config.cmake INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/posta-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/posta-config.cmake
                ${PROJECT_BINARY_DIR}/posta-config-version.cmake DESTINATION ${package_dir})

  # The switches travel with the library, as they do with the CMake targets.
  set(POSTA_PC_CFLAGS)
  foreach(definition IN LISTS POSTA_DEFINITIONS)
    string(APPEND POSTA_PC_CFLAGS " -D${definition}")
  endforeach()
  # What libposta.a needs besides; a host's own mbedTLS is its own matter.
  set(POSTA_PC_PRIVATE)
  foreach(flag IN LISTS POSTA_MBEDTLS_PC POSTA_THREAD_LIBS)
    string(APPEND POSTA_PC_PRIVATE " ${flag}")
  endforeach()
  # By its own place, so that `cmake --install --prefix` and a moved tree keep it true.
  set(POSTA_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(POSTA_PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
  set(POSTA_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(POSTA_PC_PREFIX "\${pcfiledir}/${up}")
    set(POSTA_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(POSTA_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/posta.pc.in ${PROJECT_BINARY_DIR}/posta.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/posta.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

if(POSTA_INSTALL_LUA AND TARGET posta_lua)
  set(lua_dir share/lua/${POSTA_LUA_ABI})
  set(lua_libdir lib/lua/${POSTA_LUA_ABI})
  if(POSTA_LUA_DIR)
    set(lua_dir ${POSTA_LUA_DIR})
  endif()
  if(POSTA_LUA_LIBDIR)
    set(lua_libdir ${POSTA_LUA_LIBDIR})
  endif()
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/lua/posta DESTINATION ${lua_dir} FILES_MATCHING PATTERN "*.lua")
  install(TARGETS posta_lua LIBRARY DESTINATION ${lua_libdir}/posta)
endif()
