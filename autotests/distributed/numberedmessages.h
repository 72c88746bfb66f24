// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "distributedtest.h"

#include <QMap>

namespace DistributedTest {

/** What a receiver got of numbered messages, in the order in which it came: the numbers, by their sender. */
using Record = QMap<int, QList<int>>;

inline const QString Recorder = QStringLiteral("recorder");

inline Message numbered(int sender, int number)
{
    return QVariantList{sender, number};
}

inline Task<> recordMessages(std::shared_ptr<Record> record)
{
    for (;;) {
        const auto message = co_await receive<QVariantList>();
        (*record)[message.at(0).toInt()].append(message.at(1).toInt());
    }
}

/** Offers what the other process needs to send to this one, and to see what has come. */
inline void offerRecorder(PeerNetwork &network, const std::shared_ptr<Record> &record)
{
    const Coro<> recorder = spawn(recordMessages, record);
    recorder.setDaemon();
    Coro<>::find(Recorder).unregisterName(); // that of an earlier test of this process
    recorder.registerName(Recorder);
    network.offer(QStringLiteral("recorded"),
                  [record](int sender) -> Task<QList<int>> { co_return record->value(sender); });
}

/**
 * Sends `count` numbered messages to the recorder at `location`, every fourth by deliver(); gives the numbers of those
 * that were acknowledged. One that fails is not sent again. Where the receiver was lost it is located again, as often as
 * it takes.
 */
inline Task<QList<int>> sendNumbered(PeerNetwork &network, Location location, int sender, int count)
{
    QList<int> acknowledged;
    Coro<> recorder;
    bool lost = false;
    for (int number = 0; number < count;) {
        if (std::exchange(lost, false))
            co_await sleep(1ms);
        try {
            if (!recorder.isRunning())
                recorder = co_await network.locate(location, Recorder);
            const int current = number++;
            if (current % 4 == 3) {
                co_await recorder.deliver(numbered(sender, current));
                acknowledged.append(current);
            } else {
                recorder.send(numbered(sender, current));
            }
        } catch (const PeerLost &) {
            recorder = {};
            lost = true;
        }
    }
    co_return acknowledged;
}

/** Why `received` is not what may come of messages of which `acknowledged` were; empty if all is well. */
inline QString complaint(const QList<int> &received, const QList<int> &acknowledged)
{
    for (qsizetype i = 1; i < received.size(); ++i) {
        if (received[i] <= received[i - 1])
            return QStringLiteral("%1 came after %2").arg(received[i]).arg(received[i - 1]);
    }
    const QSet<int> all(received.cbegin(), received.cend());
    for (const int number : acknowledged) {
        if (!all.contains(number))
            return QStringLiteral("%1 was acknowledged and has not come").arg(number);
    }
    return {};
}

} // namespace DistributedTest
