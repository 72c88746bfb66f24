// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncsocket.h"

#include "asyncsocket_p.h"
#include "closing_p.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QCoreApplication>
#include <QEvent>
#include <QSocketNotifier>
#include <QtEndian>

#include <cerrno>

#ifdef Q_OS_UNIX
#include <netinet/in.h>
#include <sys/socket.h>
#endif

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr qint64 HeaderSize = sizeof(quint32);
// A message up to this size is put behind its header in one piece, which costs a copy and saves a packet.
constexpr qint64 GatherSize = 64 * 1024;
// Up to this size data is written at once, not when the event loop says that there is room. Above it QTcpSocket shares
// the bytes instead of copying what was left over.
constexpr qint64 WriteThroughSize = 256 * 1024;
constexpr auto ClosingPatience = 30s;

QByteArray messageHeader(qint64 size)
{
    QByteArray header(HeaderSize, Qt::Uninitialized);
    qToBigEndian(quint32(size), header.data());
    return header;
}

/**
 * The descriptor, if writing to it is the same as writing to the socket: no encryption, no proxy. Otherwise -1.
 *
 * QTcpSocket collects data and asks the dispatcher to be told when it can be written, and then to be told no more. With
 * GLib's dispatcher that makes three system calls of one.
 */
qintptr directDescriptor([[maybe_unused]] const QTcpSocket &socket)
{
#if defined(Q_OS_UNIX) && defined(MSG_NOSIGNAL)
    if (socket.metaObject() != &QTcpSocket::staticMetaObject)
        return -1;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(int(socket.socketDescriptor()), reinterpret_cast<sockaddr *>(&peer), &size) != 0)
        return -1;
    const bool isIPv6 = peer.ss_family == AF_INET6;
    const quint16 port = isIPv6 ? reinterpret_cast<const sockaddr_in6 &>(peer).sin6_port
                                : reinterpret_cast<const sockaddr_in &>(peer).sin_port;
    const bool isPeer = qFromBigEndian(port) == socket.peerPort()
        && QHostAddress(reinterpret_cast<const sockaddr *>(&peer)).isEqual(socket.peerAddress());
    return isPeer ? socket.socketDescriptor() : -1; // unequal: that is a proxy's
#else
    return -1;
#endif
}

/** Lets a socket that is closing send what it still has. A coroutine, so that exec() waits for it. */
Task<> finishSending(std::unique_ptr<QTcpSocket> socket)
{
    const Closing closing;
    Event progress;
    const QObject context; // ends the connections before `progress` ends
    const auto wake = [&progress] { progress.pulse(); };
    QObject::connect(socket.get(), &QTcpSocket::bytesWritten, &context, wake);
    QObject::connect(socket.get(), &QTcpSocket::disconnected, &context, wake);
    while (socket->state() != QAbstractSocket::UnconnectedState) {
        try {
            co_await progress.wait(ClosingPatience);
        } catch (const TimedOut &) {
            socket->abort();
        }
    }
}

void dispose(std::unique_ptr<QTcpSocket> socket, bool sendFirst)
{
    if (socket->state() == QAbstractSocket::ConnectedState && sendFirst && QCoreApplication::instance())
        socket->disconnectFromHost(); // at once, if nothing is unsent
    else if (socket->state() != QAbstractSocket::ClosingState || !sendFirst)
        socket->abort();
    if (socket->state() != QAbstractSocket::UnconnectedState) {
        const QString peer = locationOf(socket->peerAddress(), socket->peerPort()).toString();
        spawn(finishSending, std::move(socket)).setName(QStringLiteral("closing of the connection to ") + peer);
    }
}

} // namespace

Location locationOf(const QHostAddress &address, quint16 port)
{
    if (address.isNull())
        return {};
    bool isIPv4 = false; // perhaps in the clothes of IPv6
    const quint32 ipv4 = address.toIPv4Address(&isIPv4);
    return {(isIPv4 ? QHostAddress(ipv4) : address).toString(), port};
}

// --- SocketData ---

SocketData::SocketData(std::unique_ptr<QTcpSocket> socket)
    : m_socket(std::move(socket))
    , m_errorText(QStringLiteral("not connected"))
{
    watch();
    if (m_socket->state() == QAbstractSocket::ConnectedState)
        setConnected();
    else if (m_socket->error() == QAbstractSocket::RemoteHostClosedError) // what it sent before is in there
        setUnconnected(State::Ended, m_socket->error(), m_socket->errorString());
}

SocketData::~SocketData()
{
    close(true);
}

// Once for each socket. Those who wait for room to write are rare: that signal is connected with the first of them.
void SocketData::watch()
{
    m_socket->setParent(nullptr);
    m_watchingWrites = false;
    connect(m_socket.get(), &QTcpSocket::readyRead, this, [this] { settleReaders(); });
    connect(m_socket.get(), &QTcpSocket::errorOccurred, this, [this](auto code) { onError(code); });
    connect(m_socket.get(), &QTcpSocket::connected, this, [this] { onConnected(); });
    connect(m_socket.get(), &QTcpSocket::disconnected, this, [this] { onDisconnected(); });
}

Location SocketData::peer() const
{
    if (m_peer.isValid() || !m_socket)
        return m_peer;
    return locationOf(m_socket->peerAddress(), m_socket->peerPort());
}

void SocketData::setSendLimit(qint64 limit)
{
    m_sendLimit = std::max<qint64>(limit, 1);
    settleWriters();
}

std::exception_ptr SocketData::failure(const char *operation) const
{
    const Location location = peer();
    QString subject = QString::fromLatin1(operation);
    if (location.isValid())
        subject += QStringLiteral(", ") + location.toString();
    return std::make_exception_ptr(SocketError(m_errorCode, subject + QStringLiteral(": ") + m_errorText));
}

void SocketData::close(bool sendFirst)
{
    if (!m_socket)
        return;
    std::unique_ptr<QTcpSocket> socket = std::move(m_socket);
    if (!m_peer.isValid())
        m_peer = locationOf(socket->peerAddress(), socket->peerPort());
    QObject::disconnect(socket.get(), nullptr, this, nullptr);
    m_front.clear();
    setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was closed"));
    dispose(std::move(socket), sendFirst);
}

void SocketData::startConnecting(const QString &host, quint16 port)
{
    if (!m_socket) {
        m_socket = std::make_unique<QTcpSocket>();
        watch();
    }
    if (m_socket->state() != QAbstractSocket::UnconnectedState)
        m_socket->abort();
    m_front.clear();
    m_brokenBy.clear();
    m_peer = Location(host, port);
    m_state = State::Connecting;
    m_socket->connectToHost(host, port);
}

void SocketData::setConnected()
{
    m_state = State::Connected;
    if (m_socket->readBufferSize() == 0)
        m_socket->setReadBufferSize(ReadBufferSize);
    m_socket->setSocketOption(QAbstractSocket::LowDelayOption, 1); // we gather what belongs together ourselves
    m_descriptor = directDescriptor(*m_socket);
    for (QSocketNotifier *const notifier : m_socket->findChildren<QSocketNotifier *>()) {
        if (notifier->type() == QSocketNotifier::Read)
            notifier->installEventFilter(this);
    }
}

// QTcpSocket tells a reset as an orderly end, so that a part of the data would pass for all of it. What it got from the
// system is left in errno when it tells us, if nothing older lies there.
bool SocketData::eventFilter(QObject *, QEvent *event)
{
    if (event->type() == QEvent::SockAct)
        errno = 0;
    return false;
}

// Whoever waits now, waits in vain.
void SocketData::setUnconnected(State state, QAbstractSocket::SocketError code, const QString &text)
{
    m_state = state;
    m_descriptor = -1;
    m_errorCode = code;
    m_errorText = text;
    if (ConnectAwaiter *const connecting = std::exchange(m_connecting, nullptr)) {
        connecting->m_failure = failure(connecting->m_operation);
        connecting->complete();
    }
    settleReaders();
    settleWriters();
}

void SocketData::onConnected()
{
    if (m_state != State::Connecting)
        return;
    m_peer = {};
    setConnected();
    if (ConnectAwaiter *const connecting = std::exchange(m_connecting, nullptr))
        connecting->complete();
}

void SocketData::onError(QAbstractSocket::SocketError code)
{
    const bool isReset = errno == ECONNRESET;
    if (m_state != State::Connecting && m_state != State::Connected)
        return;
    if (m_state == State::Connected) {
        m_peer = peer();
        // After an error in writing QTcpSocket drops what it has read.
        if (const qint64 unread = m_socket->bytesAvailable(); unread > 0)
            m_front += m_socket->read(unread);
    }
    // A peer that ends its stream while bytes for it are unsent does not end it in order.
    if (code != QAbstractSocket::RemoteHostClosedError)
        setUnconnected(State::Unconnected, code, m_socket->errorString());
    else if (isReset)
        setUnconnected(State::Unconnected, code, QStringLiteral("the peer reset the connection"));
    else
        setUnconnected(m_socket->bytesToWrite() > 0 ? State::Unconnected : State::Ended, code, m_socket->errorString());
}

// Without an error before it: somebody closed the wrapped socket.
void SocketData::onDisconnected()
{
    if (m_state == State::Connected)
        setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was closed"));
}

void SocketData::settleReaders()
{
    while (auto *reader = static_cast<ReadAwaiter *>(m_readers.first())) {
        if (!reader->read())
            return;
        reader->unlink();
        reader->complete();
    }
}

void SocketData::settleWriters()
{
    if (std::exchange(m_settlingWriters, true))
        return; // to write emits signals that lead here
    while (auto *writer = static_cast<WriteAwaiter *>(m_writers.first())) {
        if (!writer->write())
            break;
        writer->unlink();
        writer->complete();
    }
    m_settlingWriters = false;
}

void SocketData::take(char *to, qint64 size)
{
    if (!m_front.isEmpty()) {
        const qint64 first = std::min<qint64>(size, m_front.size());
        std::copy_n(m_front.constData(), first, to);
        m_front.remove(0, first); // moves no bytes but the start
        to += first;
        size -= first;
    }
    if (size > 0) {
        [[maybe_unused]] const qint64 got = m_socket->read(to, size);
        Q_ASSERT(got == size);
    }
}

void SocketData::putBack(const QByteArray &bytes)
{
    m_front.prepend(bytes);
}

void SocketData::write(const QByteArray &header, const QByteArray &bytes)
{
    const qint64 size = header.size() + bytes.size();
    const bool atOnce = size <= WriteThroughSize && m_socket->bytesToWrite() == 0;
    const qint64 written = atOnce ? writeDirectly(header, bytes) : 0;
    if (written == size)
        return;
    if (written > 0) {
        const qint64 headerLeft = std::max<qint64>(header.size() - written, 0);
        const qint64 bytesLeft = std::min<qint64>(size - written, bytes.size());
        m_socket->write(header.constEnd() - headerLeft, headerLeft);
        m_socket->write(bytes.constEnd() - bytesLeft, bytesLeft);
        return; // there was no room for it: QTcpSocket waits for that
    }
    if (header.isEmpty()) {
        m_socket->write(bytes);
    } else if (size <= GatherSize) {
        m_socket->write(header + bytes);
    } else {
        m_socket->write(header);
        m_socket->write(bytes);
    }
    if (atOnce)
        m_socket->flush(); // and finds out what is wrong, where something is
}

// How much went out: all, a part, or nothing, for whatever reason.
qint64 SocketData::writeDirectly([[maybe_unused]] const QByteArray &header,
                                 [[maybe_unused]] const QByteArray &bytes) const
{
#if defined(Q_OS_UNIX) && defined(MSG_NOSIGNAL)
    if (m_descriptor == -1)
        return 0;
    iovec parts[] = {{.iov_base = const_cast<char *>(header.constData()), .iov_len = size_t(header.size())},
                     {.iov_base = const_cast<char *>(bytes.constData()), .iov_len = size_t(bytes.size())}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = std::size(parts);
    return std::max<qint64>(::sendmsg(int(m_descriptor), &message, MSG_NOSIGNAL | MSG_DONTWAIT), 0);
#else
    return 0;
#endif
}

// --- awaiters ---

SocketSuspension::~SocketSuspension() = default;

void SocketSuspension::throwUnlessDone() const
{
    throwUnlessComplete();
    if (m_failure)
        std::rethrow_exception(m_failure);
}

ConnectAwaiter::ConnectAwaiter(SocketData *data, const QString &host, quint16 port, const QDeadlineTimer &deadline)
    : SocketSuspension(data, "connect()", deadline)
    , m_host(host)
    , m_port(port)
{
}

bool ConnectAwaiter::start()
{
    if (m_data->m_state == SocketData::State::Connecting || m_data->m_state == SocketData::State::Connected) {
        const auto text = QStringLiteral("connect(), %1:%2: the socket is connected or connecting already");
        m_failure = std::make_exception_ptr(SocketError(QAbstractSocket::OperationError, text.arg(m_host).arg(m_port)));
        return false;
    }
    m_data->startConnecting(m_host, m_port);
    if (m_data->m_state == SocketData::State::Connecting) {
        m_data->m_connecting = this;
        return true;
    }
    if (m_data->m_state != SocketData::State::Connected)
        m_failure = m_data->failure(m_operation);
    return false;
}

void ConnectAwaiter::abandon() noexcept
{
    m_data->m_connecting = nullptr;
    m_data->setUnconnected(SocketData::State::Unconnected, QAbstractSocket::OperationError,
                           QStringLiteral("the attempt to connect was given up"));
    m_data->m_socket->abort();
}

ReadAwaiter::ReadAwaiter(SocketData *data, Kind kind, qint64 size, const QDeadlineTimer &deadline)
    : SocketSuspension(data,
                       kind == Kind::Some      ? "recv()"
                           : kind == Kind::All ? "recvAll()"
                                               : "recvMessage()",
                       deadline)
    , m_kind(kind)
    , m_size(size)
{
}

bool ReadAwaiter::start()
{
    if (m_data->m_readers.isEmpty() && read())
        return false;
    m_data->m_readers.append(this);
    return true;
}

void ReadAwaiter::abandon() noexcept
{
    unlink();
    m_data->putBack(taken());
    m_data->settleReaders(); // the next one may want less
}

QByteArray ReadAwaiter::taken() const
{
    return m_haveHeader ? messageHeader(m_size) + m_bytes : m_bytes;
}

// Takes what it can get of what it wants. True if it is done, be it by a failure.
bool ReadAwaiter::read()
{
    if (!m_data->m_brokenBy.isEmpty()) {
        m_failure = std::make_exception_ptr(MessageTooLong(m_data->m_brokenBy));
        return true;
    }
    const bool done = m_kind == Kind::Message && !m_haveHeader ? readHeader() : readRest();
    if (done || m_data->m_state == SocketData::State::Connected)
        return done;

    if (m_data->m_state != SocketData::State::Ended) {
        m_failure = m_data->failure(m_operation);
    } else if (m_kind != Kind::Some) {
        QByteArray partial = taken();
        if (m_kind == Kind::Message && !m_haveHeader) {
            partial.resize(m_data->available());
            m_data->take(partial.data(), partial.size());
        }
        const auto text = QStringLiteral("%1, %2: the peer ended the stream after %3 bytes of it");
        const QString message = text.arg(QLatin1String(m_operation), m_data->peer().toString()).arg(partial.size());
        m_failure = std::make_exception_ptr(EndOfStream(partial, message));
    }
    return true;
}

bool ReadAwaiter::readHeader()
{
    if (m_data->available() < HeaderSize)
        return false;
    char header[HeaderSize];
    m_data->take(header, HeaderSize);
    const qint64 size = qFromBigEndian<quint32>(header);
    if (size > m_size) {
        const auto text = QStringLiteral("%1, %2: a message of %3 bytes; at most %4 are accepted");
        m_data->m_brokenBy
            = text.arg(QLatin1String(m_operation), m_data->peer().toString()).arg(size).arg(m_size);
        m_failure = std::make_exception_ptr(MessageTooLong(m_data->m_brokenBy));
        return true;
    }
    m_size = size;
    m_haveHeader = true;
    return readRest();
}

bool ReadAwaiter::readRest()
{
    const qint64 had = m_bytes.size();
    const qint64 more = std::min(m_size - had, m_data->available());
    if (more > 0) {
        m_bytes.resizeForOverwrite(had + more); // grows with what comes, not with what a header promises
        m_data->take(m_bytes.data() + had, more);
    }
    return m_kind == Kind::Some ? more > 0 : had + more == m_size;
}

WriteAwaiter::WriteAwaiter(SocketData *data, Kind kind, const QByteArray &bytes, const QDeadlineTimer &deadline)
    : SocketSuspension(data,
                       kind == Kind::Some          ? "send()"
                           : kind == Kind::All     ? "sendAll()"
                           : kind == Kind::Message ? "sendMessage()"
                                                   : "flush()",
                       deadline)
    , m_kind(kind)
    , m_bytes(bytes)
{
}

bool WriteAwaiter::start()
{
    if (m_data->m_writers.isEmpty() && write())
        return false;
    if (!std::exchange(m_data->m_watchingWrites, true))
        QObject::connect(m_data->socket(), &QTcpSocket::bytesWritten, m_data,
                         [data = m_data] { data->settleWriters(); });
    m_data->m_writers.append(this);
    return true;
}

void WriteAwaiter::abandon() noexcept
{
    unlink();
    m_data->settleWriters(); // the next one may need less room
}

// True if it is done, be it by a failure.
bool WriteAwaiter::write()
{
    if (m_kind == Kind::Message && m_bytes.size() > qint64(std::numeric_limits<quint32>::max())) {
        const auto text = QStringLiteral("%1: a message of %2 bytes; at most 4 GiB can be sent as one");
        const QString message = text.arg(QLatin1String(m_operation)).arg(m_bytes.size());
        m_failure = std::make_exception_ptr(MessageTooLong(message));
        return true;
    }
    if (m_data->m_state != SocketData::State::Connected) {
        m_failure = m_data->failure(m_operation);
        return true;
    }
    const qint64 room = m_data->m_sendLimit - m_data->socket()->bytesToWrite();
    switch (m_kind) {
    case Kind::Flush:
        return room == m_data->m_sendLimit;
    case Kind::Some:
        if (room <= 0)
            return false;
        m_sent = std::min<qint64>(room, m_bytes.size());
        m_data->write({}, m_bytes.first(m_sent));
        break;
    case Kind::All:
        if (room < 0)
            return false;
        m_data->write({}, m_bytes);
        break;
    case Kind::Message:
        if (room < 0)
            return false;
        m_data->write(messageHeader(m_bytes.size()), m_bytes);
        break;
    }
    if (m_data->m_state != SocketData::State::Connected)
        m_failure = m_data->failure(m_operation);
    return true;
}

} // namespace Detail

// --- AsyncSocket ---

AsyncSocket::AsyncSocket()
    : AsyncSocket(new QTcpSocket)
{
}

AsyncSocket::AsyncSocket(QTcpSocket *socket)
    : m_data(std::make_unique<Detail::SocketData>(std::unique_ptr<QTcpSocket>(socket)))
{
}

AsyncSocket::~AsyncSocket() = default;
AsyncSocket::AsyncSocket(AsyncSocket &&other) noexcept = default;
AsyncSocket &AsyncSocket::operator=(AsyncSocket &&other) noexcept = default;

Detail::ConnectAwaiter AsyncSocket::connect(const QString &host, quint16 port, QDeadlineTimer deadline)
{
    return {m_data.get(), host, port, deadline};
}

Detail::ReadAwaiter AsyncSocket::recv(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::ReadAwaiter::Kind::Some, std::max<qint64>(maxSize, 1), deadline};
}

Detail::ReadAwaiter AsyncSocket::recvAll(qint64 size, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::ReadAwaiter::Kind::All, std::max<qint64>(size, 0), deadline};
}

Detail::ReadAwaiter AsyncSocket::recvMessage(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::ReadAwaiter::Kind::Message, maxSize, deadline};
}

Detail::SendAwaiter AsyncSocket::send(const QByteArray &data, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::WriteAwaiter::Kind::Some, data, deadline};
}

Detail::WriteAwaiter AsyncSocket::sendAll(const QByteArray &data, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::WriteAwaiter::Kind::All, data, deadline};
}

Detail::WriteAwaiter AsyncSocket::sendMessage(const QByteArray &message, QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::WriteAwaiter::Kind::Message, message, deadline};
}

Detail::WriteAwaiter AsyncSocket::flush(QDeadlineTimer deadline)
{
    return {m_data.get(), Detail::WriteAwaiter::Kind::Flush, QByteArray(), deadline};
}

void AsyncSocket::close()
{
    m_data->close(true);
}

void AsyncSocket::abort()
{
    m_data->close(false);
}

bool AsyncSocket::isConnected() const
{
    return m_data->state() == Detail::SocketData::State::Connected;
}

Location AsyncSocket::peerLocation() const
{
    return m_data->peer();
}

Location AsyncSocket::localLocation() const
{
    const QTcpSocket *const socket = m_data->socket();
    return socket ? Detail::locationOf(socket->localAddress(), socket->localPort()) : Location();
}

qint64 AsyncSocket::sendLimit() const
{
    return m_data->sendLimit();
}

void AsyncSocket::setSendLimit(qint64 bytes)
{
    m_data->setSendLimit(bytes);
}

QTcpSocket *AsyncSocket::socket() const
{
    return m_data->socket();
}

} // namespace Asyncoro
