// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerlink_p.h"

#include "networkcore_p.h"
#include "remotecoro_p.h"

#include <QLoggingCategory>
#include <QTcpSocket>

Q_LOGGING_CATEGORY(lcPeer, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype ReadSize = 64 * 1024;


qint64 milliseconds()
{
    return QDeadlineTimer::current().deadline();
}

} // namespace

// --- the wait for an answer ---

AnswerSuspension::AnswerSuspension(std::shared_ptr<PeerLink> link, const QDeadlineTimer &deadline, bool startsCoro)
    : Suspension(deadline)
    , m_link(std::move(link))
    , m_startsCoro(startsCoro)
{
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
    return std::move(m_value);
}

// --- PeerLink: life ---

PeerLink::PeerLink(std::shared_ptr<NetworkCore> core, const Location &location, const QByteArray &incarnation)
    : m_core(std::move(core))
    , m_location(location)
    , m_address(location.address())
    , m_incarnation(incarnation)
{
}

PeerLink::~PeerLink() = default;

void PeerLink::open()
{
    if (m_state != State::Idle)
        return;
    if (m_core->isClosed()) {
        lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("this process has left the network"))));
        return;
    }
    m_state = State::Connecting;
    const Coro<> connector = spawn(&PeerLink::connectAndRun, shared_from_this());
    connector.setName(QStringLiteral("connection to ") + m_location.toString());
    connector.setDaemon();
    m_workers.append(connector);
}

Task<> PeerLink::connected(QDeadlineTimer deadline)
{
    open();
    try {
        co_await m_connectedOrLost.wait(deadline);
    } catch (const TimedOut &) {
        throw TimedOut(QStringLiteral("connecting to %1").arg(m_location.toString()));
    }
    if (m_error)
        std::rethrow_exception(m_error);
}

Task<> PeerLink::connectAndRun()
{
    const auto self = shared_from_this();
    std::exception_ptr error;
    try {
        co_await attempt();
    } catch (const Cancelled &) {
        throw;
    } catch (...) {
        error = std::current_exception();
    }
    if (error && m_state == State::Connecting)
        lose(error);
}

Task<> PeerLink::attempt()
{
    if (!m_location.isValid())
        throw PeerLost(m_location, QStringLiteral("it does not listen for connections"));
    const QDeadlineTimer deadline(peerLimits().handshake);
    while (m_state == State::Connecting) {
        auto socket = std::make_shared<AsyncSocket>();
        Hello theirs;
        bool accepted = false;
        try {
            co_await socket->connect(m_location.address(), m_location.port(), deadline);
            accepted = co_await m_core->shakeHands(socket, m_location, &theirs);
        } catch (const PeerRefused &) {
            throw;
        } catch (const PeerLost &) {
            throw;
        } catch (const SocketError &e) {
            throw PeerLost(m_location, e.code() == QAbstractSocket::ConnectionRefusedError
                                           ? QStringLiteral("nothing listens there, the connection was refused")
                                           : e.message());
        } catch (const Error &e) {
            throw PeerLost(m_location, e.message());
        }
        if (m_state != State::Connecting)
            break; // the other side was faster

        auto target = shared_from_this();
        if (!m_incarnation.isEmpty() && theirs.incarnation != m_incarnation)
            throw PeerLost(m_location, QStringLiteral("another process listens there now"));
        if (const auto known = m_core->linkOf(theirs.incarnation); known && known != target) {
            if (accepted && known->m_state == State::Connected) {
                known->lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("it has lost the connection"))));
            } else if (accepted || known->m_state == State::Connected) {
                giveWayTo(known); // it has several addresses, or its handles came before it was called
                target = known;
            }
        }
        if (accepted) {
            co_await target->run(std::move(socket), theirs);
            break;
        }
        if (target.get() != this)
            break;
        // The other side has a connection to us under way, which will be taken for this link. Or it has one that we have
        // lost, which it will notice.
        try {
            co_await m_connectedOrLost.wait(std::min(QDeadlineTimer(peerLimits().retry), deadline));
        } catch (const TimedOut &) {
            if (deadline.hasExpired())
                throw PeerLost(m_location, QStringLiteral("it says that there is a connection already"));
        }
    }
}

/** `other` is for the same process. All that anybody wants of this link so far is that it connects: see target(). */
void PeerLink::giveWayTo(const std::shared_ptr<PeerLink> &other)
{
    m_state = State::Lost;
    m_other = other;
    m_core->remove(*this);
    m_core->addLocation(m_location, other);
    m_workers.clear();
    m_connectedOrLost.set();
}

Task<> PeerLink::run(std::shared_ptr<AsyncSocket> socket, Hello theirs)
{
    const auto self = shared_from_this();
    m_state = State::Connected;
    m_socket = socket;
    m_incarnation = theirs.incarnation;
    m_mayBeBusy = theirs.flags & Hello::MayBeBusy;
    m_address = socket->peerLocation().address();
    m_lastHeard = milliseconds();
    socket->socket()->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_core->addConnected(self);
    m_workers.append(Coro<>::self());
    for (const Coro<> &worker : {Coro<>(spawn(&PeerLink::writeFrames, self, socket)), Coro<>(spawn(&PeerLink::keepAlive, self))}) {
        worker.setName(QStringLiteral("connection to ") + m_location.toString());
        worker.setDaemon();
        m_workers.append(worker);
    }
    m_connectedOrLost.set();

    std::exception_ptr error;
    try {
        co_await readFrames(socket);
    } catch (const Cancelled &) {
        throw;
    } catch (const PeerLost &) {
        error = std::current_exception();
    } catch (const SocketError &e) {
        error = std::make_exception_ptr(PeerLost(m_location, e.message()));
    } catch (...) {
        const QString text = errorText(std::current_exception());
        qCWarning(lcPeer).noquote() << "closed the connection to" << socket->peerLocation().toString() + u':' << text;
        error = std::make_exception_ptr(PeerLost(m_location, text));
    }
    lose(error);
}

void PeerLink::lose(std::exception_ptr error)
{
    if (m_state == State::Lost)
        return;
    m_state = State::Lost;
    m_error = error;
    const auto self = shared_from_this();
    m_core->remove(*this);
    m_outgoing.clear();
    m_socket.reset();
    m_connectedOrLost.set();
    for (const Coro<> &worker : std::exchange(m_workers, {}))
        worker.terminate();
    for (const Coro<> &call : std::exchange(m_serving, {}))
        call.terminate();
    m_reporters.clear();
    closeChannels();
    for (AnswerSuspension *awaited : std::exchange(m_awaited, {})) {
        awaited->m_error = error;
        awaited->complete();
    }
    for (const CoroPointer &coro : std::exchange(m_watched, {}))
        static_cast<RemoteCoro *>(coro.data())->setEnded(CoroState::Lost, {}, error);
}

void PeerLink::close(const QString &reason)
{
    if (m_state == State::Connected) {
        send(FrameKind::Goodbye, 1, [&](QCborStreamWriter &writer) { writer.append(QStringView(reason)); });
        if (m_socket->isConnected()) {
            m_socket->socket()->write(m_outgoing); // the socket sends it before it closes
            m_socket->socket()->flush(); // at once, for there may be no event loop any more
        }
    }
    lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("this process has left the network"))));
}

Task<> PeerLink::keepAlive()
{
    const auto self = shared_from_this();
    const PeerLimits &limits = peerLimits();
    for (;;) {
        const qint64 before = milliseconds();
        co_await sleep(limits.ping);
        const qint64 now = milliseconds();
        // Had our own event loop stood still, bytes may have come that nobody has read yet.
        const bool awake = now - before < 2 * limits.ping.count();
        if (awake && !m_mayBeBusy && now - m_lastHeard > limits.silence.count()) {
            const auto text = QStringLiteral("nothing was heard from it for %1 s").arg(double(limits.silence.count()) / 1000);
            lose(std::make_exception_ptr(PeerLost(m_location, text)));
            co_return;
        }
        ping();
    }
}

void PeerLink::ping()
{
    send(FrameKind::Ping, 0, [](QCborStreamWriter &) { });
}

// --- PeerLink: frames out ---

qsizetype PeerLink::beginFrame()
{
    const qsizetype start = m_outgoing.size();
    m_outgoing.resize(start + FrameHeader::Size);
    return start;
}

void PeerLink::endFrame(FrameKind kind, qsizetype start)
{
    const qsizetype length = m_outgoing.size() - start - FrameHeader::Size;
    if (length > qsizetype(FrameHeader::MaxLength))
        throw WireError(QStringLiteral("a message of %1 bytes is too long: %2 are allowed; send files as SharedFile")
                            .arg(length)
                            .arg(FrameHeader::MaxLength));
    FrameHeader{kind, quint32(length)}.write(m_outgoing.data() + start);
    m_outgoingReady.set();
}

Task<> PeerLink::writeFrames(std::shared_ptr<AsyncSocket> socket)
{
    const auto self = shared_from_this();
    try {
        for (;;) {
            co_await m_outgoingReady.wait();
            if (socket->isConnected() && socket->socket()->bytesToWrite() > socket->sendLimit())
                co_await socket->sendAll({}); // until there is room: what waits stays in m_outgoing, in its order
            m_outgoingReady.clear();
            co_await socket->sendAll(std::exchange(m_outgoing, {})); // all that has gathered, in one write
        }
    } catch (const Error &e) {
        lose(std::make_exception_ptr(PeerLost(m_location, e.message())));
    }
}

Task<QVariant> PeerLink::call(QString function, QVariantList arguments, QString signature, QDeadlineTimer deadline)
{
    co_return co_await ask(FrameKind::Call, 4, deadline, [&](QCborStreamWriter &writer) {
        writeCall(writer, function, arguments, false, signature);
    });
}

Task<Coro<>> PeerLink::start(QString function, QVariantList arguments, QString signature)
{
    const auto write = [&](QCborStreamWriter &writer) { writeCall(writer, function, arguments, true, signature); };
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

Task<> PeerLink::deliver(quint64 coro, Message message, QDeadlineTimer deadline)
{
    co_await ask(FrameKind::Deliver, 2, deadline, [&](QCborStreamWriter &writer) {
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

Task<> PeerLink::readFrames(std::shared_ptr<AsyncSocket> socket)
{
    QByteArray buffer;
    for (;;) {
        const QByteArray bytes = co_await socket->recv(ReadSize);
        if (bytes.isEmpty())
            throw PeerLost(m_location, QStringLiteral("it closed the connection without a goodbye"));
        m_lastHeard = milliseconds();
        buffer += bytes;
        qsizetype position = 0;
        while (buffer.size() - position >= FrameHeader::Size) {
            const std::optional<FrameHeader> header = FrameHeader::read(buffer.constData() + position);
            if (!header)
                throw WireError(QStringLiteral("it sent bytes that are no frame of this protocol"));
            if (buffer.size() - position < FrameHeader::Size + qsizetype(header->length))
                break;
            read(*header, QByteArray::fromRawData(buffer.constData() + position + FrameHeader::Size, header->length));
            position += FrameHeader::Size + qsizetype(header->length);
        }
        buffer.remove(0, position);
    }
}

void PeerLink::read(const FrameHeader &header, const QByteArray &body)
{
    QCborStreamReader reader(body);
    if (!reader.isArray() || !reader.enterContainer())
        throw WireError(QStringLiteral("malformed message: a frame without a list"));
    switch (header.kind) {
    case FrameKind::Send:
        return readSend(reader);
    case FrameKind::Deliver:
        return readDeliver(reader);
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
        return m_serving.take(readUnsigned(reader)).terminate();
    case FrameKind::Value:
    case FrameKind::Failure:
        return readAnswer(header.kind, reader);
    case FrameKind::Ping:
        return;
    case FrameKind::Goodbye:
        throw PeerLost(m_location, readText(reader));
    case FrameKind::Throw:
        return readThrow(reader);
    case FrameKind::Resume:
        return readResume(reader);
    case FrameKind::Link:
    case FrameKind::Unlink:
    case FrameKind::Monitor:
        return readTie(header.kind, reader);
    case FrameKind::SendAll:
        return readSendAll(reader);
    case FrameKind::DeliverAll:
        return readDeliverAll(reader);
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

void PeerLink::readSend(QCborStreamReader &reader)
{
    const Coro<> target = m_core->findExported(readUnsigned(reader));
    if (std::optional<Message> message = readMessage(reader, target))
        target.send(std::move(*message));
}

std::optional<Message> PeerLink::readMessage(QCborStreamReader &reader, const Coro<> &target)
{
    try {
        return decodeValue(reader, *m_core);
    } catch (const MalformedFrame &) {
        throw;
    } catch (const WireError &e) {
        qCWarning(lcPeer).noquote() << "a message from" << m_location.toString() << "to" << target.name() << "was dropped:" << e.message();
        return {};
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

void PeerLink::readDeliver(QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    const quint64 id = readUnsigned(reader);
    answerFrame(number, [&] {
        const Coro<> target = m_core->findExported(id);
        Message message = decodeValue(reader, *m_core);
        if (target.send(message))
            answer(number, {});
        else if (target.isRunning()) // its mailbox is full
            serve(number, target.name(), [](Coro<> coro, Message waiting) -> Task<QVariant> {
                co_await coro.deliver(std::move(waiting));
                co_return QVariant();
            }(target, std::move(message)));
        else
            throw CoroEnded(QStringLiteral("%1 has ended: the message was not delivered")
                                .arg(target ? target.name() : QStringLiteral("coroutine %1").arg(id)));
    });
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
            watchForPeer(coro, false); // from the beginning: nobody comes too late for its end
        } else {
            serve(number, function, m_core->invoke(function, caller, arguments.toList(), signature));
        }
    });
}

void PeerLink::serve(quint64 number, const QString &name, Task<QVariant> body)
{
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

void PeerLink::readAnswer(FrameKind kind, QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    AnswerSuspension *const awaited = m_awaited.take(number);
    if (!awaited)
        return; // nobody waits any more
    try {
        if (kind == FrameKind::Value) {
            awaited->m_value = decodeValue(reader, *m_core);
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
