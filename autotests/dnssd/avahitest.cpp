// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <Asyncoro/DnsSd>

#include <KDNSSD/PublicService>
#include <KDNSSD/ServiceBrowser>

#include <QNetworkInterface>
#include <QProcess>
#include <QTcpServer>

using namespace DistributedTest;

namespace {

/** Avahi, which is slow where the machine has much to do, probes each name for a second. */
constexpr int Patience = 40'000;

const QString Service = QStringLiteral("test.service");

/** The daemon of this host, on its bus. */
class Avahi
{
public:
    Avahi()
    {
        m_process.setProcessChannelMode(QProcess::ForwardedChannels);
        m_process.start(QStringLiteral("avahi-daemon"),
                        {QStringLiteral("--file"), qEnvironmentVariable("AVAHI_CONFIGURATION"),
                         QStringLiteral("--no-drop-root"), QStringLiteral("--no-chroot"),
                         QStringLiteral("--no-rlimits")});
        if (!m_process.waitForStarted())
            qFatal("avahi-daemon: %s", qPrintable(m_process.errorString()));
    }

    ~Avahi()
    {
        m_process.terminate();
        m_process.waitForFinished();
    }

    [[nodiscard]] static bool runs()
    {
        return KDNSSD::ServiceBrowser::isAvailable() == KDNSSD::ServiceBrowser::Working;
    }

private:
    QProcess m_process;
};

/** A process that takes part. */
struct Participant
{
    explicit Participant(const DnsSd::Options &options = {},
                         const PeerNetwork::Options &networkOptions = {.address = QStringLiteral("0.0.0.0"),
                                                                       .secret = Secret("s3cret")})
        : network(networkOptions)
        , dnsSd(network, options)
    {
    }

    [[nodiscard]] quint16 port() const { return network.location().port(); }
    [[nodiscard]] QList<quint16> peers() const
    {
        QList<quint16> ports;
        for (const Peer &peer : network.peers())
            ports.append(peer.location().port());
        std::ranges::sort(ports);
        return ports;
    }
    [[nodiscard]] QList<quint16> found() const
    {
        QList<quint16> ports;
        for (const DiscoveredPeer &peer : dnsSd.found())
            ports.append(peer.location.port());
        std::ranges::sort(ports);
        return ports;
    }
    [[nodiscard]] bool reports(const QString &text) const { return dnsSd.report().contains(text); }

    PeerNetwork network;
    DnsSd dnsSd;
};

/** Anybody in the network, who announces what he likes. */
class Announcer
{
public:
    using Text = QMap<QString, QByteArray>;

    Announcer(const QString &name, quint16 port, const Text &text)
        : m_service(name, QStringLiteral("_asyncoro._tcp"), port)
    {
        m_service.setTextData(text);
        m_service.publishAsync();
    }

private:
    KDNSSD::PublicService m_service;
};

const Announcer::Text Wanted{{QStringLiteral("version"), "1"}, {QStringLiteral("services"), Service.toLatin1()}};

Announcer::Text wantedAt(const QString &address)
{
    Announcer::Text text = Wanted;
    text.insert(QStringLiteral("address"), address.toLatin1());
    return text;
}

DnsSd::Options seeker()
{
    return {.announce = false, .lookFor = Service};
}

DnsSd::Options provider()
{
    return {.services = {Service}, .search = false};
}

/** As in docs/discovery.md. */
Task<Location> findPrinter(Secret secret)
{
    PeerNetwork network({.address = "0.0.0.0", .secret = secret});
    DnsSd dnsSd(network, {.network = "laboratory", .services = {"camera"}});
    const DiscoveredPeer printer = co_await dnsSd.find("printer", 30s);
    co_return printer.location;
}

} // namespace

/** Processes of one host that find each other by its Avahi. avahi.py starts this in a network of its own. */
class AvahiTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        if (!m_avahi)
            m_avahi.emplace();
        QTRY_VERIFY_WITH_TIMEOUT(Avahi::runs(), Patience);
    }

    void allFindEachOther()
    {
        const std::array<Participant, 3> all;
        for (const Participant &participant : all) {
            QList<quint16> others;
            for (const Participant &other : all) {
                if (&other != &participant)
                    others.append(other.port());
            }
            std::ranges::sort(others);
            QTRY_COMPARE_WITH_TIMEOUT(participant.peers(), others, Patience);
            QTRY_COMPARE_WITH_TIMEOUT(participant.found(), others, Patience);
            QVERIFY(participant.reports(QStringLiteral("this process is announced as ")));
        }
    }

    void whoListensAtOneAddressIsFoundThere()
    {
        QString address;
        for (const QHostAddress &one : QNetworkInterface::allAddresses()) {
            if (!one.isLoopback() && one.protocol() == QHostAddress::IPv4Protocol)
                address = one.toString();
        }
        const Participant there(provider(), {.address = address, .secret = Secret("s3cret")});
        Participant here(seeker());
        const DiscoveredPeer peer = waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience)));
        QCOMPARE(peer.location, there.network.location());
        QCOMPARE(peer.name, there.network.name());
        QCOMPARE(peer.services, QStringList{Service});
    }

    void overIpv6()
    {
        const Participant there(provider(), {.address = QStringLiteral("::"), .secret = Secret("s3cret")});
        Participant here(seeker());
        QCOMPARE(waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience))).location.port(), there.port());
    }

    void findsAsTheDocumentSays()
    {
        const Participant there({.network = "laboratory", .services = {"printer"}});
        QCOMPARE(waitFor(findPrinter(Secret("s3cret"))).port(), there.port());
    }

    void whoListensOnLoopbackFindsAndIsNotFound()
    {
        const Participant there;
        const Participant here({}, {.secret = Secret("s3cret")});
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), QList{there.port()}, Patience);
        QVERIFY(here.reports(QStringLiteral("this process is not announced")));
        QVERIFY(there.found().isEmpty());
    }

    void onlyThoseWithTheService()
    {
        const Participant other;
        const Participant there(provider());
        Participant here(seeker());
        QCOMPARE(waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience))).location.port(), there.port());
        QTRY_VERIFY_WITH_TIMEOUT(here.reports(other.network.name() + QStringLiteral(": of no interest")), Patience);
        QCOMPARE(here.found(), QList{there.port()});
    }

    void networksAreToldApart()
    {
        const Participant a({.network = QStringLiteral("a")});
        const Participant b({.network = QStringLiteral("b")});
        const Participant alsoA({.network = QStringLiteral("a")});
        QTRY_COMPARE_WITH_TIMEOUT(a.found(), QList{alsoA.port()}, Patience);
        QTRY_VERIFY_WITH_TIMEOUT(a.reports(b.network.name() + QStringLiteral(": of no interest")), Patience);
        QVERIFY(b.peers().isEmpty());
    }

    void anotherSecretIsRefused()
    {
        // once, though it is looked for several times
        expectWarning(QStringLiteral("^refused a connection from 10.66.0.1:\\d+: it has another secret$"));
        const Participant there(provider(), {.address = QStringLiteral("0.0.0.0"), .secret = Secret("another")});
        Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(here.reports(QStringLiteral("secret")), Patience);
        for (int i = 0; i < 3; ++i)
            QVERIFY(failureOf<TimedOut>(here.dnsSd.find(Service, QDeadlineTimer(500ms))).contains(u"secret"));
        QVERIFY(here.found().isEmpty());
        QVERIFY(here.peers().isEmpty());
    }

    void whoComesBackIsFoundAgain()
    {
        Participant here(seeker());
        std::optional<Participant> there(std::in_place, provider());
        const quint16 port = there->port();
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), QList{port}, Patience);
        there.reset();
        QTRY_VERIFY_WITH_TIMEOUT(here.found().isEmpty(), Patience);
        const PeerNetwork::Options same{.address = QStringLiteral("0.0.0.0"), .port = port, .secret = Secret("s3cret")};
        there.emplace(provider(), same);
        QCOMPARE(waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience))).location.port(), port);
    }

    // --- what is announced is not believed ---

    void whatIsAnnouncedForAnother()
    {
        const Participant honest({.announce = false, .search = false});
        const Announcer liar(QStringLiteral("liar"), honest.port(), Wanted);
        const Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(here.reports(QStringLiteral("is no test.service, whatever was announced")), Patience);
        QVERIFY(here.found().isEmpty());
    }

    void addressesElsewhere_data()
    {
        QTest::addColumn<QString>("address");
        QTest::newRow("loopback") << QStringLiteral("127.0.0.1");
        QTest::newRow("loopback, IPv6") << QStringLiteral("::1");
        QTest::newRow("another network") << QStringLiteral("198.51.100.7");
        QTest::newRow("multicast") << QStringLiteral("224.0.0.1");
    }

    void addressesElsewhere()
    {
        QFETCH(QString, address);
        const Participant honest({.announce = false, .search = false});
        const Announcer liar(QStringLiteral("liar"), honest.port(), wantedAt(address));
        const Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(
            here.reports(QStringLiteral("liar: %1 is in no network of this machine").arg(address)), Patience);
        QVERIFY(here.peers().isEmpty());
    }

    void whoSpeaksSomethingElse()
    {
        QTcpServer server; // it accepts, and says nothing
        QVERIFY(server.listen(QHostAddress::AnyIPv4));
        const Announcer mute(QStringLiteral("mute"), server.serverPort(), Wanted);
        Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(server.hasPendingConnections(), Patience);
        const Participant there(provider());
        QCOMPARE(waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience))).location.port(), there.port());
    }

    void namesCannotForgeLines()
    {
        const Announcer forger(QStringLiteral("a\n\x1b[2Jb"), 9, {{QStringLiteral("version"), "2"}});
        const Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(here.reports(QStringLiteral("  a??[2Jb: of no interest")), Patience);
    }

    void manyWhoAreNotThere()
    {
        constexpr int More = 280; // than are remembered
        const Participant here(seeker());
        std::vector<std::unique_ptr<Announcer>> crowd;
        for (int i = 0; i < More; ++i)
            crowd.push_back(std::make_unique<Announcer>(QStringLiteral("nobody %1").arg(i), 9, Wanted));
        QTRY_COMPARE_WITH_TIMEOUT(here.dnsSd.report().count(QStringLiteral("nobody ")), 256, 2 * Patience);
        const Participant there(provider());
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), QList{there.port()}, 2 * Patience);
        QVERIFY(here.dnsSd.report().count(u'\n') <= 256);
    }

    // --- Avahi comes and goes ---

    void avahiIsStartedLater()
    {
        m_avahi.reset();
        QVERIFY(!Avahi::runs());
        const QRegularExpression message(QStringLiteral("^DNS-SD is not used, for Avahi does not run"));
        QTest::ignoreMessage(QtInfoMsg, message);
        Participant here(seeker());
        QTRY_VERIFY_WITH_TIMEOUT(!here.reports(QStringLiteral("Avahi has not answered yet")), Patience);
        QVERIFY(here.reports(QStringLiteral("DNS-SD is not used: ")));
        const Participant there(provider());
        m_avahi.emplace();
        QCOMPARE(waitFor(here.dnsSd.find(Service, QDeadlineTimer(Patience))).location.port(), there.port());
    }

    void avahiIsStartedAnew()
    {
        Participant here(seeker());
        const Participant there(provider());
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), QList{there.port()}, Patience);
        m_avahi.reset();
        QTRY_VERIFY_WITH_TIMEOUT(here.reports(QStringLiteral("DNS-SD is not used: Avahi has ended")), Patience);
        QCOMPARE(here.peers(), QList{there.port()}); // that does not end with it
        m_avahi.emplace();
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), QList{there.port()}, Patience);
        const Participant another(provider());
        QList<quint16> both{there.port(), another.port()};
        std::ranges::sort(both);
        QTRY_COMPARE_WITH_TIMEOUT(here.found(), both, Patience);
    }

private:
    std::optional<Avahi> m_avahi;
};

QTEST_GUILESS_MAIN(AvahiTest)

#include "avahitest.moc"
