// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "intrusivelist.h"
#include "suspension.h"

#include <exception>

namespace Asyncoro::Detail {

/**
 * A wait in a list of something that can fail, such as a socket or a process. Once it has ended it holds what it waited
 * for, or why that failed: what it waited for may be gone then.
 */
class ASYNCORO_CORE_EXPORT ExternalWait : public Suspension, public ListLink
{
public:
    using Suspension::complete;
    /** What was waited for has failed: the wait, in no list any more, ends with that exception. */
    void fail(std::exception_ptr failure);

    /** What the caller of the operation calls it, for errors: "recv()". */
    [[nodiscard]] const char *operationName() const { return m_operation; }

protected:
    /** `operation` must live on, as a literal does. */
    ExternalWait(const char *operation, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_operation(operation)
    {
    }
    ~ExternalWait() override;

    void abandon() noexcept override { unlink(); }
    [[nodiscard]] QString operation() const override;

    /** In start() or before complete(): it has failed. */
    void setFailed(std::exception_ptr failure) { m_failure = std::move(failure); }
    [[nodiscard]] bool isFailed() const { return m_failure != nullptr; }
    /** Throws what interrupted the wait, TimedOut, or why it failed. */
    void throwUnlessDone() const
    {
        throwUnlessComplete();
        if (m_failure) [[unlikely]]
            std::rethrow_exception(m_failure);
    }

private:
    const char *const m_operation;
    std::exception_ptr m_failure;
};

} // namespace Asyncoro::Detail
