// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How a PeerLink comes by its connections, goes on over another one when one breaks, and ends.

#include "networkcore_p.h"
#include "remotecoro_p.h"
#include "sparearrays_p.h"
#include "tcpsilence_p.h"

#include <QHostAddress>
#include <QLoggingCategory>
#include <QRandomGenerator>
#include <QTcpSocket>
#include <QtMath>

Q_LOGGING_CATEGORY(lcConnection, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype ReadSize = 64 * 1024;
constexpr qsizetype FirstReserve = 1024 * 1024; // for a longer frame, as long as no more has come
/** How many bytes may have come before the peer is told. A part of its window, so that it need not wait. */
constexpr quint64 AcknowledgeEvery = OutgoingStream::Window / 8;
/** How many bytes make the peer be told at the next occasion. More than what only tells the peer something like it. */
constexpr quint64 WorthAcknowledging = 1024;
/** So often the time to the peer and back is measured even where there is no silence. */
constexpr std::chrono::milliseconds MeasuringInterval = std::chrono::minutes(1);
/** So often a connection is tried that the other side closes before it is made, within about a second. */
constexpr int MostAttempts = 6;

qint64 milliseconds()
{
    return QDeadlineTimer::current().deadline();
}

/** How many bytes the frame that begins with `bytes` still lacks; 0 if that is not known yet. */
qsizetype missingOf(const QByteArray &bytes)
{
    if (bytes.size() < FrameHeader::Size)
        return 0;
    const auto header = FrameHeader::read(bytes.constData());
    return header ? FrameHeader::Size + qsizetype(header->length) - bytes.size() : 0;
}

/** Nothing listens there. */
class NobodyListens final : public PeerLost
{
public:
    using PeerLost::PeerLost;
};

/** It has closed the connection before both sides knew who the other one is. */
class HungUp final : public PeerLost
{
public:
    using PeerLost::PeerLost;
};

} // namespace

struct PeerLink::Connection {
    std::shared_ptr<AsyncSocket> socket;
    Hello theirs;
    SessionAnswer answer;
};

PeerLink::PeerLink(std::shared_ptr<NetworkCore> core, const Location &location, const QByteArray &incarnation)
    : m_core(std::move(core))
    , m_location(location)
    , m_address(location.address())
    , m_incarnation(incarnation)
{
}

PeerLink::~PeerLink() = default;

PeerInfo PeerLink::info() const
{
    PeerInfo info = m_info;
    info.location = m_location;
    info.address = m_address;
    info.state = m_state == State::Lost            ? PeerInfo::State::Lost
                 : m_state == State::Connected     ? PeerInfo::State::Connected
                 : m_state == State::Interrupted   ? PeerInfo::State::Interrupted
                                                   : PeerInfo::State::Connecting;
    info.unacknowledged = m_outgoing.unacknowledgedSize();
    info.waiting = m_outgoing.size() - info.unacknowledged;
    info.unread = m_backlogSize;
    info.notSent = m_notSent;
    return info;
}

// --- the first connection ---

void PeerLink::open()
{
    if (m_state != State::Idle)
        return;
    if (m_core->isClosed()) {
        lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("this process has left the network"))));
        return;
    }
    m_state = State::Connecting;
    setConnector(spawn(&PeerLink::connectAndRun, shared_from_this()));
}

void PeerLink::setConnector(const Coro<> &connector)
{
    connector.setName(QStringLiteral("connection to ") + m_location.toString());
    connector.setDaemon();
    m_connector = connector;
}

/** Whether the coroutine in which this is called still has to make a connection: the other side may have been faster. */
bool PeerLink::isStillConnecting() const
{
    return m_connector == Coro<>::self() && (m_state == State::Connecting || m_state == State::Interrupted) && !m_core->isClosed();
}

/** The same, once it is known who listens there: another link may have a session with that process. */
bool PeerLink::isWanted(const Hello &theirs) const
{
    const auto known = m_core->linkOf(theirs.incarnation);
    return isStillConnecting() && (!known || known.get() == this || !known->hasSession());
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
    if (!m_core->isTrusted(m_location.address()))
        throw PeerRefused(NetworkCore::missingTrust(QStringLiteral("connect to ") + m_location.address()));
    const QDeadlineTimer deadline(peerLimits().handshake);
    for (;;) {
        Connection connection = co_await connectPatiently(deadline);
        if (!isStillConnecting())
            break;
        if (!m_incarnation.isEmpty() && connection.theirs.incarnation != m_incarnation)
            throw PeerLost(m_location, QStringLiteral("another process listens there now"));

        const bool accepted = connection.answer.verdict == Verdict::Accepted;
        auto target = shared_from_this();
        if (const auto known = m_core->linkOf(connection.theirs.incarnation); known && known != target) {
            if (accepted && known->hasSession()) {
                known->lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("it has given up the connection"))));
            } else if (accepted || known->hasSession()) {
                giveWayTo(known); // it has several addresses, or its handles came before it was called
                target = known;
            }
        }
        if (accepted) {
            target->m_outbound = true;
            co_await target->run(std::move(connection.socket), connection.theirs, connection.answer);
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
        if (!isStillConnecting())
            break;
    }
}

/**
 * As connectOnce(), and again after a while if the other side hangs up, as it does with some if many connect at the same
 * moment. By chance each time, so that they do not all come back together.
 */
Task<PeerLink::Connection> PeerLink::connectPatiently(QDeadlineTimer deadline)
{
    for (int attempt = 1;; ++attempt) {
        try {
            co_return co_await connectOnce(deadline);
        } catch (const HungUp &e) {
            if (attempt == MostAttempts)
                throw PeerLost(m_location, QStringLiteral("%1 (%2 times)").arg(e.reason()).arg(attempt));
        }
        const auto most = peerLimits().hungUp * (1 << attempt);
        co_await sleep(std::min(QDeadlineTimer(most * QRandomGenerator::global()->generateDouble()), deadline));
        if (!isStillConnecting())
            co_return Connection();
    }
}

/** Connects, and shows who this is. The verdict is Accepted, Duplicate, or one about a session; others throw. */
Task<PeerLink::Connection> PeerLink::connectOnce(QDeadlineTimer deadline)
{
    Connection connection{std::make_shared<AsyncSocket>(), {}, {}};
    try {
        co_await connection.socket->connect(m_location.address(), m_location.port(), deadline);
        if (!isStillConnecting())
            co_return connection;
        connection.answer = co_await m_core->shakeHands(connection.socket, m_location, {m_session, m_received}, deadline,
                                                        [this](const Hello &theirs) { return isWanted(theirs); },
                                                        &connection.theirs);
        co_return connection;
    } catch (const PeerRefused &) {
        throw;
    } catch (const PeerLost &) {
        throw;
    } catch (const TlsError &e) {
        if (e.reason() == TlsError::Reason::ClosedByPeer)
            throw HungUp(m_location, e.message());
        if (e.reason() == TlsError::Reason::NotTls)
            throw PeerRefused(QStringLiteral("%1 does not use TLS, and this process does").arg(m_location.toString()));
        throw PeerRefused(e.message());
    } catch (const SocketError &e) {
        if (e.code() == QAbstractSocket::ConnectionRefusedError)
            throw NobodyListens(m_location, QStringLiteral("nothing listens there, the connection was refused"));
        if (e.code() == QAbstractSocket::RemoteHostClosedError)
            throw HungUp(m_location, e.message());
        throw PeerLost(m_location, e.message());
    } catch (const EndOfStream &e) {
        throw HungUp(m_location, e.message());
    } catch (const Error &e) {
        throw PeerLost(m_location, e.message());
    }
}

/** `other` is for the same process. All that anybody wants of this link so far is that it connects: see target(). */
void PeerLink::giveWayTo(const std::shared_ptr<PeerLink> &other)
{
    m_state = State::Lost;
    m_other = other;
    m_core->remove(*this);
    m_core->addLocation(m_location, other);
    m_connector = {};
    m_connectedOrLost.set();
}

// --- one connection ---

Task<> PeerLink::run(std::shared_ptr<AsyncSocket> socket, Hello theirs, SessionAnswer session)
{
    const auto self = shared_from_this();
    if (const Coro<> connector = std::exchange(m_connector, {}); connector != Coro<>::self())
        connector.terminate();
    const bool resumed = session.verdict == Verdict::Resumed;
    if (resumed && !m_outgoing.rewind(session.received)) {
        lose(std::make_exception_ptr(PeerLost(m_location, QStringLiteral("it says that it has what was never sent"))));
        co_return;
    }
    m_state = State::Connected;
    m_session = session.session;
    m_socket = socket;
    m_incarnation = theirs.incarnation;
    m_flags = theirs.flags;
    m_address = socket->peerLocation().address();
    m_localAddress = socket->localLocation().address();
    m_lastHeard = milliseconds();
    m_pinged = 0;
    if (!resumed)
        m_ordinal = m_core->addConnected(self);
    m_writing = false;
    m_writer = spawn(&PeerLink::writeFrames, self, socket);
    m_workers = {Coro<>::self(), spawn(&PeerLink::keepAlive, self)};
    for (const Coro<> &worker : {m_writer, m_workers.constLast()}) {
        worker.setName(QStringLiteral("connection to ") + m_location.toString());
        worker.setDaemon();
    }
    m_connectedOrLost.set();

    std::exception_ptr error;
    try {
        co_await readFrames(socket);
        co_return;
    } catch (const Cancelled &) {
        throw;
    } catch (const PeerLost &) {
        error = std::current_exception();
    } catch (...) {
        const QString text = errorText(std::current_exception());
        qCWarning(lcConnection).noquote() << "closed the connection to" << socket->peerLocation().toString() + u':' << text;
        error = std::make_exception_ptr(PeerLost(m_location, text));
    }
    if (m_socket == socket)
        lose(error);
}

/** Appends what there is to m_incoming, unless that is for another connection by then. False: it is over. */
Task<bool> PeerLink::receive(std::shared_ptr<AsyncSocket> socket)
{
    const qsizetype had = m_incoming.size();
    const qsizetype missing = missingOf(m_incoming);
    qint64 size = 0;
    if (missing == 0 || had + missing < ReadSize) {
        const QByteArray bytes = co_await socket->recv(ReadSize);
        if (m_socket != socket)
            co_return false;
        m_incoming += bytes;
        size = bytes.size();
    } else {
        // A long frame comes right where it belongs, and nothing of the next one behind it. Its length is only said so
        // far: the memory grows with what has come. Whoever ends this connection closes the socket first, so nothing is
        // written later.
        const qsizetype end = std::min(had + missing, std::max(FirstReserve, qsizetype(qNextPowerOfTwo(quint64(had)))));
        if (m_incoming.capacity() < end) {
            QByteArray roomy = SpareArrays::take(end);
            roomy += m_incoming;
            m_incoming = std::move(roomy);
        }
        m_incoming.reserve(end); // capacity() counts what was removed at the front, too
        size = co_await socket->recvInto(m_incoming.data() + had, end - had);
        if (m_socket != socket)
            co_return false;
        m_incoming.resizeForOverwrite(had + size);
    }
    m_lastHeard = milliseconds();
    m_received += quint64(size);
    m_info.bytesReceived += size;
    co_return size > 0;
}

/** Returns when the connection is over. */
Task<> PeerLink::readFrames(std::shared_ptr<AsyncSocket> socket)
{
    for (;;) {
        bool isOpen = false;
        QString failure;
        try {
            isOpen = co_await receive(socket);
        } catch (const StreamError &e) {
            failure = e.message();
        }
        if (m_socket != socket)
            co_return;
        if (!isOpen) {
            if (failure.isEmpty())
                interrupt(QStringLiteral("it closed the connection without a goodbye"), Break::Closed);
            else
                interrupt(failure, Break::Failed);
            co_return;
        }
        FrameMemory memory{std::exchange(m_incoming, {})}; // not there: a frame may make this lost
        QByteArray &bytes = memory.bytes;
        qsizetype position = 0;
        while (bytes.size() - position >= FrameHeader::Size) {
            const std::optional<FrameHeader> header = FrameHeader::read(bytes.constData() + position);
            if (!header)
                throw WireError(QStringLiteral("it sent bytes that are no frame of this protocol"));
            const qsizetype end = position + FrameHeader::Size + qsizetype(header->length);
            if (bytes.size() < end)
                break;
            ++m_info.framesReceived;
            memory.body = position + FrameHeader::Size;
            read(*header, &memory);
            if (m_socket != socket)
                co_return;
            position = end;
        }
        // What is removed at the front would stay reserved there, and capacity() count it: see receive().
        if (position < bytes.size())
            m_incoming = position == 0 ? std::move(bytes) : QByteArray(bytes.constData() + position, bytes.size() - position);
        SpareArrays::keep(bytes);
        if (m_received - m_acknowledged >= AcknowledgeEvery)
            sendReceived(FrameKind::Acknowledge);
    }
}

Task<> PeerLink::writeFrames(std::shared_ptr<AsyncSocket> socket)
{
    const auto self = shared_from_this();
    try {
        for (;;) {
            while (m_socket == socket && !m_outgoing.canTake()) {
                m_outgoingReady.clear();
                co_await m_outgoingReady.wait();
            }
            if (m_socket == socket && socket->unsentBytes() > socket->sendLimit())
                co_await socket->sendAll({}); // until there is room: what waits stays here, in its order
            if (m_socket != socket)
                co_return; // the session goes on over another connection, and its bytes are for that one
            const QByteArray bytes = m_outgoing.take(); // small frames that have gathered, in one write
            m_info.bytesSent += bytes.size();
            m_writing = true;
            co_await socket->sendAll(bytes);
            if (m_socket == socket)
                m_writing = false;
        }
    } catch (const Error &e) {
        // The one that reads will see it, too, but first what has come before.
        qCDebug(lcConnection).noquote() << "writing to" << m_location.toString() + u':' << e.message();
    }
}

Task<> PeerLink::keepAlive()
{
    const auto self = shared_from_this();
    const PeerLimits &limits = peerLimits();
    // Both sides ask after a while of silence. One of them is a little slower, so that mostly only the other one has to.
    const auto patience = m_incarnation < m_core->incarnation() ? limits.ping : limits.ping * 5 / 4;
    const bool mayBeSilent = m_flags & Hello::MayBeBusy;
    for (;;) {
        const qint64 before = milliseconds();
        const auto left = limits.silence - std::chrono::milliseconds(before - m_lastHeard);
        co_await sleep(mayBeSilent ? patience : std::clamp(left, std::chrono::milliseconds(1), patience));
        const qint64 now = milliseconds();
        const qint64 silence = now - m_lastHeard;
        // Had our own event loop stood still, bytes may have come that nobody has read yet.
        const bool awake = now - before < 2 * patience.count();
        if (awake && silence >= limits.silence.count()
            && (!mayBeSilent || tcpSilence(m_socket->socketDescriptor()) >= limits.silence)) {
            const QString text = (mayBeSilent ? QStringLiteral("its machine has acknowledged nothing for %1 s")
                                              : QStringLiteral("nothing was heard from it for %1 s"))
                                     .arg(double(limits.silence.count()) / 1000);
            lose(std::make_exception_ptr(PeerLost(m_location, text)));
            m_core->losses().pulse();
            co_return;
        }
        if (m_received - m_acknowledged >= WorthAcknowledging)
            sendReceived(FrameKind::Acknowledge); // who sends that much more slowly than it might hears nothing else
        if (silence >= patience.count() / 2 || now - m_lastPing >= MeasuringInterval.count())
            ping();
        SpareArrays::freeUnused(patience);
    }
}

void PeerLink::ping()
{
    m_lastPing = milliseconds();
    m_pinged = QDeadlineTimer::current().deadlineNSecs();
    sendReceived(FrameKind::Ping);
}

/** A frame that tells how many bytes have come. */
void PeerLink::sendReceived(FrameKind kind)
{
    m_acknowledged = m_received;
    send(kind, 1, [this](QCborStreamWriter &writer) { writer.append(m_received); });
    m_outgoing.urge();
    m_outgoingReady.set();
}

void PeerLink::readAcknowledged(quint64 position)
{
    if (!m_outgoing.acknowledge(position))
        throw WireError(QStringLiteral("it says that it has what was never sent"));
    forgetStarted();
    m_outgoingReady.set();
    updateRoom();
}

void PeerLink::updateRoom()
{
    const bool hasRoom = m_outgoing.size() < m_core->sendLimit() || m_state == State::Lost;
    m_room.setOpen(hasRoom);
    if (m_answerRoom)
        m_answerRoom->setOpen(hasRoom);
    m_crowded.store(!hasRoom, std::memory_order_relaxed);
}

qint64 PeerLink::unsentLimit() const
{
    return std::max(peerLimits().unsent, 2 * m_core->sendLimit());
}

/** So much waits for the peer that it will not be kept any longer. */
void PeerLink::giveUp()
{
    const qint64 size = m_outgoing.size();
    qCWarning(lcConnection).noquote() << "closed the connection to" << m_location.toString()
                                      << u": it does not take what it asked for," << size << "bytes";
    close(QStringLiteral("it has given up this process, which did not take %1 bytes that it asked for").arg(size),
          QStringLiteral("it does not take what it asked for, %1 bytes").arg(size));
}

// --- when a connection ends ---

void PeerLink::dropConnection()
{
    for (const Coro<> &worker : std::exchange(m_workers, {})) {
        if (worker != Coro<>::self())
            worker.terminate();
    }
    if (const auto socket = std::exchange(m_socket, {})) {
        if (const Coro<> writer = std::exchange(m_writer, {}); writer != Coro<>::self())
            writer.terminate();
        socket->close();
    }
}

void PeerLink::interrupt(const QString &reason, Break how)
{
    if (m_state != State::Connected)
        return;
    if (!(m_flags & Hello::Resumes)) {
        lose(std::make_exception_ptr(PeerLost(m_location, reason)));
        return;
    }
    // Where the peer's process has ended, its system closes the connection and refuses another one. But behind a router
    // that translates addresses a refusal means nothing to a side that could never connect.
    const bool refusalIsFinal = m_outbound || how == Break::Closed || QHostAddress(m_address).isLoopback();
    qCDebug(lcConnection).noquote() << "the connection to" << m_location.toString() << "broke:" << reason;
    m_state = State::Interrupted;
    ++m_info.interruptions;
    dropConnection();
    setConnector(spawn(&PeerLink::recover, shared_from_this(), reason, refusalIsFinal));
}

/** Makes another connection for the session, unless the peer does, until it is too late. */
Task<> PeerLink::recover(QString reason, bool refusalIsFinal)
{
    const auto self = shared_from_this();
    const PeerLimits &limits = peerLimits();
    const auto silence = std::chrono::milliseconds(m_flags & Hello::MayBeBusy ? 0 : milliseconds() - m_lastHeard);
    const QDeadlineTimer deadline(std::max(limits.silence - silence, limits.retry));
    QString failure;
    while (!deadline.hasExpired()) {
        const QDeadlineTimer next(limits.retry);
        if (m_location.isValid()) {
            try {
                Connection connection = co_await connectOnce(std::min(QDeadlineTimer(limits.handshake), deadline));
                if (!isStillConnecting())
                    co_return;
                if (connection.theirs.incarnation != m_incarnation)
                    throw PeerRefused(QStringLiteral("another process listens there now"));
                if (connection.answer.verdict == Verdict::Resumed) {
                    co_await run(std::move(connection.socket), connection.theirs, connection.answer);
                    co_return;
                }
                if (connection.answer.verdict != Verdict::Duplicate) // which means: the peer is at it, too
                    throw PeerRefused(QStringLiteral("it has given up the connection"));
            } catch (const PeerRefused &e) {
                failure = e.message();
                if (refusalIsFinal)
                    break;
            } catch (const PeerLost &e) {
                if (refusalIsFinal && dynamic_cast<const NobodyListens *>(&e))
                    break;
                failure = e.reason();
            }
        }
        co_await sleep(std::min(next, deadline));
        if (!isStillConnecting())
            co_return;
    }
    if (isStillConnecting()) {
        const QString text = failure.isEmpty() ? reason : QStringLiteral("%1; trying again: %2").arg(reason, failure);
        lose(std::make_exception_ptr(PeerLost(m_location, text)));
        m_core->losses().pulse();
    }
}

void PeerLink::lose(std::exception_ptr error)
{
    if (m_state == State::Lost)
        return;
    m_state = State::Lost;
    m_error = error;
    const auto self = shared_from_this();
    m_core->remove(*this);
    m_core->vacate(m_location);
    m_outgoing.clear();
    m_outgoingReady.set(); // so that the one that writes sees it
    m_incoming.clear();
    dropConnection();
    if (const Coro<> connector = std::exchange(m_connector, {}); connector != Coro<>::self())
        connector.terminate();
    m_connectedOrLost.set();
    m_room.setOpen(true); // whoever waits learns that it is lost
    if (m_answerRoom)
        m_answerRoom->setOpen(true);
    for (const auto &full : std::exchange(m_full, {}))
        full->setOpen(true);
    for (const Coro<> &call : std::exchange(m_serving, {}))
        call.terminate();
    m_reporters.clear();
    m_startedCalls.clear();
    m_started.clear();
    m_postedFor.clear();
    closeChannels();
    for (AnswerSuspension *awaited : std::exchange(m_awaited, {}))
        awaited->fail(error);
    for (const CoroPointer &coro : std::exchange(m_watched, {}))
        static_cast<RemoteCoro *>(coro.data())->setEnded(CoroState::Lost, {}, error);
}

namespace {

/**
 * Sends what the system has not taken yet, and reads until the other side closes, too: a system that is told to close a
 * connection on which something still comes resets it, and what is on its way to the other side may be lost.
 */
Task<> sayFarewell(std::shared_ptr<AsyncSocket> socket, QByteArrayList lastFrames)
{
    try {
        const QDeadlineTimer deadline(peerLimits().silence);
        while (!lastFrames.isEmpty())
            co_await socket->sendAll(lastFrames.takeFirst(), deadline);
        co_await socket->closeWriting(deadline);
        while (!(co_await socket->recv(ReadSize, deadline)).isEmpty()) { }
    } catch (const Error &e) {
        qCDebug(lcConnection).noquote() << "leaving:" << e.message();
    }
}

} // namespace

void PeerLink::close(const QString &reason, const QString &ours)
{
    if (m_state == State::Connected) {
        send(FrameKind::Goodbye, 1, [&](QCborStreamWriter &writer) { writer.append(QStringView(reason)); });
        if (const auto socket = std::exchange(m_socket, {}); socket && socket->isConnected()) {
            QByteArrayList frames;
            while (m_outgoing.sink().waiting() > 0)
                frames.append(m_outgoing.sink().take(std::numeric_limits<qsizetype>::max()));
            m_writer = {}; // it ends by itself, once it has sent what it has
            if (!m_core->isSecure() && !m_writing) {
                while (!frames.isEmpty() && socket->unsentBytes() <= socket->sendLimit())
                    socket->socket()->write(frames.takeFirst());
                socket->socket()->flush(); // at once, for there may be no event loop any more
            }
            spawn(sayFarewell, socket, frames).setName(QStringLiteral("farewell to ") + m_location.toString());
        }
    }
    lose(std::make_exception_ptr(PeerLost(m_location, ours)));
}

} // namespace Asyncoro::Detail
