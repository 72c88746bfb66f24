// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discoverylog.h"
#include "distributedtest.h"

#include <Asyncoro/DnsSd>

using namespace DistributedTest;

/** A machine without Avahi; avahitest.cpp has those with it. */
class DnsSdTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        qputenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        DiscoveryLog::keep();
    }

    void init()
    {
        failOnWarnings();
        DiscoveryLog::lines.clear();
    }

    void cleanupTestCase() { DiscoveryLog::restore(); }

    void saysOnceThatItIsNotUsed()
    {
        const auto network = makeNetwork();
        DnsSd dnsSd(*network);
        const QString report = failureOf<TimedOut>(dnsSd.find(QStringLiteral("any"), QDeadlineTimer(3000)));
        QVERIFY2(report.contains(u"DNS-SD is not used: "), qPrintable(report));
        QCOMPARE(dnsSd.found().size(), 0);
        QCOMPARE(DiscoveryLog::lines.size(), 1);
        const QString line = DiscoveryLog::lines.first();
        QVERIFY2(line.startsWith(u"DNS-SD is not used, for Avahi does not run on this machine: "), qPrintable(line));
    }

    void peersAreAsWithoutIt()
    {
        const auto network = makeNetwork();
        const auto other = makeNetwork();
        const DnsSd dnsSd(*network);
        const DnsSd dnsSdOfOther(*other);
        other->offer(QStringLiteral("add"), add);
        QCOMPARE(waitFor(network->call<int>(other->location(), QStringLiteral("add"), 1, 2)), 3);
    }

    void endsWhileItsWaitsGoOn()
    {
        const auto network = makeNetwork();
        std::optional<DnsSd> dnsSd(std::in_place, *network);
        const Coro<DiscoveredPeer> search =
            spawn([&dnsSd] { return dnsSd->find(QStringLiteral("any"), QDeadlineTimer::Forever); });
        letOthersRun();
        dnsSd.reset();
        QCOMPARE(failureOf<Error>(search), QStringLiteral("DNS-SD has ended"));
        dnsSd.emplace(*network); // another one, and it ends before anything of it has begun
    }

    void searchIsCancelled()
    {
        const auto network = makeNetwork();
        DnsSd dnsSd(*network);
        const Coro<DiscoveredPeer> search =
            spawn([&dnsSd] { return dnsSd.find(QStringLiteral("any"), QDeadlineTimer::Forever); });
        letOthersRun();
        search.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(search, 20s));
    }

    void takesANetworkThatAuthenticates()
    {
        PeerNetwork network;
        QCOMPARE(failureOf<Error>([&] { DnsSd dnsSd(network); }),
                 QStringLiteral("DNS-SD takes a network with a secret or certificates"));
    }

    void refusesOptionsThatMakeNoSense()
    {
        const auto network = makeNetwork();
        QCOMPARE(failureOf<Error>([&] { DnsSd(*network, {.network = QStringLiteral("a\nb")}); }),
                 QStringLiteral("\"a\nb\" is no name of a network, or too long"));
        QCOMPARE(failureOf<Error>([&] { DnsSd(*network, {.services = {QStringLiteral("a,b")}}); }),
                 QStringLiteral("these are no names of services, or too many: \"a,b\""));
    }
};

QTEST_GUILESS_MAIN(DnsSdTest)

#include "dnssdtest.moc"
