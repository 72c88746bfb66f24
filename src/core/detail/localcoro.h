// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "cancelscope.h"
#include "corodata.h"
#include "framepool.h"
#include "messagequeue.h"
#include "suspension.h"

#include <coroutine>
#include <functional>
#include <memory>
#include <source_location>

QT_BEGIN_NAMESPACE
class QObject;
QT_END_NAMESPACE

namespace Asyncoro::Detail {

class CoroScheduler;
class Inbox;
class ScopeData;
struct CoroExtras;
struct Delivery;
struct HotSwapState;

/** A wait for something that is sent to the coroutine: a message, or the value of resume(). */
class ASYNCORO_CORE_EXPORT ReceiveSuspension : public Suspension, public ListLink
{
public:
    bool start() override;
    void abandon() noexcept override { unlink(); }
    QString operation() const override;
    bool isInternal() const override { return true; }

protected:
    enum Kind : quint8 {
        AnyMessage,
        MessageOfType,
        ChosenMessage, ///< chooses() says which
        Resumption,
    };

    ReceiveSuspension(Kind kind, QMetaType type, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_type(type)
        , m_kind(kind)
    {
    }
    ~ReceiveSuspension() override = default;

    /** May throw: the wait ends with that then. */
    virtual bool chooses(const Message &message) const;

    Message takeMessage()
    {
        throwUnlessComplete();
        return takeUnchecked();
    }
    Message takeUnchecked();

private:
    friend class LocalCoro;
    [[nodiscard]] bool accepts(const Message &message);

    Message m_message;
    std::exception_ptr m_failure;
    QMetaType m_type;
    Kind m_kind;
};

/** How a coroutine comes into being, besides its function. */
struct Launch {
    std::source_location where;
    QObject *context = nullptr; ///< the coroutine is ended with it
    ScopeData *scope = nullptr; ///< the coroutine is a child of it
    bool isArm = false; ///< it acts for the coroutine that starts it: same name, same mailbox
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
    /** The same; throws an Error outside of coroutines. */
    [[nodiscard]] static LocalCoro &currentOrThrow(const char *operation);

    /** Queues a new coroutine on this thread, which holds it until it ends. */
    void launch(const Launch &launch);

    // any thread
    [[nodiscard]] Location location() const override { return {}; }
    [[nodiscard]] bool isLocal() const override { return true; }
    bool send(Message &&message) override { return send(std::move(message), NoLimit); }
    /** The same, but `limit` is the limit of a mailbox that has none of its own. */
    bool send(Message &&message, quint32 limit);
    Task<void> deliver(Message message, QDeadlineTimer deadline) override;
    /** `liesInMailbox` is set once it is delivered: false if somebody waited for it, or, on its own thread, always. */
    Task<void> deliver(Message message, QDeadlineTimer deadline, quint32 limit, bool *liesInMailbox = nullptr);
    /** Until there is room, for who makes its message only then. Throws CoroEnded. */
    Task<void> awaitRoom(quint32 limit);
    /** From any thread: the mailbox takes it as soon as it has room. */
    void enqueue(const std::shared_ptr<Delivery> &delivery);
    bool resumeWith(Message &&value) override;
    bool throwInto(std::exception_ptr exception) override;
    void terminate() override;
    void setDaemon(bool daemon) override;
    void setMailboxLimit(quint32 limit) override;
    /** Completes the wait number `wait`, if the coroutine is still in it. */
    void completeWait(quint32 wait);
    void hotSwap(const std::shared_ptr<HotSwapState> &swap);
    /** Runs `function` on the coroutine's thread, at once if that is this one; false if that thread has ended. */
    bool callOnOwnThread(std::function<void()> function);
    /** For logs: its name, and where it was started. */
    [[nodiscard]] QString origin() const;
    /** The type that the coroutine's function gives. */
    [[nodiscard]] virtual const std::type_info &valueType() const = 0;

    // own thread
    [[nodiscard]] bool isOnOwnThread() const noexcept;
    [[nodiscard]] quint32 waitNumber() const { return m_waitNumber; }
    /** The one whose handle and mailbox it uses: mostly itself. */
    [[nodiscard]] LocalCoro *identity() const { return m_identity; }
    [[nodiscard]] CancelScope &innermostScope() { return *m_scope; }
    /** When the first of the scopes in which it runs times out. */
    [[nodiscard]] Moment scopeDeadline() const { return m_scopeDeadline; }
    void setHotSwappable(bool swappable) { m_hotSwappable = swappable; }
    /**
     * Goes on in `next` when the frames that run now have returned to resume(). This stands for the compiler's
     * symmetric transfer, which grows the stack in builds without optimisation.
     */
    void transfer(std::coroutine_handle<> next) noexcept { m_transfer = next; }
    /** Whether another task may run on top of those that are on the stack; leaveTask() follows if so. */
    [[nodiscard]] bool enterTask() noexcept { return m_depth < MaxDepth && (++m_depth, true); }
    void leaveTask() noexcept { --m_depth; }
    /** Goes on at `next` after the others that are ready; false if it must not, see throwInterruption(). */
    [[nodiscard]] bool yield(std::coroutine_handle<> next, const PromiseBase *frame);
    /** After yield(). */
    void throwIfInterrupted();
    /** As a wait would, where there is nothing to wait for. */
    void throwIfCancelled() const;
    /** Whether nothing that it waited for counts any more: its QObject was destroyed, or its thread ends. */
    [[nodiscard]] bool mustEndNow() const { return m_forced; }
    void setBodyEnded() noexcept { m_bodyEnded = true; }
    void setBodyFrame(const PromiseBase *frame) noexcept { m_bodyFrame = frame; }

protected:
    LocalCoro();

    /** Calls the function; gives the frame to start in. */
    virtual std::coroutine_handle<> startBody() = 0;
    /** Keeps the value, or throws the exception, that the body ended with. */
    virtual void takeResult() = 0;
    /** Destroys frames, function and arguments, finished or not. */
    virtual void destroyBody() noexcept = 0;
    /** Puts another function in the place of the one that has ended. */
    virtual void replaceBody(HotSwapState &swap) = 0;

private:
    friend class CancelScope;
    friend class CoroScheduler;
    friend class Insight;
    friend class ReceiveSuspension;
    friend class ScopeData;
    friend class Suspension;

    void resume();
    void end();
    /** Who waits for this message. */
    [[nodiscard]] ReceiveSuspension *receiverOf(const Message &message);
    void handOver(ReceiveSuspension *receiver, Message &&message);
    [[nodiscard]] bool isMailboxFull(quint32 limit = NoLimit) const;
    [[nodiscard]] bool isRoomAwaited() const;
    void append(Message &&message);
    void interruptWait();
    /** Asks the stop tokens of those scopes that are cancelled. */
    void requestStops();
    void updateInterruption();
    /** Cancels the whole; if forced, shields do not help, nor that the wait has ended already. */
    void cancel(bool force = false);
    /** Makes a wait that has ended, however it did, an interrupted one. */
    void interruptEndedWait();
    void endWait(Suspension::End end);
    void endWaitAtDeadline(Moment present);
    /** Whether a wait in that frame must throw now. */
    [[nodiscard]] bool mayInterrupt(const PromiseBase *frame) const;
    [[nodiscard]] bool isShielded() const;
    [[nodiscard]] bool isCancelled() const { return m_scope->isEffectivelyCancelled(); }
    [[noreturn]] void throwInterruption();
    /** Cancels it and what it waits for, and runs them until they have ended, unless they run further up the stack. */
    void endNow();
    void bindTo(QObject *context);
    void acceptHotSwap(const std::shared_ptr<HotSwapState> &swap);
    void restart(HotSwapState &swap);
    void acceptDeliveries();
    /** Gives `receiver` the first of those that wait for room that it accepts; false if there is none. */
    bool acceptDelivery(ReceiveSuspension *receiver);
    void reportMailbox() const;
    CoroExtras &extras();

    // IntrusiveList's link is the ready queue; these are the list of all coroutines of the thread, and that of the
    // scope.
    struct Membership : ListLink {
        LocalCoro *coro = nullptr;
    };

    CoroScheduler *const m_scheduler; // valid on its own thread only
    const std::shared_ptr<Inbox> m_inbox;
    Membership m_membership;
    Membership m_sibling;
    ScopeData *m_parentScope = nullptr; // not owning: outlives its children
    ScopeData *m_scopes = nullptr; // the innermost one of those with children of this coroutine
    LocalCoro *m_identity = this; // not owning: an arm ends before the coroutine for which it acts
    std::coroutine_handle<> m_next; // where it goes on after its wait
    std::coroutine_handle<> m_transfer; // where it goes on at once, after the frame that runs now has returned
    const PromiseBase *m_bodyFrame = nullptr; // the outermost frame
    const PromiseBase *m_frame = nullptr; // the frame of the last yield, or of a wait that was interrupted
    Suspension *m_suspension = nullptr; // while it waits: for what. In the frame, not owning
    Suspension *m_endedWait = nullptr; // the same, from the end of the wait until the coroutine goes on
    IntrusiveList<ReceiveSuspension> m_receivers; // of this coroutine and its arms
    MessageQueue m_mailbox;
    CancelScope m_rootScope;
    CancelScope *m_scope = &m_rootScope; // the innermost
    Moment m_scopeDeadline = Never;
    Moment m_runTime = 0; // while the insight measures it
    std::unique_ptr<CoroExtras> m_extras;
    std::source_location m_startedAt;
    quint64 m_parent = 0; // the id of the coroutine that started it
    quint32 m_waitNumber = 0;
    quint32 m_timerIndex = NoTimer; // its place in the scheduler's heap of deadlines
    quint8 m_depth = 0; // how many tasks run on the stack, each inside its awaiter
    bool m_started = false;
    bool m_running = false;
    bool m_bodyEnded = false;
    bool m_interrupted = false; // the next wait may have to throw: see mayInterrupt()
    bool m_forced = false;
    bool m_terminated = false;
    bool m_daemon = false;
    bool m_hotSwappable = false;

    static constexpr quint32 NoTimer = ~0U;
    static constexpr quint32 NoLimit = ~0U;
    static constexpr quint8 MaxDepth = 32;
};

} // namespace Asyncoro::Detail
