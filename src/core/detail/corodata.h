// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../location.h"
#include "../message.h"
#include "asyncorocore_export.h"
#include "intrusivelist.h"
#include "suspension.h"

#include <QBasicMutex>
#include <QDeadlineTimer>
#include <QExplicitlySharedDataPointer>
#include <QList>
#include <QSharedData>

#include <atomic>
#include <exception>
#include <forward_list>
#include <memory>
#include <vector>

namespace Asyncoro {

template<typename T>
class Task;

/** How a coroutine stands, or how it ended. */
enum class CoroState : quint8 {
    Running, ///< has not ended
    Finished, ///< returned
    Failed, ///< ended by an exception
    Terminated, ///< ended by terminate()
    Lost, ///< ran elsewhere, and that process can no longer be reached
};

namespace Detail {

class LocalCoro;

/** The way to the coroutines of one other process, on which one message goes to many of them at once. Any thread. */
class Carrier
{
public:
    /** As CoroData::send() to each of `targets`, all of which this is the carrier of. */
    virtual bool sendToAll(const std::vector<CoroPointer> &targets, const Message &message) = 0;
    /**
     * Puts the message into the mailboxes of `targets`, and gives in how many it lies when it lies in all that have
     * not ended, or the deadline has passed. If the process is lost, in none. Throws only if it cannot be sent.
     */
    virtual Task<int> deliverToAll(std::vector<CoroPointer> targets, Message message, QDeadlineTimer deadline) = 0;

protected:
    ~Carrier() = default;
};

/** A coroutine that waits for another one's end. */
struct EndWaiter : ListLink {
    Waker waker;
};

/** Something that a coroutine is entered in, and is to drop out of as it ends. */
class EndObserver
{
public:
    /** `coro` has ended. On whatever thread that became known, before those who wait for the end go on. */
    virtual void coroEnded(CoroData &coro) noexcept = 0;

protected:
    ~EndObserver() = default;
};

/**
 * What a Coro handle points to: a coroutine of this process (LocalCoro) or one elsewhere.
 *
 * All of it may be used from any thread.
 */
class ASYNCORO_CORE_EXPORT CoroData : public QSharedData
{
public:
    explicit CoroData(quint64 id);
    virtual ~CoroData();
    CoroData(const CoroData &) = delete;
    CoroData &operator=(const CoroData &) = delete;

    [[nodiscard]] quint64 id() const { return m_id; }
    [[nodiscard]] QString name() const;
    void setName(const QString &name);
    [[nodiscard]] virtual Location location() const = 0;
    /** Tells processes apart, also two that were at the same location one after the other; empty for this one. */
    [[nodiscard]] virtual QByteArray process() const { return {}; }
    [[nodiscard]] virtual bool isLocal() const = 0;

    virtual bool send(Message &&message) = 0;
    virtual Task<void> deliver(Message message, QDeadlineTimer deadline) = 0;
    virtual void terminate() = 0;
    virtual void setDaemon(bool daemon) = 0;
    /** The same for all coroutines of one other process; nullptr for those of this one. */
    [[nodiscard]] virtual Carrier *carrier() { return nullptr; }

    virtual bool resumeWith(Message &&value) = 0;
    virtual bool throwInto(std::exception_ptr exception) = 0;

    // What ties two coroutines together is kept in the process of the one that is to be told. So it hears of the other
    // one's end also if the whole process of that is lost.
    /** This one will be thrown LinkedCoroEnded if `other` ends without finishing. */
    virtual void linkTo(const CoroPointer &other) { other->addLink(CoroPointer(this)); }
    virtual void unlinkFrom(const CoroPointer &other) { other->removeLink(CoroPointer(this)); }
    /** This one will be sent an ExitNotice when `other` ends. */
    virtual void observe(const CoroPointer &other) { other->addMonitor(CoroPointer(this)); }

    // Of coroutines of this process only: these throw an Error.
    virtual void setMailboxLimit(quint32 limit);

    [[nodiscard]] CoroState state() const { return m_state.load(std::memory_order_acquire); }
    /** Once failed: why. */
    [[nodiscard]] std::exception_ptr error() const;
    /** Once finished: the value as a message; invalid if it has none, or one that no message can hold. */
    [[nodiscard]] virtual QVariant result() const = 0;
    /** Once finished: the value in place, of the type that the coroutine returns; nullptr if it is elsewhere. */
    [[nodiscard]] virtual void *resultInPlace() = 0;

    /** Enters `waiter`; false if the coroutine has ended already. */
    bool addEndWaiter(EndWaiter *waiter);
    void removeEndWaiter(EndWaiter *waiter) noexcept;

    /** `observer`, of this process, will be sent an ExitNotice at the end, at once if that has come already. */
    void addMonitor(const CoroPointer &observer);
    void removeMonitor(const CoroPointer &observer);

    /** Enters `observer`, once; false if the coroutine has ended already. */
    bool addEndObserver(const std::shared_ptr<EndObserver> &observer);
    void removeEndObserver(const EndObserver *observer) noexcept;

    /** `other`, of this process, will be thrown LinkedCoroEnded if this one ends without finishing. */
    void addLink(const CoroPointer &other);
    virtual void removeLink(const CoroPointer &other);

    /** Somebody has seen how it ended, so that a failure needs no log line. */
    virtual void setEndObserved() { m_endObserved.store(true, std::memory_order_relaxed); }

    [[nodiscard]] static quint64 nextId();

protected:
    [[nodiscard]] bool isEndObserved() const { return m_endObserved.load(std::memory_order_relaxed); }

    /** Somebody waits for the end: a coroutine elsewhere now asks to be told. Called without a lock held. */
    virtual void watchEnd() { }

    /** Records the end, wakes who waits for it and tells the monitors. Once, and again after announceRestart(). */
    void announceEnd(CoroState state, std::exception_ptr error);
    /** It has failed, but runs again. */
    void announceRestart();
    /** Whether it has failed and a monitor was told. */
    [[nodiscard]] bool isMonitoredFailure() const;

private:
    struct EndObserverEntry {
        const EndObserver *observer; // also while it is being destroyed
        std::weak_ptr<EndObserver> life;
    };

    void breakLinks(const QList<CoroPointer> &links);

    const quint64 m_id;
    mutable QBasicMutex m_mutex; // guards what follows, up to the end; for m_state that is so for changes only
    std::atomic<CoroState> m_state = CoroState::Running;
    std::atomic<bool> m_endObserved = false;
    std::exception_ptr m_error;
    bool m_endMonitored = false; // a monitor was told of the end
    IntrusiveList<EndWaiter> m_endWaiters;
    QList<CoroPointer> m_monitors;
    std::forward_list<EndObserverEntry> m_endObservers; // few coroutines have any: the list takes a pointer
    QList<CoroPointer> m_links;
    QString m_name;
};

} // namespace Detail
} // namespace Asyncoro
