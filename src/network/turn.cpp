// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/turn.h"

namespace Asyncoro::Detail {

void Turns::serve()
{
    if (std::exchange(m_serving, true))
        return; // what an attempt does may lead here
    while (Turn *const turn = m_waiting.first()) {
        if (!turn->isDone())
            break;
        turn->unlink();
        turn->complete();
    }
    m_serving = false;
}

void Turns::serveLater()
{
    m_left = InARow;
    QMetaObject::invokeMethod(&m_context, [this] { serve(); }, Qt::QueuedConnection);
}

Turn::~Turn() = default;

bool Turn::start()
{
    m_turns.checkThread(operationName());
    const bool isFirst = m_turns.isEmpty();
    const bool isOverdue = deadline() != Never && QDeadlineTimer::current().deadlineNSecs() >= deadline();
    const bool isTired = m_turns.m_left == 0 && !isOverdue;
    if (isFirst && !isTired && isDone()) {
        m_turns.m_left = std::max(m_turns.m_left - 1, 0);
        return false;
    }
    m_turns.m_waiting.append(this);
    if (isFirst && isTired)
        m_turns.serveLater();
    return true;
}

void Turn::abandon() noexcept
{
    unlink();
    m_turns.serve(); // the next one may need less
}

bool Turn::isDone() noexcept
{
    try {
        return attempt();
    } catch (...) {
        setFailed(std::current_exception());
        return true;
    }
}

} // namespace Asyncoro::Detail
