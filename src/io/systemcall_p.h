// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <cerrno>
#include <system_error>

namespace Asyncoro::Detail {

/** What the last system call of this thread left in errno. */
inline std::error_code lastError()
{
    return {errno, std::generic_category()};
}

/** Calls until no signal interrupts it. */
template<typename Call>
auto retried(Call call)
{
    decltype(call()) result;
    do {
        result = call();
    } while (result == -1 && errno == EINTR);
    return result;
}

} // namespace Asyncoro::Detail
