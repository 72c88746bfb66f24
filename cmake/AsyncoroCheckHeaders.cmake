# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# asyncoro_check_headers(TARGET NAMES...): compiles <Asyncoro/Name> alone, one translation unit for each name, so that a
# header that forgets an include of its own is found here and not by a user. The target check-headers does it for all,
# but for those with which their own sources begin: these are compiled in that way already.

add_custom_target(check-headers)

function(asyncoro_check_headers target) # names...
    set(sources)
    foreach(header IN LISTS ARGN)
        cmake_path(GET header FILENAME class)
        string(TOLOWER ${header} file)
        set(first_include)
        if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file}.cpp AND NOT ASYNCORO_UNITY_BUILD)
            file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/${file}.cpp first_include REGEX "^#include" LIMIT_COUNT 1)
        endif()
        if(first_include STREQUAL "#include \"${file}.h\"")
            continue()
        endif()
        set(source ${CMAKE_CURRENT_BINARY_DIR}/check-headers/${class}.cpp)
        file(CONFIGURE OUTPUT ${source} CONTENT "#include <Asyncoro/${class}>\n#include <Asyncoro/${class}>\n")
        list(APPEND sources ${source})
    endforeach()
    if(NOT sources)
        return()
    endif()

    add_library(check-headers-${target} OBJECT EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(check-headers-${target} PRIVATE ${target})
    target_compile_options(check-headers-${target} PRIVATE -O0 -g0)
    set_target_properties(check-headers-${target} PROPERTIES AUTOMOC OFF EXCLUDE_FROM_ALL $<NOT:$<BOOL:${ASYNCORO_CHECK_HEADERS}>>)
    add_dependencies(check-headers check-headers-${target})
endfunction()
