# Each source is compiled once, into objects; the libraries are made of these.

set(POSTA_PRIVATE_INCLUDES ${PROJECT_SOURCE_DIR}/core)
foreach(layer IN LISTS POSTA_CORE_LAYERS)
  list(APPEND POSTA_PRIVATE_INCLUDES ${PROJECT_SOURCE_DIR}/core/${layer})
endforeach()
set(POSTA_SESSION_INCLUDES ${POSTA_PRIVATE_INCLUDES})
foreach(layer IN LISTS POSTA_SESSION_LAYERS)
  list(APPEND POSTA_SESSION_INCLUDES ${PROJECT_SOURCE_DIR}/core/${layer})
endforeach()

function(posta_objects target)
  add_library(${target} OBJECT ${ARGN})
  posta_compile_options(${target})
  target_compile_definitions(${target} PRIVATE ${POSTA_DEFINITIONS} POSTA_BUILD_SHARED)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/core/include)
endfunction()

posta_objects(posta_core_objects ${POSTA_CORE_SOURCES})
target_include_directories(posta_core_objects PRIVATE ${POSTA_PRIVATE_INCLUDES})
set(POSTA_CORE_OBJECTS $<TARGET_OBJECTS:posta_core_objects>)

posta_objects(posta_session_objects ${POSTA_SESSION_SOURCES})
target_include_directories(posta_session_objects PRIVATE ${POSTA_SESSION_INCLUDES})
set(idn2)
if(POSTA_HAS_IDNA)
  set(idn2 posta::idn2)
endif()
target_link_libraries(posta_session_objects PRIVATE ${idn2})
set(POSTA_SESSION_OBJECTS $<TARGET_OBJECTS:posta_session_objects>)

# Definitions of a host's mbedTLS (MBEDTLS_CONFIG_FILE) come along with its headers.
set(mbedtls)
if(POSTA_TLS)
  set(mbedtls posta::mbedtls)
endif()
posta_objects(posta_tls_objects ${POSTA_TLS_SOURCES})
target_include_directories(posta_tls_objects PRIVATE ${POSTA_SESSION_INCLUDES})
target_link_libraries(posta_tls_objects PRIVATE ${mbedtls})
set(POSTA_TLS_OBJECTS $<TARGET_OBJECTS:posta_tls_objects>)

# posta_library(TARGET STATIC|SHARED NAME OBJECTS...): what hosts see of it is posta::NAME.
function(posta_library target kind name)
  add_library(${target} ${kind} ${ARGN})
  add_library(posta::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C EXPORT_NAME ${name})
  target_compile_definitions(${target} PUBLIC ${POSTA_DEFINITIONS})
  target_compile_features(${target} PUBLIC c_std_11)
  target_link_options(${target} PUBLIC ${POSTA_SANITIZE_FLAGS})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/core/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set(POSTA_LIBRARIES ${POSTA_LIBRARIES} ${target} PARENT_SCOPE)
endfunction()

posta_library(posta_core STATIC core ${POSTA_CORE_OBJECTS})
# TLS and session need each other's neighbours (port below, the link above), so they are one archive;
# posta::tls is its other name.
posta_library(posta_session STATIC session ${POSTA_SESSION_OBJECTS} ${POSTA_TLS_OBJECTS})
target_link_libraries(posta_session PUBLIC posta_core ${POSTA_THREAD_LIBS} PRIVATE ${mbedtls} ${idn2})
if(POSTA_TLS)
  add_library(posta::tls ALIAS posta_session)
endif()
posta_library(posta STATIC posta ${POSTA_CORE_OBJECTS} ${POSTA_SESSION_OBJECTS} ${POSTA_TLS_OBJECTS})
target_link_libraries(posta PUBLIC ${POSTA_THREAD_LIBS} PRIVATE ${mbedtls} ${idn2})
posta_library(posta_shared SHARED shared ${POSTA_CORE_OBJECTS} ${POSTA_SESSION_OBJECTS} ${POSTA_TLS_OBJECTS})
target_link_libraries(posta_shared PRIVATE ${mbedtls} ${idn2} ${POSTA_THREAD_LIBS})
set_target_properties(posta_shared PROPERTIES
  OUTPUT_NAME posta VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libposta.map)
# Never unloaded: a resolver's thread may still be in it.
target_link_options(posta_shared PRIVATE -Wl,-z,nodelete
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/libposta.map)
