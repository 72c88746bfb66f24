// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Message>

#include <memory>

namespace Asyncoro::Detail {

class PeerLink;

/** A message of another thread. It counts as waiting in the link until all copies of this are destroyed. Any thread. */
class PostedMessage
{
public:
    PostedMessage(std::shared_ptr<PeerLink> link, Message message);

    /** Whether so much waits already that this one is to be refused. */
    [[nodiscard]] bool isTooMuch() const;
    [[nodiscard]] const Message &message() const { return m_message; }
    /** It will wait for long: counts all of it, whatever it is made of, and not only what one sees quickly. The network's thread. */
    void weigh();

private:
    struct Entry;

    Message m_message;
    std::shared_ptr<Entry> m_entry; // the work that holds this may be copied
};

} // namespace Asyncoro::Detail
