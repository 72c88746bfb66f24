// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "corotesting.h"

#include <QDeadlineTimer>
#include <QTest>

#include <functional>
#include <memory>

/**
 * Tries a waiting operation in every way in which a wait can begin and end. A test links waitmatrix.
 *
 * The test describes the operation by a fixture, of which each row gets a fresh one:
 *
 *     struct WaitForEvent {
 *         std::unique_ptr<Event> event = std::make_unique<Event>();       // the object: not complete yet
 *         Task<> wait(QDeadlineTimer deadline) { co_await event->wait(deadline); }
 *         void complete() { event->set(); }                               // ends the wait, or one that comes later
 *         void destroy() { event.reset(); }                               // leave it out if nothing can be destroyed
 *         void verify(bool completed, WaitMatrix::Outcome outcome) {...}  // nothing is left over, nothing is lost
 *     };
 *
 *     void waits_data() { WaitMatrix::addRows<WaitForEvent>(); }
 *     void waits() { WaitMatrix::run<WaitForEvent>(); }
 *
 * verify() is called at the end of each row whose object still exists, with whether complete() was called and how the
 * wait ended; it checks with QVERIFY and QCOMPARE.
 *
 * What may be different is said by constants of the fixture:
 *
 *     static constexpr bool CompletesAtOnce = false;                      // what comes before the wait does not count
 *     static constexpr auto CancelledAfterCompletion = Outcome::Cancelled;   // else Completed
 *     static constexpr auto DestroyedAfterCompletion = Outcome::Destroyed;   // else Completed
 *     static constexpr auto CompletedAfterDeadline = Outcome::Completed;     // else TimedOut
 *     static constexpr bool GoesWithItsObject = true;     // what the coroutine has got is gone when its object is
 *
 * Constructor, destructor and verify() of a fixture are called by plain code of the thread that the row runs on,
 * complete() and destroy() by plain code or another coroutine.
 */
namespace WaitMatrix {

enum class Outcome { StillWaits, Completed, TimedOut, Cancelled, Destroyed, Failed };

char *toString(Outcome outcome);

/** What the constants of a fixture say; see above. */
struct Traits {
    bool completesAtOnce = true;
    bool canBeDestroyed = false;
    Outcome cancelledAfterCompletion = Outcome::Completed;
    Outcome destroyedAfterCompletion = Outcome::Completed;
    Outcome completedAfterDeadline = Outcome::TimedOut;
    bool goesWithItsObject = false;
};

/** A fixture of any type. */
class Operation
{
public:
    explicit Operation(const Traits &constants)
        : traits(constants)
    {
    }
    virtual ~Operation() = default;
    Q_DISABLE_COPY_MOVE(Operation)

    virtual Asyncoro::Task<> wait(QDeadlineTimer deadline) = 0;
    virtual void complete() = 0;
    virtual void destroy() = 0;
    virtual void verify(bool completed, Outcome outcome) = 0;

    const Traits traits;
};

template<typename Fixture>
consteval Traits traitsOf()
{
    Traits traits;
    traits.canBeDestroyed = requires(Fixture &fixture) { fixture.destroy(); };
    if constexpr (requires { Fixture::CompletesAtOnce; })
        traits.completesAtOnce = Fixture::CompletesAtOnce;
    if constexpr (requires { Fixture::CancelledAfterCompletion; })
        traits.cancelledAfterCompletion = Fixture::CancelledAfterCompletion;
    if constexpr (requires { Fixture::DestroyedAfterCompletion; })
        traits.destroyedAfterCompletion = Fixture::DestroyedAfterCompletion;
    if constexpr (requires { Fixture::CompletedAfterDeadline; })
        traits.completedAfterDeadline = Fixture::CompletedAfterDeadline;
    if constexpr (requires { Fixture::GoesWithItsObject; })
        traits.goesWithItsObject = Fixture::GoesWithItsObject;
    return traits;
}

template<typename Fixture>
class OperationOf final : public Operation
{
public:
    explicit OperationOf(std::unique_ptr<Fixture> fixture)
        : Operation(traitsOf<Fixture>())
        , m_fixture(std::move(fixture))
    {
    }

    Asyncoro::Task<> wait(QDeadlineTimer deadline) override { return m_fixture->wait(deadline); }
    void complete() override { m_fixture->complete(); }
    void destroy() override
    {
        if constexpr (traitsOf<Fixture>().canBeDestroyed)
            m_fixture->destroy();
    }
    void verify(bool completed, Outcome outcome) override { m_fixture->verify(completed, outcome); }

private:
    std::unique_ptr<Fixture> m_fixture;
};

void addRows(const Traits &traits);
/** Runs the row of the test that is under way. */
void run(const std::function<std::unique_ptr<Operation>()> &factory);

/** In the function NAME_data(). */
template<typename Fixture>
void addRows()
{
    addRows(traitsOf<Fixture>());
}

/** In the function NAME(); `factory` makes a fixture that cannot be made without arguments. */
template<typename Fixture, typename Factory>
void run(Factory factory)
{
    run([&factory] { return std::make_unique<OperationOf<Fixture>>(factory()); });
}

template<typename Fixture>
void run()
{
    run<Fixture>([] { return std::make_unique<Fixture>(); });
}

} // namespace WaitMatrix
