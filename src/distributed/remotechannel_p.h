// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Channel>

#include <atomic>

namespace Asyncoro::Detail {

class PeerLink;

/** A channel of another process. There is one such object at most for each. */
class RemoteChannel final : public ChannelData
{
public:
    RemoteChannel(std::shared_ptr<PeerLink> link, quint64 id, const QString &name);

    [[nodiscard]] const std::shared_ptr<PeerLink> &link() const { return m_link; }

    [[nodiscard]] Location location() const override { return m_location; }
    [[nodiscard]] QByteArray process() const override { return m_process; }
    [[nodiscard]] bool isLocal() const override { return false; }

    void setTransform(Transform transform) override;
    bool subscribe(const Subscriber &subscriber) override;
    Task<bool> subscribeConfirmed(Subscriber subscriber, QDeadlineTimer deadline) override;
    bool unsubscribe(const Subscriber &subscriber) override;
    [[nodiscard]] int subscriberCount() const override;

    bool send(Message &&message, int crossings) override;
    Task<int> deliver(Message message, int atLeast, QDeadlineTimer deadline, int crossings) override;
    void pack(Message message, QDeadlineTimer deadline, int crossings, Parcels &parcels) override;
    [[nodiscard]] bool passesOnTo(const ChannelData *) const override { return false; } // that is known over there only

    void close() override;
    [[nodiscard]] bool isClosed() const override { return m_closed; }
    /** It has been closed over there, or cannot be reached any more. */
    void setClosed() { m_closed = true; }

private:
    /** deliver() for a channel that this one is subscribed to: if it cannot be reached, nobody has got the message. */
    Task<int> forward(Message message, QDeadlineTimer deadline, int crossings);
    /** Whether the message may cross to that process; if not, says so in the log. */
    [[nodiscard]] bool mayCross(int crossings) const;
    void checkThread(const char *operation) const;
    [[nodiscard]] std::shared_ptr<RemoteChannel> self();
    /** Runs `work` on the network's thread. */
    template<typename Work>
    void post(Work work);

    const std::shared_ptr<PeerLink> m_link;
    const Location m_location;
    const QByteArray m_process;
    std::atomic<bool> m_closed = false;
};

} // namespace Asyncoro::Detail
