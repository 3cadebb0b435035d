# The sources, by layer: a file belongs to the layer whose folder it is in.
function(posta_layer_sources out)
  set(found)
  foreach(layer IN LISTS ARGN)
    file(GLOB of_layer CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/${layer}/*.c)
    list(APPEND found ${of_layer})
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

set(POSTA_CORE_LAYERS base codec mime smtp auth)
set(POSTA_SESSION_LAYERS port session)

posta_layer_sources(POSTA_CORE_SOURCES ${POSTA_CORE_LAYERS})
posta_layer_sources(POSTA_SESSION_SOURCES ${POSTA_SESSION_LAYERS})
file(GLOB POSTA_LUA_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bindings/*.c)
