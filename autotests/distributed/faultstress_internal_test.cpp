// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "faultyline.h"
#include "numberedmessages.h"

#include <random>

using namespace DistributedTest;

namespace {

constexpr int Senders = 3; // in each of the two processes
constexpr int Messages = 6000; // of each
constexpr int Cuts = 200; // in each of the two proxies, at most
constexpr auto Limit = 60s;

} // namespace

/** Two processes that send each other messages, over connections that break again and again. */
class FaultStressTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { expectFaults(); }

    void cleanup() { peerLimits() = PeerLimits(); }

    void inOrderOnceAndNothingAcknowledgedIsLost_data()
    {
        QTest::addColumn<int>("bytes");
        QTest::newRow("within handshakes and soon after") << 600;
        QTest::newRow("after some messages") << 6'000;
        QTest::newRow("after many messages") << 40'000;
    }

    void inOrderOnceAndNothingAcknowledgedIsLost()
    {
        QFETCH(int, bytes);
        const PeerProcess peer(FaultyLine::peerOptions());
        FaultyLine line(peer);
        const auto record = std::make_shared<Record>();
        offerRecorder(*line.network, record);
        std::mt19937 random{std::mt19937::result_type(bytes)};
        for (FaultProxy *proxy : {&line.there, &line.back}) {
            for (int i = 0; i < Cuts; ++i)
                proxy->cutAfter(random() % unsigned(bytes), FaultProxy::Direction(random() % 2), i,
                                FaultProxy::Cut(random() % 2));
        }

        // The other process sends, too. Who watches that has a line of its own.
        const auto third = makeNetwork();
        for (int sender = 0; sender < Senders; ++sender)
            waitFor(third->call(peer.location, QStringLiteral("startSending"), line.back.location().toString(), sender,
                                Messages),
                    Limit);
        QList<Coro<QList<int>>> sending;
        for (int sender = 0; sender < Senders; ++sender)
            sending.append(spawn(sendNumbered(*line.network, line.there.location(), sender, Messages)));

        QList<QList<int>> ours;
        QList<QList<int>> theirs;
        for (int sender = 0; sender < Senders; ++sender) {
            ours.append(waitFor(sending[sender], Limit));
            theirs.append(
                waitFor(third->call<QList<int>>(peer.location, QStringLiteral("acknowledged"), sender), Limit));
        }
        for (int sender = 0; sender < Senders; ++sender) {
            const auto received =
                waitFor(third->call<QList<int>>(peer.location, QStringLiteral("recorded"), sender), Limit);
            QCOMPARE(complaint(received, ours[sender]), QString());
            QCOMPARE(complaint(record->value(sender), theirs[sender]), QString());
            QCOMPARE_GE(ours[sender].size(), Messages / 8); // most get through
            QCOMPARE_GE(theirs[sender].size(), Messages / 8);
        }
        const int connections = line.there.connectionCount() + line.back.connectionCount();
        qInfo("%d connections", connections);
        QCOMPARE_GE(connections, 5);
    }
};

QTEST_GUILESS_MAIN(FaultStressTest)
#include "faultstress_internal_test.moc"
