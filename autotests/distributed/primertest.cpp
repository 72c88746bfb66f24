// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The programs of docs/distributed.md: what each process does is one coroutine here.

#include "distributedtest.h"

#include <QVersionNumber>

#include <numeric>

using namespace DistributedTest;

namespace {

Task<> printer()
{
    for (;;) {
        const auto job = co_await receive<QVariantList>();
        job.at(1).value<Coro<>>().send(job.at(0).toString() + " is printed");
    }
}

Task<QString> print(PeerNetwork &network, QString text)
{
    const Coro<> printer = co_await network.locate("printer", 5s);
    co_await printer.deliver(QVariantList{text, QVariant::fromValue(Coro<>::self())}, 5s);
    co_return co_await receive<QString>();
}

Task<QString> watch(Coro<> printer)
{
    printer.monitor(Coro<>::self());
    const auto notice = co_await receive<ExitNotice>();
    co_return notice.state() == CoroState::Lost ? "its process is gone: " + notice.error() : "it has ended";
}

Task<int> follow(PeerNetwork &network)
{
    const Channel news = co_await network.locate<Channel>("news", 5s);
    co_await news.subscribe(Coro<>::self(), 5s); // from here on nothing is missed
    co_return co_await receive<int>();
}

Task<int> publish()
{
    const Channel news("news");
    news.registerName();
    co_return co_await news.deliver(42, 2, 5s); // as soon as there are two subscribers
}

Task<double> mean(QList<double> values)
{
    co_return std::accumulate(values.cbegin(), values.cend(), 0.0) / double(values.size());
}

Task<double> useMean(PeerNetwork &network)
{
    const auto mean = co_await network.locate<Rci<double(QList<double>)>>("mean", 5s);
    const double first = co_await mean.call({1, 2, 3}); // runs over there
    const Coro<double> running = co_await mean.start({4, 5, 6}); // goes on over there
    running.link(Coro<>::self()); // if it fails, this coroutine does, too
    co_return first + co_await running;
}

void registerVersions()
{
    registerMessageType<QVersionNumber>(
        [](const QVersionNumber &version) { return version.toString(); },
        [](const QCborValue &text) { return QVersionNumber::fromString(text.toString()); });
}

} // namespace

class PrimerTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_here = makeNetwork();
        m_there = makeNetwork();
        waitFor(m_here->connect(m_there->location()));
    }

    void cleanup()
    {
        m_here.reset();
        m_there.reset();
    }

    void peers()
    {
        PeerNetwork::Options options;
        options.address = "127.0.0.1"; // "0.0.0.0" or "::" for all
        options.secret = Secret("s3cret"); // or Secret::fromFile()
        PeerNetwork network(options);
        waitFor(network.connect(m_there->location(), 5s));
        QCOMPARE(network.peers().size(), 1);
    }

    void handlesAndNames()
    {
        const Coro<> server = spawn(printer);
        server.registerName("printer");
        QCOMPARE(waitFor(print(*m_here, QStringLiteral("page 1")), 10s), QStringLiteral("page 1 is printed"));
        const auto remote = waitFor(m_here->find(m_there->location(), QStringLiteral("printer")));
        const Coro<QString> watcher = spawn(watch, remote);
        letOthersRun();
        waitFor(remote.deliver(QVariantList{QString(), QVariant::fromValue(Coro<>(watcher))}));
        m_there.reset();
        QVERIFY(waitFor(watcher, 10s).startsWith(QStringLiteral("its process is gone")));
        server.terminate();
    }

    void channels()
    {
        const Coro<int> publisher = spawn(publish);
        const Coro<int> first = spawn(follow(*m_here));
        const Coro<int> second = spawn(follow(*m_there));
        QCOMPARE(waitFor(publisher, 10s), 2);
        QCOMPARE(waitFor(first, 10s), 42);
        QCOMPARE(waitFor(second, 10s), 42);
    }

    void functions()
    {
        m_there->offer("mean", mean);
        QCOMPARE(waitFor(useMean(*m_here), 10s), 7.0);
    }

    void types()
    {
        registerVersions();
        const QVersionNumber version(1, 2, 3);
        m_there->offer("next", [](QVersionNumber last) -> Task<QVersionNumber> {
            co_return QVersionNumber(last.majorVersion() + 1);
        });
        QCOMPARE(waitFor(m_here->call<QVersionNumber>(m_there->location(), "next", version)), QVersionNumber(2));
    }

private:
    std::unique_ptr<PeerNetwork> m_here;
    std::unique_ptr<PeerNetwork> m_there;
};

QTEST_GUILESS_MAIN(PrimerTest)
#include "primertest.moc"
