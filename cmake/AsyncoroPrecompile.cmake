# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# asyncoro_precompile(TARGET NAME [OPTIONS...]): with ASYNCORO_PRECOMPILE the targets with the same NAME, whose compile
# options must be the same, share one precompiled header, as reading Qt's headers is a third of the time to compile.

function(asyncoro_precompile target name) # options...
    if(NOT ASYNCORO_PRECOMPILE)
        return()
    endif()
    if(NOT TARGET ${name})
        set(source ${PROJECT_BINARY_DIR}/${name}.cpp)
        file(CONFIGURE OUTPUT ${source} CONTENT "")
        add_library(${name} OBJECT ${source})
        set_target_properties(${name} PROPERTIES AUTOMOC OFF)
        target_compile_options(${name} PRIVATE ${ARGN})
        target_link_libraries(${name} PRIVATE Qt6::Core)
        target_precompile_headers(${name} PRIVATE # not QTest, which is another one in each folder
            <QCoreApplication> <QDateTime> <QHash> <QLoggingCategory> <QPointer> <QThread> <QTimer> <QVariant>
            <chrono> <deque> <functional> <memory> <optional> <variant> <vector>
        )
    endif()
    target_precompile_headers(${target} REUSE_FROM ${name})
    set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/${target}_autogen/mocs_compilation.cpp PROPERTIES
        SKIP_PRECOMPILE_HEADERS ON # mostly empty
    )
endfunction()
