// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/externalwait.h"

namespace Asyncoro::Detail {

ExternalWait::~ExternalWait() = default;

QString ExternalWait::operation() const
{
    return QLatin1StringView(m_operation);
}

void ExternalWait::fail(std::exception_ptr failure)
{
    setFailed(std::move(failure));
    complete();
}

} // namespace Asyncoro::Detail
