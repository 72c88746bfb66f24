// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sockettls_p.h"

#include <QPointer>

namespace Asyncoro {

namespace Detail {

namespace {

// Up to this size data is put behind its header, so that both are one record.
constexpr qint64 RecordGatherSize = 16 * 1024;
// So much that is encrypted goes out with one system call.
constexpr qint64 FlushSize = 256 * 1024;
// So much that TLS itself answers may be unsent. It is far more than a peer that takes its answers asks for.
constexpr qint64 MaxAnswers = 1024 * 1024;

// As much as is read at a time from a peer that has shown nothing yet.
constexpr qint64 FirstShare = 4 * 1024;
constexpr qint64 LargestShare = 64 * 1024;
constexpr qint64 SmallestShare = 1024;
// So many messages of TLS itself in one share are no accident.
constexpr int MaxMessages = 16;

/** Memory for what is encrypted, so that not each connection keeps some, nor each call makes some. */
QByteArray &spareBuffer()
{
    static thread_local QByteArray spare;
    return spare;
}

} // namespace

SocketTls::SocketTls(SocketData &socket, const TlsConfiguration &configuration, TlsEngine::Role role,
                     const QString &serverName, const QByteArray &unread)
    : m_socket(socket)
    , m_unread(unread)
    , m_share(FirstShare)
    , m_engine(*this, configuration, role, serverName, socket.peer())
{
}

SocketTls::~SocketTls() = default;

bool SocketTls::shake()
{
    if (m_inHandshake) {
        m_lost = true;
        return false;
    }
    m_inHandshake = true;
    TlsEngine::Progress progress;
    do {
        progress = m_engine.handshake();
        flush(); // a failure has something for the peer, too
    } while (progress == TlsEngine::Progress::WantsMore && std::exchange(m_lost, false));
    m_inHandshake = false;
    m_shaking = progress == TlsEngine::Progress::WantsMore;
    return !m_shaking;
}

qint64 SocketTls::readSome(char *to, qint64 maxSize)
{
    if (m_shaking)
        return NotNow;
    qint64 total = 0;
    qint64 size = 0;
    while (total < maxSize && (size = m_engine.read(to + total, maxSize - total)) > 0)
        total += size; // it gives a record at a time
    limitAnswers();
    sendHeld();
    flush(); // an alert, where it has failed
    return total > 0 ? total : size;
}

// A peer can ask for answers without end, say by updates of the keys, and take none of them.
void SocketTls::limitAnswers()
{
    if (m_unsent.isEmpty())
        return;
    if (m_socket.unsentBytes() == 0)
        m_answers = 0;
    m_answers += m_unsent.size();
    if (m_answers > MaxAnswers && isOpen())
        m_engine.fail(TlsError::Reason::Damaged,
                      QStringLiteral("it asks TLS for answers and does not take them: %1 bytes are unsent, so it is "
                                     "broken or does harm on purpose")
                          .arg(m_socket.unsentBytes() + m_unsent.size()));
}

void SocketTls::writeAll(QByteArrayView header, QByteArrayView bytes)
{
    if (!header.isEmpty() && header.size() + bytes.size() <= RecordGatherSize) {
        send(header.toByteArray().append(bytes));
    } else {
        send(header);
        send(bytes);
    }
    flush();
}

void SocketTls::send(QByteArrayView bytes)
{
    if (m_held.isEmpty())
        bytes = bytes.sliced(encrypt(bytes));
    if (bytes.isEmpty() || !isOpen())
        return;
    m_held += bytes;
    m_socket.awaitReadable();
}

// Gives how much of it that could be done with.
qint64 SocketTls::encrypt(QByteArrayView bytes)
{
    qint64 total = 0;
    while (total < bytes.size()) {
        const qint64 size = m_engine.write(bytes.data() + total, bytes.size() - total);
        if (size <= 0)
            break;
        total += size;
        if (m_unsent.size() >= FlushSize)
            flush();
    }
    return total;
}

void SocketTls::endWriting()
{
    m_holdsEnd = true;
    if (m_held.isEmpty())
        m_holdsEnd = m_engine.writeEnd() == NotNow;
    if (m_holdsEnd)
        m_socket.awaitReadable();
    flush();
}

void SocketTls::sendHeld()
{
    if (!isHolding())
        return;
    const bool hadBytes = !m_held.isEmpty();
    m_held.remove(0, encrypt(m_held));
    if (!isOpen())
        m_held.clear();
    if (m_held.isEmpty() && m_holdsEnd)
        m_holdsEnd = m_engine.writeEnd() == NotNow;
    flush();
    if (hadBytes && m_held.isEmpty()) // later: this may be within a call of who reads
        QMetaObject::invokeMethod(&m_socket, [&socket = m_socket] { socket.settleWriters(); }, Qt::QueuedConnection);
}

std::exception_ptr SocketTls::failure(const char *operation) const
{
    return m_engine.failure(QLatin1StringView(operation));
}

// --- what the engine calls ---

qint64 SocketTls::read(char *to, qint64 size)
{
    if (m_unread.isEmpty()) {
        const qint64 most = std::min(size, share());
        const qint64 taken = m_socket.readRaw(to, most);
        m_tookAll = taken == most;
        return taken;
    }
    const qint64 taken = std::min<qint64>(size, m_unread.size());
    std::copy_n(m_unread.constData(), taken, to);
    m_unread.remove(0, taken);
    return taken;
}

// A change of keys is 27 bytes long and takes as long as kilobytes of data; OpenSSL stops at none of them before it is
// through with all that it was given. So it is given little of a peer that sends many, and others have their turn.
qint64 SocketTls::share()
{
    const int messages = m_engine.takeMessages();
    if (messages > MaxMessages)
        m_isSuspect = true;
    if (m_isSuspect)
        m_share = SmallestShare;
    else if (messages == 0 && m_tookAll && isOpen())
        m_share = std::min(2 * m_share, LargestShare);
    return m_share;
}

// Always takes it: what the system has no room for, QTcpSocket keeps. SocketData::unsentBytes() tells of it.
qint64 SocketTls::write(const char *from, qint64 size)
{
    if (m_unsent.isNull())
        m_unsent = std::exchange(spareBuffer(), {});
    m_unsent.append(from, size);
    return size;
}

void SocketTls::flush()
{
    if (m_unsent.isEmpty())
        return;
    QByteArray bytes = std::exchange(m_unsent, {});
    m_socket.writeRaw({}, bytes);
    if (bytes.isDetached()) {
        bytes.resize(0);
        spareBuffer() = std::move(bytes);
    }
}

// --- SocketData ---

TlsSession SocketData::tlsSession() const
{
    return m_tls ? m_tls->session() : TlsSession();
}

void SocketData::startTls(TlsAwaiter::Role role, const TlsConfiguration &configuration, const QString &serverName,
                          const char *operation)
{
    const auto refuse = [&](const QString &reason) {
        throw SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), peer(), reason);
    };
    if (m_state != State::Connected)
        std::rethrow_exception(failure(operation));
    if (m_tls)
        refuse(QStringLiteral("the connection is secure already, or becomes so"));
    if (hasReaders())
        refuse(QStringLiteral("a coroutine waits to receive what is not secure yet: let it end first"));
    if (isWritingEnded())
        refuse(QStringLiteral("closeWriting() was called before"));
    QString name = serverName;
    for (const QString &other : {m_hostName, m_socket ? m_socket->peerName() : QString(), peerAddress().toString()}) {
        if (name.isEmpty())
            name = other;
    }
    // What came before its time is taken for a part of the handshake, not of what is secure.
    try {
        m_tls = std::make_unique<SocketTls>(*this, configuration, role, name, front());
    } catch (const TlsError &error) {
        giveUpTls(true); // who takes no notice would send in the clear
        throw TlsError(error.reason(), QLatin1StringView(operation), peer(), error.message());
    }
    setFront({});
    expectBytes();
}

// The peer has said something, or the connection is lost.
void SocketData::continueHandshake()
{
    if (!m_tls->shake())
        return;
    ExternalWait *const waiting = m_tls->takeWaiting();
    if (std::exception_ptr failure = concludeHandshake(waiting->operationName()))
        waiting->fail(std::move(failure));
    else
        waiting->complete();
    settleReaders();
}

// Why it has failed, which closes the connection; null if it has not.
std::exception_ptr SocketData::concludeHandshake(const char *operation)
{
    if (m_tls->isOpen())
        return nullptr;
    std::exception_ptr reason = failure(operation);
    settleReaders(); // they fail for the same reason
    giveUpTls(true);
    return reason;
}

void SocketData::giveUpTls(bool sendFirst)
{
    m_tls.reset();
    if (m_closed) // which is why it is given up
        return;
    disposeOfLost();
    m_lost = shut(sendFirst);
    m_errorText = QStringLiteral("the connection could not be made secure");
    if (!m_lost)
        return;
    if (!sendFirst)
        m_lost->abort();
    // Later: it may be what has told us, and must not be gone when this returns.
    QMetaObject::invokeMethod(this, [this] { disposeOfLost(); }, Qt::QueuedConnection);
}

// --- TlsAwaiter ---

TlsAwaiter::TlsAwaiter(SocketData *data, Role role, const TlsConfiguration &configuration, const QString &serverName,
                       const QDeadlineTimer &deadline)
    : ExternalWait(role == Role::Client ? "startTls()" : "startServerTls()", deadline)
    , m_data(data)
    , m_role(role)
    , m_configuration(configuration)
    , m_serverName(serverName)
{
    m_data->checkThread(operationName());
}

bool TlsAwaiter::start()
{
    try {
        m_data->startTls(m_role, m_configuration, m_serverName, operationName());
    } catch (...) {
        setFailed(std::current_exception());
        return false;
    }
    if (m_data->m_tls->shake()) {
        setFailed(m_data->concludeHandshake(operationName()));
        return false;
    }
    m_data->m_tls->setWaiting(this);
    m_data->awaitReadable();
    return true;
}

// It cannot be taken up again: the peer waits for what only this handshake knows.
void TlsAwaiter::abandon() noexcept
{
    m_data->giveUpTls(false);
}

namespace {

// Begins only when it is awaited.
Task<> connectWithTls(QPointer<SocketData> data, QString host, quint16 port, TlsConfiguration configuration,
                      QDeadlineTimer deadline)
{
    const auto checkExists = [&] {
        if (!data)
            throw SocketError(QAbstractSocket::OperationError, QStringLiteral("connectTls()"), Location(host, port),
                              QStringLiteral("the socket was destroyed"));
    };
    checkExists();
    co_await ConnectAwaiter(data, host, port, deadline);
    checkExists();
    co_await TlsAwaiter(data, TlsAwaiter::Role::Client, configuration, {}, deadline);
}

} // namespace

} // namespace Detail

// --- AsyncSocket ---

Detail::TlsAwaiter AsyncSocket::startTls(const TlsConfiguration &configuration, const QString &serverName,
                                         Deadline deadline)
{
    return {socketData(), Detail::TlsAwaiter::Role::Client, configuration, serverName, data()->deadline(deadline)};
}

Detail::TlsAwaiter AsyncSocket::startServerTls(const TlsConfiguration &configuration, Deadline deadline)
{
    return {socketData(), Detail::TlsAwaiter::Role::Server, configuration, {}, data()->deadline(deadline)};
}

Task<> AsyncSocket::connectTls(const QString &host, quint16 port, const TlsConfiguration &configuration,
                               Deadline deadline)
{
    return Detail::connectWithTls(socketData(), host, port, configuration, data()->deadline(deadline));
}

TlsSession AsyncSocket::tlsSession() const
{
    return socketData()->tlsSession();
}

} // namespace Asyncoro
