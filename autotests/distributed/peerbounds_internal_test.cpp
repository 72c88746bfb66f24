// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"

#include <Asyncoro/MessageType>

#include <QThread>

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

constexpr int Megabyte = 1024 * 1024;

/** Travels by its properties. */
struct Parcel {
    Q_GADGET
    Q_PROPERTY(QByteArray content MEMBER content)
public:
    QByteArray content;
};

/** Travels by functions of its own. */
struct Opaque {
    [[nodiscard]] QCborValue toCbor() const { return content; }
    static Opaque fromCbor(const QCborValue &value) { return {value.toByteArray()}; }

    QByteArray content;
};

namespace {

void onAnotherThread(const std::function<void()> &work)
{
    const std::unique_ptr<QThread> thread(QThread::create(work));
    thread->start();
    thread->wait(); // while the event loop of this one takes nothing
}

/** The same handle, as `network` has got it from `home`. */
Coro<> passedTo(PeerNetwork &network, const Coro<> &coro, PeerNetwork &home)
{
    return network.fromBytes(home.toBytes(QVariant::fromValue(coro))).value<Coro<>>();
}

} // namespace

/** What one peer, or one thread, can make this process keep: bounded, and who keeps within it loses nothing. */
class PeerBoundsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        registerMessageType<Parcel>();
        registerMessageType<Opaque>();
        registerMessageType<std::pair<int, QByteArray>>();
    }

    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        m_network = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret"), .sendLimit = Megabyte});
    }

    void cleanup()
    {
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    // --- messages of other threads ---

    void whatIsInMessagesOfAnotherThreadCounts_data()
    {
        QTest::addColumn<QVariant>("message");
        const QByteArray bytes(100'000, 'x');
        const QString text(50'000, u'x');
        QTest::newRow("bytes") << QVariant(bytes);
        QTest::newRow("list") << QVariant(QVariantList{1, bytes});
        QTest::newRow("list in a list") << QVariant(QVariantList{QVariant(QVariantList{bytes})});
        QTest::newRow("list of many") << QVariant(QVariantList(10'000, 1));
        QTest::newRow("map") << QVariant(QVariantMap{{QStringLiteral("a"), 1}, {QStringLiteral("b"), bytes}});
        QTest::newRow("hash") << QVariant(QVariantHash{{QStringLiteral("a"), text}});
        QTest::newRow("texts") << QVariant(QStringList{QString(), text});
        QTest::newRow("list of a type") << QVariant::fromValue(QList<QByteArray>{bytes});
        QTest::newRow("map of types") << QVariant::fromValue(QMap<QString, QByteArray>{{QString(), bytes}});
        QTest::newRow("pair") << QVariant::fromValue(std::pair(1, bytes));
        QTest::newRow("gadget") << QVariant::fromValue(Parcel{bytes});
    }

    void whatIsInMessagesOfAnotherThreadCounts()
    {
        QFETCH(QVariant, message);
        const auto far = makeNetwork();
        const Coro<> target = spawn(waitForever);
        const Coro<> remote = passedTo(*m_network, target, *far);
        int accepted = 0;
        onAnotherThread([&] {
            while (accepted < 100 && remote.send(message))
                ++accepted;
        });
        QCOMPARE_GE(accepted, 1);
        QCOMPARE_LE(accepted, 2 * Megabyte / 100'000);
        target.terminate();
    }

    void whatWaitsForAnotherThreadCountsWhateverItIs()
    {
        const auto far = makeNetwork();
        far->offer(QStringLiteral("pass"), []() -> Task<> { co_return; });
        const Coro<> target = spawn(waitForever);
        target.setMailboxLimit(0);
        const Coro<> remote = passedTo(*m_network, target, *far);
        QVERIFY(remote.send(0));
        waitFor(m_network->call(far->location(), QStringLiteral("pass"))); // by its answer it is known to be full
        QVERIFY(!remote.send(0));
        int accepted = 0;
        bool refused = false;
        for (; accepted < 100 && !refused; accepted += !refused) {
            onAnotherThread([&] { refused = !remote.send(QVariant::fromValue(Opaque{QByteArray(100'000, 'x')})); });
            letOthersRun();
        }
        QVERIFY(refused);
        QCOMPARE_GE(accepted, 1);
        QCOMPARE_LE(accepted, 2 * Megabyte / 100'000);
        target.terminate();
    }

private:
    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(PeerBoundsTest)
#include "peerbounds_internal_test.moc"
