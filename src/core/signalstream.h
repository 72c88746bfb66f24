// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/intrusivelist.h"
#include "detail/signalwait.h"

#include <QBasicMutex>
#include <QMetaMethod>
#include <QObject>

#include <deque>
#include <memory>
#include <optional>

namespace Asyncoro {

namespace Detail {

/** What a stream shares with its connection, which may end on any thread, and with those who wait. */
class ASYNCORO_CORE_EXPORT SignalStreamState
{
public:
    /** A wait for the next emission. */
    class ASYNCORO_CORE_EXPORT Wait : public Suspension, public ListLink
    {
    protected:
        Wait(std::shared_ptr<SignalStreamState> state, const QDeadlineTimer &deadline);
        ~Wait() override;

        /** False if there is nothing to wait for. */
        bool enter();
        void abandon() noexcept override;
        QString operation() const override;
        [[noreturn]] void throwEnded() const;

        const std::shared_ptr<SignalStreamState> m_state;

    private:
        friend class SignalStreamState;
    };

    /** The signal: for errors and lists. */
    explicit SignalStreamState(const QMetaMethod &signal);
    virtual ~SignalStreamState();

    /** No emission will come any more; those who wait are told. Any thread. */
    void end();
    [[nodiscard]] bool hasEnded() const;
    /** Throws an Error on another thread than the stream's. */
    void checkThread() const;

protected:
    /** The one that has waited longest, which is out of the list then; nullptr if there is none. */
    [[nodiscard]] Wait *takeFirstWait();
    static void complete(Wait *wait) { wait->complete(); }

private:
    const QMetaMethod m_signal;
    QThread *const m_thread; // not owning, only compared
    mutable QBasicMutex m_mutex; // guards what follows
    IntrusiveList<Wait> m_waits;
    bool m_ended = false;
};

template<typename Arguments>
class SignalStreamQueue final : public SignalStreamState
{
public:
    using SignalStreamState::SignalStreamState;

    class Awaiter final : public Wait
    {
    public:
        Awaiter(const std::shared_ptr<SignalStreamQueue> &queue, const QDeadlineTimer &deadline)
            : Wait(queue, deadline)
        {
        }
        auto await_resume()
        {
            this->throwUnlessComplete();
            if (!m_arguments)
                this->throwEnded();
            return toSignalResult(std::move(*m_arguments));
        }

    protected:
        bool start() override
        {
            auto &emissions = static_cast<SignalStreamQueue &>(*this->m_state).m_emissions;
            if (emissions.empty())
                return this->enter();
            m_arguments = std::move(emissions.front());
            emissions.pop_front();
            return false;
        }

    private:
        friend class SignalStreamQueue;
        std::optional<Arguments> m_arguments;
    };

    /** The part of the connection that Qt holds. */
    class Link
    {
    public:
        explicit Link(std::shared_ptr<SignalStreamQueue> queue)
            : m_queue(std::move(queue))
        {
        }
        Link(Link &&) noexcept = default;
        Link &operator=(Link &&) = delete;
        ~Link()
        {
            if (m_queue)
                m_queue->end();
        }

    protected:
        template<typename... A>
        void receive(const A &...arguments)
        {
            if (Wait *const wait = m_queue->takeFirstWait()) {
                static_cast<Awaiter *>(wait)->m_arguments.emplace(arguments...);
                SignalStreamState::complete(wait);
            } else {
                m_queue->m_emissions.emplace_back(arguments...);
            }
        }

    private:
        std::shared_ptr<SignalStreamQueue> m_queue;
    };

    [[nodiscard]] qsizetype size() const { return qsizetype(m_emissions.size()); }

private:
    std::deque<Arguments> m_emissions; // on the stream's thread only
};

template<typename T>
struct SignalArguments {
    using Type = std::tuple<T>;
};
template<>
struct SignalArguments<void> {
    using Type = std::tuple<>;
};
template<typename... A>
struct SignalArguments<std::tuple<A...>> {
    using Type = std::tuple<A...>;
};

} // namespace Detail

/**
 * The emissions of a signal, one after the other: none is lost between two awaits.
 *
 *     SignalStream changes(slider, &QSlider::valueChanged);        // a SignalStream<int>
 *     for (;;)
 *         show(co_await changes.next());
 *
 * T is void, the type of the signal's argument, or a std::tuple of several. The emissions from the constructor on are
 * kept until they are taken, as many as there are. On one thread, that of the constructor, while the sender may belong
 * to any other.
 */
template<typename T>
class SignalStream
{
    using Arguments = typename Detail::SignalArguments<T>::Type;
    using Queue = Detail::SignalStreamQueue<Arguments>;

public:
    template<typename Sender, typename Signal>
    SignalStream(const Sender *sender, Signal signal)
        : m_queue(std::make_shared<Queue>(QMetaMethod::fromSignal(signal)))
    {
        using Traits = Detail::SignalTraits<Signal>;
        static_assert(std::is_base_of_v<typename Traits::Sender, Sender>,
                      "SignalStream: the sender has no such signal");
        static_assert(std::is_same_v<typename Traits::Arguments, Arguments>,
                      "SignalStream<T>: T is not what the signal gives; leave it out");
        using Functor = Detail::SignalFunctor<typename Queue::Link, Arguments>;
        if (sender)
            m_connection = QObject::connect(sender, signal, Detail::signalReceiver(), Functor(m_queue));
        else
            m_queue->end();
    }
    /** Who still waits is thrown Destroyed. */
    ~SignalStream()
    {
        m_queue->end();
        QObject::disconnect(m_connection);
    }
    SignalStream(const SignalStream &) = delete;
    SignalStream &operator=(const SignalStream &) = delete;

    /**
     * Waits for the next emission and gives its arguments.
     *
     * Completes without suspending if one has come already. Resumes on the same thread. Any number of coroutines may
     * wait; each gets an emission of its own, in the order in which they came. Throws Destroyed if there is none left
     * and the sender was destroyed or disconnected, or the stream is destroyed meanwhile; TimedOut if the deadline
     * passes first. Cancelling loses no emission.
     */
    [[nodiscard]] typename Queue::Awaiter next(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        m_queue->checkThread();
        return {m_queue, deadline};
    }

    /** How many emissions wait to be taken. */
    [[nodiscard]] qsizetype count() const { return m_queue->size(); }

    /** Whether the sender was destroyed or disconnected. */
    [[nodiscard]] bool hasEnded() const { return m_queue->hasEnded(); }

private:
    const std::shared_ptr<Queue> m_queue;
    QMetaObject::Connection m_connection;
};

template<typename Sender, typename Signal>
SignalStream(Sender *, Signal) -> SignalStream<typename Detail::SignalTraits<Signal>::Result>;

} // namespace Asyncoro
