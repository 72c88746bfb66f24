// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/hotswap.h"

#include "detail/localcoro.h"
#include "error.h"

namespace Asyncoro {

HotSwapRequest::HotSwapRequest(std::shared_ptr<Detail::HotSwapOffer> offer)
    : m_offer(std::move(offer))
{
}

HotSwapRequest::HotSwapRequest(const HotSwapRequest &) = default;
HotSwapRequest &HotSwapRequest::operator=(const HotSwapRequest &) = default;
HotSwapRequest::~HotSwapRequest() = default;

namespace Detail {

BodyBase::~BodyBase() = default;

void HotSwapState::settle(Outcome how)
{
    Outcome open = Open;
    if (outcome.compare_exchange_strong(open, how))
        requester.wake();
}

HotSwapSuspension::HotSwapSuspension(CoroPointer target, std::shared_ptr<HotSwapState> state,
                                     const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_target(std::move(target))
    , m_state(std::move(state))
{
}

HotSwapSuspension::~HotSwapSuspension() = default;

bool HotSwapSuspension::start()
{
    if (!m_target || !m_target->isLocal())
        throw Error(QStringLiteral("hotSwap(): only a coroutine of this process can be swapped"));
    auto *const target = static_cast<LocalCoro *>(m_target.data());
    if (*m_state->valueType != target->valueType())
        throw Error(QStringLiteral("hotSwap(): the function of %1 gives another type").arg(target->name()));
    m_state->requester = waker();
    target->hotSwap(m_state);
    return m_state->outcome == HotSwapState::Open; // if not, waking finds nobody who waits
}

QString HotSwapSuspension::operation() const
{
    return QStringLiteral("hot swap of %1").arg(m_target->name());
}

bool HotSwapSuspension::await_resume() const
{
    throwUnlessComplete();
    if (m_state->outcome == HotSwapState::Ended)
        throw CoroEnded(QStringLiteral("%1 has ended: it cannot be swapped").arg(m_target->name()));
    return m_state->outcome == HotSwapState::Accepted;
}

} // namespace Detail
} // namespace Asyncoro
