// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/freeport.h"
#include "discoverylog.h"
#include "discoverytest.h"

#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QTcpServer>

using namespace DistributedTest;
using Asyncoro::Detail::DiscoveryLimits;
using Asyncoro::Detail::discoveryLimits;

namespace {

/** Of this process, in bytes. */
qint64 memory()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    return file.open(QIODevice::ReadOnly) ? file.readAll().split(' ').value(1).toLongLong() * 4096 : 0;
}

} // namespace

/** Processes, most of them in this one, that find each other over loopback. */
class DiscoveryTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { DiscoveryLog::keep(); }

    void init()
    {
        failOnWarnings();
        DiscoveryLimits limits;
        limits.firstInterval = 50ms;
        limits.longestInterval = 200ms;
        limits.shortestInterval = 10ms;
        limits.nothingFound = 200ms;
        limits.relay = 1s;
        discoveryLimits() = limits;
        m_site.emplace();
        DiscoveryLog::lines.clear();
    }

    void cleanup() { discoveryLimits() = DiscoveryLimits(); }
    void cleanupTestCase() { DiscoveryLog::restore(); }

    // --- finding ---

    void D02_allFindEachOther_data()
    {
        QTest::addColumn<QByteArray>("secret");
        QTest::newRow("with a secret") << QByteArray("s3cret");
        QTest::newRow("without") << QByteArray();
    }

    void D02_allFindEachOther()
    {
        QFETCH(QByteArray, secret);
        std::vector<std::unique_ptr<Participant>> all;
        QStringList locations;
        for (int i = 0; i < 4; ++i) {
            all.push_back(
                std::make_unique<Participant>(m_site->options(), PeerNetwork::Options{.secret = Secret(secret)}));
            locations.append(all.back()->location());
        }
        locations.sort();
        for (const auto &participant : all) {
            QStringList others = locations;
            others.removeOne(participant->location());
            QTRY_COMPARE_WITH_TIMEOUT(participant->peers(), others, 20'000);
        }
        const Participant &first = *all.front();
        const Participant &last = *all.back();
        QVERIFY(first.discovery.report().contains(last.location())
                || last.discovery.report().contains(first.location())); // whoever has found the other
    }

    void D01_severalPortsAreSeveralNetworks()
    {
        const Site elsewhere;
        const Participant a(m_site->options());
        const Participant b(elsewhere.options());
        const Participant c(m_site->options());
        QTRY_COMPARE_WITH_TIMEOUT(a.peers(), QStringList{c.location()}, 20'000);
        QCOMPARE(b.peers(), QStringList());
    }

    void D02_aProcessThatComesBackIsFoundAgain()
    {
        const Participant here(m_site->options());
        const quint16 port = freePort();
        std::optional<Participant> there(std::in_place, m_site->options(),
                                         PeerNetwork::Options{.port = port, .secret = Secret("s3cret")});
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{there->location()}, 20'000);
        there.reset();
        QTRY_VERIFY(here.peers().isEmpty());
        there.emplace(m_site->options(), PeerNetwork::Options{.port = port, .secret = Secret("s3cret")});
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{there->location()}, 20'000);
        QTRY_COMPARE(here.discovery.found().size(), 1); // its predecessor is forgotten
    }

    void D02_onlyThoseWhoSearchAndAnswer()
    {
        Discovery::Options quiet = m_site->options();
        quiet.search = false;
        Discovery::Options shy = m_site->options();
        shy.answer = false;
        const Participant a(quiet); // they announce themselves, and nobody asks
        const Participant b(quiet);
        const PeerNetwork none;
        const Participant seeker(shy);
        QTRY_COMPARE_WITH_TIMEOUT(seeker.peers().size(), 2, 20'000);
        QCOMPARE(a.peers(), QStringList{seeker.location()});
        QCOMPARE(b.peers(), QStringList{seeker.location()});
    }

    void D02_anAnnouncementIsEnough()
    {
        discoveryLimits().longestInterval = 1h;
        discoveryLimits().firstInterval = 1h; // nobody asks a second time
        const Participant seeker(m_site->options());
        RawPinger raw(*m_site);
        QVERIFY(raw.isAnsweredNextOnly()); // it has asked before
        Discovery::Options quiet = m_site->options();
        quiet.search = false;
        const Participant late(quiet);
        QTRY_COMPARE_WITH_TIMEOUT(late.peers(), QStringList{seeker.location()}, 20'000);
    }

    void D02_answeringIsSwitchedOffAndOn()
    {
        Discovery::Options options = m_site->options();
        options.search = false;
        Participant first(options);
        const Participant second(options);
        first.discovery.setAnswering(false);
        QVERIFY(!first.discovery.isAnswering());
        RawPinger raw(*m_site);
        for (int i = 0; i < 3; ++i) {
            const Ping question = RawPinger::question();
            raw.sendToAll(question.toBytes("s3cret"));
            const Ping answer = raw.receive();
            QCOMPARE(answer.nonce, question.nonce);
            QCOMPARE(answer.port, second.network.location().port());
        }
        first.discovery.setAnswering(true);
        raw.sendToAll(RawPinger::question().toBytes("s3cret"));
        QCOMPARE((QSet<quint16>{raw.receive().port, raw.receive().port}),
                 (QSet<quint16>{first.network.location().port(), second.network.location().port()}));
    }

    void D02_aServiceIsFound()
    {
        Discovery::Options options = m_site->options();
        options.services = {QStringLiteral("scanner"), QStringLiteral("printer")};
        options.search = false;
        const Participant printer(options);
        options.services = {QStringLiteral("plotter")};
        const Participant plotter(options);
        options.services = {};
        options.search = true;
        options.connect = false;
        options.lookFor = QStringLiteral("printer");
        Participant client(options);
        const DiscoveredPeer found = waitFor(client.discovery.find(QStringLiteral("printer"), 20s));
        QCOMPARE(found.location, printer.network.location());
        QCOMPARE(found.name, printer.network.name());
        QCOMPARE(found.services, (QStringList{QStringLiteral("scanner"), QStringLiteral("printer")}));
        QCOMPARE(client.peers(), QStringList());
        QCOMPARE(client.discovery.found().size(), 1);

        const QString text = failureOf<TimedOut>(client.discovery.find(QStringLiteral("plotter"), 300ms));
        QVERIFY2(text.contains(QStringLiteral("looked for printer")), qPrintable(text));
        const Coro<DiscoveredPeer> terminated =
            spawn(client.discovery.find(QStringLiteral("plotter"), QDeadlineTimer::Forever));
        letOthersRun();
        terminated.terminate();
        QVERIFY(!failureOf<CoroTerminated>(terminated).startsWith(u'<'));
    }

    void D02_itEndsAtAnyMoment()
    {
        std::optional<Participant> here(std::in_place, m_site->options());
        const Participant there(m_site->options());
        const Coro<DiscoveredPeer> search =
            spawn(here->discovery.find(QStringLiteral("nobody"), QDeadlineTimer::Forever));
        const Coro<QList<Location>> relay = spawn(here->discovery.announceThrough(there.network.location()));
        const Task<DiscoveredPeer> notBegun = here->discovery.find(QStringLiteral("nobody"), QDeadlineTimer::Forever);
        here->discovery.addPeer(QStringLiteral("127.0.0.1"));
        here->discovery.addPeer(there.location());
        letOthersRun();
        here.reset();
        QCOMPARE(failureOf<Error>(search), u"discovery has ended");
        QVERIFY(!failureOf<PeerLost>(relay).startsWith(QStringLiteral("<no failure")));
    }

    void D01_optionsThatMakeNoSense_data()
    {
        QTest::addColumn<quint16>("port");
        QTest::addColumn<QString>("group4");
        QTest::addColumn<QStringList>("services");
        QTest::addColumn<QString>("lookFor");
        const QString group = QStringLiteral("239.255.1.1");
        QTest::newRow("port") << quint16(0) << group << QStringList() << QString();
        QTest::newRow("group") << quint16(1) << QStringLiteral("127.0.0.1") << QStringList() << QString();
        QTest::newRow("IPv6 group") << quint16(1) << QStringLiteral("ff15::1") << QStringList() << QString();
        QTest::newRow("space") << quint16(1) << group << QStringList{QStringLiteral("a b")} << QString();
        QTest::newRow("empty") << quint16(1) << group << QStringList{QString()} << QString();
        QTest::newRow("long") << quint16(1) << group << QStringList() << QString(33, u'x');
        QTest::newRow("many") << quint16(1) << group << QStringList(20, QStringLiteral("service")) << QString();
    }

    void D01_optionsThatMakeNoSense()
    {
        QFETCH(quint16, port);
        QFETCH(QString, group4);
        QFETCH(QStringList, services);
        QFETCH(QString, lookFor);
        PeerNetwork network;
        Discovery::Options options;
        options.port = port;
        options.group4 = group4;
        options.services = services;
        options.lookFor = lookFor;
        QVERIFY(!failureOf<Error>([&] { Discovery(network, options); }).startsWith(u'<'));
    }

    // --- strangers ---

    void D02_anotherSecretIsNamedOnce()
    {
        const Participant here(m_site->options());
        const Participant stranger(m_site->options(), {.secret = Secret("guess")});
        const Participant third(m_site->options());
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{third.location()}, 20'000);
        QTRY_VERIFY(
            stranger.discovery.report().contains(QStringLiteral("the secret: processes here have another one")));
        QTRY_VERIFY(here.discovery.report().contains(QStringLiteral("another secret")));
        QVERIFY(stranger.peers().isEmpty());
        RawPinger raw(*m_site);
        for (int i = 0; i < 20; ++i)
            raw.sendToAll(RawPinger::question().toBytes("third"));
        QVERIFY(raw.isAnsweredNextOnly());
        QCOMPARE(DiscoveryLog::count(QStringLiteral("refused a ping from 127.0.0.1: another secret")),
                 3); // one for each that was asked
    }

    void D06_anotherVersionIsNamedOnce()
    {
        const Participant here(m_site->options());
        RawPinger raw(*m_site);
        for (const auto &[newest, oldest] : {std::pair<quint16, quint16>{9, 9}, {0, 0}}) {
            Ping ping = RawPinger::question();
            ping.version = newest;
            ping.oldestVersion = oldest;
            for (int i = 0; i < 5; ++i)
                raw.sendToAll(ping.toBytes("s3cret") + QByteArray(newest, 'x')); // which may have another size
        }
        QVERIFY(raw.isAnsweredNextOnly());
        QCOMPARE(DiscoveryLog::count(QStringLiteral("version 9 of the protocol; this process speaks version 1")), 1);
        QCOMPARE(DiscoveryLog::count(QStringLiteral("version 0 of the protocol")), 1);
        Ping newer = RawPinger::question(); // one that understands this version is welcome
        newer.version = 9;
        raw.sendToAll(newer.toBytes("s3cret"));
        QCOMPARE(raw.receive().nonce, newer.nonce);
    }

    void D02_aReplayIsNotAnswered()
    {
        Discovery::Options options = m_site->options();
        options.search = false;
        const Participant here(options);
        RawPinger raw(*m_site);
        const QByteArray question = RawPinger::question().toBytes("s3cret");
        raw.sendToAll(question);
        const Ping answer = raw.receive();
        QCOMPARE(answer.kind, Ping::Kind::Answer);
        QCOMPARE(answer.incarnation.size(), Ping::IncarnationSize);
        for (int i = 0; i < 10; ++i)
            raw.sendToAll(question);
        QVERIFY(raw.isAnsweredNextOnly());
        // Nor is an address asked all too often.
        for (int i = 0; i < 60; ++i)
            raw.sendToAll(RawPinger::question().toBytes("s3cret"));
        RawPinger other(*m_site, QHostAddress(QStringLiteral("127.0.0.2")));
        QVERIFY(other.isAnsweredNextOnly());
    }

    void D02_alteredAndTruncatedOnesAreNotAnswered()
    {
        const Participant here(m_site->options());
        RawPinger raw(*m_site);
        const QByteArray question = RawPinger::question().toBytes("s3cret");
        for (qsizetype i = 0; i < question.size(); ++i) {
            QByteArray altered = question;
            altered[i] = char(altered[i] ^ 1);
            raw.sendToAll(altered);
            raw.sendToAll(question.first(i));
            if (i % 30 == 0)
                QVERIFY(raw.isAnsweredNextOnly());
        }
        raw.sendToAll(question + 'x');
        QVERIFY(raw.isAnsweredNextOnly());
    }

    void D02_anAnswerToNoQuestionLeadsNowhere()
    {
        const Participant here(m_site->options());
        QTcpServer trap;
        QVERIFY(trap.listen(QHostAddress::LocalHost));
        RawPinger raw(*m_site);
        Ping answer = RawPinger::question();
        answer.kind = Ping::Kind::Answer;
        answer.port = trap.serverPort();
        answer.address = QStringLiteral("127.0.0.1");
        raw.sendToAll(answer.toBytes("s3cret"));
        answer.kind = Ping::Kind(77);
        raw.sendToAll(answer.toBytes("s3cret"));
        QVERIFY(raw.isAnsweredNextOnly());
        QVERIFY(!trap.waitForNewConnection(0));
        QVERIFY(here.discovery.found().isEmpty());
        QVERIFY(here.discovery.report().contains(QStringLiteral("malformed")));
    }

    void D02_aFloodOfGarbageCostsNothing()
    {
        const Participant here(m_site->options());
        QTcpServer trap;
        QVERIFY(trap.listen(QHostAddress::LocalHost));
        // From many addresses, and much of it looks like pings.
        std::vector<std::unique_ptr<QUdpSocket>> sockets;
        for (int i = 0; i < 200; ++i) {
            sockets.push_back(std::make_unique<QUdpSocket>());
            QVERIFY(sockets.back()->bind(QHostAddress(QStringLiteral("127.0.1.%1").arg(i + 1))));
        }
        Ping bait = RawPinger::question();
        bait.kind = Ping::Kind::Answer;
        bait.direct = true;
        bait.port = trap.serverPort();
        const QByteArray likePing = bait.toBytes("guess");
        const QHostAddress localhost(QHostAddress::LocalHost);
        const qint64 before = memory();
        for (int i = 0; i < 100'000; ++i) {
            QByteArray bytes = likePing;
            for (qsizetype at = i % 40; at < bytes.size(); at += 40)
                bytes[at] = char(i * 7 + at);
            if (i % 3 != 0)
                bytes.resize(i % Ping::Size);
            sockets[size_t(i) % sockets.size()]->writeDatagram(bytes, localhost, m_site->port);
            if (i % 1000 == 0)
                QCoreApplication::processEvents();
        }
        RawPinger raw(*m_site, QHostAddress(QStringLiteral("127.0.0.2")));
        QTRY_VERIFY_WITH_TIMEOUT(isAnswered(raw), 20'000);
#ifdef __SANITIZE_ADDRESS__ // which keeps for a while what was released
        constexpr qint64 Most = 500'000'000;
#else
        constexpr qint64 Most = 20'000'000;
#endif
        QVERIFY(memory() - before < Most);
        QVERIFY(here.discovery.report().size() < 20'000);
        QVERIFY(DiscoveryLog::lines.size() < 300);
        QVERIFY(here.peers().isEmpty());
        QVERIFY(!trap.waitForNewConnection(0));
    }

    void D02_anyBytesAreRead()
    {
        const QByteArray genuine = RawPinger::question().toBytes("s3cret");
        QRandomGenerator random(1);
        for (int i = 0; i < 20'000; ++i) {
            QByteArray bytes = genuine.first(random.bounded(int(genuine.size()) + 1));
            for (int n = random.bounded(4); n >= 0 && !bytes.isEmpty(); --n)
                bytes[random.bounded(int(bytes.size()))] = char(random.bounded(256));
            QCOMPARE(Detail::readPing(bytes, "s3cret").ping.has_value(), bytes == genuine);
            static_cast<void>(Detail::PassedPing::fromBytes(bytes));
        }
    }

    void D02_textsAreCutOffBetweenCharacters()
    {
        Ping ping = RawPinger::question();
        ping.name = QString(63, u'x') + QStringLiteral("\u00e9\U0001F600");
        ping.services = {QStringLiteral("a"), QStringLiteral("b")};
        const auto read = Detail::readPing(ping.toBytes("s3cret"), "s3cret").ping;
        QVERIFY(read);
        QCOMPARE(read->name, QString(63, u'x'));
        QCOMPARE(read->services, ping.services);
        QCOMPARE(read->nonce, ping.nonce);
    }

    // --- this process, this machine ---

    void D02_itsOwnPingsAreIgnored()
    {
        const Participant alone(m_site->options());
        QTRY_VERIFY(!alone.discovery.report().contains(QStringLiteral("of which 0 were")));
        QTRY_COMPARE(DiscoveryLog::count(QStringLiteral("nothing was found: looked for other processes")), 1);
        QVERIFY(alone.peers().isEmpty());
        const QString report = alone.discovery.report();
        for (const QString &part : {QString::number(m_site->port), m_site->group4, QStringLiteral("127.255.255.255"),
                                    QStringLiteral("to check:"), QStringLiteral("firewall"), QStringLiteral("Wi-Fi"),
                                    QStringLiteral("lo (127.0.0.1")})
            QVERIFY2(report.contains(part), qPrintable(part + u'\n' + report));
        QVERIFY(!report.contains(QStringLiteral("there is no secret")));
        const Participant open(m_site->options(), {.secret = {}});
        QTRY_VERIFY(open.discovery.report().contains(
            QStringLiteral("there is no secret, so that only this machine is searched")));
    }

    void D01_allProcessesAtAPortAreAsked()
    {
        Discovery::Options options = m_site->options();
        options.search = false;
        const Participant a(options);
        const Participant b(options);
        const Participant c(options);
        RawPinger raw(*m_site);
        Ping question = RawPinger::question();
        question.direct = true;
        raw.send(question.toBytes("s3cret")); // to one of them, whom the system chooses
        QSet<quint16> ports;
        for (int i = 0; i < 3; ++i)
            ports.insert(raw.receive().port);
        QCOMPARE(
            ports,
            (QSet<quint16>{a.network.location().port(), b.network.location().port(), c.network.location().port()}));
        QVERIFY(raw.isAnsweredNextOnly()); // none of them twice
    }

    void D02_anotherProcessIsFound()
    {
        const Participant here(m_site->options());
        QProcess process;
        process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process.start(QCoreApplication::applicationDirPath() + QStringLiteral("/distributed_peerprocess"),
                      {QStringLiteral("--discover"), QString::number(m_site->port) + u',' + m_site->group4});
        while (!process.canReadLine())
            QVERIFY(process.waitForReadyRead(30'000));
        const QString location = QString::fromUtf8(process.readLine()).trimmed();
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{location}, 20'000);
        process.kill();
        process.waitForFinished();
        QTRY_VERIFY(here.peers().isEmpty());
    }

    // --- explicit peers, relays, addresses outside ---

    void D03_aPeerByItsLocation()
    {
        const Site elsewhere;
        Participant here(m_site->options());
        const quint16 port = freePort();
        std::optional<Participant> there(std::in_place, elsewhere.options(),
                                         PeerNetwork::Options{.port = port, .secret = Secret("s3cret")});
        here.discovery.addPeer(there->location());
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{there->location()}, 20'000);
        there.reset();
        QTRY_VERIFY(here.peers().isEmpty());
        there.emplace(elsewhere.options(), PeerNetwork::Options{.port = port, .secret = Secret("s3cret")});
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{there->location()}, 20'000);
        here.discovery.removePeer(there->location());
        there.reset();
        QTRY_VERIFY(here.peers().isEmpty());
        QVERIFY(!failureOf<Error>([&] { here.discovery.addPeer(QString()); }).startsWith(u'<'));
    }

    void D03_aPeerByItsHost()
    {
        Discovery::Options options = m_site->options();
        options.search = false;
        const Participant there(options);
        Discovery::Options blind = m_site->options();
        blind.interfaces = {QStringLiteral("none")}; // no broadcasts
        Participant here(blind);
        QTRY_VERIFY(here.discovery.report().contains(QStringLiteral("none of the chosen ones exists")));
        QVERIFY(here.peers().isEmpty());
        here.discovery.addPeer(QStringLiteral("localhost"));
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), QStringList{there.location()}, 20'000);
    }

    void D03_aRelayMakesItKnownElsewhere()
    {
        const Site elsewhere;
        Discovery::Options quiet = elsewhere.options();
        quiet.search = false;
        Participant here(m_site->options());
        const Participant relay(elsewhere.options());
        const Participant there(quiet);
        const QList<Location> met = waitFor(here.discovery.announceThrough(relay.network.location()), 20s);
        QCOMPARE(met, QList<Location>{there.network.location()});
        QStringList both{there.location(), relay.location()};
        both.sort();
        QTRY_COMPARE_WITH_TIMEOUT(here.peers(), both, 20'000);
        const QString text = failureOf<Error>(here.discovery.announceThrough(relay.network.location()));
        QVERIFY2(text.contains(QStringLiteral("relays once in")), qPrintable(text));

        PeerNetwork without(PeerNetwork::Options{.secret = Secret("s3cret")});
        QVERIFY(failureOf<WireError>(here.discovery.announceThrough(without.location()))
                    .contains(QStringLiteral("offers no function")));
        QVERIFY(failureOf<Error>(here.discovery.announceThrough(here.network.location()))
                    .contains(QStringLiteral("is this process")));
    }

    void D01_theAddressOutsideIsAnswered()
    {
        const Participant here(m_site->options(),
                               {.secret = Secret("s3cret"),
                                .name = QStringLiteral("inside"),
                                .externalAddress = QStringLiteral("203.0.113.7"),
                                .externalPort = 4711});
        RawPinger raw(*m_site);
        raw.sendToAll(RawPinger::question().toBytes("s3cret"));
        const Ping answer = raw.receive();
        QCOMPARE(answer.address, u"203.0.113.7");
        QCOMPARE(answer.port, 4711);
        QCOMPARE(answer.name, u"inside");
    }

private:
    /** Asks again and again, for the system drops what is too much. */
    static bool isAnswered(RawPinger &raw)
    {
        raw.sendToAll(RawPinger::question().toBytes("s3cret"));
        try {
            return raw.receive(100ms).kind == Ping::Kind::Answer;
        } catch (const TimedOut &) {
            return false;
        }
    }

    std::optional<Site> m_site;
};

QTEST_GUILESS_MAIN(DiscoveryTest)
#include "discovery_internal_test.moc"
