// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Messages of a peer: how they get into mailboxes, or wait for room there.

#include "peerlink_p.h"

#include "networkcore_p.h"

#include <QLoggingCategory>

#include <algorithm>
#include <limits>

Q_DECLARE_LOGGING_CATEGORY(lcPeer)

namespace Asyncoro::Detail {

namespace {

constexpr qint64 PartMemory = 64; // bytes that a part of a value takes in memory, roughly, beside its texts and byte arrays
constexpr qint64 DenseFactor = 4; // how many times as much as on its way a message may take where it waits
// Bytes of messages for a coroutine of another thread: sent to it since all before them were known to have found room in its
// mailbox; and that wait here before the peer is told.
constexpr qint64 MostUnconfirmed = 4 * 1024 * 1024;
constexpr qint64 MostUntold = 4 * 1024 * 1024;

} // namespace

QString PeerLink::staysFull(const Coro<> &target)
{
    return QStringLiteral("the mailbox of %1 stays full").arg(target.name());
}

bool PeerLink::mayWait(const UnreadMessage &message) const
{
    const qint64 limit = peerLimits().unread;
    return m_backlogSize + message.size <= limit && m_core->unread + message.size <= 4 * limit;
}

bool NetworkCore::addUnconfirmed(quint64 coro, qint64 bytes, quint32 limit)
{
    const auto found = m_exported.find(coro);
    if (found == m_exported.end() || found->unconfirmed + bytes > MostUnconfirmed)
        return false;
    found->unconfirmed += bytes;
    found->unconfirmedLimit = std::min(found->unconfirmedLimit, limit);
    return true;
}

void NetworkCore::confirmRoom(quint64 coro)
{
    if (const auto found = m_exported.find(coro); found != m_exported.end())
        *found = {found->coro};
}

void PeerLink::readSend(QCborStreamReader &reader, const QByteArray &body)
{
    const quint64 id = readUnsigned(reader);
    const Coro<> target = m_core->findExported(id);
    std::optional<UnreadMessage> message = readMessage(reader, body, target);
    if (!message)
        return;
    try {
        pass(id, std::move(*message));
    } catch (const WireError &e) {
        dropped(target, e.message());
    }
}

PeerLink::UnreadMessage PeerLink::decodeMessage(QCborStreamReader &reader, const QByteArray &body)
{
    const qint64 start = reader.currentOffset();
    int parts = 0;
    UnreadMessage unread;
    unread.message = decodeValue(reader, *m_core, nullptr, &parts);
    unread.encoded = QByteArray::fromRawData(body.constData() + start, qsizetype(reader.currentOffset() - start));
    unread.size = unread.encoded.size() + qsizetype(sizeof(UnreadMessage) + sizeof(UnreadPlace));
    unread.memory = unread.encoded.size() + parts * PartMemory;
    return unread;
}

std::optional<PeerLink::UnreadMessage> PeerLink::readMessage(QCborStreamReader &reader, const QByteArray &body,
                                                             const Coro<> &target)
{
    try {
        return decodeMessage(reader, body);
    } catch (const MalformedFrame &) {
        throw;
    } catch (const WireError &e) {
        dropped(target, e.message());
        return {};
    }
}

void PeerLink::dropped(const Coro<> &target, const QString &reason)
{
    if (std::has_single_bit(quint64(++m_info.dropped))) // not a line each: there may be very many
        qCWarning(lcPeer).noquote() << "a message from" << m_location.toString() << "to" << target.name() << "was dropped:" << reason
                                    << "- dropped so far:" << m_info.dropped;
}

void PeerLink::readDeliver(QCborStreamReader &reader, const QByteArray &body)
{
    const quint64 number = readUnsigned(reader);
    const quint64 id = readUnsigned(reader);
    answerFrame(number, [&] {
        UnreadMessage message = decodeMessage(reader, body);
        message.number = number;
        pass(id, std::move(message));
    });
}

quint32 PeerLink::UnreadMessage::mailboxLimit() const
{
    return quint32(std::clamp<qint64>(peerLimits().mailbox / memory, 1, std::numeric_limits<quint32>::max() - 1));
}

bool PeerLink::put(const Coro<> &target, Message &&message, const UnreadMessage &unread)
{
    return target && (isOfThisThread(target) || m_core->addUnconfirmed(target.id(), unread.memory, unread.mailboxLimit()))
        && static_cast<LocalCoro *>(target.data().data())->send(std::move(message), unread.mailboxLimit());
}

/**
 * Puts the message into the mailbox, or behind those that wait for room there. The peer is told of a full mailbox, and sends
 * it nothing more until there is room; so what waits is bounded by what was under way.
 *
 * Whether the mailbox of another thread has room is known only there, so a delivery waits for the answer, and so does what is
 * sent once much has been. The peer is told when much waits.
 */
void PeerLink::pass(quint64 id, UnreadMessage message)
{
    const Coro<> target = m_core->findExported(id);
    std::shared_ptr<Backlog> backlog = m_backlogs.value(id);
    const bool isHere = isOfThisThread(target);
    if (!backlog) {
        if ((isHere || !message.number) && put(target, std::move(message.message), message)) {
            if (message.number)
                answer(message.number, {});
            return;
        }
        if (!target.isRunning()) {
            if (message.number) {
                const QString name = target ? target.name() : QStringLiteral("coroutine %1").arg(id);
                throw CoroEnded(QStringLiteral("%1 has ended: the message was not delivered").arg(name));
            }
            return;
        }
    }
    const quint64 number = message.number;
    if (number && m_unreadPlaces.contains(number))
        throw MalformedFrame(QStringLiteral("a second delivery with the number %1").arg(number));
    if (message.memory > DenseFactor * message.size) {
        message.encoded.detach(); // from the frame
        message.message = {};
    } else {
        message.encoded = {};
    }
    if (!mayWait(message))
        throw WireError(staysFull(target));
    m_backlogSize += message.size;
    m_core->unread += message.size;
    const qint64 size = message.size;
    const bool isFirst = !backlog;
    if (isFirst) {
        backlog = std::make_shared<Backlog>();
        backlog->target = target;
        m_backlogs.insert(id, backlog);
    }
    const auto place = backlog->messages.insert(backlog->messages.end(), std::move(message));
    backlog->size += size;
    if (number)
        m_unreadPlaces.insert(number, {id, place});
    if (isHere || backlog->size > MostUntold)
        tellFull(id, backlog.get());
    if (isFirst)
        startPassing(backlog);
}

void PeerLink::tellFull(quint64 coro, Backlog *backlog)
{
    if (!std::exchange(backlog->isTold, true))
        send(FrameKind::Full, 1, [&](QCborStreamWriter &writer) { writer.append(coro); });
}

void PeerLink::startPassing(const std::shared_ptr<Backlog> &backlog)
{
    backlog->passer = spawn(&PeerLink::passBacklog, shared_from_this(), backlog);
    backlog->passer.setName(QStringLiteral("messages for ") + backlog->target.name());
    backlog->passer.setDaemon();
}

PeerLink::UnreadMessage PeerLink::takeFirst(Backlog &backlog)
{
    UnreadMessage first = std::move(backlog.messages.front());
    backlog.messages.pop_front();
    m_unreadPlaces.remove(first.number);
    backlog.size -= first.size;
    m_backlogSize -= first.size;
    m_core->unread -= first.size;
    return first;
}

Task<> PeerLink::deliverUnread(Coro<> target, UnreadMessage unread)
{
    const bool confirms = unread.number == 0 && !isOfThisThread(target);
    if (confirms && unread.encoded.isEmpty() && put(target, std::move(unread.message), unread))
        co_return;
    LocalCoro &coro = static_cast<LocalCoro &>(*target.data());
    const quint32 limit = confirms ? std::min(unread.mailboxLimit(), m_core->unconfirmedLimit(target.id()))
                                   : unread.mailboxLimit();
    if (!unread.encoded.isEmpty()) {
        co_await coro.awaitRoom(limit);
        QCborStreamReader reader(unread.encoded);
        const Speaking speaking(*m_core, this);
        unread.message = decodeValue(reader, *m_core);
    }
    bool liesInMailbox = false;
    co_await coro.deliver(std::move(unread.message), QDeadlineTimer::Forever, limit, &liesInMailbox);
    if (confirms && liesInMailbox)
        m_core->confirmRoom(target.id());
}

/** Goes on even when the peer is lost: what it has sent has arrived. */
Task<> PeerLink::passBacklog(std::shared_ptr<Backlog> backlog)
{
    const auto self = shared_from_this();
    const Coro<> target = backlog->target;
    while (!backlog->messages.empty()) {
        std::exception_ptr error;
        try {
            co_await deliverUnread(target, backlog->messages.front());
        } catch (const CoroEnded &) {
            error = std::current_exception();
        } catch (const WireError &e) { // it could be read before, but there are too many processes now
            error = std::current_exception();
            if (backlog->messages.front().number == 0)
                dropped(target, e.message());
        }
        if (backlog->passer != Coro<>::self())
            co_return; // what it was at was cancelled, and another one goes on
        const UnreadMessage passed = takeFirst(*backlog);
        if (passed.number && error)
            answerFailure(passed.number, error);
        else if (passed.number)
            answer(passed.number, {});
    }
    m_backlogs.remove(target.id());
    if (backlog->isTold)
        send(FrameKind::Room, 1, [&](QCborStreamWriter &writer) { writer.append(target.id()); });
}

/** The peer no longer waits for the Deliver of that number. */
void PeerLink::dropUnread(quint64 number)
{
    const auto found = m_unreadPlaces.constFind(number);
    if (found == m_unreadPlaces.cend())
        return;
    const UnreadPlace place = *found;
    const std::shared_ptr<Backlog> backlog = m_backlogs.value(place.coro);
    if (place.message == backlog->messages.begin()) {
        takeFirst(*backlog);
        const Coro<> passer = backlog->passer;
        startPassing(backlog);
        passer.terminate();
        return;
    }
    backlog->size -= place.message->size;
    m_backlogSize -= place.message->size;
    m_core->unread -= place.message->size;
    backlog->messages.erase(place.message);
    m_unreadPlaces.erase(found);
}

} // namespace Asyncoro::Detail
