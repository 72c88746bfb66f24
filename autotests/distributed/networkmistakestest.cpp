// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <Asyncoro/Rci>

#include <QThread>

using namespace DistributedTest;

/** What one may get wrong with a PeerNetwork, and what it says. */
class NetworkMistakesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_far = makeNetwork();
        m_far->offer(QStringLiteral("add"), add);
        m_near = makeNetwork();
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    void usedOnAnotherThread()
    {
        const Location there = m_far->location();
        const Peer peer = waitFor(m_near->connect(there));
        const auto complaint = QStringLiteral("a PeerNetwork works on the thread that it was made on only");
        QStringList texts;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            texts << failureOf<Error>(m_near->connect(there));
            texts << failureOf<Error>(m_near->call<int>(there, QStringLiteral("add"), 1, 2));
            texts << failureOf<Error>(m_near->call<int>(peer, QStringLiteral("add"), 1, 2));
            texts << failureOf<Error>(m_near->start(there, QStringLiteral("add"), 1, 2));
            texts << failureOf<Error>(m_near->locate<Coro<>>(there, QStringLiteral("nobody")));
            texts << failureOf<Error>([&] { m_near->closePeer(there); });
            texts << failureOf<Error>([&] { static_cast<void>(m_near->peers()); });
        }));
        thread->start();
        QVERIFY(thread->wait());
        for (const QString &text : std::as_const(texts))
            QCOMPARE(text, complaint);
        QCOMPARE(waitFor(m_near->call<int>(there, QStringLiteral("add"), 1, 2)), 3); // nothing is out of order
    }

    void aNameOfThisProcessIsNotWaitedForWithoutTheNetwork()
    {
        const Coro<Rci<>> waiting = spawn([](PeerNetwork *network) -> Task<Rci<>> {
            co_return co_await network->locate<Rci<>>(network->location(), QStringLiteral("nothing"));
        }, m_near.get());
        letOthersRun();
        m_near.reset();
        QVERIFY(failureOf<PeerLost>([&] { waitFor(waiting); }).contains(QStringLiteral("left the network")));
    }

private:
    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(NetworkMistakesTest)
#include "networkmistakestest.moc"
