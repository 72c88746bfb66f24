// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/hotswap.h"
#include "message.h"

#include <QMetaObject>

#include <deque>
#include <optional>

namespace Asyncoro::Detail {

/** A message that waits for room in a mailbox, and who waits for that. Any thread. */
struct Delivery {
    enum State : quint8 { Waiting, Delivered, GivenUp, Ended };

    /** True for the first call. */
    bool settle(State how)
    {
        State waiting = Waiting;
        if (!state.compare_exchange_strong(waiting, how))
            return false;
        if (how != GivenUp)
            sender.wake();
        return true;
    }

    Message message;
    bool isForRoomOnly = false; // there is no message yet
    quint32 limit = ~0U; // of a mailbox that has none of its own
    bool liesInMailbox = false; // once delivered: nobody waited for it
    Waker sender;
    std::atomic<State> state = Waiting;
};

/** What few coroutines have. */
struct CoroExtras {
    std::deque<std::exception_ptr> thrown; // by somebody else, not seen yet
    std::shared_ptr<HotSwapOffer> hotSwap; // not seen yet
    std::deque<std::shared_ptr<Delivery>> deliveries; // in a full mailbox
    QMetaObject::Connection contextConnection;
    std::optional<quint32> mailboxLimit;
};

} // namespace Asyncoro::Detail
