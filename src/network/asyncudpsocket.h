// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/turn.h"
#include "socketerror.h"

#include <Asyncoro/Location>

#include <QHostAddress>
#include <QNetworkDatagram>

#include <memory>

QT_BEGIN_NAMESPACE
class QNetworkInterface;
class QUdpSocket;
QT_END_NAMESPACE

namespace Asyncoro {

namespace Detail {

class UdpData;

class ASYNCORO_NETWORK_EXPORT DatagramReceiveAwaiter final : public Turn
{
public:
    DatagramReceiveAwaiter(UdpData *data, qint64 maxSize, const QDeadlineTimer &deadline);
    QNetworkDatagram await_resume()
    {
        throwUnlessDone();
        return std::move(m_datagram);
    }

protected:
    bool attempt() override;

private:
    UdpData *const m_data; // not owning; valid while this waits
    const qint64 m_maxSize;
    QNetworkDatagram m_datagram;
};

class ASYNCORO_NETWORK_EXPORT DatagramSendAwaiter final : public Turn
{
public:
    DatagramSendAwaiter(UdpData *data, const char *operation, QNetworkDatagram datagram,
                        const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool attempt() override;

private:
    UdpData *const m_data; // not owning; valid while this waits
    const QNetworkDatagram m_datagram;
};

} // namespace Detail

/**
 * Sends and receives datagrams (UDP) for coroutines.
 *
 * It owns the QUdpSocket that it wraps, and can be moved but not copied. It belongs to the thread that made it; only
 * coroutines of that thread use it. Its destructor closes it, see close().
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal of the socket. A deadline,
 *   where one passes, makes it throw TimedOut; terminating the coroutine makes it throw Cancelled. Neither loses a
 *   datagram that has come, nor sends one.
 * - Any number of coroutines may receive and send at the same time; each kind is served in the order of the calls.
 * - Data is held by the operation: no buffer of the caller's has to live on. The AsyncUdpSocket may be moved while a
 *   coroutine waits in recv() or send(); if it is destroyed, they are woken as by close().
 * - It throws SocketError if it fails or the socket is closed. Other than with a stream that concerns one datagram: the
 *   socket stays usable.
 *
 * Datagrams that nobody has received wait in the operating system, which drops what is too much
 * (QAbstractSocket::ReceiveBufferSizeSocketOption). None is ever cut short.
 */
class ASYNCORO_NETWORK_EXPORT AsyncUdpSocket
{
public:
    /** More bytes than this are in no datagram, over whichever version of IP. */
    static constexpr qint64 MaxDatagramSize = 65535;

    /** Not bound yet. */
    AsyncUdpSocket();
    /** Takes over `socket`, bound or not. It must be of this thread, and loses its parent. */
    explicit AsyncUdpSocket(QUdpSocket *socket);
    ~AsyncUdpSocket();
    AsyncUdpSocket(AsyncUdpSocket &&other) noexcept;
    AsyncUdpSocket &operator=(AsyncUdpSocket &&other) noexcept;

    /**
     * From now on the socket receives what is sent to this address and port; any free port if that is 0. With
     * QAbstractSocket::ShareAddress and ReuseAddressHint several sockets may have the same: each gets what is sent to a
     * group or broadcast. Throws SocketError, which says what stands in the way.
     *
     * For IPv4 groups and broadcasts bind to QHostAddress::AnyIPv4, as QHostAddress::Any is IPv6 with IPv4 inside.
     */
    void bind(const QHostAddress &address, quint16 port = 0,
              QAbstractSocket::BindMode mode = QAbstractSocket::DefaultForPlatform);

    /**
     * From now on send() goes to this host, and only what comes from there is received. Nothing is sent, so nobody
     * need listen there: if nobody does, a later operation may throw SocketError with ConnectionRefusedError, which
     * tells of a datagram that was sent before.
     *
     * Completes without suspending if `host` is an address; looks it up otherwise. Throws HostNotFound, SocketError if
     * the system knows no way to it or the socket is connected, TimedOut.
     */
    [[nodiscard]] Task<> connect(const QString &host, quint16 port, QDeadlineTimer deadline = QDeadlineTimer::Forever);
    [[nodiscard]] Task<> connect(const Location &location, QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return connect(location.address(), location.port(), deadline);
    }

    /**
     * Receives one datagram, with its sender, and with the interface, address and hop limit that it came with where the
     * system tells. It may be empty.
     *
     * Completes without suspending if one is there. Throws MessageTooLong if it has more than `maxSize` bytes, in which
     * case it is dropped, and the next one follows.
     */
    [[nodiscard]] Detail::DatagramReceiveAwaiter recv(qint64 maxSize = MaxDatagramSize,
                                                      QDeadlineTimer deadline = QDeadlineTimer::Forever);
    [[nodiscard]] Detail::DatagramReceiveAwaiter recv(QDeadlineTimer deadline)
    {
        return recv(MaxDatagramSize, deadline);
    }

    /**
     * Sends a datagram: it is in the hands of the operating system then, and may be lost on its way. A socket that is
     * not bound is bound to a free port first.
     *
     * Completes without suspending unless the system has no room for it. Throws MessageTooLong if the system or IP does
     * not take one of that size: 65507 bytes is the most for IPv4, 65527 for IPv6.
     */
    [[nodiscard]] Detail::DatagramSendAwaiter sendTo(const QByteArray &data, const QHostAddress &address, quint16 port,
                                                     QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** The same, to the numeric address of a location: see lookUp() for names. */
    [[nodiscard]] Detail::DatagramSendAwaiter sendTo(const QByteArray &data, const Location &location,
                                                     QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return sendTo(data, QHostAddress(location.address()), location.port(), deadline);
    }
    /** The same, to where the socket is connected. */
    [[nodiscard]] Detail::DatagramSendAwaiter send(const QByteArray &data,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** The same, with all that a QNetworkDatagram can say; to answer one: `send(datagram.makeReply(data))`. */
    [[nodiscard]] Detail::DatagramSendAwaiter send(const QNetworkDatagram &datagram,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * From now on the socket receives what is sent to `group`, through the interface, or the one that the system
     * chooses. May be called for several interfaces. Throws SocketError.
     */
    void joinMulticastGroup(const QHostAddress &group);
    void joinMulticastGroup(const QHostAddress &group, const QNetworkInterface &interface);
    void leaveMulticastGroup(const QHostAddress &group);
    void leaveMulticastGroup(const QHostAddress &group, const QNetworkInterface &interface);
    /** Through which interface what is sent to a group goes. Throws SocketError. */
    void setMulticastInterface(const QNetworkInterface &interface);
    /** Whether what is sent to a group comes back to the sockets of this machine that are in it; it does unless set. */
    void setMulticastLoopback(bool loopback);
    /** How many hops far what is sent to a group goes, from 0 (this machine) to 255; 1 unless set. */
    void setMulticastTimeToLive(int hops);

    /** Closes the socket and wakes all who wait with SocketError. It can be bound again. */
    void close();

    /** Where it receives; invalid if it is not bound. */
    [[nodiscard]] Location location() const;
    /** Where it is connected to; invalid if it is not. */
    [[nodiscard]] Location peerLocation() const;

    /**
     * What is wrapped, for its options and proxy; an option can be set once the socket is bound. It still belongs to
     * this object. Do not read, write or close it.
     */
    [[nodiscard]] QUdpSocket *socket() const;

private:
    std::unique_ptr<Detail::UdpData> m_data;
};

} // namespace Asyncoro
