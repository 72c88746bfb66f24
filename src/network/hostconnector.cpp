// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "hostconnector_p.h"

#include <QNetworkProxyFactory>
#include <QTcpSocket>

#include <algorithm>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr auto AttemptDelay = 250ms; // RFC 8305, section 5

/** The proxy that `socket` would take. */
QNetworkProxy proxyFor(const QTcpSocket &socket, const QString &host, quint16 port)
{
    if (socket.proxy().type() != QNetworkProxy::DefaultProxy)
        return socket.proxy();
    const QNetworkProxyQuery query(host, port, socket.protocolTag(), QNetworkProxyQuery::TcpSocket);
    return QNetworkProxyFactory::proxyForQuery(query).value(0, QNetworkProxy(QNetworkProxy::NoProxy));
}

} // namespace

QList<QHostAddress> interleaved(const QList<QHostAddress> &addresses)
{
    QList<QHostAddress> families[2]; // that of the first address, and the other one
    for (const QHostAddress &address : addresses)
        families[address.protocol() == addresses.first().protocol() ? 0 : 1] += address;
    QList<QHostAddress> mixed;
    for (qsizetype i = 0; i < addresses.size(); ++i) {
        for (const QList<QHostAddress> &family : families) {
            if (i < family.size())
                mixed += family[i];
        }
    }
    return mixed;
}

bool needsConnector(const QTcpSocket &socket, const QString &host, quint16 port)
{
    if (QHostAddress().setAddress(host))
        return false;
    if (socket.state() == QAbstractSocket::BoundState)
        return false; // the family is chosen, and its engine is the one that is bound
    return proxyFor(socket, host, port).type() == QNetworkProxy::NoProxy; // a proxy is given the name
}

HostConnector::HostConnector(QTcpSocket &borrowed, QString host, quint16 port, Callbacks callbacks)
    : m_borrowed(borrowed)
    , m_host(std::move(host))
    , m_port(port)
    , m_callbacks(std::move(callbacks))
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, [this] { tryNext(); });
}

HostConnector::~HostConnector()
{
    if (m_lookup != -1)
        QHostInfo::abortHostLookup(m_lookup);
    m_borrowed.disconnect(this);
    for (const std::unique_ptr<QTcpSocket> &socket : m_sockets)
        socket->disconnect(this); // else they tell of their end
}

void HostConnector::start()
{
    m_lookup = QHostInfo::lookupHost(m_host, this, [this](const QHostInfo &info) { onLookedUp(info); });
}

void HostConnector::onLookedUp(const QHostInfo &info)
{
    m_lookup = -1;
    if (info.error() == QHostInfo::NoError && !info.addresses().isEmpty()) {
        connectTo(info.addresses());
        return;
    }
    const QString reason = info.errorString().isEmpty() ? QStringLiteral("it has no address") : info.errorString();
    fail(QAbstractSocket::HostNotFoundError, QStringLiteral("the name \"%1\" cannot be found: %2").arg(m_host, reason));
}

void HostConnector::connectTo(const QList<QHostAddress> &addresses)
{
    m_addresses = interleaved(addresses);
    tryNext();
}

QTcpSocket *HostConnector::nextSocket()
{
    if (!std::exchange(m_borrowedUsed, true))
        return &m_borrowed;
    auto socket = std::make_unique<QTcpSocket>();
    socket->setProxy(m_borrowed.proxy());
    socket->setReadBufferSize(m_borrowed.readBufferSize());
    socket->setPauseMode(m_borrowed.pauseMode());
    socket->setProtocolTag(m_borrowed.protocolTag());
    m_sockets.push_back(std::move(socket));
    return m_sockets.back().get();
}

void HostConnector::tryNext()
{
    if (m_addresses.isEmpty())
        return;
    const QHostAddress address = m_addresses.takeFirst();
    QTcpSocket *const socket = nextSocket();
    connect(socket, &QTcpSocket::connected, this, [this, socket] { onConnected(socket); });
    connect(socket, &QTcpSocket::errorOccurred, this,
            [this, socket, address](auto code) { onFailed(socket, address, code); });
    ++m_underWay;
    if (!m_addresses.isEmpty())
        m_timer.start(AttemptDelay);
    socket->connectToHost(address, m_port); // comes to one of the two, perhaps at once: the last thing here
}

std::unique_ptr<QTcpSocket> HostConnector::take(QTcpSocket *socket)
{
    const auto it = std::ranges::find(m_sockets, socket, &std::unique_ptr<QTcpSocket>::get);
    if (it == m_sockets.end())
        return {};
    std::unique_ptr<QTcpSocket> taken = std::move(*it);
    m_sockets.erase(it);
    return taken;
}

void HostConnector::onConnected(QTcpSocket *socket)
{
    m_timer.stop();
    m_addresses.clear();
    std::unique_ptr<QTcpSocket> winner = take(socket);
    socket->disconnect(this);
    if (winner) {
        m_borrowed.disconnect(this);
        m_borrowed.abort();
    }
    for (const std::unique_ptr<QTcpSocket> &other : m_sockets)
        other->disconnect(this);
    m_sockets.clear();
    const auto callback = std::move(m_callbacks.connected);
    callback(std::move(winner)); // this may be gone then
}

void HostConnector::onFailed(QTcpSocket *socket, const QHostAddress &address, QAbstractSocket::SocketError code)
{
    m_reasons += QStringLiteral("%1: %2").arg(address.toString(), socket->errorString());
    m_codes += code;
    socket->disconnect(this);
    if (std::unique_ptr<QTcpSocket> owned = take(socket))
        owned.release()->deleteLater(); // it is telling us
    --m_underWay;
    if (!m_addresses.isEmpty()) {
        tryNext();
    } else if (m_underWay == 0) {
        const QString list = m_reasons.join(QStringLiteral("; "));
        fail(m_codes.first(),
             m_reasons.size() == 1 ? list : QStringLiteral("none of its addresses can be reached (%1)").arg(list));
    }
}

void HostConnector::fail(QAbstractSocket::SocketError code, const QString &text)
{
    const auto callback = std::move(m_callbacks.failed);
    callback(code, text); // this may be gone then
}

} // namespace Asyncoro::Detail
