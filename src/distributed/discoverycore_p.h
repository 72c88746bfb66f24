// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "discoveryjournal_p.h"
#include "discoverylimits_p.h"
#include "networkcore_p.h"
#include "pingsockets_p.h"
#include "wire/ping_p.h"

#include <QQueue>
#include <QSet>

namespace Asyncoro::Detail {

/** Lets only so many things through for each address, and remembers only so many addresses. */
class AddressLimit
{
public:
    static constexpr int PerSecond = 20;
    static constexpr qsizetype MaxAddresses = 256;

    [[nodiscard]] bool allows(const QHostAddress &address);

private:
    struct Second
    {
        qint64 begin = 0;
        int count = 0;
    };
    QHash<QHostAddress, Second> m_seconds;
};

/** What a Discovery consists of; its coroutines hold it. Lives on the network's thread. */
class DiscoveryCore final : public std::enable_shared_from_this<DiscoveryCore>
{
public:
    DiscoveryCore(std::shared_ptr<NetworkCore> network, const Discovery::Options &options);
    ~DiscoveryCore();

    void open();
    void close();
    [[nodiscard]] bool isClosed() const { return m_closed; }

    void discover() { m_askNow.set(); }
    void setAnswering(bool answering) { m_answering = answering; }
    [[nodiscard]] bool isAnswering() const { return m_answering; }
    void addPeer(const QString &host);
    void removePeer(const QString &host);
    [[nodiscard]] QList<DiscoveredPeer> found() const;
    [[nodiscard]] QString report() const;

    // With what they need: the Discovery may be gone before they begin.
    static Task<DiscoveredPeer> find(std::shared_ptr<DiscoveryCore> self, QString service, QDeadlineTimer deadline);
    static Task<QList<Location>> announceThrough(std::shared_ptr<DiscoveryCore> self, Location relay);

    // What is offered to peers.
    Task<QStringList> relay(Peer asker, QString address, quint16 port);
    Task<> meet(QString address, quint16 port);

private:
    struct Search
    {
        QString service;
        std::optional<DiscoveredPeer> result;
        Event foundOrClosed;
    };

    void track(const Coro<> &coro, const QString &name);

    // --- asking and answering: discoverycore.cpp ---
    Task<> ask();
    Task<> askRound();
    Task<> askWhenInterfacesChange();
    Task<> askWhenOneIsLost();
    Task<> askHost(QString host, QByteArray question);
    Task<> sayWhenNothingIsFound();
    Task<> sendTo(QByteArray bytes, PingTarget target, quint16 port);
    void sendInTheBackground(const Ping &ping, const QHostAddress &to, quint16 port);
    Task<> receive(AsyncUdpSocket *socket);
    void read(const QNetworkDatagram &datagram);
    void refuse(const QHostAddress &from, const QString &why);
    void refuse(const QHostAddress &from, const PingReading &reading);
    void take(const Ping &ping, const QHostAddress &from, quint16 port);
    void answer(const Ping &question, const QHostAddress &from, quint16 port);
    void takeAnswer(const Ping &answer, const QHostAddress &from);
    [[nodiscard]] Ping makePing(Ping::Kind kind) const;
    [[nodiscard]] QByteArray newNonce();
    /** Whether a question of this process had that nonce, and its answers still count. */
    [[nodiscard]] bool isQuestionOfOurs(const QByteArray &nonce) const;
    [[nodiscard]] bool isReachableFrom(const QHostAddress &address) const;
    [[nodiscard]] bool isWanted(const QStringList &services) const
    {
        return m_options.lookFor.isEmpty() || services.contains(m_options.lookFor);
    }
    [[nodiscard]] bool isNew(const Ping &ping);
    [[nodiscard]] bool isContent() const;
    [[nodiscard]] QStringList advice() const;

    // --- connections: discoverypeers.cpp ---
    [[nodiscard]] bool isConnected(const QByteArray &incarnation) const;
    /** Unless that is done, or under way. Where the incarnation is not known, the location's text stands for it. */
    void connectInTheBackground(const Location &location, const QByteArray &incarnation);
    Task<> connectTo(Location location, QByteArray incarnation);
    Task<> keepConnected(Location location);
    Task<> introduce(std::shared_ptr<PeerLink> link, Location newcomer);

    const std::shared_ptr<NetworkCore> m_network;
    const Discovery::Options m_options;
    PingSockets m_sockets;
    DiscoveryJournal m_journal;
    bool m_answering;
    bool m_closed = false;
    QList<Coro<>> m_coros;
    Event m_askNow;
    Event m_connectedOne;
    QSet<QByteArray> m_met; // incarnations of those that it has found and connected
    bool m_missesOne = false; // one of these is lost, and was not searched for long

    QQueue<std::pair<QByteArray, QDeadlineTimer>> m_questions; // nonces whose answers count
    QSet<QByteArray> m_seen; // what has been acted upon
    QQueue<QByteArray> m_seenOrder;
    AddressLimit m_answers;
    AddressLimit m_questionsBack;
    AddressLimit m_passedOn;

    QHash<QByteArray, DiscoveredPeer> m_found; // by incarnation
    QList<std::shared_ptr<Search>> m_searches;
    QSet<QByteArray> m_connecting; // incarnations
    QSet<QString> m_hosts; // that are asked directly
    QHash<QString, Coro<>> m_keepers; // by the text of addPeer()
    QHash<Location, QDeadlineTimer> m_relayed; // who may not ask again before
    int m_meeting = 0;
};

/** Between three quarters and five quarters of it, so that processes that started together do not ask together. */
[[nodiscard]] QDeadlineTimer about(std::chrono::milliseconds interval);

} // namespace Asyncoro::Detail
