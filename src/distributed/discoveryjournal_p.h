// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QHostAddress>
#include <QMap>
#include <QString>
#include <QStringList>

namespace Asyncoro::Detail {

/** What Discovery has tried and what became of it, in memory of a fixed size: for its report. */
class DiscoveryJournal
{
public:
    /** So many sources, and other things that are kept of one kind; further ones are counted together. */
    static constexpr qsizetype MaxEntries = 64;

    void sent(const QString &target);
    void failed(const QString &target, const QString &why);
    void received() { ++m_received; }
    void own() { ++m_own; }
    /** Something was not accepted. Returns whether it is the first time from that address for that reason. */
    bool refused(const QHostAddress &from, const QString &why);
    void found(const QString &who);
    void connected(const QString &who) { m_notConnected.remove(who); }
    /** One that answered by a datagram could not be connected. */
    void notConnected(const QString &who, const QString &why);

    [[nodiscard]] bool hasFound() const { return !m_found.isEmpty(); }
    [[nodiscard]] quint64 ownReceived() const { return m_own; }
    [[nodiscard]] bool hasRefused(const QString &why) const;
    [[nodiscard]] const QMap<QString, QString> &notConnected() const { return m_notConnected; }

    /** Lines of text. */
    [[nodiscard]] QStringList lines() const;

private:
    struct Attempts
    {
        quint64 times = 0;
        quint64 failed = 0;
        QString why;
    };

    [[nodiscard]] Attempts &attemptsAt(const QString &target);

    QMap<QString, Attempts> m_sent; // by target
    QMap<std::pair<QString, QString>, quint64> m_refused; // by source and reason
    quint64 m_refusedElse = 0;
    quint64 m_received = 0;
    quint64 m_own = 0;
    QStringList m_found;
    QMap<QString, QString> m_notConnected;
};

} // namespace Asyncoro::Detail
