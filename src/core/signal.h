// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/signalwait.h"

#include <QMetaMethod>
#include <QObject>
#include <QPointer>

#include <optional>

namespace Asyncoro {

namespace Detail {

template<typename Signal>
class SignalAwaiter : public SignalWait
{
    using Traits = SignalTraits<Signal>;
    using Sender = typename Traits::Sender;

public:
    SignalAwaiter(const Sender *sender, Signal signal, const QDeadlineTimer &deadline)
        : SignalWait(deadline)
        , m_sender(sender)
        , m_signal(signal)
    {
    }

    typename Traits::Result await_resume()
    {
        throwUnlessDelivered();
        return toSignalResult(std::move(*m_arguments));
    }

protected:
    QMetaObject::Connection connectTo(QObject *receiver) override
    {
        if (!m_sender)
            return {};
        return QObject::connect(m_sender, m_signal, receiver, SignalFunctor<Link, typename Traits::Arguments>(this),
                                Qt::ConnectionType(Qt::AutoConnection | Qt::SingleShotConnection));
    }
    QMetaMethod signalMethod() const override { return QMetaMethod::fromSignal(m_signal); }

private:
    class Link : public SignalLink
    {
    public:
        using SignalLink::SignalLink;

    protected:
        template<typename... A>
        void receive(const A &...arguments)
        {
            if (auto *wait = static_cast<SignalAwaiter *>(takeWait())) {
                wait->m_arguments.emplace(arguments...);
                wait->endDelivered();
            }
        }
    };

    const Sender *const m_sender; // not owning, used at the beginning only
    const Signal m_signal;
    std::optional<typename Traits::Arguments> m_arguments;
};

} // namespace Detail

/**
 * Waits for the next emission of a signal: `co_await signal(button, &QPushButton::clicked)`.
 *
 * Gives nothing, the signal's argument, or a std::tuple of several. A signal that has overloads is named by
 * `qOverload<int>(&Class::signal)`. The sender may belong to another thread.
 *
 * Never completes without suspending, unless the sender is null. Resumes on the coroutine's own thread, in the
 * scheduler's next round, so emissions that follow at once are missed: SignalStream keeps them. Any number of
 * coroutines may wait for one signal. The sender must exist when the wait begins. Throws Destroyed if it is null, is
 * destroyed meanwhile or the connection is cut by somebody else (while a slot of the sender runs, once that has
 * returned), and TimedOut if the deadline passes first. Cancelling cuts the connection.
 */
template<typename Sender, typename Signal>
[[nodiscard]] Detail::SignalAwaiter<Signal> signal(const Sender *sender, Signal signal,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    static_assert(std::is_base_of_v<typename Detail::SignalTraits<Signal>::Sender, Sender>,
                  "signal(): the sender has no such signal");
    return {sender, signal, deadline};
}

/** The same for a sender that may have been destroyed already. */
template<typename Sender, typename Signal>
[[nodiscard]] Detail::SignalAwaiter<Signal> signal(const QPointer<Sender> &sender, Signal signal,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return Asyncoro::signal(sender.data(), signal, deadline);
}

} // namespace Asyncoro
