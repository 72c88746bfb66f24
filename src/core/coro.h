// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/hotswap.h"
#include "detail/nameregistry.h"
#include "error.h"
#include "message.h"
#include "task.h"

#include <QDebug>
#include <QMetaType>

#include <functional>
#include <tuple>

namespace Asyncoro {

/**
 * A running coroutine: spawn() makes it from a function and its arguments.
 *
 * This is a handle: small, copyable, and usable from any thread. It is the same type whether the coroutine runs in
 * this process or in another one, and it may itself be sent in a message. Dropping the last handle does not end the
 * coroutine; a null handle (default-constructed) refers to none and ignores what is asked of it, but waiting for it
 * throws CoroEnded.
 *
 * `Coro<T>` is the handle of a coroutine that returns a T; every one is also a `Coro<>`, which knows nothing of the
 * value and serves as an address for messages.
 */
template<typename T = void>
class Coro;

namespace Detail {

template<>
ASYNCORO_CORE_EXPORT NameRegistry<CoroData> &NameRegistry<CoroData>::instance();
extern template class NameRegistry<CoroData>;
extern template class LocateSuspension<CoroData>;

class ASYNCORO_CORE_EXPORT FinishSuspension : public Suspension
{
protected:
    FinishSuspension(CoroPointer target, const QDeadlineTimer &deadline);
    ~FinishSuspension() override;

    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override;

    /** Returns if the coroutine finished; throws what it failed with, or why there is no value. */
    void throwUnlessFinished() const;

    const CoroPointer m_target;

private:
    EndWaiter m_waiter;
};

template<typename T>
class FinishAwaiter;

} // namespace Detail

template<>
class ASYNCORO_CORE_EXPORT Coro<void>
{
public:
    Coro() noexcept = default;

    /** The coroutine in which this is called; null outside of coroutines. */
    [[nodiscard]] static Coro self();

    [[nodiscard]] bool isNull() const { return !m_data; }
    explicit operator bool() const { return !isNull(); }

    /** Unique in its process and never given twice; 0 for a null handle. */
    [[nodiscard]] quint64 id() const { return m_data ? m_data->id() : 0; }

    /** For people: in logs, errors and status. "coroutine ID" unless setName() was called. */
    [[nodiscard]] QString name() const;
    void setName(const QString &name) const;

    /**
     * Makes the coroutine known under a name that others of this process find() it by, and those of other processes
     * by PeerNetwork::find(). It has one such name at most, and keeps it until it ends. This has nothing to do with
     * name(), which is for people. Any thread.
     *
     * Throws NameTaken if another live one has the name, CoroEnded if this one has ended, Error if the name is empty or
     * the coroutine is not of this process.
     */
    void registerName(const QString &name) const;
    /** Gives up the name that it was registered with. Any thread. */
    void unregisterName() const;
    /** The live coroutine that is registered under the name; null if there is none. Any thread. */
    [[nodiscard]] static Coro find(const QString &name);
    /**
     * Waits until a coroutine is registered under the name, and gives it.
     *
     * Completes without suspending if one is. Resumes on the caller's thread. Any number may wait. Throws TimedOut if
     * the deadline passes first, and in any other case only Cancelled. The coroutine may have ended again when this
     * goes on.
     */
    [[nodiscard]] static Detail::LocateAwaiter<Coro, Detail::CoroData>
    locate(const QString &name, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** The process it runs in, if that is another one; invalid for a coroutine of this process. */
    [[nodiscard]] Location location() const { return m_data ? m_data->location() : Location(); }

    /** How it stands, or how it ended; for a coroutine elsewhere, as far as is known here. */
    [[nodiscard]] CoroState state() const { return m_data ? m_data->state() : CoroState::Lost; }

    /** Whether it has not ended yet. */
    [[nodiscard]] bool isRunning() const { return state() == CoroState::Running; }

    /** Whether exec() may end while this one still runs: it is terminated then. Not on by default. */
    void setDaemon(bool daemon = true) const;

    /**
     * Puts a message into the mailbox. Never waits. Messages of one sender arrive in order. From any thread.
     *
     * @return false if the coroutine is known to have ended, or its mailbox to be full. True is no promise that the
     * message will be read, nor, for a coroutine elsewhere, that it arrives: see deliver().
     */
    template<typename M>
    bool send(M &&message) const
    {
        return sendMessage(toMessage(std::forward<M>(message)));
    }

    /**
     * Puts a message into the mailbox, and is complete when it lies there. Waits for room in a mailbox that is full.
     *
     * Completes without suspending if the coroutine is of this thread and its mailbox has room. Resumes on the caller's
     * thread. Any number may overlap; they arrive in the order of the calls. Throws CoroEnded if the coroutine has
     * ended, TimedOut if the deadline passes first. Cancelling or timing out takes back the message, unless it has
     * arrived meanwhile; in a coroutine elsewhere it may still arrive.
     *
     * To a coroutine of another process it works on the thread of the PeerNetwork only, and throws PeerLost if that
     * process is lost, WireError if a message of that type cannot be sent there.
     */
    template<typename M>
    Task<> deliver(M &&message, QDeadlineTimer deadline = QDeadlineTimer::Forever) const
    {
        return deliverTo(m_data, toMessage(std::forward<M>(message)), deadline);
    }

    /**
     * How many messages the mailbox may hold: beyond that send() refuses, and deliver() waits. A message that comes
     * from another thread while the mailbox is full is still taken, so that send() does not have to wait there.
     *
     * No limit at first, but for messages of other processes: for one of these there is room while all messages in the
     * mailbox would take less than 64 MiB if they were as large as it, or there are none. A limit that is set counts
     * instead.
     */
    void setMailboxLimit(quint32 limit) const;

    /**
     * Wakes the coroutine if it waits in suspend(), which gives `value`. From any thread.
     *
     * @return false if it is known not to wait there; a coroutine of another thread or process is asked, and the answer
     * is not known.
     */
    template<typename M = Message>
    bool resume(M &&value = {}) const
    {
        return resumeWith(toMessage(std::forward<M>(value)));
    }

    /**
     * Throws `exception` out of the coroutine's current wait, whatever that is, or else of its next one. Several are
     * thrown one after the other, in the order of the calls; behind a shield() they wait for its end. From any thread.
     * To a coroutine of another process the type's name and the text travel: see registerErrorType().
     *
     * @return false if it is known to have ended.
     */
    template<typename Exception>
    bool throwInto(Exception &&exception) const
    {
        if constexpr (std::is_same_v<std::decay_t<Exception>, std::exception_ptr>)
            return throwException(std::forward<Exception>(exception));
        else
            return throwException(std::make_exception_ptr(std::forward<Exception>(exception)));
    }

    /**
     * Ends the coroutine by cancellation: its current `co_await` throws Cancelled, so that destructors run; a coroutine
     * that has not begun never does. If it runs just now, its next `co_await` throws. Returns at once.
     */
    void terminate() const;

    /**
     * Ties two coroutines together: when one of them ends without finishing, because it failed or was terminated, the
     * other one is thrown LinkedCoroEnded, as by throwInto(); which ends that one, too, unless it catches it. One that
     * has ended so already counts at once; so does the loss of its process. From any thread.
     */
    void link(const Coro &other) const;
    /** Undoes link(). What another process has under way may still come. */
    void unlink(const Coro &other) const;

    /**
     * Whether hotSwap() may interrupt this coroutine, at a wait of its own function (not of one that it calls) outside
     * of any scope, time-out and shield. Only for Coro::self(). Not on by default.
     */
    void setHotSwappable(bool swappable = true) const;

    /**
     * Makes the coroutine go on with another function, at a place where it allows that: see setHotSwappable(). It is
     * asked by a HotSwapRequest that its wait throws, and accepts by letting that pass; to refuse, it catches and drops
     * it. It is the same coroutine afterwards, with its mailbox, its handles and its monitors. One that has not begun
     * is swapped at once; one that has failed starts again, if a monitor was told of the failure, and is monitored by
     * the caller from then on.
     *
     * `function(arguments...)` must return a Task of the same type as the coroutine's own. `co_await coro.hotSwap(f)`
     * gives false if the coroutine refuses. It completes without suspending where it is known at once, resumes on the
     * caller's thread, throws CoroEnded if there is nothing to swap, TimedOut after `deadline`, an Error if the type is
     * another one or the coroutine that of another process. Cancelling it or timing out leaves the request with the
     * coroutine.
     */
    template<typename Function, typename... Arguments>
    [[nodiscard]] Detail::HotSwapSuspension hotSwap(QDeadlineTimer deadline, Function &&function,
                                                    Arguments &&...arguments) const;
    /** The same without a deadline. */
    template<typename Function, typename... Arguments>
        requires std::invocable<std::decay_t<Function> &, std::decay_t<Arguments>...>
    [[nodiscard]] Detail::HotSwapSuspension hotSwap(Function &&function, Arguments &&...arguments) const
    {
        return hotSwap(QDeadlineTimer(QDeadlineTimer::Forever), std::forward<Function>(function),
                       std::forward<Arguments>(arguments)...);
    }

    /**
     * Sends `observer` an ExitNotice when this coroutine ends, at once if it has ended already. A coroutine can have
     * many monitors. A failure that a monitor is told of is not logged.
     */
    void monitor(const Coro &observer) const;

    /**
     * Waits until the coroutine has ended; `co_await coro` is the same without a deadline.
     *
     * Completes without suspending if it has ended already. Resumes on the caller's thread. Any number of coroutines
     * may wait for one. Gives its value (a copy, or for a type that cannot be copied the value itself, once). Throws
     * the exception that it failed with, CoroTerminated if it was terminated, CoroEnded if nobody knows any more how it
     * ended, PeerLost if its process was lost, TimedOut if the deadline passes first. Cancelling the wait leaves the
     * other coroutine alone.
     */
    [[nodiscard]] Detail::FinishAwaiter<void> finish(QDeadlineTimer deadline = QDeadlineTimer::Forever) const;
    [[nodiscard]] Detail::FinishAwaiter<void> operator co_await() const;

    /** The same coroutine: same process, same id. A process that was started again is another one. */
    friend bool operator==(const Coro &a, const Coro &b)
    {
        return a.m_data == b.m_data
            || (a.m_data && b.m_data && a.id() == b.id() && a.m_data->process() == b.m_data->process());
    }
    friend size_t qHash(const Coro &coro, size_t seed = 0) noexcept { return ::qHash(coro.id(), seed); }

    explicit Coro(Detail::CoroPointer data) noexcept
        : m_data(std::move(data))
    {
    }
    [[nodiscard]] const Detail::CoroPointer &data() const { return m_data; }

    /** A handle that knows the types of what it stands for is sent as one that does not. */
    using SentAs = Coro;

private:
    friend class Channel;

    template<typename M>
    static Message toMessage(M &&message)
    {
        using Value = std::remove_cvref_t<M>;
        if constexpr (std::is_same_v<Value, Message>)
            return std::forward<M>(message);
        else if constexpr (requires { typename Value::SentAs; })
            return Message::fromValue(static_cast<const typename Value::SentAs &>(message));
        else {
            static_assert(!std::is_pointer_v<std::decay_t<M>>
                              || std::is_base_of_v<QObject, std::remove_pointer_t<Value>>,
                          "a message cannot be a bare pointer; for a text, send a QString");
            return Message::fromValue(std::forward<M>(message));
        }
    }

    bool sendMessage(Message &&message) const;
    bool resumeWith(Message &&value) const;
    bool throwException(const std::exception_ptr &exception) const;
    static Task<> deliverTo(Detail::CoroPointer target, Message message, QDeadlineTimer deadline);

    Detail::CoroPointer m_data;
};

template<typename T>
class Coro : public Coro<>
{
public:
    Coro() noexcept = default;

    /** As Coro<>::finish(), and gives the value. */
    [[nodiscard]] Detail::FinishAwaiter<T> finish(QDeadlineTimer deadline = QDeadlineTimer::Forever) const
    {
        return Detail::FinishAwaiter<T>(data(), deadline);
    }
    [[nodiscard]] Detail::FinishAwaiter<T> operator co_await() const { return finish(); }

    /** The caller knows that the coroutine returns a T; if it does not, finish() throws an Error. */
    explicit Coro(Detail::CoroPointer data) noexcept
        : Coro<>(std::move(data))
    {
    }
    explicit Coro(const Coro<> &coro) noexcept
        : Coro<>(coro)
    {
    }
};

/** The message that a monitor gets when the coroutine that it watches has ended. */
class ASYNCORO_CORE_EXPORT ExitNotice
{
    Q_GADGET

public:
    ExitNotice() = default;
    /** How `coro`, which has ended, did. */
    explicit ExitNotice(const Coro<> &coro);
    ExitNotice(const Coro<> &coro, CoroState state, const QVariant &value, const QString &error);

    [[nodiscard]] Coro<> coro() const { return m_coro; }
    /** Finished, Failed, Terminated or Lost. */
    [[nodiscard]] CoroState state() const { return m_state; }
    /** The value of a coroutine that finished; invalid if it has none or one that no message can hold. */
    [[nodiscard]] QVariant value() const { return m_value; }
    /** Why there is no value, for a person; empty if it finished. */
    [[nodiscard]] QString error() const { return m_error; }

private:
    Coro<> m_coro;
    CoroState m_state = CoroState::Lost;
    QVariant m_value;
    QString m_error;
};

/** What Coro::link() throws into a coroutine when the other one has ended without finishing. */
class ASYNCORO_CORE_EXPORT LinkedCoroEnded : public CoroEnded
{
public:
    explicit LinkedCoroEnded(const ExitNotice &notice);
    ~LinkedCoroEnded() override;

    /** Which one, how it ended and why. */
    [[nodiscard]] ExitNotice notice() const { return m_notice; }

private:
    ExitNotice m_notice;
};

namespace Detail {

template<>
class ASYNCORO_CORE_EXPORT FinishAwaiter<void> final : public FinishSuspension
{
public:
    FinishAwaiter(const CoroPointer &target, const QDeadlineTimer &deadline)
        : FinishSuspension(target, deadline)
    {
    }
    void await_resume() const { throwUnlessFinished(); }
};

/** Throws the Error that `target` gave no value of `type`. */
[[noreturn]] ASYNCORO_CORE_EXPORT void throwWrongResult(const CoroData &target, QMetaType type);

template<typename T>
class FinishAwaiter final : public FinishSuspension
{
public:
    FinishAwaiter(const CoroPointer &target, const QDeadlineTimer &deadline)
        : FinishSuspension(target, deadline)
    {
    }
    T await_resume() const
    {
        throwUnlessFinished();
        if (void *value = m_target->resultInPlace()) {
            if constexpr (std::is_copy_constructible_v<T>)
                return *static_cast<const T *>(value);
            else
                return std::move(*static_cast<T *>(value));
        }
        if constexpr (std::is_copy_constructible_v<T> && std::is_default_constructible_v<T>) {
            const QVariant value = m_target->result();
            if constexpr (std::is_same_v<T, QVariant>) {
                return value;
            } else {
                QVariant converted = value;
                if (converted.convert(QMetaType::fromType<T>()))
                    return converted.value<T>();
                throwWrongResult(*m_target, QMetaType::fromType<T>());
            }
        }
        throwWrongResult(*m_target, {});
    }
};

} // namespace Detail

inline Detail::LocateAwaiter<Coro<>, Detail::CoroData> Coro<void>::locate(const QString &name, QDeadlineTimer deadline)
{
    return {name, deadline};
}

inline Detail::FinishAwaiter<void> Coro<void>::finish(QDeadlineTimer deadline) const
{
    return {m_data, deadline};
}

inline Detail::FinishAwaiter<void> Coro<void>::operator co_await() const
{
    return finish();
}

ASYNCORO_CORE_EXPORT QDebug operator<<(QDebug debug, const Coro<> &coro);

} // namespace Asyncoro

#include "exec.h"
#include "receive.h"
#include "sleep.h"
#include "spawn.h"
#include "suspend.h"
