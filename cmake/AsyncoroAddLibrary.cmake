# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

#[[
One layer: a shared library with its headers, its rules of installation and its component of the CMake package.
Called from the CMakeLists.txt of the layer's folder, for example src/network/CMakeLists.txt:

    asyncoro_add_library(Network            # target AsyncoroNetwork, alias Asyncoro::Network
        SOURCES                             # not the public headers: they are added by themselves
            asyncsocket.cpp
            socketerror_p.h
        HEADERS                             # public headers by the name of their class:
            AsyncSocket                     #   asyncsocket.h, which users include as <Asyncoro/AsyncSocket>
            AsyncServer                     #   asyncserver.h
        DETAIL_HEADERS                      # installed because templates need them; no promise to users
            detail/socketawaiter.h
        LINK                                # what the public headers need; the component finds these again
            Asyncoro::Core
            Qt6::Network
        LINK_PRIVATE                        # what only the sources need
            KF6::Archive
    )

HEADERS may name a sub-folder, as in  coroutine/Task : the file is coroutine/task.h, the include <Asyncoro/Task>.

- The export macro of the example is ASYNCORO_NETWORK_EXPORT, from "asyncoronetwork_export.h".
- Inside a layer headers include each other in quotes, relative to the layer's folder; other layers use <Asyncoro/Name>.
  The layer's folder is searched for quoted includes only (-iquote): were it searched for <...> too, the standard
  library's own <semaphore.h> would be ours.
- Installed: include/Asyncoro/Name forwards to include/Asyncoro/network/name.h.
- -DASYNCORO_CHECK_HEADERS=ON (preset dev), or the target check-headers, compiles each public header alone;
  see AsyncoroCheckHeaders.cmake.
]]

include(AsyncoroCheckHeaders)
include(GenerateExportHeader)

set(ASYNCORO_CMAKE_INSTALL_DIR ${KDE_INSTALL_LIBDIR}/cmake/Asyncoro)
set(ASYNCORO_INCLUDE_INSTALL_DIR ${KDE_INSTALL_INCLUDEDIR}/Asyncoro)

function(asyncoro_add_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;DETAIL_HEADERS;LINK;LINK_PRIVATE")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "asyncoro_add_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()

    set(target Asyncoro${name})
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME layer)
    set(generated_dir ${PROJECT_BINARY_DIR}/include/${layer})
    set(forwarding_dir ${PROJECT_BINARY_DIR}/installed-include/${layer})

    add_library(${target} SHARED)
    add_library(Asyncoro::${name} ALIAS ${target})
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${name}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}
        UNITY_BUILD ${ASYNCORO_UNITY_BUILD}
        UNITY_BUILD_BATCH_SIZE 12
    )
    if(NOT ASYNCORO_UNITY_BUILD)
        asyncoro_precompile(${target} qt-headers-for-libraries -fPIC)
    endif()
    if(ASYNCORO_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # What is local to a source seems to come from a header there, and to be no good in a coroutine.
        target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()

    _asyncoro_generate_headers(${name} ${layer} header_files "${arg_HEADERS}")
    target_sources(${target} PRIVATE ${arg_SOURCES} ${header_files} ${arg_DETAIL_HEADERS})
    target_link_libraries(${target} PUBLIC ${arg_LINK} PRIVATE ${arg_LINK_PRIVATE})
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${generated_dir}>
        $<INSTALL_INTERFACE:${KDE_INSTALL_INCLUDEDIR}>
    )
    target_compile_options(${target} PUBLIC
        "$<BUILD_INTERFACE:SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}>"
        "$<INSTALL_INTERFACE:SHELL:-iquote $<INSTALL_PREFIX>/${ASYNCORO_INCLUDE_INSTALL_DIR}/${layer}>"
    )

    asyncoro_check_headers(${target} ${arg_HEADERS})
    _asyncoro_install_library(${name} ${layer} "${header_files};${arg_DETAIL_HEADERS}")
    _asyncoro_write_component(${name} ${arg_LINK})
endfunction()

# The export header, and <Asyncoro/Name> for each public header: one for the build, one for installation.
function(_asyncoro_generate_headers name layer header_files_out names)
    string(TOLOWER asyncoro${name}_export.h export_header)
    string(TOUPPER ASYNCORO_${name}_EXPORT export_macro)
    generate_export_header(Asyncoro${name}
        BASE_NAME Asyncoro${name}
        EXPORT_MACRO_NAME ${export_macro}
        EXPORT_FILE_NAME ${generated_dir}/${export_header}
    )
    install(FILES ${generated_dir}/${export_header} DESTINATION ${ASYNCORO_INCLUDE_INSTALL_DIR}/${layer})

    set(header_files)
    foreach(header IN LISTS names)
        cmake_path(GET header FILENAME class)
        string(TOLOWER ${header}.h file)
        list(APPEND header_files ${file})
        file(CONFIGURE OUTPUT ${generated_dir}/Asyncoro/${class} CONTENT "#include \"${CMAKE_CURRENT_SOURCE_DIR}/${file}\" // IWYU pragma: export\n")
        file(CONFIGURE OUTPUT ${forwarding_dir}/${class} CONTENT "#include \"${layer}/${file}\" // IWYU pragma: export\n")
        install(FILES ${forwarding_dir}/${class} DESTINATION ${ASYNCORO_INCLUDE_INSTALL_DIR})
    endforeach()
    set(${header_files_out} ${header_files} PARENT_SCOPE)
endfunction()

function(_asyncoro_install_library name layer files)
    foreach(file IN LISTS files)
        cmake_path(GET file PARENT_PATH folder)
        install(FILES ${file} DESTINATION ${ASYNCORO_INCLUDE_INSTALL_DIR}/${layer}/${folder})
    endforeach()
    install(TARGETS Asyncoro${name} EXPORT Asyncoro${name}Targets ${KDE_INSTALL_TARGETS_DEFAULT_ARGS})
    install(EXPORT Asyncoro${name}Targets NAMESPACE Asyncoro:: DESTINATION ${ASYNCORO_CMAKE_INSTALL_DIR})
endfunction()

# AsyncoroNameComponent.cmake: finds what the library needs, then its targets. AsyncoroConfig.cmake includes it.
function(_asyncoro_write_component name) # libraries...
    set(content "# Component ${name} of Asyncoro, written by asyncoro_add_library\ninclude_guard()\n\n")
    foreach(library IN LISTS ARGN)
        if(library MATCHES "^Asyncoro::(.+)$")
            string(APPEND content "include(\"\${CMAKE_CURRENT_LIST_DIR}/Asyncoro${CMAKE_MATCH_1}Component.cmake\")\n")
        elseif(library MATCHES "^Qt6::(.+)$")
            string(APPEND content "find_dependency(Qt6 ${QT_MIN_VERSION} COMPONENTS ${CMAKE_MATCH_1})\n")
        elseif(library MATCHES "^KF6::(.+)$")
            string(APPEND content "find_dependency(KF6${CMAKE_MATCH_1} ${KF_MIN_VERSION})\n")
        else()
            message(FATAL_ERROR "asyncoro_add_library(${name}): do not know which package ${library} is in")
        endif()
    endforeach()
    string(APPEND content "include(\"\${CMAKE_CURRENT_LIST_DIR}/Asyncoro${name}Targets.cmake\")\n")

    set(file ${PROJECT_BINARY_DIR}/Asyncoro${name}Component.cmake)
    file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
    install(FILES ${file} DESTINATION ${ASYNCORO_CMAKE_INSTALL_DIR})
    set_property(GLOBAL APPEND PROPERTY ASYNCORO_COMPONENTS ${name})
endfunction()
