// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncudpsocket.h"

#include "asyncsocket_p.h"
#include "asyncudpsocket_p.h"
#include "hostlookup.h"

#include <QEvent>
#include <QNetworkInterface>

#include <cerrno>
#include <system_error>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr int MaxSizeIPv4 = 65507; // 65535 without the headers of IP and UDP
constexpr int MaxSizeIPv6 = 65527; // 65535 without the header of UDP

/** Qt's code, or a better one where Qt has but one for many reasons. */
QAbstractSocket::SocketError refined(QAbstractSocket::SocketError code, int systemCode)
{
    switch (systemCode) {
    case ECONNREFUSED:
        return QAbstractSocket::ConnectionRefusedError;
    case EACCES:
    case EPERM:
        return QAbstractSocket::SocketAccessError;
    default:
        return code;
    }
}

} // namespace

// --- UdpData ---

UdpData::UdpData(std::unique_ptr<QUdpSocket> socket)
    : m_socket(std::move(socket))
{
    m_socket->setParent(nullptr);
    connect(m_socket.get(), &QUdpSocket::readyRead, this, [this] { receivers.serve(); });
    connect(m_socket.get(), &QUdpSocket::errorOccurred, this, [this](auto code) { onError(code); });
}

UdpData::~UdpData()
{
    close();
}

bool UdpData::isOpen() const
{
    return m_socket->state() == QAbstractSocket::BoundState || m_socket->state() == QAbstractSocket::ConnectedState;
}

Location UdpData::peer() const
{
    return m_socket->state() == QAbstractSocket::ConnectedState
        ? locationOf(m_socket->peerAddress(), m_socket->peerPort())
        : Location();
}

void UdpData::close()
{
    m_closed = true;
    m_room.reset();
    m_socket->abort();
    receivers.serve();
    senders.serve();
}

// Qt tells by the same signal that there is nothing to receive, or no room to send. What it got from the system lies in
// errno still.
void UdpData::onError(QAbstractSocket::SocketError code)
{
    const int systemCode = errno;
    if (systemCode == EAGAIN)
        return;
    m_failed = true;
    m_errorCode = refined(code, systemCode);
    m_errorText = m_socket->errorString();
    const QString systemText = QString::fromStdString(std::generic_category().message(systemCode));
    if (systemCode != 0 && !m_errorText.contains(systemText))
        m_errorText += QStringLiteral(" (%1)").arg(systemText);
}

void UdpData::throwFailure(const char *operation, const Location &peer) const
{
    throw SocketError(m_errorCode, QLatin1StringView(operation), peer, m_errorText);
}

void UdpData::checkDone(bool done, const char *operation, const QString &subject) const
{
    if (!done)
        throw SocketError(m_socket->error(), QLatin1StringView(operation), subject, m_socket->errorString());
}

void UdpData::checkBound(const char *operation) const
{
    if (!isOpen())
        throw SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), QString(),
                          QStringLiteral("the socket is closed, or not bound yet"));
}

void UdpData::changeMembership(bool (QUdpSocket::*change)(const QHostAddress &, const QNetworkInterface &),
                               const char *operation, const QHostAddress &group, const QNetworkInterface &interface)
{
    checkBound(operation);
    const QString subject = QStringLiteral("%1 %2").arg(group.toString(), interface.name()).trimmed();
    const auto check = [&](bool good, const QString &reason) {
        if (!good)
            throw SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), subject, reason);
    };
    check(group.isMulticast(), QStringLiteral("this is no address of a group"));
    check(group.protocol() != QAbstractSocket::IPv4Protocol
              || m_socket->localAddress().protocol() == QAbstractSocket::IPv4Protocol,
          QStringLiteral("for a group of IPv4 bind the socket to QHostAddress::AnyIPv4"));
    checkDone((m_socket.get()->*change)(group, interface), operation, subject);
}

void UdpData::setOption(QAbstractSocket::SocketOption option, int value, const char *operation)
{
    checkBound(operation);
    errno = 0;
    m_socket->setSocketOption(option, value);
    const int systemCode = errno;
    if (m_socket->socketOption(option).toInt() != value)
        throw SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), QString::number(value),
                          QString::fromStdString(std::generic_category().message(systemCode)));
}

bool UdpData::receive(QNetworkDatagram &datagram, qint64 maxSize)
{
    checkBound("recv()");
    m_failed = false;
    errno = 0;
    // Room for the longest one: Qt would ask for the size of the next one first, and lose the errors that wait there.
    datagram = m_socket->receiveDatagram(AsyncUdpSocket::MaxDatagramSize);
    if (m_failed)
        throwFailure("recv()", peer());
    if (!datagram.isValid()) {
        watchForDatagrams();
        return false;
    }
    const QByteArray data = datagram.data();
    if (data.size() > maxSize) {
        const auto text = QStringLiteral("recv(), %1: a datagram of %2 bytes, at most %3 are accepted; it was dropped");
        const Location sender = locationOf(datagram.senderAddress(), quint16(datagram.senderPort()));
        throw MessageTooLong(text.arg(sender.toString()).arg(data.size()).arg(maxSize));
    }
    datagram.setData(QByteArray(data.constData(), data.size())); // without the room
    return true;
}

bool UdpData::send(const QNetworkDatagram &datagram, const char *operation)
{
    if (m_closed) // if it was not bound yet, QUdpSocket does that
        checkBound(operation);
    const Location to = datagram.destinationAddress().isNull()
        ? peer()
        : locationOf(datagram.destinationAddress(), quint16(datagram.destinationPort()));
    if (!to.isValid())
        throw SocketError(QAbstractSocket::OperationError, QLatin1StringView(operation), QString(),
                          QStringLiteral("to nowhere: give an address and a port, or connect the socket"));
    m_failed = false;
    errno = 0;
    if (m_socket->writeDatagram(datagram) >= 0)
        return true;
    if (!m_failed) {
        awaitRoom();
        return false;
    }
    if (m_errorCode == QAbstractSocket::DatagramTooLargeError) {
        const auto text = QStringLiteral("%1, %2: a datagram of %3 bytes; the system takes at most %4 over IPv4 and "
                                         "%5 over IPv6, and fewer on some ways");
        throw MessageTooLong(text.arg(QLatin1StringView(operation), to.toString(),
                                      QString::number(datagram.data().size()), QString::number(MaxSizeIPv4),
                                      QString::number(MaxSizeIPv6)));
    }
    throwFailure(operation, to);
}

// When there is something to read, QUdpSocket peeks at it before it says so, and drops the error that it may find
// there, such as that nobody listens at the other end. So receivers have a look first.
void UdpData::watchForDatagrams()
{
    if (m_readNotifier)
        return;
    for (QSocketNotifier *const notifier : m_socket->findChildren<QSocketNotifier *>()) {
        if (notifier->type() == QSocketNotifier::Read && notifier->socket() == m_socket->socketDescriptor()) {
            m_readNotifier = notifier;
            notifier->installEventFilter(this);
        }
    }
}

bool UdpData::eventFilter(QObject *watched, QEvent *event)
{
    if (watched != m_readNotifier || event->type() != QEvent::SockAct)
        return false;
    if (receivers.isEmpty())
        m_readNotifier->setEnabled(false); // until the next receiveDatagram()
    else
        receivers.serve();
    return true;
}

void UdpData::awaitRoom()
{
    if (!m_room) {
        m_room = std::make_unique<QSocketNotifier>(m_socket->socketDescriptor(), QSocketNotifier::Write);
        connect(m_room.get(), &QSocketNotifier::activated, this, [this] {
            m_room->setEnabled(false);
            senders.serve();
        });
    }
    m_room->setEnabled(true);
}

// --- awaiters ---

DatagramReceiveAwaiter::DatagramReceiveAwaiter(UdpData *data, qint64 maxSize, const QDeadlineTimer &deadline)
    : Turn(data->receivers, "recv()", deadline)
    , m_data(data)
    , m_maxSize(maxSize)
{
}

bool DatagramReceiveAwaiter::attempt()
{
    return m_data->receive(m_datagram, m_maxSize);
}

DatagramSendAwaiter::DatagramSendAwaiter(UdpData *data, const char *operation, QNetworkDatagram datagram,
                                         const QDeadlineTimer &deadline)
    : Turn(data->senders, operation, deadline)
    , m_data(data)
    , m_datagram(std::move(datagram))
{
}

bool DatagramSendAwaiter::attempt()
{
    return m_data->send(m_datagram, operationName());
}

namespace {

Task<> connectTo(QPointer<UdpData> data, QString host, quint16 port, QDeadlineTimer deadline)
{
    const auto error = [&](QAbstractSocket::SocketError code, const QString &reason) {
        return SocketError(code, QStringLiteral("connect()"), Location(host, port), reason);
    };
    const QList<QHostAddress> addresses = co_await lookUp(host, deadline);
    if (!data)
        throw error(QAbstractSocket::OperationError, QStringLiteral("the socket was destroyed"));
    if (data->peer().isValid())
        throw error(QAbstractSocket::OperationError,
                    QStringLiteral("the socket is connected already, to ") + data->peer().toString());
    for (const QHostAddress &address : addresses) {
        data->socket()->connectToHost(address, port); // sends nothing, so there is nothing to wait for
        if (data->peer().isValid())
            co_return;
    }
    throw error(data->socket()->error(), data->socket()->errorString());
}

} // namespace
} // namespace Detail

// --- AsyncUdpSocket ---

AsyncUdpSocket::AsyncUdpSocket()
    : AsyncUdpSocket(new QUdpSocket)
{
}

AsyncUdpSocket::AsyncUdpSocket(QUdpSocket *socket)
    : m_data(std::make_unique<Detail::UdpData>(std::unique_ptr<QUdpSocket>(socket)))
{
}

AsyncUdpSocket::~AsyncUdpSocket() = default;
AsyncUdpSocket::AsyncUdpSocket(AsyncUdpSocket &&other) noexcept = default;
AsyncUdpSocket &AsyncUdpSocket::operator=(AsyncUdpSocket &&other) noexcept = default;

void AsyncUdpSocket::bind(const QHostAddress &address, quint16 port, QAbstractSocket::BindMode mode)
{
    if (location().isValid())
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("bind()"), QString(),
                          QStringLiteral("the socket is bound already, to ") + location().toString());
    m_data->checkDone(socket()->bind(address, port, mode), "bind()",
                      QStringLiteral("port %1 of %2").arg(port).arg(address.toString()));
}

Task<> AsyncUdpSocket::connect(const QString &host, quint16 port, QDeadlineTimer deadline)
{
    return Detail::connectTo(m_data.get(), host, port, deadline);
}

Detail::DatagramReceiveAwaiter AsyncUdpSocket::recv(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), maxSize, deadline};
}

Detail::DatagramSendAwaiter AsyncUdpSocket::sendTo(const QByteArray &data, const QHostAddress &address, quint16 port,
                                                   QDeadlineTimer deadline)
{
    return {m_data.get(), "sendTo()", QNetworkDatagram(data, address, port), deadline};
}

Detail::DatagramSendAwaiter AsyncUdpSocket::send(const QByteArray &data, QDeadlineTimer deadline)
{
    return {m_data.get(), "send()", QNetworkDatagram(data), deadline};
}

Detail::DatagramSendAwaiter AsyncUdpSocket::send(const QNetworkDatagram &datagram, QDeadlineTimer deadline)
{
    return {m_data.get(), "send()", datagram, deadline};
}

void AsyncUdpSocket::joinMulticastGroup(const QHostAddress &group)
{
    joinMulticastGroup(group, {});
}

void AsyncUdpSocket::joinMulticastGroup(const QHostAddress &group, const QNetworkInterface &interface)
{
    m_data->changeMembership(&QUdpSocket::joinMulticastGroup, "joinMulticastGroup()", group, interface);
}

void AsyncUdpSocket::leaveMulticastGroup(const QHostAddress &group)
{
    leaveMulticastGroup(group, {});
}

void AsyncUdpSocket::leaveMulticastGroup(const QHostAddress &group, const QNetworkInterface &interface)
{
    m_data->changeMembership(&QUdpSocket::leaveMulticastGroup, "leaveMulticastGroup()", group, interface);
}

void AsyncUdpSocket::setMulticastInterface(const QNetworkInterface &interface)
{
    m_data->checkBound("setMulticastInterface()");
    socket()->setMulticastInterface(interface);
    m_data->checkDone(socket()->multicastInterface().index() == interface.index(), "setMulticastInterface()",
                      interface.name());
}

void AsyncUdpSocket::setMulticastLoopback(bool loopback)
{
    m_data->setOption(QAbstractSocket::MulticastLoopbackOption, loopback ? 1 : 0, "setMulticastLoopback()");
}

void AsyncUdpSocket::setMulticastTimeToLive(int hops)
{
    m_data->setOption(QAbstractSocket::MulticastTtlOption, hops, "setMulticastTimeToLive()");
}

void AsyncUdpSocket::close()
{
    m_data->close();
}

Location AsyncUdpSocket::location() const
{
    return m_data->isOpen() ? Detail::locationOf(socket()->localAddress(), socket()->localPort()) : Location();
}

Location AsyncUdpSocket::peerLocation() const
{
    return m_data->peer();
}

QUdpSocket *AsyncUdpSocket::socket() const
{
    return m_data->socket();
}

} // namespace Asyncoro
