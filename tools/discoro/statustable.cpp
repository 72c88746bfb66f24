// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "statustable.h"

#include <QLocale>
#include <QMetaEnum>

#include <algorithm>
#include <cmath>

namespace Asyncoro::Tools {

using namespace Discoro;
using namespace Qt::StringLiterals;

namespace {

/** Columns as wide as they must be; one whose title begins with '>' is aligned to the right. */
class Table
{
public:
    Table(const QString &title, const QStringList &columns)
        : m_title(title)
    {
        for (const QString &column : columns) {
            m_right.append(column.startsWith(u'>'));
            m_widths.append(0);
        }
        addRow(QStringList(columns).replaceInStrings(u">"_s, QString()));
    }

    void addRow(const QStringList &cells)
    {
        Q_ASSERT(cells.size() == m_widths.size());
        for (qsizetype i = 0; i < cells.size(); ++i)
            m_widths[i] = std::max(m_widths[i], cells[i].size());
        m_rows.append(cells);
    }

    /** With an empty line in front; `nothing` if there are no rows. */
    [[nodiscard]] QString toText(const QString &nothing) const
    {
        if (m_rows.size() == 1)
            return u"\n%1\n"_s.arg(nothing);
        QString text = u"\n%1\n"_s.arg(m_title);
        for (const QStringList &row : m_rows) {
            QString line;
            for (qsizetype i = 0; i < row.size(); ++i)
                line += u"  "_s + (m_right[i] ? row[i].rightJustified(m_widths[i]) : row[i].leftJustified(m_widths[i]));
            while (line.endsWith(u' '))
                line.chop(1);
            text += line + u'\n';
        }
        return text;
    }

private:
    const QString m_title;
    QList<bool> m_right;
    QList<qsizetype> m_widths;
    QList<QStringList> m_rows;
};

/** Text from elsewhere, without what could move the terminal's cursor. */
QString printable(QString text)
{
    for (QChar &character : text) {
        if (!character.isPrint() && !character.isSurrogate())
            character = u'?';
    }
    return text.isEmpty() ? u"-"_s : text;
}

QString text(const Location &location)
{
    return printable(location.toString());
}

template<typename State>
    requires std::is_enum_v<State>
QString text(State state)
{
    return QString::fromLatin1(QMetaEnum::fromType<State>().valueToKey(int(state))).toLower();
}

QString number(qint64 value)
{
    return QString::number(value);
}

/** "7.6 GiB" */
QString bytes(const QVariant &count)
{
    return QLocale::c().formattedDataSize(count.toLongLong(), 1);
}

/** "1.2 / 7.6 GiB", both in the unit of the second. */
QString amount(qint64 used, qint64 total)
{
    if (total <= 0)
        return u"-"_s;
    constexpr std::array Units{"B"_L1, "KiB"_L1, "MiB"_L1, "GiB"_L1, "TiB"_L1, "PiB"_L1};
    const auto unit = std::min<std::size_t>(std::size_t(std::log2(double(total)) / 10), Units.size() - 1);
    const double scale = std::pow(2, 10 * double(unit));
    const int digits = unit == 0 ? 0 : 1;
    return u"%1 / %2 %3"_s.arg(double(used) / scale, 0, 'f', digits)
        .arg(double(total) / scale, 0, 'f', digits)
        .arg(Units[unit]);
}

} // namespace

QString statusTable(const ClusterStatus &status)
{
    Table nodes(u"Nodes"_s, {u"NAME"_s, u"STATE"_s, u"ADDRESS"_s, u">CPUS"_s, u">LOAD"_s, u">MEMORY"_s, u">DISK"_s});
    Table servers(u"Servers"_s,
                  {u"NODE"_s, u"STATE"_s, u"ADDRESS"_s, u">PID"_s, u">RUNNING"_s, u">DONE"_s, u">FAILED"_s});
    for (const NodeStatus &node : status.nodes) {
        nodes.addRow({printable(node.name), text(node.state), text(node.location), number(node.cpus),
                      number(qRound64(node.cpuLoad * 100)) + u'%', amount(node.memoryUsed, node.memoryTotal),
                      amount(node.diskUsed, node.diskTotal)});
        for (const ServerStatus &server : node.servers) {
            servers.addRow({printable(node.name), text(server.state), text(server.location), number(server.pid),
                            number(server.running), number(server.done), number(server.failed)});
        }
    }
    Table computations(
        u"Computations"_s,
        {u">ID"_s, u"NAME"_s, u"STATE"_s, u"CLIENT"_s, u">WAITING"_s, u">RUNNING"_s, u">DONE"_s, u">FAILED"_s});
    for (const ComputationStatus &computation : status.computations) {
        computations.addRow({QString::number(computation.id), printable(computation.name), text(computation.state),
                             text(computation.client), number(computation.waiting), number(computation.running),
                             number(computation.done), number(computation.failed)});
    }

    return u"Scheduler %1, version %2, at %3 UTC\n"_s.arg(text(status.scheduler), printable(status.version),
                                                         status.time.toUTC().toString(u"yyyy-MM-dd hh:mm:ss"_s))
        + nodes.toText(u"No nodes"_s) + servers.toText(u"No servers"_s) + computations.toText(u"No computations"_s)
        + u"\nJobs in all: %1 waiting, %2 running, %3 done, %4 failed\n"_s.arg(status.waiting)
              .arg(status.running)
              .arg(status.done)
              .arg(status.failed);
}

QString peerTable(const QVariantList &peers)
{
    Table table(u"Peers"_s, {u"PEER"_s, u"STATE"_s, u">ROUND TRIP"_s, u">SENT"_s, u">RECEIVED"_s, u">FRAMES SENT"_s,
                             u">RECEIVED"_s, u">WAITING"_s, u">UNREAD"_s, u">DROPPED"_s, u">NOT SENT"_s,
                             u">BREAKS"_s});
    for (const QVariant &entry : peers) {
        const QVariantMap peer = entry.toMap();
        const auto count = [&](const QString &name) { return number(peer.value(name).toLongLong()); };
        const qint64 roundTrip = peer.value(u"roundTripTime"_s).toLongLong();
        const QString location = peer.value(u"location"_s).toString();
        table.addRow({printable(location.isEmpty() ? peer.value(u"address"_s).toString() : location),
                      printable(peer.value(u"state"_s).toString().toLower()),
                      roundTrip > 0 ? number(roundTrip) + u" us"_s : u"-"_s, bytes(peer.value(u"bytesSent"_s)),
                      bytes(peer.value(u"bytesReceived"_s)), count(u"framesSent"_s), count(u"framesReceived"_s),
                      bytes(peer.value(u"waiting"_s)), bytes(peer.value(u"unread"_s)), count(u"dropped"_s),
                      count(u"notSent"_s), count(u"interruptions"_s)});
    }
    return table.toText(u"No peers"_s);
}

} // namespace Asyncoro::Tools
