# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# asyncoro_compile_as_users_do(TARGET): for examples and tests, which show what works without KDE's strict Qt settings.
# With ASYNCORO_PRECOMPILE they share one precompiled header, as a third of their time to compile is Qt's headers.

set(ASYNCORO_USERS_OPTIONS -UQT_NO_CAST_FROM_ASCII -UQT_NO_CAST_FROM_BYTEARRAY)

if(ASYNCORO_PRECOMPILE)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/qt-headers.cpp CONTENT "")
    add_library(qt-headers OBJECT ${PROJECT_BINARY_DIR}/qt-headers.cpp)
    set_target_properties(qt-headers PROPERTIES AUTOMOC OFF)
    target_compile_options(qt-headers PRIVATE ${ASYNCORO_USERS_OPTIONS})
    target_link_libraries(qt-headers PRIVATE Qt6::Core)
    target_precompile_headers(qt-headers PRIVATE # not QTest, which is another one in each folder
        <QCoreApplication> <QDateTime> <QHash> <QLoggingCategory> <QPointer> <QThread> <QTimer> <QVariant>
        <chrono> <deque> <functional> <memory> <optional> <variant> <vector>
    )
endif()

function(asyncoro_compile_as_users_do target)
    target_compile_options(${target} PRIVATE ${ASYNCORO_USERS_OPTIONS})
    if(ASYNCORO_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM qt-headers)
        set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/${target}_autogen/mocs_compilation.cpp PROPERTIES
            SKIP_PRECOMPILE_HEADERS ON # mostly empty
        )
    endif()
endfunction()
