# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# How everything is compiled and where it is put: C++20, KDE's settings and warnings, sanitizers, ccache and mold.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

set(KDE_SKIP_TEST_SETTINGS TRUE) # the tests are ours alone: no appstreamtest
add_custom_target(fetch-translations) # with this name taken, KDE's settings do not ask git for KDE's translations
include(KDEInstallDirs6)
include(KDECMakeSettings)
include(KDECompilerSettings NO_POLICY_SCOPE)
kde_enable_exceptions() # KDE turns exceptions off; our operations throw

# Two of KDE's settings do not suit us:
# - a source folder in the include path would make <semaphore.h> of the system find ours; see asyncoro_add_library
set(CMAKE_INCLUDE_CURRENT_DIR OFF)
set(CMAKE_INCLUDE_CURRENT_DIR_IN_INTERFACE OFF)
# - a string builder refers to its parts, and in a coroutine these may be gone at the next co_await
remove_definitions(-DQT_USE_QSTRINGBUILDER)

# Programs run from the build folder: build/<preset>/bin holds programs and QML modules, build/<preset>/lib libraries.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(QT_QML_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# Warnings, on top of KDE's. The presets make them errors (CMAKE_COMPILE_WARNING_AS_ERROR).
add_compile_options(-Wextra-semi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wshadow=local)
else()
    add_compile_options(-Wshadow)
endif()

# Calls within a library go straight to their function, which is inlined where that is better. What this gives up is to
# replace functions of it from outside, by LD_PRELOAD; Clang never minds that.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fno-semantic-interposition)
endif()

if(ASYNCORO_SANITIZE)
    list(JOIN ASYNCORO_SANITIZE "," sanitizers)
    # vptr compares type information by address, which hidden visibility makes differ from library to library.
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-maybe-uninitialized) # false with sanitizers
    endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
    add_link_options(-fuse-ld=mold)
endif()
