# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# asyncoro_compile_as_users_do(TARGET): for examples and tests, which show what works without KDE's strict Qt settings.

function(asyncoro_compile_as_users_do target)
    set(options -UQT_NO_CAST_FROM_ASCII -UQT_NO_CAST_FROM_BYTEARRAY)
    target_compile_options(${target} PRIVATE ${options})
    asyncoro_precompile(${target} qt-headers-for-users ${options})
endfunction()
