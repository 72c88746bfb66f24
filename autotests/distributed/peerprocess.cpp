// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/discoverylimits_p.h"
#include "../../src/distributed/limits_p.h"
#include "numberedmessages.h"

#include <Asyncoro/Discovery>
#include <Asyncoro/FileStore>
#include <Asyncoro/PeerStatus>

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QSocketNotifier>

#include <cstdio>
#include <optional>

#include <unistd.h>
#ifdef Q_OS_LINUX
#include <csignal>
#include <sys/prctl.h>
#endif

using namespace DistributedTest;

namespace {

/** Numbered messages that this process sends on behalf of its caller; what has become of them is told when asked. */
void offerSending(PeerNetwork &network)
{
    const auto sent = std::make_shared<QHash<int, Coro<QList<int>>>>(); // by sender
    network.offer(QStringLiteral("startSending"), [&network, sent](QString location, int sender, int count) -> Task<> {
        if (!sent->contains(sender)) // the answer to the first call may have been lost
            sent->insert(sender, spawn(sendNumbered(network, Location::fromString(location), sender, count)));
        co_return;
    });
    network.offer(QStringLiteral("acknowledged"),
                  [sent](int sender) -> Task<QList<int>> { co_return co_await sent->value(sender); });
}

/** What a caller needs to see this process from outside, and to have it do what only it can do with what it has. */
void offerRows(PeerNetwork &network)
{
    network.offer(QStringLiteral("collect"), collect);
    network.offer(QStringLiteral("passBack"), [](Coro<> coro) -> Task<Coro<>> { co_return coro; });
    network.offer(QStringLiteral("registerName"), [](Coro<> coro, QString name) -> Task<> {
        coro.registerName(name);
        co_return;
    });
    network.offer(QStringLiteral("makeChannel"), [](QString name) -> Task<Channel> {
        const Channel channel(name);
        channel.registerName();
        co_return channel;
    });
    network.offer(QStringLiteral("closeChannel"), [](Channel channel) -> Task<> {
        channel.close();
        co_return;
    });
    network.offer(QStringLiteral("addThere"), [&network](QString location, int a, int b) -> Task<int> {
        co_return co_await network.call<int>(Location::fromString(location), QStringLiteral("add"), a, b);
    });
    network.offer(QStringLiteral("recorderAt"), [&network](QString location) -> Task<Coro<>> {
        co_return co_await network.locate(Location::fromString(location), Recorder);
    });
    network.offer(QStringLiteral("peers"), [&network]() -> Task<QStringList> {
        QStringList locations;
        for (const Peer &peer : network.peers())
            locations.append(peer.location().toString());
        co_return locations;
    });
    network.offer(QStringLiteral("watchPeers"), [&network](Coro<> listener) -> Task<> {
        network.watchPeers(listener);
        co_return;
    });
    network.offer(QStringLiteral("quit"), []() -> Task<> {
        QCoreApplication::quit();
        co_return;
    });
}

void print(const QString &line)
{
    std::printf("%s\n", qPrintable(line));
    std::fflush(stdout);
}

/** Prints who comes and goes, each with the number in front. */
Task<> printPeers(PeerNetwork &network, QString number)
{
    network.watchPeers(Coro<>::self());
    for (;;) {
        const PeerStatus peer = co_await receive<PeerStatus>();
        const QString change = peer.isOnline() ? QStringLiteral("+") : QStringLiteral("-");
        print(QStringList{number, change, peer.name(), peer.location().toString()}.join(u' '));
    }
}

/** Does what a line of the standard input says, and prints how it ended, with the number that the line begins with. */
Task<> execute(PeerNetwork &network, std::optional<Discovery> &discovery, std::shared_ptr<Record> record,
               QStringList words)
{
    const QString number = words.takeFirst();
    const QString command = words.takeFirst();
    const auto location = Location::fromString(words.value(0));
    QString result;
    try {
        if (command == u"add") { // LOCATION A B
            result = QString::number(
                co_await network.call<int>(location, command, words.at(1).toInt(), words.at(2).toInt()));
        } else if (command == u"send") { // LOCATION SENDER COUNT; how many were acknowledged
            result = QString::number(
                (co_await sendNumbered(network, location, words.at(1).toInt(), words.at(2).toInt())).size());
        } else if (command == u"deliver") { // LOCATION SENDER NUMBER; the one message
            const Coro<> recorder = co_await network.locate(location, Recorder);
            print(number + QStringLiteral(" located"));
            co_await recorder.deliver(numbered(words.at(1).toInt(), words.at(2).toInt()));
            result = QStringLiteral("delivered");
        } else if (command == u"deliverThrough") { // LOCATION of who knows the handle, LOCATION there, SENDER NUMBER
            const auto recorder = co_await network.call<Coro<>>(location, QStringLiteral("recorderAt"), words.at(1));
            co_await recorder.deliver(numbered(words.at(2).toInt(), words.at(3).toInt()));
            result = QStringLiteral("delivered");
        } else if (command == u"watch") { // LOCATION; until that process is lost
            (co_await network.anchorOf(location)).monitor(Coro<>::self());
            print(number + QStringLiteral(" watching"));
            result = (co_await receive<ExitNotice>()).error();
        } else if (command == u"recorded") { // SENDER; what has come
            const QList<int> numbers = record->value(words.at(0).toInt());
            result = complaint(numbers, {}).isEmpty() ? QString::number(numbers.size()) : complaint(numbers, {});
        } else if (command == u"peers") { // for ever
            co_await printPeers(network, number);
        } else if (command == u"announce") { // LOCATION of a relay; where those are that it has told
            QStringList told;
            for (const Location &there : co_await discovery.value().announceThrough(location))
                told.append(there.toString());
            result = told.join(u' ');
        } else {
            result = QStringLiteral("unknown command");
        }
    } catch (const PeerLost &e) {
        result = QStringLiteral("PeerLost: ") + e.message();
    } catch (const PeerRefused &e) {
        result = QStringLiteral("PeerRefused: ") + e.message();
    } catch (const Error &e) {
        result = QStringLiteral("Error: ") + e.message();
    }
    print(number + u' ' + result);
}

void executeCommands(PeerNetwork &network, std::optional<Discovery> &discovery, const std::shared_ptr<Record> &record)
{
    auto *const notifier = new QSocketNotifier(STDIN_FILENO, QSocketNotifier::Read, qApp);
    const auto onReadable = [&network, &discovery, record, notifier, input = QByteArray()]() mutable {
        char some[4096];
        const auto size = ::read(STDIN_FILENO, some, sizeof some);
        if (size <= 0)
            return notifier->setEnabled(false);
        input.append(some, size);
        for (qsizetype end = input.indexOf('\n'); end >= 0; end = input.indexOf('\n')) {
            const QStringList words = QString::fromUtf8(input.first(end)).split(u' ');
            spawn(execute, std::ref(network), std::ref(discovery), record, words);
            input.remove(0, end + 1);
        }
    };
    QObject::connect(notifier, &QSocketNotifier::activated, notifier, onReadable);
}

void setLimits(const QString &text)
{
    const QStringList texts = text.split(u',');
    auto &limits = Detail::peerLimits();
    std::chrono::milliseconds *const all[] = {&limits.handshake, &limits.retry, &limits.ping, &limits.silence};
    for (std::size_t i = 0; i < std::size(all); ++i)
        *all[i] = std::chrono::milliseconds(texts.value(qsizetype(i)).toInt());
}

Task<> subscribeMany(Channel channel, int count)
{
    for (int i = 0; i < count; ++i) {
        const Coro<> subscriber = spawn(waitForever);
        subscriber.setDaemon();
        co_await channel.subscribe(subscriber, 10s);
    }
}

} // namespace

/** A process for tests: prints where it listens, and goes on until it is killed; execute() is what it does when told. */
int main(int argc, char **argv)
{
#ifdef Q_OS_LINUX
    prctl(PR_SET_PDEATHSIG, SIGKILL); // with the test
#endif
    const QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.addOptions({
        {QStringLiteral("address"), QStringLiteral("where to listen"), QStringLiteral("ADDRESS"),
         QStringLiteral("127.0.0.1")},
        {QStringLiteral("port"), QStringLiteral("where to listen"), QStringLiteral("PORT"), QStringLiteral("0")},
        {QStringLiteral("secret"), QStringLiteral("empty: none"), QStringLiteral("TEXT"), QStringLiteral("s3cret")},
        {QStringLiteral("busy"), QStringLiteral("its event loop may stand still")},
        {QStringLiteral("limits"), QStringLiteral("handshake, retry, ping and silence in milliseconds"),
         QStringLiteral("MS,MS,MS,MS")},
        {QStringLiteral("name"), QStringLiteral("what it calls itself"), QStringLiteral("NAME")},
        {QStringLiteral("store"), QStringLiteral("where it keeps files that peers send"), QStringLiteral("FOLDER")},
        {QStringLiteral("max-file-size"), QStringLiteral("which it takes"), QStringLiteral("BYTES")},
        {QStringLiteral("external"), QStringLiteral("where a router passes connections on to it"),
         QStringLiteral("ADDRESS:PORT")},
        {QStringLiteral("discover"), QStringLiteral("where others find it"),
         QStringLiteral("UDP-PORT,GROUP4[,GROUP6]")},
        {QStringLiteral("interfaces"), QStringLiteral("where others find it; empty: everywhere"),
         QStringLiteral("NAME,..."), QStringLiteral("lo")},
        {QStringLiteral("first-interval"), QStringLiteral("between the first questions of discovery"),
         QStringLiteral("MS")},
    });
    parser.process(app);
    if (parser.isSet(QStringLiteral("limits")))
        setLimits(parser.value(QStringLiteral("limits")));
    PeerNetwork::Options options;
    options.address = parser.value(QStringLiteral("address"));
    options.port = parser.value(QStringLiteral("port")).toUShort();
    options.secret = Secret(parser.value(QStringLiteral("secret")).toUtf8());
    options.mayBeBusy = parser.isSet(QStringLiteral("busy"));
    options.name = parser.value(QStringLiteral("name"));
    const auto external = Location::fromString(parser.value(QStringLiteral("external")));
    options.externalAddress = external.address();
    options.externalPort = external.port();
    std::unique_ptr<PeerNetwork> network;
    try {
        network = std::make_unique<PeerNetwork>(options);
    } catch (const Error &e) {
        print(QStringLiteral("Error: ") + e.message());
        return 1;
    }
    network->offer(QStringLiteral("add"), add);
    network->offer(QStringLiteral("wait"), waitForever);
    const Coro<> sleeper = spawn(waitForever);
    sleeper.registerName(QStringLiteral("sleeper"));
    network->offer(QStringLiteral("subscribeMany"), subscribeMany);
    const Channel news(QStringLiteral("news"));
    news.registerName();
    const auto record = std::make_shared<Record>();
    offerRecorder(*network, record);
    offerSending(*network);
    offerRows(*network);
    std::optional<FileStore> store;
    if (parser.isSet(QStringLiteral("store"))) {
        using Access = FileStore::Access;
        FileStore::Options how;
        how.allowed = Access::Add | Access::Replace | Access::Remove;
        if (parser.isSet(QStringLiteral("max-file-size")))
            how.maxFileSize = parser.value(QStringLiteral("max-file-size")).toLongLong();
        store.emplace(*network, parser.value(QStringLiteral("store")), how);
    }
    std::optional<Discovery> discovery;
    executeCommands(*network, discovery, record);

    if (parser.isSet(QStringLiteral("discover"))) {
        const QStringList texts = parser.value(QStringLiteral("discover")).split(u',');
        Discovery::Options where;
        where.port = texts.value(0).toUShort();
        where.group4 = texts.value(1);
        where.group6 = texts.value(2, where.group6);
        where.interfaces = parser.value(QStringLiteral("interfaces")).split(u',', Qt::SkipEmptyParts);
        if (parser.isSet(QStringLiteral("first-interval")))
            Detail::discoveryLimits().firstInterval =
                std::chrono::milliseconds(parser.value(QStringLiteral("first-interval")).toInt());
        discovery.emplace(*network, where);
    }
    print(network->location().toString());
    return Asyncoro::exec();
}
