// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../error.h"
#include "intrusivelist.h"
#include "suspension.h"

namespace Asyncoro::Detail {

/** A wait in the list of an object that may be destroyed before the wait has ended. */
class ASYNCORO_CORE_EXPORT Waiter : public Suspension, public ListLink
{
public:
    /** The object is destroyed: the wait ends with Destroyed. Not in the list any more. */
    void endDestroyed()
    {
        m_destroyed = true;
        complete();
    }

protected:
    using Suspension::Suspension;

    void abandon() noexcept override { unlink(); }
    [[nodiscard]] bool isInternal() const override { return true; }

    void throwUnlessComplete() const
    {
        Suspension::throwUnlessComplete();
        if (m_destroyed)
            throwDestroyed();
    }
    [[noreturn]] void throwDestroyed() const;

private:
    bool m_destroyed = false;
};

} // namespace Asyncoro::Detail
