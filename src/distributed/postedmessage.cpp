// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "postedmessage_p.h"

#include "peerlink_p.h"

namespace Asyncoro::Detail {

namespace {

qint64 roughSize(const Message &message)
{
    constexpr qint64 small = 64;
    if (message.metaType() == QMetaType::fromType<QByteArray>())
        return small + static_cast<const QByteArray *>(message.constData())->size();
    if (message.metaType() == QMetaType::fromType<QString>())
        return small + 2 * static_cast<const QString *>(message.constData())->size();
    return small;
}

} // namespace

struct PostedMessage::Entry {
    Entry(std::shared_ptr<PeerLink> to, qint64 bytes)
        : link(std::move(to))
        , size(bytes)
        , isTooMuch(!link->addPosted(size))
    {
    }
    ~Entry() { link->removePosted(size); }
    Q_DISABLE_COPY_MOVE(Entry)

    const std::shared_ptr<PeerLink> link;
    const qint64 size;
    const bool isTooMuch;
};

PostedMessage::PostedMessage(std::shared_ptr<PeerLink> link, Message message)
    : m_message(std::move(message))
    , m_entry(std::make_shared<const Entry>(std::move(link), roughSize(m_message)))
{
}

bool PostedMessage::isTooMuch() const
{
    return m_entry->isTooMuch;
}

} // namespace Asyncoro::Detail
