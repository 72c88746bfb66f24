// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "socketerror.h"

#include <Asyncoro/Task>

#include <QHostAddress>
#include <QHostInfo>

#include <memory>

namespace Asyncoro {

/** No address is known for a name, or no name for an address. The message says which one was asked for, and why. */
class ASYNCORO_NETWORK_EXPORT HostNotFound : public SocketError
{
public:
    /** `operation` asked for `subject`, a name or an address. */
    HostNotFound(const QString &operation, const QString &subject, const QString &reason);
    ~HostNotFound() override;
};

namespace Detail {

class ASYNCORO_NETWORK_EXPORT LookUpSuspension : public Suspension
{
public:
    LookUpSuspension(const char *operation, const QString &subject, const QDeadlineTimer &deadline);
    ~LookUpSuspension() override;

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    /** Throws why there is no answer. */
    const QHostInfo &answer() const;

    const char *const m_operation;
    const QString m_subject;
    QHostInfo m_answer;

private:
    std::unique_ptr<QObject> m_receiver; // while it waits
    int m_id = 0;
};

class ASYNCORO_NETWORK_EXPORT LookUpAwaiter final : public LookUpSuspension
{
public:
    using LookUpSuspension::LookUpSuspension;
    QList<QHostAddress> await_resume() const { return answer().addresses(); }

protected:
    bool start() override;
};

class ASYNCORO_NETWORK_EXPORT ReverseLookUpAwaiter final : public LookUpSuspension
{
public:
    using LookUpSuspension::LookUpSuspension;
    QString await_resume() const;
};

} // namespace Detail

/**
 * Looks up the addresses of a host: `co_await lookUp("example.org")`. There is at least one; they are in the order in
 * which the system says that they should be tried.
 *
 * Completes without suspending if the text is an address, which it gives. Resumes on the same thread, in the
 * scheduler's next round. Any number may overlap. Throws HostNotFound if the name has no address or nobody could be
 * asked, TimedOut if the deadline passes first. Cancelling ends the wait at once; QHostInfo's thread, which asks the
 * system, may go on for a while, and its answer is dropped.
 */
[[nodiscard]] inline Detail::LookUpAwaiter lookUp(const QString &name,
                                                  QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return {"lookUp()", name, deadline};
}

/** Looks up the name of an address. Throws HostNotFound if it has none. Always suspends; otherwise as lookUp(). */
[[nodiscard]] inline Detail::ReverseLookUpAwaiter reverseLookUp(const QHostAddress &address,
                                                                QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return {"reverseLookUp()", address.toString(), deadline};
}

} // namespace Asyncoro
