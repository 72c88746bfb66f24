// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/PeerNetwork>
#include <Asyncoro/SharedFile>

#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

Task<int> add(int a, int b)
{
    co_return a + b;
}

Task<> failNow(QString text)
{
    throw Error(text);
    co_return;
}

Task<> waitForever()
{
    co_await sleep(QDeadlineTimer::Forever);
}

/** Answers each [sender, n] with n + 1. */
Task<> increment()
{
    for (;;) {
        const auto request = co_await receive<QVariantList>();
        request.at(0).value<Coro<>>().send(request.at(1).toInt() + 1);
    }
}

} // namespace

/** Two networks in one process: everything but the process itself is as between two. */
class PeerNetworkTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_near = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret")});
        m_far = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret")});
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    void callsAFunctionOverThere()
    {
        m_far->offer(QStringLiteral("add"), add);
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2)), 3);
    }

    void failuresComeBack()
    {
        m_far->offer(QStringLiteral("fail"), failNow);
        try {
            waitFor(m_near->call(m_far->location(), QStringLiteral("fail"), QStringLiteral("no paper")));
            QFAIL("did not throw");
        } catch (const RemoteError &e) {
            QCOMPARE(e.message(), QStringLiteral("no paper"));
            QCOMPARE(e.type(), QStringLiteral("Asyncoro::Error"));
        }
        QVERIFY_THROWS_EXCEPTION(WireError, waitFor(m_near->call(m_far->location(), QStringLiteral("no such function"))));
    }

    void messagesGoBothWays()
    {
        const Coro<> server = spawn(increment);
        m_far->registerCoro(QStringLiteral("increment"), server);
        auto client = [this]() -> Task<int> {
            const Coro<> remote = co_await m_near->locate(m_far->location(), QStringLiteral("increment"));
            int n = 0;
            for (int i = 0; i < 100; ++i) {
                remote.send(QVariantList{QVariant::fromValue(Coro<>::self()), n});
                n = co_await receive<int>();
            }
            co_return n;
        };
        QCOMPARE(waitFor(client()), 100);
        server.terminate();
    }

    void terminateAndMonitorOverThere()
    {
        m_far->offer(QStringLiteral("wait"), waitForever);
        auto client = [this]() -> Task<CoroState> {
            const Coro<> remote = co_await m_near->start(m_far->location(), QStringLiteral("wait"));
            remote.monitor(Coro<>::self());
            remote.terminate();
            co_return (co_await receive<ExitNotice>()).state();
        };
        QCOMPARE(waitFor(client()), CoroState::Terminated);
    }

    void aLostPeerEndsWhatWaitsForIt()
    {
        m_far->offer(QStringLiteral("wait"), waitForever);
        const Coro<> caller = spawn(m_near->call(m_far->location(), QStringLiteral("wait")));
        QTRY_VERIFY(m_near->peers().size() == 1);
        m_far.reset();
        QVERIFY_THROWS_EXCEPTION(PeerLost, waitFor(caller));
    }

    void wrongSecretIsRefused()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("refused a connection from .*: it has another secret")));
        PeerNetwork stranger(PeerNetwork::Options{.secret = Secret("guess")});
        QVERIFY_THROWS_EXCEPTION(PeerRefused, waitFor(stranger.connect(m_far->location())));
    }

    void filesAreFetched()
    {
        const QTemporaryDir folder;
        const QString source = folder.filePath(QStringLiteral("a file\nwith a line break"));
        QByteArray content(3'000'000, 'x');
        content[2'999'999] = 'y';
        QFile file(source);
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
        file.close();
        const SharedFile shared(*m_far, source);
        m_far->offer(QStringLiteral("file"), [shared]() -> Task<SharedFile> { co_return shared; });
        auto client = [&]() -> Task<> {
            const auto remote = co_await m_near->call<SharedFile>(m_far->location(), QStringLiteral("file"));
            co_await fetchFile(*m_near, remote, folder.filePath(QStringLiteral("copy")));
        };
        waitFor(client());
        QFile copy(folder.filePath(QStringLiteral("copy")));
        QVERIFY(copy.open(QIODevice::ReadOnly));
        QCOMPARE(copy.readAll(), content);
    }

private:
    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(PeerNetworkTest)
#include "peernetworktest.moc"
