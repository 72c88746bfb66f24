// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/Error>

namespace Asyncoro::Discoro {

/** The server process or the node that a job ran on is gone, or there is none left to run it. The message names job and place. */
class ASYNCORO_DISCORO_EXPORT JobLost : public Error
{
public:
    using Error::Error;
    ~JobLost() override;
};

} // namespace Asyncoro::Discoro
