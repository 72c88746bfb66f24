// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What coroutines of one process ask of those of another, beyond messages and calls: both sides of it.

#include "endreporter_p.h"
#include "networkcore_p.h"
#include "remotechannel_p.h"
#include "remotecoro_p.h"
#include "wire/errortypes_p.h"

#include <Asyncoro/Scope>

#include <QLoggingCategory>

#include <bit>

Q_LOGGING_CATEGORY(lcVerbs, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

QString textForPeer(const std::exception_ptr &error)
{
    constexpr qsizetype MaxLength = 64 * 1024;
    return errorText(error).left(MaxLength);
}

// --- the end of a coroutine ---

void PeerLink::readWatch(QCborStreamReader &reader)
{
    const quint64 id = readUnsigned(reader);
    const Coro<> coro = m_core->findExported(id);
    if (coro)
        return watchForPeer(coro, true);
    send(FrameKind::Ended, 5, [&](QCborStreamWriter &writer) {
        writer.append(id);
        writer.append(quint64(CoroState::Lost));
        writer.append(QStringView(errorType(std::make_exception_ptr(CoroEnded(QString())))));
        writer.append(QStringView(QStringLiteral("coroutine %1 has ended, and how is no longer known").arg(id)));
        writer.appendNull();
    });
}

void PeerLink::watchForPeer(const Coro<> &coro, bool asked)
{
    std::shared_ptr<EndReporter> &reporter = m_reporters[coro.id()];
    if (!reporter)
        reporter = std::make_shared<EndReporter>(shared_from_this(), coro);
    reporter->asked |= asked;
    if (!coro.data()->addEndObserver(reporter))
        reportEnd(coro);
}

void PeerLink::reportEnd(const Coro<> &coro)
{
    const std::shared_ptr<EndReporter> reporter = m_reporters.take(coro.id());
    if (!reporter)
        return; // it was told already
    if (reporter->asked)
        coro.data()->setEndObserved();
    CoroState state = coro.state();
    std::exception_ptr error = coro.data()->error();
    if (state == CoroState::Terminated)
        error = std::make_exception_ptr(CoroTerminated(coro.name() + QStringLiteral(" was terminated")));
    const auto report = [&](const QVariant &value) {
        send(FrameKind::Ended, 5, [&](QCborStreamWriter &writer) {
            writer.append(coro.id());
            writer.append(quint64(state));
            writer.append(QStringView(error ? errorType(error) : QString()));
            writer.append(QStringView(error ? textForPeer(error) : QString()));
            encodeValue(writer, value, *m_core);
        });
    };
    try {
        report(error ? QVariant() : coro.data()->result());
    } catch (...) { // as a value that is not known where it arrives
        qCWarning(lcVerbs).noquote() << "the value of" << coro.name()
                                     << "was not sent:" << errorText(std::current_exception());
        state = CoroState::Failed;
        error = std::current_exception();
        report({});
    }
}

void PeerLink::adopt(const Coro<> &coro)
{
    if (coro && coro.data()->carrier() == this)
        m_watched.insert(coro.id(), coro.data());
}

// --- exceptions, values and ties ---

void PeerLink::readThrow(QCborStreamReader &reader)
{
    const Coro<> target = m_core->findSubject(readUnsigned(reader));
    const QString type = readText(reader);
    target.throwInto(makeError(type, readText(reader)));
}

void PeerLink::readResume(QCborStreamReader &reader, const QByteArray &body)
{
    const Coro<> target = m_core->findSubject(readUnsigned(reader));
    if (std::optional<UnreadMessage> value = readMessage(reader, body, target))
        target.resume(std::move(value->message));
}

/** Link, Unlink or Monitor. */
void PeerLink::readTie(FrameKind kind, QCborStreamReader &reader)
{
    const Coro<> target = m_core->findSubject(readUnsigned(reader));
    const QVariant handle = decodeValue(reader, *m_core);
    if (handle.metaType() != QMetaType::fromType<Coro<>>())
        throw MalformedFrame(QStringLiteral("a %1 where a coroutine belongs").arg(QString::fromLatin1(handle.typeName())));
    const auto other = handle.value<Coro<>>();
    if (!target)
        return;
    if (other) {
        switch (kind) {
        case FrameKind::Link:
            return target.data()->linkTo(other.data());
        case FrameKind::Unlink:
            return target.data()->unlinkFrom(other.data());
        default:
            return target.data()->observe(other.data());
        }
    }
    const ExitNotice gone(other, CoroState::Lost, {}, QStringLiteral("it has ended, and how is no longer known"));
    if (kind == FrameKind::Link)
        target.throwInto(LinkedCoroEnded(gone));
    else if (kind == FrameKind::Monitor)
        target.send(gone);
}

// --- one message for many ---

bool PeerLink::sendToAll(const std::vector<CoroPointer> &targets, const Message &message)
{
    if (!m_core->isOnOwnThread()) {
        const PostedMessage posted(shared_from_this(), message);
        if (posted.isTooMuch())
            m_notSent += qint64(targets.size());
        else
            m_core->post([self = shared_from_this(), targets, posted] { self->sendToAll(targets, posted.message()); });
        return true;
    }
    std::vector<CoroPointer> ready = targets;
    std::erase_if(ready, [this](const CoroPointer &coro) { // as here: they miss it
        const bool isFull = isFullFor(coro->id());
        if (isFull)
            notSent(coro);
        return isFull;
    });
    for (std::span<const CoroPointer> rest = ready; !rest.empty();) {
        const auto part = rest.first(std::min(rest.size(), peerLimits().targets));
        rest = rest.subspan(part.size());
        send(FrameKind::SendAll, 2, [&](QCborStreamWriter &writer) {
            writeTargets(writer, part);
            encodeValue(writer, message, *m_core);
        });
    }
    return m_state != State::Lost;
}

void PeerLink::notSent(const CoroPointer &coro)
{
    if (m_state == State::Lost)
        return;
    const qint64 count = ++m_notSent;
    if (std::has_single_bit(quint64(count))) // not a line each, as with dropped()
        qCWarning(lcVerbs).noquote() << "a message of a channel for" << coro->name() << "of" << m_location.toString()
                                     << "was not sent, for its mailbox is full or too much waits for that process; so far:" << count;
}

Task<int> PeerLink::deliverToAll(std::vector<CoroPointer> targets, Message message, QDeadlineTimer deadline)
{
    const auto self = shared_from_this();
    if (!m_core->isOnOwnThread())
        throw Error(QStringLiteral("deliver() to other processes works on the thread of the PeerNetwork only"));
    if (targets.size() > peerLimits().targets)
        co_return co_await deliverToParts(targets, message, deadline);
    int arrived = 0;
    std::vector<CoroPointer> full;
    try {
        Lock::Guard turn;
        if (!m_room.isFree())
            turn = co_await m_room.pass(deadline);
        const QVariant answer = co_await ask(FrameKind::DeliverAll, 2, deadline, [&](QCborStreamWriter &writer) {
            turn.release();
            writeTargets(writer, targets);
            encodeValue(writer, message, *m_core);
        });
        const QVariantList parts = answer.toList();
        arrived = parts.value(0).toInt();
        quint64 next = 0;
        for (const QVariant &part : parts.value(1).toList()) {
            const quint64 position = part.toULongLong();
            if (position < next || position >= targets.size())
                throw WireError(QStringLiteral("an answer to a delivery names coroutines that it was not for"));
            full.push_back(targets[position]);
            next = position + 1;
        }
    } catch (const WireError &) {
        throw;
    } catch (const Error &) {
        co_return 0;
    }
    if (full.empty())
        co_return arrived;
    const auto wait = [&](CoroPointer coro) -> Task<> {
        try {
            co_await coro->deliver(message, deadline);
            ++arrived;
        } catch (const Error &) { // it has ended, or has no room: it is not counted
        }
    };
    co_await withScope([&](Scope &scope) -> Task<> {
        for (const CoroPointer &coro : full)
            scope.spawn(wait, coro);
        co_return;
    });
    co_return arrived;
}

/** To all at the same time, so that none waits for the full mailboxes of others. */
Task<int> PeerLink::deliverToParts(std::span<const CoroPointer> targets, Message message, QDeadlineTimer deadline)
{
    int arrived = 0;
    const auto deliver = [&](std::vector<CoroPointer> part) -> Task<> {
        const int count = co_await deliverToAll(std::move(part), message, deadline);
        arrived += count;
    };
    co_await withScope([&](Scope &scope) -> Task<> {
        while (!targets.empty()) {
            const auto part = targets.first(std::min(targets.size(), peerLimits().targets));
            targets = targets.subspan(part.size());
            scope.spawn(deliver, std::vector<CoroPointer>(part.begin(), part.end()));
        }
        co_return;
    });
    co_return arrived;
}

void PeerLink::writeTargets(QCborStreamWriter &writer, std::span<const CoroPointer> targets)
{
    writer.startArray(targets.size());
    for (const CoroPointer &coro : targets)
        writer.append(coro->id());
    writer.endArray();
}

QList<Coro<>> PeerLink::readTargets(QCborStreamReader &reader) const
{
    if (!reader.isArray())
        throw MalformedFrame(QStringLiteral("no list of coroutines"));
    QList<Coro<>> targets;
    reader.enterContainer();
    while (reader.hasNext()) {
        if (std::size_t(targets.size()) == peerLimits().targets)
            malformed(QStringLiteral("for more than %1 coroutines").arg(targets.size()));
        targets.append(m_core->findExported(readUnsigned(reader)));
    }
    reader.leaveContainer();
    return targets;
}

void PeerLink::readSendAll(QCborStreamReader &reader, const QByteArray &body)
{
    const QList<Coro<>> targets = readTargets(reader);
    const std::optional<UnreadMessage> message = readMessage(reader, body, targets.value(0));
    if (!message)
        return;
    for (const Coro<> &target : targets) {
        if ((!m_backlogs.contains(target.id()) && put(target, Message(message->message), *message)) || !target.isRunning())
            continue;
        if (mayWait(*message))
            pass(target.id(), *message);
        else
            dropped(target, staysFull(target));
    }
}

void PeerLink::readDeliverAll(QCborStreamReader &reader, const QByteArray &body)
{
    const quint64 number = readUnsigned(reader);
    const QList<Coro<>> targets = readTargets(reader);
    answerFrame(number, [&] {
        const UnreadMessage message = decodeMessage(reader, body);
        int arrived = 0;
        QVariantList full;
        for (qsizetype i = 0; i < targets.size(); ++i) {
            if (!m_backlogs.contains(targets[i].id()) && isOfThisThread(targets[i]) && put(targets[i], Message(message.message), message))
                ++arrived;
            else if (targets[i].isRunning())
                full.append(int(i));
        }
        answer(number, QVariantList{arrived, full});
    });
}

// --- channels over there ---

std::shared_ptr<RemoteChannel> PeerLink::channel(quint64 id, const QString &name)
{
    std::weak_ptr<RemoteChannel> &known = m_channels[id];
    auto channel = known.lock();
    if (!channel) {
        if (m_channels.size() >= m_sweepChannelsAt) {
            m_channels.removeIf([](const auto &entry) { return entry.value().expired(); });
            m_sweepChannelsAt = std::max<qsizetype>(1000, 2 * m_channels.size());
        }
        channel = std::make_shared<RemoteChannel>(shared_from_this(), id, name);
        if (m_state == State::Lost)
            channel->setClosed();
        m_channels.insert(id, channel);
    }
    return channel;
}

void PeerLink::readClosed(QCborStreamReader &reader)
{
    if (const auto channel = m_channels.take(readUnsigned(reader)).lock())
        channel->setClosed();
}

void PeerLink::closeChannels()
{
    for (const auto &entry : std::exchange(m_channels, {})) {
        if (const auto channel = entry.lock())
            channel->setClosed();
    }
}

} // namespace Asyncoro::Detail
