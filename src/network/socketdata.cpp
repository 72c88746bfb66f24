// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncsocket_p.h"
#include "baresocket_p.h"
#include "closing_p.h"
#include "directsocket_p.h"
#include "sockettls_p.h"

#include <QEvent>
#include <QSocketNotifier>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace Asyncoro::Detail {

namespace {

// A message up to this size is put behind its header in one piece, which costs a copy and saves a packet.
constexpr qint64 GatherSize = 64 * 1024;
// Up to this size data is written at once, not when the event loop says that there is room. Above it QTcpSocket shares
// the bytes instead of copying what was left over.
constexpr qint64 WriteThroughSize = 256 * 1024;
// So often one reads at once because the last time there was as much as was asked for.
constexpr quint8 ReadsInARow = 4;
// As much as the system holds for a connection, and more.
constexpr qint64 MaxRescued = 64 * 1024 * 1024;

} // namespace

Location locationOf(const QHostAddress &address, quint16 port)
{
    if (address.isNull())
        return {};
    bool isIPv4 = false; // perhaps in the clothes of IPv6
    const quint32 ipv4 = address.toIPv4Address(&isIPv4);
    return {(isIPv4 ? QHostAddress(ipv4) : address).toString(), port};
}

// --- beginning and end ---

SocketData::SocketData(std::unique_ptr<QTcpSocket> socket)
    : m_errorText(QStringLiteral("not connected"))
{
    setSocket(std::move(socket));
    if (m_socket->state() == QAbstractSocket::ConnectedState) {
        setConnected();
    } else if (m_socket->error() == QAbstractSocket::RemoteHostClosedError) {
        setFront(m_socket->readAll()); // what it sent before
        setUnconnected(State::Ended, m_socket->error(), m_socket->errorString());
    }
}

SocketData::SocketData(ConnectedDescriptor connection)
    : m_bare(std::make_unique<BareSocket>(this, std::move(connection)))
    , m_notifier(m_bare.get())
    , m_descriptor(int(m_bare->socket()))
    , m_state(State::Connected)
{
}

SocketData::~SocketData()
{
    close(true);
    disposeOfLost();
}

QTcpSocket *SocketData::socket()
{
    ensureSocket();
    return m_socket.get();
}

// False if there is none: it is closed, or the system does not let it be made.
bool SocketData::ensureSocket()
{
    if (m_socket || !m_bare || !m_bare->isOpen())
        return m_socket != nullptr;
    m_bare->setEnabled(false);
    auto socket = std::make_unique<QTcpSocket>();
    socket->setReadBufferSize(ReadBufferSize); // before its first byte is read
    if (!socket->setSocketDescriptor(m_descriptor)) {
        setUnconnected(State::Unconnected, socket->error(), socket->errorString());
        return false;
    }
    if (socket->peerAddress().isNull())
        m_peer = peer(); // it was reset, and QTcpSocket does not know whose it was
    static_cast<void>(m_bare->take());
    m_bare.release()->deleteLater(); // it may be what has called this
    m_notifier = nullptr;
    m_descriptor = -1;
    setSocket(std::move(socket));
    setConnected();
    if (m_readEnded && m_notifier)
        m_notifier->setEnabled(false);
    awaitWritable(); // for those who wait to send already
    return true;
}

// Other signals are connected when they are needed: most sockets never do, and each connection takes memory.
void SocketData::setSocket(std::unique_ptr<QTcpSocket> socket)
{
    m_socket = std::move(socket);
    m_socket->setParent(nullptr);
    m_watchingReads = m_watchingWrites = m_watchingConnect = m_watchingNotifier = false;
    connect(m_socket.get(), &QTcpSocket::errorOccurred, this, [this](auto code) { onError(code); });
    connect(m_socket.get(), &QTcpSocket::disconnected, this, [this] { onDisconnected(); });
}

// Lets go of it: it tells us nothing more.
std::unique_ptr<QTcpSocket> SocketData::takeSocket()
{
    m_peer = peer();
    QObject::disconnect(m_socket.get(), nullptr, this, nullptr);
    for (QSocketNotifier *const notifier : m_socket->findChildren<QSocketNotifier *>())
        notifier->removeEventFilter(this);
    return std::move(m_socket);
}

void SocketData::close(bool sendFirst)
{
    if (m_closed)
        return;
    if (std::unique_ptr<QTcpSocket> socket = shut(sendFirst))
        disposeOf(std::move(socket), sendFirst);
}

// Closes all but the QTcpSocket, which it gives.
std::unique_ptr<QTcpSocket> SocketData::shut(bool sendFirst)
{
    m_closed = true;
    if (m_tls && sendFirst && m_state == State::Connected)
        m_tls->endWriting();
    if (m_notifier) {
        m_notifier->setEnabled(false);
        if (sendFirst && !m_readEnded)
            DirectSocket::discardUnread(m_descriptor);
    }
    std::unique_ptr<QTcpSocket> socket = m_socket ? takeSocket() : nullptr;
    m_readEnded = false;
    setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was closed"));
    setFront({}); // those who waited have put back what they had
    m_tls.reset();
    return socket;
}

void SocketData::disposeOfLost()
{
    if (m_lost)
        disposeOf(std::move(m_lost), true);
}

std::unique_ptr<QTcpSocket> SocketData::release()
{
    if (m_closed)
        return nullptr;
    if (m_tls)
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("release()"), peer(),
                          QStringLiteral("the connection is secure: its socket alone is of no use"));
    ensureSocket();
    if (m_state == State::Connecting || (!front().isEmpty() && !(m_socket && m_socket->isOpen()))) {
        const QString reason = m_state == State::Connecting
            ? QStringLiteral("the socket is connecting: give that up, or wait for it, first")
            : QStringLiteral("%1 bytes that came before the connection was closed are unread: receive them, or close "
                             "the socket").arg(front().size());
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("release()"), peer(), reason);
    }
    m_closed = true;
    if (!m_socket)
        return nullptr;
    if (m_notifier)
        m_notifier->setEnabled(true);
    std::unique_ptr<QTcpSocket> socket = takeSocket();
    m_readEnded = false;
    setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was released"));
    const QByteArray unread = front(); // with what those who waited have put back
    for (qsizetype i = unread.size() - 1; i >= 0; --i)
        socket->ungetChar(unread.at(i));
    setFront({});
    return socket;
}

qintptr SocketData::releaseDescriptor()
{
    if (m_closed)
        return -1;
    const qint64 unread = front().size() + (m_socket ? m_socket->bytesAvailable() : 0);
    QString reason;
    if (m_tls)
        reason = QStringLiteral("the connection is secure: its socket alone is of no use");
    else if (m_state == State::Connecting)
        reason = QStringLiteral("the socket is connecting: give that up, or wait for it, first");
    else if (hasReaders())
        reason = QStringLiteral("somebody waits to receive");
    else if (unread > 0)
        reason = QStringLiteral("%1 bytes that were read ahead are unread: receive them first").arg(unread);
    else if (m_state != State::Connected)
        return -1;
    else if (unsentBytes() > 0)
        reason = QStringLiteral("%1 bytes are unsent: flush() first").arg(unsentBytes());
    else if (m_descriptor == -1)
        reason = QStringLiteral("its descriptor does not carry the bytes as they are");
    qintptr descriptor = -1;
    if (reason.isEmpty()) {
        // QTcpSocket closes its own, and does not end the connection by that.
        descriptor = m_socket ? DirectSocket::duplicate(m_descriptor) : m_bare->take();
        if (descriptor == -1)
            reason = qt_error_string(errno);
    }
    if (!reason.isEmpty())
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("releaseDescriptor()"), peer(), reason);
    m_closed = true;
    const std::unique_ptr<QTcpSocket> socket = m_socket ? takeSocket() : nullptr;
    m_readEnded = false;
    setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was released"));
    if (socket)
        socket->abort();
    return descriptor;
}

void SocketData::startConnecting(const QString &host, quint16 port)
{
    m_closed = false;
    if (!m_socket)
        setSocket(std::make_unique<QTcpSocket>());
    if (const auto state = m_socket->state();
        state != QAbstractSocket::UnconnectedState && state != QAbstractSocket::BoundState)
        m_socket->abort();
    setFront({});
    m_tls.reset();
    setWritingEnded(false);
    m_readEnded = false;
    m_peer = Location(host, port);
    m_hostName = host;
    m_state = State::Connecting;
    if (needsConnector(*m_socket, host, port)) {
        connectByName(host, port);
        return;
    }
    if (!std::exchange(m_watchingConnect, true))
        connect(m_socket.get(), &QTcpSocket::connected, this, [this] { onConnected(); });
    m_socket->connectToHost(host, port);
}

void SocketData::onConnected()
{
    if (m_state != State::Connecting || m_connector)
        return;
    m_peer = {};
    setConnected();
    if (ConnectAwaiter *const connecting = std::exchange(m_connecting, nullptr))
        connecting->complete();
}

void SocketData::setConnected()
{
    m_state = State::Connected;
    m_socket->setSocketOption(QAbstractSocket::LowDelayOption, 1); // we gather what belongs together ourselves
    setDirect();
    if (!m_notifier) {
        if (m_socket->readBufferSize() == 0)
            m_socket->setReadBufferSize(ReadBufferSize);
        if (!std::exchange(m_watchingReads, true))
            connect(m_socket.get(), &QTcpSocket::readyRead, this, [this] { onReadable(); });
    }
}

// Finds out whether what the descriptor carries is what the socket does: no encryption, no proxy.
void SocketData::setDirect()
{
    const bool isPlain = DirectSocket::Exists && m_socket->metaObject() == &QTcpSocket::staticMetaObject;
    for (QSocketNotifier *const notifier : m_socket->findChildren<QSocketNotifier *>()) {
        if (notifier->type() != QSocketNotifier::Read)
            continue;
        notifier->installEventFilter(this);
        const QObject *const engine = notifier->parent();
        if (isPlain && engine && engine->parent() == m_socket.get() && engine->inherits("QNativeSocketEngine")
            && notifier->socket() == m_socket->socketDescriptor()) {
            m_notifier = notifier;
            m_descriptor = int(m_socket->socketDescriptor());
        }
    }
    m_hasBuffered = !m_notifier || m_socket->bytesAvailable() > 0;
    m_watchingNotifier = false;
    m_mayHaveBytes = false;
}

// Whoever waits now, waits in vain.
void SocketData::setUnconnected(State state, QAbstractSocket::SocketError code, const QString &text)
{
    m_connector.reset();
    m_state = state;
    if (m_bare)
        m_bare->close();
    m_descriptor = -1;
    m_notifier = nullptr;
    m_errorCode = code;
    m_errorText = text;
    if (ConnectAwaiter *const connecting = std::exchange(m_connecting, nullptr))
        connecting->fail(failure(connecting->operationName()));
    if (m_tls && m_tls->isShaking())
        continueHandshake();
    settleReaders();
    settleWriters();
}

void SocketData::onError(QAbstractSocket::SocketError code)
{
    const bool isReset = errno == ECONNRESET;
    if ((m_state != State::Connecting && m_state != State::Connected) || m_connector)
        return;
    if (m_state == State::Connected) {
        m_peer = peer();
        if (m_hasBuffered)
            keep(m_socket->readAll()); // after an error in writing QTcpSocket drops it
    }
    if (code == QAbstractSocket::RemoteHostClosedError && isReset)
        setUnconnected(State::Unconnected, code, DirectSocket::textOf(ECONNRESET));
    else if (code == QAbstractSocket::RemoteHostClosedError && !m_notifier && m_socket->bytesToWrite() == 0)
        setUnconnected(State::Ended, code, m_socket->errorString());
    else // a peer that ends its stream while bytes for it are unsent does not end it in order
        setUnconnected(State::Unconnected, code, m_socket->errorString());
}

// Without an error before it: somebody closed the wrapped socket.
void SocketData::onDisconnected()
{
    if (m_state == State::Connected)
        setUnconnected(State::Unconnected, QAbstractSocket::OperationError, QStringLiteral("the socket was closed"));
}

Location SocketData::peer() const
{
    return m_peer.isValid() ? m_peer : locationOf(peerAddress(), peerPort());
}

QHostAddress SocketData::peerAddress() const
{
    if (m_socket)
        return m_socket->peerAddress();
    return m_bare ? m_bare->peerAddress() : QHostAddress();
}

Location SocketData::local() const
{
    if (m_socket)
        return locationOf(m_socket->localAddress(), m_socket->localPort());
    return m_bare ? m_bare->local() : Location();
}

qintptr SocketData::descriptor() const
{
    if (m_descriptor != -1)
        return m_descriptor;
    return m_socket ? m_socket->socketDescriptor() : -1;
}

quint16 SocketData::peerPort() const
{
    if (m_socket)
        return m_socket->peerPort();
    return m_bare ? m_bare->peerPort() : 0;
}

QString SocketData::subject() const
{
    return peer().toString();
}

std::exception_ptr SocketData::failure(const char *operation) const
{
    if (std::exception_ptr failure = m_tls ? m_tls->failure(operation) : nullptr)
        return failure;
    return std::make_exception_ptr(SocketError(m_errorCode, QLatin1StringView(operation), peer(), m_errorText));
}

std::exception_ptr SocketData::writeFailure(const char *operation) const
{
    if (m_state != State::Connected || (m_tls && m_tls->isBroken()))
        return failure(operation);
    if (m_tls && m_tls->isShaking())
        return std::make_exception_ptr(SocketError(
            QAbstractSocket::OperationError, QLatin1StringView(operation), peer(),
            QStringLiteral("the connection is not secure yet: wait for startTls() or startServerTls()")));
    return std::make_exception_ptr(SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), peer(),
                                               QStringLiteral("closeWriting() was called before")));
}

// --- reading ---

bool SocketData::eventFilter(QObject *watched, QEvent *event)
{
    if (event->type() != QEvent::SockAct)
        return false;
    if (!m_notifier) {
        // QTcpSocket tells a reset as an orderly end, so that a part of the data would pass for all of it. What it got
        // from the system is left in errno when it tells us, if nothing older lies there.
        errno = 0;
        return false;
    }
    if (watched != m_notifier) {
        // For room to write. QTcpSocket closes the descriptor before it tells of an error.
        if (const int error = DirectSocket::writeErrorOf(m_descriptor); error != 0) {
            rescueBytes();
            fail(error);
        }
        return false;
    }
    onReadActivated();
    return m_state == State::Connected; // otherwise QTcpSocket is to find out, too
}

void SocketData::onReadActivated()
{
    expectBytes();
    if (hasReaders() || (m_tls && (m_tls->isShaking() || m_tls->isHolding())))
        onReadable();
    else
        m_notifier->setEnabled(false);
}

void SocketData::expectBytes()
{
    m_mayHaveBytes = true;
    m_readsLeft = ReadsInARow;
}

void SocketData::awaitReadable()
{
    if (m_notifier)
        m_notifier->setEnabled(true);
}

void SocketData::onReadable()
{
    if (m_tls && m_tls->isShaking()) {
        continueHandshake();
        return;
    }
    if (m_tls)
        m_tls->sendHeld();
    settleReaders();
}

bool SocketData::isReadEnded() const
{
    return m_readEnded || (m_tls && (m_tls->isReadEnded() || m_tls->isBroken()));
}

qint64 SocketData::readSome(char *to, qint64 maxSize)
{
    return m_tls ? m_tls->readSome(to, maxSize) : readRaw(to, maxSize);
}

qint64 SocketData::readRaw(char *to, qint64 maxSize)
{
    if (m_state != State::Connected)
        return m_state == State::Ended || m_readEnded ? Ended : Failed;
    if (m_hasBuffered) {
        if (const qint64 size = m_socket->read(to, maxSize); size > 0)
            return size;
        m_hasBuffered = !m_notifier;
    }
    if (m_readEnded)
        return Ended;
    if (!m_notifier || !m_mayHaveBytes || m_readsLeft == 0)
        return NothingYet;
    --m_readsLeft;
    const qint64 size = DirectSocket::receive(m_descriptor, to, maxSize);
    m_mayHaveBytes = size == maxSize;
    if (size > 0)
        return size;
    if (size == 0) {
        m_readEnded = true;
        m_notifier->setEnabled(false);
        return Ended;
    }
    if (errno == EAGAIN || errno == EINTR)
        return NothingYet;
    fail(errno);
    return Failed;
}

// What came before an error that was not found by reading.
void SocketData::rescueBytes()
{
    QByteArray bytes(ChunkSize, Qt::Uninitialized);
    for (qint64 total = 0; !m_readEnded && total < MaxRescued;) {
        const qint64 size = DirectSocket::receive(m_descriptor, bytes.data(), bytes.size());
        if (size <= 0)
            break;
        keep(bytes.first(size));
        total += size;
    }
}

// The system has said so, to us and not to QTcpSocket.
void SocketData::fail(int error)
{
    m_peer = peer();
    if (m_socket)
        m_notifier->setEnabled(true); // QTcpSocket is to find out, too
    setUnconnected(State::Unconnected, DirectSocket::codeOf(error), DirectSocket::textOf(error));
}

void SocketData::keep(const QByteArray &bytes)
{
    if (m_tls)
        m_tls->keep(bytes);
    else
        appendToFront(bytes);
}

// --- writing ---

qint64 SocketData::unsentBytes() const
{
    return (m_socket ? m_socket->bytesToWrite() : 0) + (m_tls ? m_tls->held() : 0);
}

bool SocketData::isWritable() const
{
    return m_state == State::Connected && !isWritingEnded() && (!m_tls || m_tls->isOpen());
}

void SocketData::awaitWritable()
{
    if (m_socket && !std::exchange(m_watchingWrites, true))
        connect(m_socket.get(), &QTcpSocket::bytesWritten, this, [this] { settleWriters(); });
}

std::exception_ptr SocketData::endWriting(const char *operation)
{
    if (m_tls) {
        m_tls->endWriting();
        return nullptr;
    }
    if (m_descriptor != -1) {
        DirectSocket::endWriting(m_descriptor);
        return nullptr;
    }
    return std::make_exception_ptr(SocketError(QAbstractSocket::UnsupportedSocketOperationError,
                                               QLatin1StringView(operation), peer(),
                                               QStringLiteral("a connection of this kind cannot end one side alone")));
}

void SocketData::writeAll(QByteArrayView header, const QByteArray &bytes)
{
    if (m_tls)
        m_tls->writeAll(header, bytes);
    else
        writeRaw(header, bytes);
}

void SocketData::writeRaw(QByteArrayView header, const QByteArray &bytes)
{
    if (m_state != State::Connected)
        return;
    const qint64 size = header.size() + bytes.size();
    const bool atOnce = size <= WriteThroughSize && (!m_socket || m_socket->bytesToWrite() == 0);
    const qint64 written = atOnce && m_descriptor != -1 ? DirectSocket::send(m_descriptor, header, bytes) : 0;
    if (written == size)
        return;
    if (written < 0) {
        const int error = errno;
        rescueBytes();
        fail(error);
    } else if (!ensureSocket()) {
        return;
    } else if (written > 0) {
        const qint64 headerLeft = std::max<qint64>(header.size() - written, 0);
        const qint64 bytesLeft = std::min<qint64>(size - written, bytes.size());
        m_socket->write(header.data() + header.size() - headerLeft, headerLeft);
        m_socket->write(bytes.constEnd() - bytesLeft, bytesLeft);
    } else if (header.isEmpty()) {
        m_socket->write(bytes);
    } else if (size <= GatherSize) {
        m_socket->write(header.toByteArray() + bytes);
    } else {
        m_socket->write(header.data(), header.size());
        m_socket->write(bytes);
    }
    if (m_notifier)
        watchWriteNotifier();
    else if (atOnce && m_state == State::Connected)
        m_socket->flush();
}

// QTcpSocket makes it when it first has to wait for room.
void SocketData::watchWriteNotifier()
{
    if (std::exchange(m_watchingNotifier, true))
        return;
    for (QSocketNotifier *const notifier : m_notifier->parent()->findChildren<QSocketNotifier *>()) {
        if (notifier->type() == QSocketNotifier::Write)
            notifier->installEventFilter(this);
    }
}

} // namespace Asyncoro::Detail
