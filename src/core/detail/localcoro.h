// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "corodata.h"
#include "framepool.h"
#include "messagequeue.h"
#include "suspension.h"

#include <coroutine>
#include <memory>

namespace Asyncoro::Detail {

class CoroScheduler;
class Inbox;

/** A wait for a message. */
class ASYNCORO_CORE_EXPORT ReceiveSuspension : public Suspension
{
public:
    /** Waits for the earliest message of `type`, or of any type if that is invalid. */
    ReceiveSuspension(QMetaType type, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_type(type)
    {
    }

    [[nodiscard]] bool accepts(const Message &message) const
    {
        return !m_type.isValid() || message.metaType() == m_type;
    }

    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override { return true; }

protected:
    Message takeMessage();

private:
    friend class LocalCoro;
    QMetaType m_type;
    quint32 m_index = 0; // where in the mailbox the message lies, once there
};

/**
 * A coroutine of this process. It lives on the thread that made it, whose CoroScheduler resumes it; what is
 * marked "any thread" is passed on to that thread where necessary.
 */
class ASYNCORO_CORE_EXPORT LocalCoro : public CoroData, public ListLink
{
public:
    ~LocalCoro() override;

    static void *operator new(std::size_t size) { return allocateFrame(size); }
    static void operator delete(void *memory, std::size_t size) { freeFrame(memory, size); }

    /** The coroutine that runs now on this thread; nullptr outside of coroutines. */
    [[nodiscard]] static LocalCoro *current() noexcept;

    /** Queues a new coroutine on this thread, which holds it until it ends. */
    void launch();

    // any thread
    [[nodiscard]] Location location() const override { return {}; }
    [[nodiscard]] bool isLocal() const override { return true; }
    bool send(Message &&message) override;
    Task<void> deliver(Message message, QDeadlineTimer deadline) override;
    void terminate() override;
    void setDaemon(bool daemon) override;
    /** Completes the wait number `wait`, if the coroutine is still in it. */
    void completeWait(quint32 wait);

    // own thread
    [[nodiscard]] quint32 waitNumber() const { return m_waitNumber; }
    /**
     * Goes on in `next` when the frames that run now have returned to resume(). This stands for the compiler's symmetric
     * transfer, which grows the stack in builds without optimisation.
     */
    void transfer(std::coroutine_handle<> next) noexcept { m_transfer = next; }
    /** Whether another task may run on top of those that are on the stack; leaveTask() follows if so. */
    [[nodiscard]] bool enterTask() noexcept { return m_depth < MaxDepth && (++m_depth, true); }
    void leaveTask() noexcept { --m_depth; }
    /** Goes on at `next` after the others that are ready. */
    void yield(std::coroutine_handle<> next);
    void throwIfCancelled() const;
    void setBodyEnded() noexcept { m_bodyEnded = true; }

protected:
    LocalCoro();

    /** Calls the function; gives the frame to start in. */
    virtual std::coroutine_handle<> startBody() = 0;
    /** Keeps the value, or throws the exception, that the body ended with. */
    virtual void takeResult() = 0;
    /** Destroys frames, function and arguments, finished or not. */
    virtual void destroyBody() noexcept = 0;

private:
    friend class CoroScheduler;
    friend class Suspension;
    friend class ReceiveSuspension;

    [[nodiscard]] bool isOnOwnThread() const noexcept;
    void resume();
    void end();
    void accept(Message &&message);
    /** If forced, even out of a wait that is not to be interrupted. */
    void cancel(bool force = false);
    void endWait(Suspension::End end);
    void endWaitAtDeadline() { endWait(Suspension::End::DeadlinePassed); }

    // IntrusiveList's link is the ready queue; this one the list of all coroutines of the thread.
    struct Membership : ListLink {
        LocalCoro *coro = nullptr;
    };

    CoroScheduler *const m_scheduler; // valid on its own thread only
    const std::shared_ptr<Inbox> m_inbox;
    Membership m_membership;
    std::coroutine_handle<> m_next; // where it goes on after its wait
    std::coroutine_handle<> m_transfer; // where it goes on at once, after the frame that runs now has returned
    Suspension *m_suspension = nullptr; // while it waits: for what. In the frame, not owning
    ReceiveSuspension *m_receiving = nullptr; // the same, while it waits for a message
    MessageQueue m_mailbox;
    quint32 m_waitNumber = 0;
    quint32 m_timerIndex = NoTimer; // its place in the scheduler's heap of deadlines
    quint8 m_depth = 0; // how many tasks run on the stack, each inside its awaiter
    bool m_started = false;
    bool m_bodyEnded = false;
    bool m_cancelled = false;
    bool m_daemon = false;

    static constexpr quint32 NoTimer = ~0U;
    static constexpr quint8 MaxDepth = 32;
};

} // namespace Asyncoro::Detail
