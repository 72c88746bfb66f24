// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Channel>

#include <QCborStreamReader>
#include <QHash>

#include <functional>
#include <memory>

namespace Asyncoro::Detail {

class NetworkCore;
class PeerLink;

/** The channels of this process that peers have handles of, and what peers ask of them. On the network's thread. */
class ChannelExchange final : public ChannelObserver, public std::enable_shared_from_this<ChannelExchange>
{
public:
    explicit ChannelExchange(const std::shared_ptr<NetworkCore> &core);

    /** The channel, of this process, lives from now on until it is closed. */
    void add(const Channel &channel);
    /** Null if it has been closed. */
    [[nodiscard]] Channel find(quint64 id) const;
    void clear() { m_entries.clear(); }

    // frames
    void readPublish(PeerLink &link, QCborStreamReader &reader);
    void readSubscribe(PeerLink &link, QCborStreamReader &reader);
    void readUnsubscribe(PeerLink &link, QCborStreamReader &reader);
    void readClose(QCborStreamReader &reader);

    void channelClosed(const ChannelData &channel) noexcept override;

private:
    struct Entry {
        Channel channel;
        QHash<const PeerLink *, std::weak_ptr<PeerLink>> users; // have asked something of it, and are told of its end
    };

    /** The channel, for a peer that asks something of it. Throws ChannelClosed, and tells the peer so. */
    Channel use(quint64 id, PeerLink &link);
    /** Does `work`; if that fails, the answer is why, or a line in the log where none is wanted. */
    static void run(PeerLink &link, quint64 number, const std::function<void()> &work);
    void remove(quint64 id);

    const std::weak_ptr<NetworkCore> m_core; // which owns this
    QHash<quint64, Entry> m_entries;
};

} // namespace Asyncoro::Detail
