// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <QBitArray>
#include <QSemaphore>
#include <QThread>

using namespace DistributedTest;

namespace {

class Unsendable
{
};

Task<> failNow(QString text)
{
    throw Error(text);
    co_return;
}

/** Gives the notices that it gets. */
Task<QList<ExitNotice>> collectNotices(int count)
{
    QList<ExitNotice> all;
    while (all.size() < count)
        all << co_await receive<ExitNotice>();
    co_return all;
}

/** Runs `work` on a thread of its own, while the event loop of this one goes on. */
void onAnotherThread(const std::function<void()> &work)
{
    const std::unique_ptr<QThread> thread(QThread::create(work));
    thread->start();
    QTRY_VERIFY_WITH_TIMEOUT(thread->isFinished(), 20'000);
    thread->wait();
}

} // namespace

/** Handles of coroutines that run elsewhere: what Coro promises holds for them. */
class RemoteCoroTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_near = makeNetwork();
        m_far = makeNetwork();
        m_far->offer(QStringLiteral("wait"), waitForever);
        m_far->offer(QStringLiteral("add"), add);
        m_far->offer(QStringLiteral("fail"), failNow);
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    // --- messages ---

    void C08_messagesArriveInOrder()
    {
        constexpr int Count = 2000;
        const Coro<QStringList> collector = spawn(collect, Count);
        const Coro<> remote = toNear(collector);
        QStringList sent;
        for (int i = 0; i < Count; ++i) {
            QVERIFY(remote.send(i)); // the first ones before there is a connection
            sent << QString::number(i);
            if (i % 500 == 0)
                QTest::qWait(0);
        }
        QCOMPARE(waitFor(collector), sent);
    }

    void C08_sendAndDeliverKeepTheirOrder()
    {
        const Coro<QStringList> collector = spawn(collect, 4);
        const Coro<> remote = toNear(collector);
        remote.send(1);
        const Coro<> second = spawn(remote.deliver(2));
        letOthersRun();
        remote.send(3);
        const Coro<> fourth = spawn(remote.deliver(4));
        waitFor(second);
        waitFor(fourth);
        QCOMPARE(waitFor(collector).join(u' '), QStringLiteral("1 2 3 4"));
    }

    void messagesBeforeTheEndOfTheNetworkArrive()
    {
        // More than goes out at once: some wait in the link, some in the socket.
        auto sizes = []() -> Task<QList<qsizetype>> {
            QList<qsizetype> all;
            while (all.size() < 6)
                all << (co_await receive<QByteArray>()).size();
            co_return all;
        };
        const Coro<QList<qsizetype>> collector = spawn(sizes);
        const Coro<> remote = toNear(collector);
        waitFor(m_near->connect(m_far->location()));
        for (int i = 1; i <= 6; ++i) {
            remote.send(QByteArray(i * 1'000'000, 'x'));
            letOthersRun();
        }
        m_near.reset();
        QCOMPARE(waitFor(collector, 10s), (QList<qsizetype>{1'000'000, 2'000'000, 3'000'000, 4'000'000, 5'000'000, 6'000'000}));
    }

    void messagesGoBothWays()
    {
        const Coro<> server = spawn([]() -> Task<> {
            for (;;) {
                const auto request = co_await receive<QVariantList>();
                request.at(0).value<Coro<>>().send(request.at(1).toInt() + 1);
            }
        });
        server.registerName(QStringLiteral("increment"));
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

    void C09_deliverToOneThatHasEnded()
    {
        const Coro<> target = spawn(waitForever);
        const Coro<> remote = toNear(target);
        waitFor(remote.deliver(1));
        target.terminate();
        waitEnd(target);
        QVERIFY(failureOf<CoroEnded>(remote.deliver(2)).contains(QStringLiteral("has ended")));
        QVERIFY(remote.send(3)); // nobody has told yet
    }

    void C09_deliverTimesOut()
    {
        // The deadline is over before the answer can have come.
        const Coro<QStringList> collector = spawn(collect, 2);
        const Coro<> remote = toNear(collector);
        waitFor(m_near->connect(m_far->location()));
        QVERIFY(!failureOf<TimedOut>(remote.deliver(QStringLiteral("a"), 0ms)).startsWith(u'<'));
        waitFor(remote.deliver(QStringLiteral("b"), 10s));
        collector.terminate();
    }

    void C09_cancellingADeliveryLeavesTheMessage()
    {
        const Coro<QStringList> collector = spawn(collect, 2);
        const Coro<> remote = toNear(collector);
        waitFor(m_near->connect(m_far->location()));
        const Coro<> delivery = spawn(remote.deliver(QStringLiteral("a")));
        letOthersRun();
        delivery.terminate();
        remote.send(QStringLiteral("b"));
        QCOMPARE(waitFor(collector).join(u' '), QStringLiteral("a b"));
        QCOMPARE(delivery.state(), CoroState::Terminated);
    }

    void whatCannotBeSentIsTold()
    {
        const Coro<QStringList> collector = spawn(collect, 1);
        const Coro<> remote = toNear(collector);
        QVERIFY(failureOf<WireError>([&] { remote.send(QBitArray(2)); }).contains(QStringLiteral("QBitArray")));
        QVERIFY(failureOf<WireError>(remote.deliver(QBitArray(2))).contains(QStringLiteral("QBitArray")));
        remote.send(QStringLiteral("a"));
        QCOMPARE(waitFor(collector), QStringList{QStringLiteral("a")});
    }

    // --- the end of a coroutine ---

    void itsValueIsWaitedFor()
    {
        const Coro<int> local = spawn(add, 1, 2);
        QCOMPARE(waitFor(Coro<int>(toNear(local).data())), 3);
        const Coro<int> ended(toNear(local).data()); // it has ended already
        QCOMPARE(waitFor(ended), 3);
        QCOMPARE(ended.state(), CoroState::Finished);
        waitFor(Coro<>(ended)); // without its value
        QVERIFY(failureOf<Error>(Coro<QVariantMap>(ended.data())).contains(QStringLiteral("returned int, not QVariantMap")));
    }

    void itsFailureIsThrown()
    {
        const Coro<> failed = waitFor(m_near->start(m_far->location(), QStringLiteral("fail"), QStringLiteral("no paper")));
        try {
            waitFor(failed);
            QFAIL("did not throw");
        } catch (const RemoteError &e) {
            QCOMPARE(e.message(), QStringLiteral("no paper"));
            QCOMPARE(e.type(), QStringLiteral("Asyncoro::Error"));
        }
        QCOMPARE(failed.state(), CoroState::Failed);
        waitFor(m_near->anchorOf(m_far->location())); // there they know now that it was waited for
    }

    void aFailureThatNobodyWaitsForIsLoggedWhereItRan()
    {
        waitFor(m_near->start(m_far->location(), QStringLiteral("fail"), QStringLiteral("no paper")));
        expectWarning(QStringLiteral("^fail .*failed, and nobody waited for it: no paper"));
        m_far.reset();
    }

    void waitingTimesOut()
    {
        const Coro<> remote = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        QVERIFY(!failureOf<TimedOut>([&]() -> Task<> { co_await remote.finish(5ms); }()).startsWith(u'<'));
        QCOMPARE(remote.state(), CoroState::Running);
        const Coro<> joiner = spawn([remote]() -> Task<> { co_await remote; });
        letOthersRun();
        joiner.terminate(); // leaves the other alone
        waitFor(remote.deliver(1));
        remote.terminate();
        QVERIFY(!failureOf<CoroTerminated>(remote).startsWith(u'<'));
    }

    void terminateRunsDestructors()
    {
        bool ended = false;
        const Coro<> local = spawn([&]() -> Task<> {
            const AtEnd atEnd(ended);
            co_await waitForever();
        });
        const Coro<> remote = toNear(local);
        waitFor(remote.deliver(1)); // it runs
        QVERIFY(!ended);
        remote.terminate();
        QTRY_VERIFY(ended);
        QCOMPARE(local.state(), CoroState::Terminated);
        remote.terminate(); // once more does nothing
        waitFor(m_near->call(m_far->location(), QStringLiteral("add"), 1, 2));
    }

    void monitorsAreTold_data()
    {
        QTest::addColumn<QString>("how");
        QTest::addColumn<CoroState>("state");
        QTest::newRow("finished") << QStringLiteral("finish") << CoroState::Finished;
        QTest::newRow("failed") << QStringLiteral("fail") << CoroState::Failed;
        QTest::newRow("terminated") << QStringLiteral("terminate") << CoroState::Terminated;
        QTest::newRow("lost") << QStringLiteral("lose") << CoroState::Lost;
    }

    void monitorsAreTold()
    {
        QFETCH(QString, how);
        QFETCH(CoroState, state);
        const Coro<> local = spawn([]() -> Task<QVariant> {
            if (co_await receive<QString>() == u"fail")
                throw Error(QStringLiteral("no paper"));
            co_return QVariantMap{{QStringLiteral("pages"), 3}};
        });
        const Coro<> remote = toNear(local);
        const Coro<QList<ExitNotice>> observer = spawn(collectNotices, 3);
        remote.monitor(observer);
        remote.monitor(observer); // each monitor is told
        toNear(local).monitor(observer); // by whichever handle
        waitFor(remote.deliver(1));
        QVERIFY(observer.state() == CoroState::Running);
        if (how == u"terminate")
            remote.terminate();
        else if (how == u"lose")
            m_far.reset();
        else
            remote.send(how);
        const QList<ExitNotice> notices = waitFor(observer, 10s);
        for (const ExitNotice &notice : notices) {
            QCOMPARE(notice.coro(), remote);
            QCOMPARE(notice.state(), state);
            QCOMPARE(notice.value(), state == CoroState::Finished ? QVariant(QVariantMap{{QStringLiteral("pages"), 3}}) : QVariant());
            QCOMPARE(notice.error().isEmpty(), state == CoroState::Finished);
        }
        if (state == CoroState::Failed)
            QCOMPARE(notices.first().error(), QStringLiteral("no paper"));
        QCOMPARE(remote.state(), state);
        local.terminate();

        // Later ones are told at once.
        const Coro<QList<ExitNotice>> late = spawn(collectNotices, 1);
        remote.monitor(late);
        QCOMPARE(waitFor(late, 10s).first().state(), state);
    }

    void messagesBeforeTheEndComeBeforeTheNotice()
    {
        const auto events = waitFor([](RemoteCoroTest *test) -> Task<QStringList> {
            test->m_far->offer(QStringLiteral("last words"), [](Coro<> listener) -> Task<> {
                for (int i = 0; i < 3; ++i)
                    listener.send(i);
                co_return;
            });
            const Coro<> remote = co_await test->m_near->start(test->m_far->location(), QStringLiteral("last words"), Coro<>::self());
            remote.monitor(Coro<>::self());
            QStringList seen;
            while (seen.size() < 4)
                seen << QString::fromLatin1((co_await receive()).typeName());
            co_return seen;
        }(this));
        QCOMPARE(events, (QStringList{QStringLiteral("int"), QStringLiteral("int"), QStringLiteral("int"), QStringLiteral("Asyncoro::ExitNotice")}));
    }

    void aRemoteMonitorOfALocalCoroutine()
    {
        const Coro<QList<ExitNotice>> observer = spawn(collectNotices, 2);
        const Coro<> remoteObserver = toNear(observer);
        const Coro<int> finishing = spawn(add, 1, 2);
        finishing.monitor(remoteObserver);
        const Coro<> failing = spawn(failNow, QStringLiteral("no paper"));
        failing.monitor(remoteObserver);
        const QList<ExitNotice> notices = waitFor(observer, 10s);
        QCOMPARE(notices[0].value(), QVariant(3));
        QCOMPARE(notices[1].error(), QStringLiteral("no paper"));
    }

    void aValueThatCannotBeSentIsAFailure()
    {
        const auto unsendable = []() -> Task<Unsendable> { co_return Unsendable(); };
        // where the coroutine has a monitor elsewhere
        const Coro<QList<ExitNotice>> observer = spawn(collectNotices, 1);
        expectWarning(QStringLiteral("the value of .* was not sent: a .*Unsendable cannot be sent"));
        spawn(unsendable).monitor(toNear(observer));
        const ExitNotice notice = waitFor(observer, 10s).first();
        QCOMPARE(notice.state(), CoroState::Failed);
        QVERIFY(notice.error().contains(QStringLiteral("Unsendable cannot be sent")));
        QVERIFY(!notice.value().isValid());

        // and where it is waited for from elsewhere
        expectWarning(QStringLiteral("the value of .* was not sent: a .*Unsendable cannot be sent"));
        const Coro<Unsendable> local = spawn(unsendable);
        QVERIFY(failureOf<WireError>(toNear(local)).contains(QStringLiteral("Unsendable cannot be sent")));
    }

    void whatIsNoLongerKnownIsToldSo()
    {
        const Coro<> local = spawn(waitForever);
        const QByteArray bytes = m_far->toBytes(QVariant::fromValue(local));
        local.terminate();
        waitEnd(local);
        // Ended coroutines are kept for those who may still ask, but not for ever.
        for (int i = 0; i < 40'000; ++i) {
            const Coro<> other = spawn([]() -> Task<> { co_return; });
            static_cast<void>(m_far->toBytes(QVariant::fromValue(other)));
            if (i % 500 == 0)
                waitFor(other);
        }
        const auto remote = m_near->fromBytes(bytes).value<Coro<>>();
        QVERIFY(failureOf<CoroEnded>(remote).contains(QStringLiteral("no longer known")));
        QCOMPARE(remote.state(), CoroState::Lost);
        QVERIFY(!failureOf<CoroEnded>(remote.deliver(1)).startsWith(u'<'));
    }

    void watchersThatComeAndGo()
    {
        // Those who watch one that lives long are forgotten when they go.
        bool released = false;
        {
            const Coro<> local = spawn(waitForever);
            for (int i = 0; i < 20; ++i) {
                auto passing = makeNetwork();
                const auto remote = passing->fromBytes(m_far->toBytes(QVariant::fromValue(local))).value<Coro<>>();
                const Coro<> joiner = spawn([remote]() -> Task<> { co_await remote; });
                waitFor(remote.deliver(i));
                passing.reset();
                QVERIFY(!failureOf<PeerLost>(joiner).startsWith(u'<'));
            }
            QTRY_VERIFY(m_far->peers().isEmpty());
            m_far->offer(QStringLiteral("keep"), [guard = std::make_shared<AtEnd>(released)]() -> Task<> { co_return; });
            m_far.reset();
            // Had anything that waits for `local` kept hold of the network, it would be there still.
            QTRY_VERIFY(released);
            QCOMPARE(local.state(), CoroState::Running);
            local.terminate();
        }
    }

    // --- three processes ---

    void aHandleWorksWhereverItIsPassed()
    {
        const auto third = makeNetwork();
        const Coro<QStringList> collector = spawn(collect, 2);
        collector.registerName(QStringLiteral("collector"));
        third->offer(QStringLiteral("use"), [](Coro<> coro) -> Task<> {
            coro.send(QStringLiteral("a"));
            co_await coro.deliver(QStringLiteral("b"));
            co_await coro;
        });
        const Coro<> handle = waitFor(m_near->locate(m_far->location(), QStringLiteral("collector")));
        waitFor(m_near->call(third->location(), QStringLiteral("use"), handle), 10s);
        QCOMPARE(waitFor(collector).join(u' '), QStringLiteral("a b"));
        QCOMPARE(third->peers().size(), 2);
        QCOMPARE(m_far->peers().size(), 2);
        // And it goes on when who passed it is gone.
        const Coro<> sleeper = spawn(waitForever);
        const auto remote = third->fromBytes(m_near->toBytes(QVariant::fromValue(toNear(sleeper)))).value<Coro<>>();
        m_near.reset();
        waitFor(remote.deliver(1), 10s);
        remote.terminate();
        QVERIFY(!failureOf<CoroTerminated>(remote).startsWith(u'<'));
    }

    void aHandleThatComesHomeIsTheCoroutine()
    {
        const Coro<> local = spawn(waitForever);
        m_far->offer(QStringLiteral("echo"), [](Coro<> coro) -> Task<Coro<>> { co_return coro; });
        const auto back = waitFor(m_near->call<Coro<>>(m_far->location(), QStringLiteral("echo"), local));
        QCOMPARE(back.data(), local.data());
        QVERIFY(!back.location().isValid());
        local.terminate();
    }

    // --- threads ---

    void anotherThreadUsesAHandle()
    {
        const Coro<QStringList> collector = spawn(collect, 100);
        const Coro<> sink = toNear(collector);
        const Coro<> victim = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        const Coro<int> sum(toNear(spawn(add, 1, 2)).data());
        QString text;
        CoroState state{};
        int value = 0;
        onAnotherThread([&] {
            for (int i = 0; i < 100; ++i)
                sink.send(i);
            text = failureOf<Error>(sink.deliver(1));
            const Coro<QList<ExitNotice>> observer = spawn(collectNotices, 1);
            victim.monitor(observer);
            victim.terminate();
            state = waitFor(observer, 10s).first().state();
            value = waitFor(sum, 10s);
        });
        QVERIFY2(text.contains(QStringLiteral("thread of the PeerNetwork")), qPrintable(text));
        QCOMPARE(state, CoroState::Terminated);
        QCOMPARE(value, 3);
        QStringList expected;
        for (int i = 0; i < 100; ++i)
            expected << QString::number(i);
        QCOMPARE(waitFor(collector), expected);
    }

    void aFloodOfAnotherThreadIsRefusedInTime()
    {
        auto count = []() -> Task<int> {
            int messages = 0;
            while (!(co_await receive<QByteArray>()).isEmpty())
                ++messages;
            co_return messages;
        };
        const Coro<int> counter = spawn(count);
        const Coro<> remote = toNear(counter);
        const QByteArray megabyte(1024 * 1024, 'x');
        int accepted = 0;
        bool refused = false;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            for (; accepted < 200 && !refused; accepted += !refused)
                refused = !remote.send(megabyte);
        }));
        thread->start();
        thread->wait(); // while this event loop takes nothing
        QVERIFY(refused);
        QCOMPARE_GE(accepted, 32);
        QCOMPARE_LE(accepted, 64); // MiB, the send limit
        bool taken = false;
        QTRY_VERIFY_WITH_TIMEOUT((onAnotherThread([&] { taken = taken || remote.send(QByteArray()); }), taken), 20'000);
        QCOMPARE(waitFor(counter, 20s), accepted);
    }

    void whatAnotherThreadCannotSendIsLogged()
    {
        const Coro<QStringList> collector = spawn(collect, 1);
        const Coro<> remote = toNear(collector);
        expectWarning(QStringLiteral("for another thread: a QBitArray cannot be sent"));
        onAnotherThread([&] {
            remote.send(QBitArray(2));
            remote.send(QStringLiteral("a"));
        });
        QCOMPARE(waitFor(collector), QStringList{QStringLiteral("a")});
    }

    void aCoroutineOfAnotherThreadIsReached()
    {
        Coro<QStringList> collector;
        QSemaphore started;
        QString all;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            collector = spawn(collect, 2);
            started.release();
            all = waitFor(collector).join(u' ');
        }));
        thread->start();
        QVERIFY(started.tryAcquire(1, 10'000));
        const Coro<> remote = toNear(collector);
        remote.send(QStringLiteral("a"));
        waitFor(remote.deliver(QStringLiteral("b")));
        waitFor(remote, 10s);
        QTRY_VERIFY(thread->isFinished());
        thread->wait();
        QCOMPARE(all, QStringLiteral("a b"));
    }

    /** What was acknowledged lies in the mailbox, and what there is no room for waits. */
    void C09_aDeliveryWaitsForTheMailboxOfAnotherThread()
    {
        Coro<QString> target;
        QSemaphore started;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            target = spawn([]() -> Task<QString> { co_return co_await receive<QString>(); });
            target.setMailboxLimit(1);
            started.release();
            static_cast<void>(failureOf<CoroTerminated>(target));
        }));
        thread->start();
        QVERIFY(started.tryAcquire(1, 10'000));
        const Coro<> remote = toNear(target);
        waitFor(remote.deliver(1));
        const auto deliver = [](Coro<> to, int number) -> Task<> { co_await to.deliver(number); };
        const Coro<> second = spawn(deliver, remote, 2);
        QVERIFY(!failureOf<TimedOut>(remote.deliver(3, 100ms)).startsWith(u'<'));
        const Channel channel(QStringLiteral("news"));
        channel.subscribe(remote);
        QCOMPARE(waitFor(channel.deliver(4, 1, 100ms)), 0);
        QVERIFY(second.isRunning());
        target.terminate();
        QVERIFY(!failureOf<CoroEnded>(second).startsWith(u'<'));
        QTRY_VERIFY(thread->isFinished());
        thread->wait();
    }

    void C08_whatAnotherThreadSendsWaitsForAFullMailboxElsewhere()
    {
        constexpr int Count = 50;
        const Coro<QStringList> slow = spawn([]() -> Task<QStringList> {
            co_await receive<bool>();
            co_return co_await collect(Count + 2);
        });
        slow.setMailboxLimit(1);
        const Coro<> remote = toNear(slow);
        const Coro<> barrier = toNear(spawn(collect, 2));
        QVERIFY(remote.send(-2));
        QVERIFY(remote.send(-1));
        waitFor(barrier.deliver(1)); // by then it is known that the mailbox is full
        QVERIFY(!remote.send(0));
        const qint64 unread = m_far->peers().constFirst().info().unread;
        QVERIFY(unread > 0);
        onAnotherThread([&] {
            for (int i = 0; i < Count; ++i)
                QVERIFY(remote.send(i));
            barrier.send(2);
        });
        waitFor(barrier, 10s); // so all of that has come to the network's thread
        QCOMPARE(m_far->peers().constFirst().info().unread, unread);
        slow.send(true);
        const QStringList all = waitFor(slow, 10s);
        for (int i = 0; i < Count + 2; ++i)
            QCOMPARE(all[i], QString::number(i - 2));
    }

    void theNetworkEndsWhileAnotherThreadWaits()
    {
        const Coro<> remote = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        const Coro<> unwatched = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        QSemaphore waiting;
        QSemaphore ended;
        QString watched;
        QString late;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            const Coro<> joiner = spawn([remote]() -> Task<> { co_await remote; });
            letOthersRun();
            waiting.release();
            watched = failureOf<PeerLost>(joiner);
            ended.acquire();
            late = failureOf<PeerLost>(unwatched); // asked for only now
            unwatched.send(1);
            unwatched.terminate();
        }));
        thread->start();
        QTRY_COMPARE(waiting.available(), 1);
        m_near.reset();
        ended.release();
        QTRY_VERIFY_WITH_TIMEOUT(thread->isFinished(), 20'000);
        thread->wait();
        QVERIFY2(!watched.isEmpty() && !watched.startsWith(u'<'), qPrintable(watched));
        QVERIFY2(!late.isEmpty() && !late.startsWith(u'<'), qPrintable(late));
    }

    void manyThreadsUseOneHandle()
    {
        constexpr int Threads = 4;
        constexpr int Each = 200;
        const Coro<QStringList> collector = spawn(collect, Threads * Each);
        const Coro<> remote = toNear(collector);
        std::vector<std::unique_ptr<QThread>> threads;
        for (int t = 0; t < Threads; ++t) {
            threads.emplace_back(QThread::create([=] {
                const Coro<> observer = spawn(collectNotices, 1);
                for (int i = 0; i < Each; ++i) {
                    remote.send(QStringLiteral("%1 %2").arg(t).arg(i));
                    if (i == Each / 2)
                        remote.monitor(observer);
                }
                waitFor(observer, 20s);
            }));
            threads.back()->start();
        }
        const QStringList all = waitFor(collector, 20s);
        for (int t = 0; t < Threads; ++t) {
            const QStringList own = all.filter(QRegularExpression(QStringLiteral("^%1 ").arg(t)));
            QCOMPARE(own.size(), Each);
            for (int i = 0; i < Each; ++i)
                QCOMPARE(own[i], QStringLiteral("%1 %2").arg(t).arg(i)); // of one thread in order
        }
        for (const auto &thread : threads) {
            QTRY_VERIFY_WITH_TIMEOUT(thread->isFinished(), 20'000);
            thread->wait();
        }
    }

private:
    /** A handle of `coro`, which belongs to m_far, as m_near gets it. */
    Coro<> toNear(const Coro<> &coro)
    {
        return m_near->fromBytes(m_far->toBytes(QVariant::fromValue(coro))).value<Coro<>>();
    }

    /** However it ends. */
    static void waitEnd(const Coro<> &coro) { static_cast<void>(failureOf<Error>(coro)); }

    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(RemoteCoroTest)
#include "remotecorotest.moc"
