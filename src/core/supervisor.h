// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"

#include <QStringList>

#include <chrono>
#include <functional>
#include <memory>

namespace Asyncoro {

/** A Supervisor's children failed more often than it puts up with. */
class ASYNCORO_CORE_EXPORT SupervisorGaveUp : public Error
{
public:
    SupervisorGaveUp(const QString &message, const QString &child, const QString &reason);
    ~SupervisorGaveUp() override;

    /** The child that was not started again. */
    [[nodiscard]] QString child() const { return m_child; }
    /** How that child ended the last time. */
    [[nodiscard]] QString reason() const { return m_reason; }

private:
    QString m_child;
    QString m_reason;
};

/** How often a Supervisor starts children again: at most so many times within the period. */
struct RestartIntensity {
    int restarts = 1;
    std::chrono::milliseconds period = std::chrono::seconds(5);
};

/**
 * Runs children, which are coroutines, and starts those again that end when they should not.
 *
 * Children start in the order in which they were added and stop in reverse order, each one when the one after it has
 * ended. Supervisors can be children of supervisors: add() a function that returns run() of the inner one.
 *
 *     Supervisor supervisor(Supervisor::Strategy::RestForOne);
 *     supervisor.add("database", database);
 *     supervisor.add("requests", requests);    // is started again whenever the database is
 *     co_await supervisor.run();
 *
 * For one thread. It may be destroyed while it runs; run() goes on.
 */
class ASYNCORO_CORE_EXPORT Supervisor
{
public:
    /** Which children are stopped and started together with one that is started again; but see Restart::Temporary. */
    enum class Strategy : quint8 {
        OneForOne, ///< none
        OneForAll, ///< all others
        RestForOne, ///< those that were added after it
    };
    /** When a child is started again. */
    enum class Restart : quint8 {
        Permanent, ///< however it ended
        Transient, ///< if it failed, or was lost; not if it returned or somebody terminated it
        Temporary, ///< never, not even together with others
    };

    explicit Supervisor(Strategy strategy = Strategy::OneForOne, RestartIntensity intensity = {});
    ~Supervisor();
    Supervisor(const Supervisor &) = delete;
    Supervisor &operator=(const Supervisor &) = delete;

    /**
     * Adds a child: a function that returns a Task, of which a copy is run at each start, or one that starts a
     * coroutine itself and returns its Coro. An exception of the latter counts as the child's failure. The children are
     * daemons and bear their name for people.
     *
     * Throws Error if there is a child of this name, or run() has begun.
     */
    template<typename Function>
    void add(const QString &name, Function function, Restart restart = Restart::Permanent)
    {
        using Result = std::invoke_result_t<Function &>;
        if constexpr (Detail::TaskValue<Result>::IsTask) {
            addChild(name, [function] { return Coro<>(spawn(function)); }, restart);
        } else {
            static_assert(std::is_base_of_v<Coro<>, Result>,
                          "Supervisor::add(): the function must return a Task, or the Coro of a coroutine that it "
                          "starts");
            addChild(name, [function]() mutable { return Coro<>(function()); }, restart);
        }
    }

    /** The names of the children, in the order of their start. */
    [[nodiscard]] QStringList children() const;
    /** The child of this name as it runs now; null if it does not. */
    [[nodiscard]] Coro<> child(const QString &name) const;
    /** How often a child has been started again since run() began; those that were started with it do not count. */
    [[nodiscard]] int restartCount() const;

    /**
     * Starts the children, and waits until none of them runs any more; with a permanent one, that is never.
     *
     * Resumes on the same thread. May be awaited once at a time: another one throws an Error. If children would have to
     * be started again more often than the intensity allows, stops those that run and throws SupervisorGaveUp.
     * Cancelling stops all children in reverse order and waits, as behind a shield(), until they have ended; Cancelled
     * is thrown then.
     */
    Task<> run();

private:
    class Data;

    void addChild(const QString &name, std::function<Coro<>()> start, Restart restart);

    const std::shared_ptr<Data> m_data;
};

} // namespace Asyncoro
