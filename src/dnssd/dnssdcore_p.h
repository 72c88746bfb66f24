// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "announcement_p.h"
#include "dnssd.h"

#include <Asyncoro/Event>
#include <Asyncoro/Semaphore>

#include <KDNSSD/PublicService>
#include <KDNSSD/ServiceBrowser>

#include <QDBusServiceWatcher>
#include <QHash>

namespace Asyncoro::Detail {

/** What a DnsSd consists of; its coroutines hold it. Lives on the network's thread. */
class DnsSdCore final : public std::enable_shared_from_this<DnsSdCore>
{
public:
    DnsSdCore(PeerNetwork &network, const DnsSd::Options &options);
    ~DnsSdCore();

    void open();
    void close();

    [[nodiscard]] QList<DiscoveredPeer> found() const;
    [[nodiscard]] QString report() const;

    // With what it needs: the DnsSd may be gone before it begins.
    static Task<DiscoveredPeer> find(std::shared_ptr<DnsSdCore> self, QString service, QDeadlineTimer deadline);

private:
    /** A service that somebody announces. */
    struct Known
    {
        KDNSSD::RemoteService::Ptr service; // which Avahi keeps up to date
        int count = 0; // of interfaces and protocols by which it is announced
        quint64 number = 0; // in the order of their coming
        Coro<> keeper;
        std::optional<DiscoveredPeer> connected;
        QString state; // for report()
    };

    // --- Avahi, and what it tells ---
    Task<> useAvahiIfItRuns();
    void begin();
    void end();
    void announce();
    void browse();
    void added(const KDNSSD::RemoteService::Ptr &service);
    void removed(const KDNSSD::RemoteService::Ptr &service);
    void makeRoom();

    // --- connections ---
    [[nodiscard]] bool listensBeyondThisMachine() const;
    [[nodiscard]] bool isThisProcess(const QHostAddress &address, quint16 port) const;
    [[nodiscard]] bool isWanted(const QStringList &services) const
    {
        return m_options.lookFor.isEmpty() || services.contains(m_options.lookFor);
    }
    Task<> keepConnected(QString key);
    Task<> untilLost(Location location);
    Task<std::optional<DiscoveredPeer>> connectTo(KDNSSD::RemoteService::Ptr service);
    Task<std::optional<DiscoveredPeer>> connectTo(QHostAddress address, quint16 port, QString name);
    void setState(const QString &key, const QString &state, std::optional<DiscoveredPeer> connected = {});

    PeerNetwork &m_network;
    const DnsSd::Options m_options;
    const Announcement m_announcement;
    bool m_closed = false;
    bool m_inUse = false;
    QString m_problem = QStringLiteral("Avahi has not answered yet"); // where it is not in use
    Coro<> m_opener;

    std::unique_ptr<QDBusServiceWatcher> m_watcher;
    std::unique_ptr<KDNSSD::PublicService> m_service;
    std::unique_ptr<KDNSSD::ServiceBrowser> m_browser;

    QHash<QString, Known> m_known; // by name and domain
    quint64 m_count = 0;
    Semaphore m_connecting;
    Event m_connectedOneOrClosed;
    Event m_tryNow;
};

} // namespace Asyncoro::Detail
