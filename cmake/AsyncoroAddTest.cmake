# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

#[[
Tests, each one a program or a script that ctest runs with a time limit. They are compiled as users' programs are.

    asyncoro_add_test(core/tasktest         # compiles autotests/core/tasktest.cpp; ctest -R core_tasktest
        [SOURCES core/helper.cpp]           # more sources, relative to autotests/
        [LINK Asyncoro::Core]               # Qt6::Test is linked anyway
        [LABELS threads]                    # threads: run under the thread sanitizer too
        [DEPENDS discoro-node]              # programs that the test starts; they are on its PATH
        [TIMEOUT 120]                       # seconds; three times as many with a sanitizer
        [GUI]                               # links Qt6::Gui; the platform is always "offscreen"
    )
    asyncoro_add_script_test(repository/layering layering.py ARGUMENTS... )   # Python, from the current folder
]]

set(ASYNCORO_TEST_TIMEOUT 120)

function(asyncoro_add_test path)
    cmake_parse_arguments(PARSE_ARGV 1 arg "GUI" "TIMEOUT" "SOURCES;LINK;LABELS;DEPENDS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "asyncoro_add_test(${path}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()

    string(REPLACE "/" "_" name ${path})
    list(TRANSFORM arg_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/autotests/)
    add_executable(${name} ${PROJECT_SOURCE_DIR}/autotests/${path}.cpp ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LINK} Qt6::Test $<$<BOOL:${arg_GUI}>:Qt6::Gui>)
    asyncoro_compile_as_users_do(${name})
    if(arg_DEPENDS)
        add_dependencies(${name} ${arg_DEPENDS})
    endif()

    # The thread sanitizer's preset runs only the tests with this label, so that the others need not be built.
    if("thread" IN_LIST ASYNCORO_SANITIZE AND NOT "threads" IN_LIST arg_LABELS)
        set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()

    add_test(NAME ${name} COMMAND ${name})
    _asyncoro_set_test_properties(${name} "${arg_TIMEOUT}" "${arg_LABELS}")
endfunction()

function(asyncoro_add_script_test path script)
    string(REPLACE "/" "_" name ${path})
    add_test(NAME ${name} COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${ARGN})
    _asyncoro_set_test_properties(${name} "" "")
endfunction()

function(_asyncoro_set_test_properties name timeout labels)
    if(NOT timeout)
        set(timeout ${ASYNCORO_TEST_TIMEOUT})
    endif()
    if(ASYNCORO_SANITIZE)
        math(EXPR timeout "3 * ${timeout}")
    endif()
    set(suppressions ${PROJECT_SOURCE_DIR}/autotests/suppressions)
    set(environment
        QT_QPA_PLATFORM=offscreen
        ASYNCORO_DISCOVERY=off # others on this machine are no part of a test
        ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0
        LSAN_OPTIONS=suppressions=${suppressions}/leaks.txt:print_suppressions=0
        UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
        TSAN_OPTIONS=suppressions=${suppressions}/threads.txt:ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1
    )
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${timeout}
        LABELS "${labels}"
        ENVIRONMENT "${environment}"
        ENVIRONMENT_MODIFICATION PATH=path_list_prepend:${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
    )
endfunction()
