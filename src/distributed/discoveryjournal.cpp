// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discoveryjournal_p.h"

#include <algorithm>

namespace Asyncoro::Detail {

DiscoveryJournal::Attempts &DiscoveryJournal::attemptsAt(const QString &target)
{
    const bool hasRoom = m_sent.size() < MaxEntries || m_sent.contains(target);
    return m_sent[hasRoom ? target : QStringLiteral("others")];
}

void DiscoveryJournal::sent(const QString &target)
{
    ++attemptsAt(target).times;
}

void DiscoveryJournal::failed(const QString &target, const QString &why)
{
    Attempts &attempts = attemptsAt(target);
    ++attempts.failed;
    attempts.why = why;
}

bool DiscoveryJournal::refused(const QHostAddress &from, const QString &why)
{
    const std::pair<QString, QString> key(from.toString(), why);
    const auto known = m_refused.find(key);
    if (known != m_refused.end()) {
        ++*known;
        return false;
    }
    if (m_refused.size() >= MaxEntries) {
        ++m_refusedElse;
        return false; // one who forges addresses gets no line in the log for each
    }
    m_refused.insert(key, 1);
    return true;
}

void DiscoveryJournal::found(const QString &who)
{
    if (m_found.size() < MaxEntries && !m_found.contains(who))
        m_found.append(who);
}

void DiscoveryJournal::notConnected(const QString &who, const QString &why)
{
    if (m_notConnected.size() < MaxEntries || m_notConnected.contains(who))
        m_notConnected.insert(who, why);
}

bool DiscoveryJournal::hasRefused(const QString &why) const
{
    return std::ranges::any_of(m_refused.keys(), [&](const auto &key) { return key.second == why; });
}

QStringList DiscoveryJournal::lines() const
{
    QStringList lines;
    for (auto it = m_sent.cbegin(); it != m_sent.cend(); ++it) {
        QString line = QStringLiteral("  sent to %1: %2 times").arg(it.key()).arg(it->times);
        if (it->failed > 0)
            line += QStringLiteral("; failed %1 times: %2").arg(it->failed).arg(it->why);
        lines.append(line);
    }
    lines.append(
        QStringLiteral("  came in: %1 datagrams, of which %2 were this process's own").arg(m_received).arg(m_own));
    for (auto it = m_refused.cbegin(); it != m_refused.cend(); ++it)
        lines.append(
            QStringLiteral("  refused from %1: %2 (%3 times)").arg(it.key().first, it.key().second).arg(it.value()));
    if (m_refusedElse > 0)
        lines.append(QStringLiteral("  refused from others: %1").arg(m_refusedElse));
    for (const QString &who : m_found)
        lines.append(QStringLiteral("  found %1").arg(who));
    for (auto it = m_notConnected.cbegin(); it != m_notConnected.cend(); ++it)
        lines.append(QStringLiteral("  found, but not connected: %1: %2").arg(it.key(), it.value()));
    return lines;
}

} // namespace Asyncoro::Detail
