// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "postedmessage_p.h"

#include "peerlink_p.h"
#include "wire/encodedsize_p.h"
#include "wire/plainvalues_p.h"
#include "wire/typeregistry_p.h"

#include <QAssociativeIterable>
#include <QMetaProperty>
#include <QSequentialIterable>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

/**
 * How many bytes a value takes, as far as one sees quickly: of so many parts, and the others are taken to be like these. What
 * the program's own functions would have to be asked for counts as small.
 */
class RoughSize
{
public:
    qint64 of(const QVariant &value)
    {
        --m_partsLeft;
        switch (value.typeId()) {
        case QMetaType::Bool:
        case QMetaType::Int:
        case QMetaType::Double:
            return Small;
        case QMetaType::QByteArray:
            return Small + get<QByteArray>(value).size();
        case QMetaType::QString:
            return Small + 2 * get<QString>(value).size();
        case QMetaType::QVariantList:
            return ofAll(get<QVariantList>(value));
        case QMetaType::QVariantMap:
            return ofAll(get<QVariantMap>(value));
        case QMetaType::QVariantHash:
            return ofAll(get<QVariantHash>(value));
        default:
            return isPlain(value.typeId()) ? Small : ofOther(value);
        }
    }

private:
    static constexpr qint64 Small = 64;

    template<typename T>
    static const T &get(const QVariant &value)
    {
        return *static_cast<const T *>(value.constData());
    }

    template<typename Parts>
    qint64 ofAll(const Parts &parts)
    {
        qint64 seen = 0;
        qint64 size = 0;
        for (auto part = parts.begin(), end = parts.end(); part != end && m_partsLeft > 0; ++part) {
            size += of(*part);
            ++seen;
        }
        const qint64 unseen = std::max<qint64>(parts.size() - seen, 0);
        return Small + size + unseen * (seen > 0 ? size / seen : Small);
    }

    qint64 ofOther(const QVariant &value)
    {
        const QMetaType type = value.metaType();
        if (const auto codec = codecOf(type)) {
            if (codec->split)
                return ofAll(codec->split(value.constData()));
            return codec->toCbor ? Small : ofGadget(value);
        }
        if (isAssociation(type))
            return ofAll(value.value<QAssociativeIterable>());
        return isSequence(type) ? ofAll(value.value<QSequentialIterable>()) : Small;
    }

    qint64 ofGadget(const QVariant &value)
    {
        const QMetaObject *meta = value.metaType().metaObject();
        qint64 size = Small;
        for (int i = 0; i < meta->propertyCount() && m_partsLeft > 0; ++i) {
            if (meta->property(i).isStored())
                size += of(meta->property(i).readOnGadget(value.constData()));
        }
        return size;
    }

    int m_partsLeft = 1000;
};

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
    qint64 size; // changed on the network's thread only
    const bool isTooMuch;
};

PostedMessage::PostedMessage(std::shared_ptr<PeerLink> link, Message message)
    : m_message(std::move(message))
    , m_entry(std::make_shared<Entry>(std::move(link), RoughSize().of(m_message)))
{
}

bool PostedMessage::isTooMuch() const
{
    return m_entry->isTooMuch;
}

void PostedMessage::weigh()
{
    const qint64 size = std::max(m_entry->size, encodedSize(m_message));
    m_entry->link->removePosted(std::exchange(m_entry->size, size) - size);
}

} // namespace Asyncoro::Detail
