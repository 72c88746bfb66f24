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
    if(NOT arg_SOURCES)
        _asyncoro_moc_test(${name} ${PROJECT_SOURCE_DIR}/autotests/${path}.cpp)
    endif()
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

#[[
What AUTOMOC does for a test that is one source, in a twentieth of the time: for AUTOMOC, moc reads every header that the
test includes, which takes longer for most tests than all else but compiling them; here it reads the test alone. So a
condition around a test function can ask for what the compiler or target_compile_definitions() defines and for Q_OS_...,
and for nothing else that a header defines, such as QT_VERSION or QT_CONFIG().
]]
function(_asyncoro_moc_test name source)
    file(STRINGS ${source} includes REGEX "^#include \".*\\.moc\"")
    if(NOT includes OR NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
        return()
    endif()
    set(predefined ${PROJECT_BINARY_DIR}/moc-predefined.h)
    get_property(is_written GLOBAL PROPERTY _asyncoro_moc_predefined)
    if(NOT is_written)
        set(sanitizers ${ASYNCORO_SANITIZE})
        list(TRANSFORM sanitizers PREPEND -fsanitize=)
        separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
        execute_process(
            COMMAND ${CMAKE_CXX_COMPILER} ${CMAKE_CXX20_STANDARD_COMPILE_OPTION} ${flags} ${sanitizers}
                -dM -E -x c++ /dev/null
            OUTPUT_VARIABLE macros
            COMMAND_ERROR_IS_FATAL ANY
        )
        file(CONFIGURE OUTPUT ${predefined} CONTENT "\${macros}") # written only if it changes
        find_file(ASYNCORO_SYSTEM_DETECTION qsystemdetection.h PATHS ${Qt6Core_INCLUDE_DIRS} NO_DEFAULT_PATH REQUIRED)
        mark_as_advanced(ASYNCORO_SYSTEM_DETECTION)
        set_property(GLOBAL PROPERTY _asyncoro_moc_predefined ON)
    endif()

    get_filename_component(moc ${source} NAME_WE)
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}_moc)
    set(definitions $<TARGET_PROPERTY:${name},COMPILE_DEFINITIONS>)
    add_custom_command(
        OUTPUT ${folder}/${moc}.moc
        COMMAND Qt6::moc --include ${predefined} --include ${ASYNCORO_SYSTEM_DETECTION}
            "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>" -o ${folder}/${moc}.moc ${source}
        DEPENDS ${source} ${predefined} $<TARGET_FILE:Qt6::moc>
        VERBATIM COMMAND_EXPAND_LISTS
    )
    file(MAKE_DIRECTORY ${folder})
    target_sources(${name} PRIVATE ${folder}/${moc}.moc)
    target_include_directories(${name} PRIVATE ${folder})
    set_target_properties(${name} PROPERTIES AUTOMOC OFF)
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
