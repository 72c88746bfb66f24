# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

#[[
Programs, all of them built into build/<preset>/bin.

    asyncoro_add_tool(discoro-node              # installed
        SOURCES main.cpp nodeoptions.cpp
        LINK Asyncoro::Discoro
    )
    asyncoro_add_example(file-statistics        # compiled the way a user's own program is
        [INSTALL]                               # installed; others are not
        SOURCES main.cpp
        LINK Asyncoro::Discoro
    )

Sources are relative to the current folder. Without SOURCES it is main.cpp.
]]

function(asyncoro_add_tool name)
    _asyncoro_add_program(${name} ${ARGN})
    install(TARGETS ${name} ${KDE_INSTALL_TARGETS_DEFAULT_ARGS})
endfunction()

function(asyncoro_add_example name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALL" "" "")
    _asyncoro_add_program(${name} ${arg_UNPARSED_ARGUMENTS})
    asyncoro_compile_as_users_do(${name})
    if(arg_INSTALL)
        install(TARGETS ${name} ${KDE_INSTALL_TARGETS_DEFAULT_ARGS})
    endif()
endfunction()

function(_asyncoro_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "program ${name}: unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_SOURCES)
        set(arg_SOURCES main.cpp)
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LINK})
endfunction()
