// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerlink_p.h"

#include "names_p.h"
#include "networkcore_p.h"
#include "remotecoro_p.h"
#include "wire/encodedsize_p.h"
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
    if (m_outgoing.size() > unsentLimit() && kind != FrameKind::Goodbye)
        giveUp();
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
        message.weigh();
        waiting->push_back(std::move(message));
    } else if (isFullFor(coro)) {
        message.weigh();
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
    const Speaking speaking(*m_core, this);
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
        return readCall(reader, header.length);
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

void PeerLink::readCall(QCborStreamReader &reader, qint64 size)
{
    const quint64 number = readUnsigned(reader);
    answerFrame(number, [&] {
        const QString function = readText(reader);
        const QVariant arguments = decodeValue(reader, *m_core);
        const bool wantsHandle = readBool(reader);
        const QString signature = reader.hasNext() ? readText(reader) : QString();
        if (wantsHandle) {
            const Coro<> coro = startForPeer(function, arguments.toList(), signature);
            answer(number, QVariant::fromValue(coro));
            m_started.insert(number, coro.id());
            m_startedCalls.push_back({number, m_outgoing.position()});
            watchForPeer(coro, false); // from the beginning: nobody comes too late for its end
        } else {
            serve(number, function, m_core->invoke(function, Peer(shared_from_this()), arguments.toList(), signature), size);
        }
    });
}

/** They go on when the peer is gone: one that comes again and again is counted with all others. */
Coro<> PeerLink::startForPeer(const QString &function, QVariantList arguments, const QString &signature)
{
    if (function.startsWith(OwnPrefix))
        throw Error(QStringLiteral("%1 can be called, but not started as a coroutine").arg(function));
    const qsizetype limit = peerLimits().started;
    if (m_startedRunning >= limit || m_core->startedCount() >= 4 * limit)
        throw Error(QStringLiteral("too many coroutines at once: of those that peers have started %1 run, %2 of them of this one")
                        .arg(m_core->startedCount()).arg(m_startedRunning));
    const Coro<> coro = m_core->start(function, Peer(shared_from_this()), std::move(arguments), signature);
    coro.setDaemon();
    m_startedRunning += m_core->addStarted(coro, shared_from_this());
    return coro;
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

/** While it exists, so many bytes count as kept for the peer. */
class PeerLink::Kept
{
public:
    Kept(PeerLink &link, qint64 size)
        : m_link(link)
        , m_size(size)
    {
        m_link.m_kept += m_size;
    }
    ~Kept() { m_link.m_kept -= m_size; }
    Q_DISABLE_COPY_MOVE(Kept)

    [[nodiscard]] static bool fits(const PeerLink &link, qint64 size) { return link.m_kept + size <= link.unsentLimit(); }

private:
    PeerLink &m_link;
    const qint64 m_size;
};

void PeerLink::serve(quint64 number, const QString &name, Task<QVariant> body, qint64 size)
{
    if (m_serving.contains(number))
        throw MalformedFrame(QStringLiteral("a second call with the number %1").arg(number));
    if (m_serving.size() >= MaxServed)
        throw Error(QStringLiteral("too many calls at once: %1 run already").arg(MaxServed));
    const Coro<> server = spawn(&PeerLink::runServed, shared_from_this(), number, std::move(body), size);
    server.setName(name);
    server.setDaemon();
    m_serving.insert(number, server);
}

Task<> PeerLink::runServed(quint64 number, Task<QVariant> body, qint64 size)
{
    const auto self = shared_from_this();
    try {
        if (size > 0 && !m_room.isFree() && Kept::fits(*this, size)) {
            const Kept arguments(*this, size);
            static_cast<void>(co_await m_room.pass(QDeadlineTimer::Forever));
        }
        const QVariant value = co_await std::move(body);
        if (m_answerRoom ? m_answerRoom->isFree() : m_room.isOpen())
            answer(number, value);
        else
            co_await answerInTurn(number, value);
    } catch (...) {
        answerFailure(number, std::current_exception());
    }
    m_serving.remove(number);
}

/** Once there is room. What a peer that does not take its answers leaves here is bounded. */
Task<> PeerLink::answerInTurn(quint64 number, QVariant value)
{
    const qint64 size = encodedSize(value);
    if (!Kept::fits(*this, size)) {
        const Error error(QStringLiteral("the value of the call, %1 bytes, was dropped: %2 bytes wait already, for the caller "
                                         "takes its answers too slowly").arg(size).arg(m_kept));
        if (std::has_single_bit(quint64(++m_valuesDropped)))
            qCWarning(lcPeer).noquote() << "for" << m_location.toString() + u':' << error.message()
                                        << "- dropped so far:" << m_valuesDropped;
        throw error;
    }
    const Kept kept(*this, size);
    if (!m_answerRoom)
        m_answerRoom = std::make_unique<Gate>(m_room.isOpen());
    const Lock::Guard turn = co_await m_answerRoom->pass(QDeadlineTimer::Forever);
    answer(number, value);
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
