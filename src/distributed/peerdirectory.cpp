// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerdirectory_p.h"

#include "endforwarder_p.h"
#include "networkcore_p.h"

#include <Asyncoro/Timeout>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

constexpr std::chrono::seconds TimeForName{5};
constexpr qsizetype LongestName = 256;

QString locationText(const PeerLink &link)
{
    return link.location().isValid() ? link.location().toString() : link.address();
}

} // namespace

PeerDirectory::PeerDirectory(NetworkCore &core)
    : m_core(&core)
{
}

PeerDirectory::~PeerDirectory() = default;

void PeerDirectory::close()
{
    m_core = nullptr;
    for (const Coro<> &coro : std::exchange(m_learning, {}))
        coro.terminate();
    for (const Entry &entry : std::exchange(m_online, {}))
        tell({entry.status.incarnation(), entry.status.location(), entry.status.name(), false});
    for (const Coro<> &listener : std::exchange(m_listeners, {}))
        listener.data()->removeEndObserver(m_listening.get());
    m_changed.set();
}

void PeerDirectory::begin()
{
    if (!m_core)
        throw Error(QStringLiteral("this process has left the network"));
    if (std::exchange(m_begun, true))
        return;
    for (const std::shared_ptr<PeerLink> &link : m_core->connectedLinks())
        connected(link);
}

void PeerDirectory::connected(const std::shared_ptr<PeerLink> &link)
{
    const bool isKnown =
        m_learning.contains(link.get()) || std::ranges::find(m_online, link, &Entry::link) != m_online.end();
    if (!m_begun || !m_core || isKnown)
        return;
    const Coro<> learner = spawn(&PeerDirectory::learn, shared_from_this(), link);
    learner.setName(QStringLiteral("name of ") + locationText(*link));
    learner.setDaemon();
    m_learning.insert(link.get(), learner);
}

Task<> PeerDirectory::learn(std::shared_ptr<PeerLink> link)
{
    const auto self = shared_from_this();
    QString name;
    try {
        const QVariant about =
            co_await withTimeout(TimeForName, link->call(QStringLiteral("asyncoro.about"), {}));
        name = about.toMap().value(QStringLiteral("name")).toString().simplified().left(LongestName);
    } catch (const Error &) {
        // it is busy or does not know the function: it is called by its location
    }
    if (m_learning.remove(link.get()) == 0 || !link->hasSession())
        co_return;
    const PeerStatus status(link->incarnation(), link->location(), name.isEmpty() ? locationText(*link) : name, true);
    m_online.append({link, status});
    tell(status);
    m_changed.pulse();
}

void PeerDirectory::moved(const std::shared_ptr<PeerLink> &link)
{
    const auto found = std::ranges::find(m_online, link, &Entry::link);
    if (found == m_online.end())
        return;
    found->status = PeerStatus(link->incarnation(), link->location(), found->status.name(), true);
    tell(found->status);
}

void PeerDirectory::gone(const PeerLink &link)
{
    m_learning.take(&link).terminate();
    const auto found = std::ranges::find_if(m_online, [&](const Entry &entry) { return entry.link.get() == &link; });
    if (found == m_online.end())
        return;
    const Entry entry = *found; // keeps the link
    m_online.erase(found);
    tell({entry.status.incarnation(), entry.status.location(), entry.status.name(), false});
}

void PeerDirectory::tell(const PeerStatus &status)
{
    for (const Coro<> &listener : QList(m_listeners)) // one that ends is forgotten meanwhile
        listener.send(status);
}

void PeerDirectory::watch(const Coro<> &listener)
{
    begin();
    if (!m_listening) {
        m_listening = std::make_shared<EndForwarder>(m_core->weak_from_this(), [weak = weak_from_this()](const Coro<> &ended) {
            if (const auto self = weak.lock())
                self->m_listeners.removeOne(ended);
        });
    }
    if (!m_listeners.contains(listener)) {
        if (!listener || !listener.data()->addEndObserver(m_listening))
            return;
        m_listeners.append(listener);
    }
    for (const Entry &entry : std::as_const(m_online))
        listener.send(entry.status);
}

Task<> PeerDirectory::another(QDeadlineTimer deadline)
{
    if (m_core)
        co_await m_changed.wait(deadline);
    if (!m_core)
        throw Error(QStringLiteral("this process has left the network"));
}

Task<Peer> PeerDirectory::locate(std::shared_ptr<PeerDirectory> self, QString name, QDeadlineTimer deadline)
{
    self->begin();
    for (;;) {
        for (const Entry &entry : std::as_const(self->m_online)) {
            if (entry.status.name() == name)
                co_return Peer(entry.link);
        }
        try {
            co_await self->another(deadline);
        } catch (const TimedOut &) {
            throw TimedOut(QStringLiteral("locating the peer %1").arg(name));
        }
    }
}

} // namespace Asyncoro::Detail
