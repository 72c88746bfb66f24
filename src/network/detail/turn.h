// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/Event>
#include <Asyncoro/Task>

#include <QObject>

namespace Asyncoro::Detail {

class Turn;

/** Those who wait for the same thing of one object, in the order in which they came. */
class ASYNCORO_NETWORK_EXPORT Turns : public OfOneThread
{
public:
    /** Something has changed: lets them try, one after the other, until one has to go on waiting. */
    void serve();
    [[nodiscard]] bool isEmpty() const { return m_waiting.isEmpty(); }

private:
    friend class Turn;
    void serveLater();

    // So often one is done at once before other coroutines, timers and sockets have their turn, too.
    static constexpr int InARow = 32;

    IntrusiveList<Turn> m_waiting;
    QObject m_context; // ends with this what serveLater() has asked for
    int m_left = InARow;
    bool m_serving = false;
};

/**
 * A wait that tries whether it can be done: at once if nobody is before it, and again whenever Turns::serve() says that
 * something has changed.
 */
class ASYNCORO_NETWORK_EXPORT Turn : public ExternalWait
{
protected:
    Turn(Turns &turns, const char *operation, const QDeadlineTimer &deadline)
        : ExternalWait(operation, deadline)
        , m_turns(turns)
    {
    }
    ~Turn() override;

    /** True if it is done, be it by an exception, which the coroutine is thrown then. */
    virtual bool attempt() = 0;

    bool start() override;
    void abandon() noexcept override;

private:
    friend class Turns;
    bool isDone() noexcept;

    Turns &m_turns; // valid while this waits
};

} // namespace Asyncoro::Detail
