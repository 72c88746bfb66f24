// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerlink_p.h"

#include "networkcore_p.h"
#include "remotecoro_p.h"
#include "wire/errortypes_p.h"

#include <QCborValue>
#include <QLoggingCategory>

#include <algorithm>
#include <bit>

Q_LOGGING_CATEGORY(lcPeer, "asyncoro.peer", QtInfoMsg)
/** Every frame, at the level debug: QT_LOGGING_RULES="asyncoro.wire.debug=true" */
Q_LOGGING_CATEGORY(lcWire, "asyncoro.wire", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype MaxFull = 1'000'000;
constexpr qsizetype MaxServed = 1'000'000;
constexpr qint64 PartMemory = 64; // bytes that a part of a value takes in memory, roughly, beside its texts and byte arrays
constexpr qint64 DenseFactor = 4; // how many times as much as on its way a message may take where it waits
constexpr size_t MostUntold = 64; // messages that wait for the mailbox of another thread

/** Writes a line of the trace: which way, whom with, what kind of frame, how long, and the beginning of what it says. */
void trace(const char *way, const PeerLink &link, FrameKind kind, const QByteArray &body)
{
    static constexpr const char *names[] = {
        "",          "Send",     "Deliver", "Terminate",   "Watch",       "Ended",      "Call",    "Cancel",    "Value",
        "Failure",   "Ping",     "Goodbye", "Pong",        "Acknowledge", "Full",       "Room",    "Throw",     "Resume",
        "Link",      "Unlink",   "Monitor", "SendAll",     "DeliverAll",  "Publish",    "Subscribe", "Unsubscribe", "Close",
        "Closed",
    };
    static_assert(std::size(names) == LastFrameKind + 1);
    constexpr qsizetype LongestBody = 16 * 1024; // beyond, it would take longer to print than to send
    constexpr qsizetype LongestText = 300;
    QString text = QStringLiteral("...");
    if (body.size() <= LongestBody)
        text = QCborValue::fromCbor(body).toDiagnosticNotation();
    if (text.size() > LongestText)
        text = text.first(LongestText) + QStringLiteral("...");
    qCDebug(lcWire).noquote() << way << link.location().toString() << names[quint8(kind)] << body.size() << text;
}

} // namespace

// --- the wait for an answer ---

AnswerSuspension::AnswerSuspension(std::shared_ptr<PeerLink> link, const QDeadlineTimer &deadline, bool startsCoro)
    : Suspension(deadline)
    , m_link(std::move(link))
    , m_startsCoro(startsCoro)
{
}

AnswerSuspension::~AnswerSuspension()
{
    if (m_startsCoro && m_value.isValid())
        m_value.value<Coro<>>().terminate(); // cancelled just as the handle had come: nobody has it
}

bool AnswerSuspension::start()
{
    if (m_link->state() == PeerLink::State::Lost) {
        m_error = m_link->error();
        return false;
    }
    m_number = ++m_link->m_lastNumber;
    ask(m_number);
    if (m_link->state() == PeerLink::State::Lost) {
        m_error = m_link->error();
        return false;
    }
    m_link->m_awaited.insert(m_number, this);
    return true;
}

void AnswerSuspension::abandon() noexcept
{
    m_link->m_awaited.remove(m_number);
    m_link->send(FrameKind::Cancel, 1, [this](QCborStreamWriter &writer) { writer.append(m_number); });
}

QVariant AnswerSuspension::await_resume()
{
    throwUnlessComplete();
    if (m_error)
        std::rethrow_exception(m_error);
    return std::exchange(m_value, {});
}

bool isOfThisThread(const Coro<> &coro)
{
    return coro && static_cast<const LocalCoro *>(coro.data().data())->isOnOwnThread();
}

// --- PeerLink::Turn ---

// The mailbox may become full while one waits for room on the way to it. Those for other mailboxes are not held up then.
Task<> PeerLink::Turn::come(QDeadlineTimer deadline)
{
    m_gate = m_link->m_full.value(m_coro);
    if (!m_gate) {
        m_gate = std::make_shared<Gate>(true);
        m_link->m_full.insert(m_coro, m_gate);
    }
    m_mailboxTurn = co_await m_gate->pass(deadline);
    for (;;) {
        if (!m_link->m_room.isFree())
            m_roomTurn = co_await m_link->m_room.pass(deadline);
        if (m_gate->isOpen())
            break;
        m_roomTurn.release();
        co_await m_gate->opened(deadline);
    }
}

void PeerLink::Turn::release()
{
    m_mailboxTurn.release();
    m_roomTurn.release();
    if (m_gate && m_gate->isFree() && m_link->m_full.value(m_coro) == m_gate)
        m_link->m_full.remove(m_coro);
    m_gate.reset();
}

// --- PeerLink: frames out ---

void PeerLink::endFrame(FrameKind kind, const FrameSink::Mark &start)
{
    const FrameSink &frames = m_outgoing.sink();
    const qint64 length = frames.waiting() - start.position - FrameHeader::Size;
    if (length > qint64(FrameHeader::MaxLength))
        throw WireError(QStringLiteral("a message of %1 bytes is too long: %2 are allowed; send files as SharedFile")
                            .arg(length)
                            .arg(FrameHeader::MaxLength));
    FrameHeader{kind, quint32(length)}.write(start.chunk->data() + start.offset);
    if (lcWire().isDebugEnabled()) [[unlikely]]
        trace("to", *this, kind, frames.since(start).sliced(FrameHeader::Size));
    ++m_info.framesSent;
    m_outgoingReady.set();
    updateRoom();
}

Task<QVariant> PeerLink::call(QString function, QVariantList arguments, QString signature, QDeadlineTimer deadline)
{
    const auto self = shared_from_this();
    Lock::Guard turn;
    if (!m_room.isFree())
        turn = co_await m_room.pass(deadline);
    co_return co_await ask(FrameKind::Call, 4, deadline, [&](QCborStreamWriter &writer) {
        turn.release(); // this one has its place in the queue now
        writeCall(writer, function, arguments, false, signature);
    });
}

Task<Coro<>> PeerLink::start(QString function, QVariantList arguments, QString signature)
{
    const auto self = shared_from_this();
    Lock::Guard turn;
    if (!m_room.isFree())
        turn = co_await m_room.pass(QDeadlineTimer::Forever);
    const auto write = [&](QCborStreamWriter &writer) {
        turn.release();
        writeCall(writer, function, arguments, true, signature);
    };
    co_return (co_await ask(FrameKind::Call, 4, QDeadlineTimer::Forever, write, true)).value<Coro<>>();
}

void PeerLink::writeCall(QCborStreamWriter &writer, const QString &function, const QVariantList &arguments, bool start,
                         const QString &signature)
{
    writer.append(QStringView(function));
    encodeValue(writer, arguments, *m_core);
    writer.append(start);
    writer.append(QStringView(signature));
}

void PeerLink::send(quint64 coro, const Message &message)
{
    send(FrameKind::Send, 2, [&](QCborStreamWriter &writer) {
        writer.append(coro);
        encodeValue(writer, message, *m_core);
    });
}

void PeerLink::send(quint64 coro, PostedMessage message)
{
    const auto waiting = m_postedFor.find(coro);
    if (waiting != m_postedFor.end()) {
        waiting->push_back(std::move(message));
    } else if (isFullFor(coro)) {
        m_postedFor[coro].push_back(std::move(message));
        const Coro<> sender = spawn(&PeerLink::sendPosted, shared_from_this(), coro);
        sender.setName(QStringLiteral("messages of other threads for coroutine %1 of %2").arg(coro).arg(m_location.toString()));
        sender.setDaemon();
    } else {
        send(coro, message.message());
    }
}

/** Until none waits any more. */
Task<> PeerLink::sendPosted(quint64 coro)
{
    const auto self = shared_from_this();
    for (bool isLast = false; !isLast;) {
        Turn turn(self, coro);
        co_await turn.come(QDeadlineTimer::Forever);
        const auto waiting = m_postedFor.find(coro);
        if (waiting == m_postedFor.end())
            co_return; // the peer is lost
        const PostedMessage message = std::move(waiting->front());
        waiting->pop_front();
        isLast = waiting->empty();
        if (isLast)
            m_postedFor.erase(waiting);
        try {
            send(coro, message.message());
        } catch (const WireError &e) {
            qCWarning(lcPeer).noquote() << "for another thread:" << e.message();
        }
    }
}

Task<> PeerLink::deliver(quint64 coro, Message message, QDeadlineTimer deadline)
{
    const auto self = shared_from_this();
    Turn turn(self, coro);
    if (isFullFor(coro)) {
        try {
            co_await turn.come(deadline);
        } catch (const TimedOut &) {
            throw TimedOut(QStringLiteral("the delivery to a coroutine of %1").arg(m_location.toString()));
        }
    }
    co_await ask(FrameKind::Deliver, 2, deadline, [&](QCborStreamWriter &writer) {
        turn.release(); // this one has its place in the queue now
        writer.append(coro);
        encodeValue(writer, message, *m_core);
    });
}

void PeerLink::watch(quint64 id, const CoroPointer &coro)
{
    if (m_state == State::Lost) {
        static_cast<RemoteCoro *>(coro.data())->setEnded(CoroState::Lost, {}, m_error);
        return;
    }
    if (!m_watched.contains(id, coro))
        m_watched.insert(id, coro);
    send(FrameKind::Watch, 1, [&](QCborStreamWriter &writer) { writer.append(id); });
}

// --- PeerLink: frames in ---

void PeerLink::read(const FrameHeader &header, FrameMemory *memory)
{
    const auto body = QByteArray::fromRawData(memory->bytes.constData() + memory->body, header.length);
    if (lcWire().isDebugEnabled()) [[unlikely]]
        trace("from", *this, header.kind, body);
    m_core->setSpeaker(this);
    const auto silence = qScopeGuard([core = m_core.get()] { core->setSpeaker(nullptr); });
    QCborStreamReader reader(body);
    if (!reader.isArray() || !reader.enterContainer())
        throw WireError(QStringLiteral("malformed message: a frame without a list"));
    switch (header.kind) {
    case FrameKind::Send:
        return readSend(reader, body);
    case FrameKind::Deliver:
        return readDeliver(reader, body);
    case FrameKind::Terminate:
        if (const Coro<> target = m_core->findExported(readUnsigned(reader)); target != m_core->anchor())
            target.terminate();
        return;
    case FrameKind::Watch:
        return readWatch(reader);
    case FrameKind::Ended:
        return readEnded(reader);
    case FrameKind::Call:
        return readCall(reader);
    case FrameKind::Cancel:
        return readCancel(reader);
    case FrameKind::Value:
    case FrameKind::Failure:
        return readAnswer(header.kind, reader, memory);
    case FrameKind::Ping:
        readAcknowledged(readUnsigned(reader));
        return sendReceived(FrameKind::Pong);
    case FrameKind::Goodbye:
        throw PeerLost(m_location, readText(reader));
    case FrameKind::Pong:
        return readPong(reader);
    case FrameKind::Acknowledge:
        return readAcknowledged(readUnsigned(reader));
    case FrameKind::Full:
        return readFull(reader);
    case FrameKind::Room:
        return readRoom(reader);
    case FrameKind::Throw:
        return readThrow(reader);
    case FrameKind::Resume:
        return readResume(reader, body);
    case FrameKind::Link:
    case FrameKind::Unlink:
    case FrameKind::Monitor:
        return readTie(header.kind, reader);
    case FrameKind::SendAll:
        return readSendAll(reader, body);
    case FrameKind::DeliverAll:
        return readDeliverAll(reader, body);
    case FrameKind::Publish:
        return m_core->channels().readPublish(*this, reader);
    case FrameKind::Subscribe:
        return m_core->channels().readSubscribe(*this, reader);
    case FrameKind::Unsubscribe:
        return m_core->channels().readUnsubscribe(*this, reader);
    case FrameKind::Close:
        return m_core->channels().readClose(reader);
    case FrameKind::Closed:
        return readClosed(reader);
    }
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
    unread.size = body.size();
    unread.memory = body.size() + parts * PartMemory;
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

void PeerLink::answerFrame(quint64 number, const std::function<void()> &work)
{
    try {
        work();
    } catch (const MalformedFrame &) {
        throw;
    } catch (...) {
        answerFailure(number, std::current_exception());
    }
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
    return target && static_cast<LocalCoro *>(target.data().data())->send(std::move(message), unread.mailboxLimit());
}

/**
 * Puts the message into the mailbox, or behind those that wait for room there. The peer is told of a full mailbox, and sends
 * it nothing more until there is room; so what waits is bounded by what was under way.
 *
 * Whether the mailbox of another thread has room is known only there, so a delivery waits for the answer. The peer is told
 * when many do.
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
    message.size += sizeof(UnreadMessage) + sizeof(UnreadPlace);
    if (message.memory > DenseFactor * message.size) {
        message.encoded.detach(); // from the frame
        message.message = {};
    } else {
        message.encoded = {};
    }
    const qint64 limit = peerLimits().unread;
    if (m_backlogSize + message.size > limit || m_core->unread + message.size > 4 * limit)
        throw WireError(QStringLiteral("the mailbox of %1 stays full").arg(target.name()));
    m_backlogSize += message.size;
    m_core->unread += message.size;
    const bool isFirst = !backlog;
    if (isFirst) {
        backlog = std::make_shared<Backlog>();
        m_backlogs.insert(id, backlog);
    }
    const auto place = backlog->messages.insert(backlog->messages.end(), std::move(message));
    if (number)
        m_unreadPlaces.insert(number, {id, place});
    if (isHere || backlog->messages.size() > MostUntold)
        tellFull(id, backlog.get());
    if (isFirst)
        startPassing(target, backlog);
}

void PeerLink::tellFull(quint64 coro, Backlog *backlog)
{
    if (!std::exchange(backlog->isTold, true))
        send(FrameKind::Full, 1, [&](QCborStreamWriter &writer) { writer.append(coro); });
}

void PeerLink::startPassing(const Coro<> &target, const std::shared_ptr<Backlog> &backlog)
{
    backlog->passer = spawn(&PeerLink::passBacklog, shared_from_this(), target, backlog);
    backlog->passer.setName(QStringLiteral("messages for ") + target.name());
    backlog->passer.setDaemon();
}

PeerLink::UnreadMessage PeerLink::takeFirst(Backlog &backlog)
{
    UnreadMessage first = std::move(backlog.messages.front());
    backlog.messages.pop_front();
    m_unreadPlaces.remove(first.number);
    m_backlogSize -= first.size;
    m_core->unread -= first.size;
    return first;
}

/** The memory of a message that was kept encoded, while it is delivered. */
class PeerLink::Unpacking
{
public:
    Unpacking(PeerLink &link, qint64 memory)
        : m_link(link)
        , m_memory(memory)
    {
        m_link.m_unpacked += memory;
    }
    ~Unpacking()
    {
        m_link.m_unpacked -= m_memory;
        m_link.m_unpackedLess.pulse();
    }
    Q_DISABLE_COPY_MOVE(Unpacking)

private:
    PeerLink &m_link;
    const qint64 m_memory;
};

Task<> PeerLink::deliverUnread(Coro<> target, UnreadMessage unread)
{
    LocalCoro &coro = static_cast<LocalCoro &>(*target.data());
    if (unread.encoded.isEmpty()) {
        co_await coro.deliver(std::move(unread.message), QDeadlineTimer::Forever, unread.mailboxLimit());
        co_return;
    }
    while (m_unpacked > 0 && m_unpacked + unread.memory > peerLimits().unread)
        co_await m_unpackedLess.wait();
    const Unpacking unpacking(*this, unread.memory);
    QCborStreamReader reader(unread.encoded);
    co_await coro.deliver(decodeValue(reader, *m_core), QDeadlineTimer::Forever, unread.mailboxLimit());
}

/** Goes on even when the peer is lost: what it has sent has arrived. */
Task<> PeerLink::passBacklog(Coro<> target, std::shared_ptr<Backlog> backlog)
{
    const auto self = shared_from_this();
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
        startPassing(m_core->findExported(place.coro), backlog);
        passer.terminate();
        return;
    }
    m_backlogSize -= place.message->size;
    m_core->unread -= place.message->size;
    backlog->messages.erase(place.message);
    m_unreadPlaces.erase(found);
}

bool PeerLink::isFullFor(quint64 coro) const
{
    if (!m_room.isFree())
        return true;
    const auto full = m_full.constFind(coro);
    return full != m_full.cend() && !(*full)->isFree();
}

bool PeerLink::addPosted(qint64 size)
{
    const qint64 waiting = m_posted.fetch_add(size);
    return waiting < m_core->sendLimit() && !m_crowded.load(std::memory_order_relaxed);
}

void PeerLink::readFull(QCborStreamReader &reader)
{
    const quint64 id = readUnsigned(reader);
    if (const auto full = m_full.value(id))
        full->setOpen(false);
    else if (m_full.size() < MaxFull)
        m_full.insert(id, std::make_shared<Gate>(false));
    else
        throw WireError(QStringLiteral("too many of its mailboxes are full"));
}

void PeerLink::readRoom(QCborStreamReader &reader)
{
    const quint64 id = readUnsigned(reader);
    const auto full = m_full.value(id);
    if (!full)
        return;
    full->setOpen(true);
    if (full->isFree())
        m_full.remove(id);
}

void PeerLink::readPong(QCborStreamReader &reader)
{
    readAcknowledged(readUnsigned(reader));
    if (m_pinged)
        m_info.roundTripTime = (QDeadlineTimer::current().deadlineNSecs() - std::exchange(m_pinged, 0)) / 1000;
}

void PeerLink::readEnded(QCborStreamReader &reader)
{
    const quint64 id = readUnsigned(reader);
    const quint64 number = readUnsigned(reader);
    const QString type = readText(reader);
    const QString text = readText(reader);
    if (number == 0 || number > quint64(CoroState::Lost))
        throw MalformedFrame(QStringLiteral("state %1 of a coroutine").arg(number));
    auto state = CoroState(number);
    const bool hasValue = state == CoroState::Finished;
    std::exception_ptr error = hasValue ? nullptr : makeError(type, text);
    QVariant value;
    try {
        value = decodeValue(reader, *m_core);
    } catch (const MalformedFrame &) {
        throw;
    } catch (const WireError &) { // it finished, but with a value that is not known here
        state = CoroState::Failed;
        error = std::current_exception();
    }
    const QList<CoroPointer> watched = m_watched.values(id);
    m_watched.remove(id);
    for (const CoroPointer &coro : watched)
        static_cast<RemoteCoro *>(coro.data())->setEnded(state, value, error);
}

void PeerLink::readCall(QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    answerFrame(number, [&] {
        const QString function = readText(reader);
        const QVariant arguments = decodeValue(reader, *m_core);
        const bool wantsHandle = readBool(reader);
        const QString signature = reader.hasNext() ? readText(reader) : QString();
        const Peer caller(shared_from_this());
        if (wantsHandle) {
            const Coro<> coro = m_core->start(function, caller, arguments.toList(), signature);
            coro.setDaemon();
            answer(number, QVariant::fromValue(coro));
            m_started.insert(number, coro.id());
            m_startedCalls.push_back({number, m_outgoing.position()});
            watchForPeer(coro, false); // from the beginning: nobody comes too late for its end
        } else {
            serve(number, function, m_core->invoke(function, caller, arguments.toList(), signature));
        }
    });
}

void PeerLink::readCancel(QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    m_serving.take(number).terminate();
    m_core->findExported(m_started.take(number)).terminate(); // nobody has its handle
    dropUnread(number);
}

/** Those whose handles the peer has: it has said so, and would have cancelled the calls before. */
void PeerLink::forgetStarted()
{
    while (!m_startedCalls.empty() && m_startedCalls.front().position <= m_outgoing.acknowledged()) {
        m_started.remove(m_startedCalls.front().number);
        m_startedCalls.pop_front();
    }
}

void PeerLink::serve(quint64 number, const QString &name, Task<QVariant> body)
{
    if (m_serving.contains(number))
        throw MalformedFrame(QStringLiteral("a second call with the number %1").arg(number));
    if (m_serving.size() >= MaxServed)
        throw Error(QStringLiteral("too many calls at once: %1 run already").arg(MaxServed));
    const Coro<> server = spawn(&PeerLink::runServed, shared_from_this(), number, std::move(body));
    server.setName(name);
    server.setDaemon();
    m_serving.insert(number, server);
}

Task<> PeerLink::runServed(quint64 number, Task<QVariant> body)
{
    const auto self = shared_from_this();
    try {
        const QVariant value = co_await std::move(body);
        answer(number, value);
    } catch (...) {
        answerFailure(number, std::current_exception());
    }
    m_serving.remove(number);
}

void PeerLink::answer(quint64 number, const QVariant &value)
{
    send(FrameKind::Value, 2, [&](QCborStreamWriter &writer) {
        writer.append(number);
        encodeValue(writer, value, *m_core);
    });
}

void PeerLink::answerFailure(quint64 number, const std::exception_ptr &error)
{
    send(FrameKind::Failure, 3, [&](QCborStreamWriter &writer) {
        writer.append(number);
        writer.append(QStringView(errorType(error)));
        writer.append(QStringView(textForPeer(error)));
    });
}

void PeerLink::readAnswer(FrameKind kind, QCborStreamReader &reader, FrameMemory *memory)
{
    const quint64 number = readUnsigned(reader);
    AnswerSuspension *const awaited = m_awaited.take(number);
    if (!awaited)
        return; // nobody waits any more
    try {
        if (kind == FrameKind::Value) {
            awaited->m_value = decodeValue(reader, *m_core, memory);
            if (awaited->m_startsCoro)
                adopt(awaited->m_value.value<Coro<>>());
        } else {
            const QString type = readText(reader);
            awaited->m_error = makeError(type, readText(reader));
        }
    } catch (const MalformedFrame &) {
        m_awaited.insert(number, awaited); // fails with the connection
        throw;
    } catch (...) {
        awaited->m_error = std::current_exception();
    }
    awaited->complete();
}

} // namespace Asyncoro::Detail
