// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/freeport.h"
#include "distributedtest.h"

#include <Asyncoro/Suspend>
#include <Asyncoro/Timeout>

#include <QThread>

using namespace DistributedTest;

namespace {

class PaperJam : public Error
{
public:
    using Error::Error;
};

class NotRegistered : public Error
{
public:
    using Error::Error;
};

class Unsendable
{
};

/** Gives what is thrown into it, as its type and text. */
Task<QString> tellWhatIsThrown()
{
    try {
        co_await waitForever();
    } catch (const LinkedCoroEnded &e) {
        co_return QStringLiteral("LinkedCoroEnded %1: %2").arg(int(e.notice().state())).arg(e.notice().error());
    } catch (const PaperJam &e) {
        co_return QStringLiteral("PaperJam ") + e.message();
    } catch (const RemoteError &e) {
        co_return QStringLiteral("RemoteError %1 %2").arg(e.type().section(u':', -1), e.message());
    }
    co_return QString();
}

Task<int> addLater(int a, int b)
{
    co_await receive<QString>();
    co_return a + b;
}

Task<ExitNotice> receiveNotice()
{
    co_return co_await receive<ExitNotice>();
}

} // namespace

/** What a coroutine elsewhere can be asked to do besides taking messages; names; functions as handles. */
class RemoteVerbsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { registerErrorType<PaperJam>(); }

    void init()
    {
        failOnWarnings();
        m_near = makeNetwork();
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), freePort()); // one to which it may come back
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    // --- exceptions and values ---

    void C11_throwsIntoACoroutineElsewhere()
    {
        const auto thrown = [this](auto exception) {
            const Coro<QString> target = spawn(tellWhatIsThrown);
            letOthersRun();
            if (!toNear(target).throwInto(std::move(exception)))
                return QStringLiteral("refused");
            return waitFor(target, 10s);
        };
        QCOMPARE(thrown(PaperJam(QStringLiteral("page 3"))), QStringLiteral("PaperJam page 3"));
        QCOMPARE(thrown(NotRegistered(QStringLiteral("page 4"))), QStringLiteral("RemoteError NotRegistered page 4"));
        QCOMPARE(thrown(std::make_exception_ptr(PaperJam(QStringLiteral("page 5")))), QStringLiteral("PaperJam page 5"));

        // It passes through, and ends the coroutine by it.
        const Coro<> target = spawn(waitForever);
        const Coro<> remote = toNear(target);
        const Coro<> joiner = spawn([remote]() -> Task<> { co_await remote; });
        letOthersRun();
        remote.throwInto(PaperJam(QStringLiteral("page 6")));
        QCOMPARE(failureOf<PaperJam>(joiner), QStringLiteral("page 6"));
        QCOMPARE(remote.state(), CoroState::Failed);
        QVERIFY(!remote.throwInto(PaperJam(QString()))); // it is known to have ended
    }

    void C11_resumesACoroutineElsewhere()
    {
        const Coro<int> target = spawn([]() -> Task<int> { co_return co_await suspend<int>(); });
        const Coro<> remote = toNear(target);
        waitFor(remote.deliver(1)); // it waits
        QVERIFY(remote.resume(42));
        QCOMPARE(waitFor(target, 10s), 42);
        QVERIFY(!failureOf<Error>([&] { remote.setMailboxLimit(1); }).startsWith(u'<'));
    }

    void C12_terminatedIsTold()
    {
        const Coro<> target = spawn(waitForever);
        const Coro<> remote = toNear(target);
        const Coro<ExitNotice> observer = spawn(receiveNotice);
        remote.monitor(observer);
        remote.terminate();
        QCOMPARE(waitFor(observer, 10s).state(), CoroState::Terminated);
    }

    // --- links ---

    void C15_linkedCoroutinesEndTogether_data()
    {
        QTest::addColumn<QString>("how");
        QTest::addColumn<QString>("thrown");
        QTest::newRow("failed") << QStringLiteral("fail") << QStringLiteral("LinkedCoroEnded 2: no paper");
        QTest::newRow("terminated") << QStringLiteral("terminate") << QStringLiteral("LinkedCoroEnded 3: ");
        QTest::newRow("finished") << QStringLiteral("finish") << QString();
        QTest::newRow("unlinked") << QStringLiteral("unlink") << QString();
        QTest::newRow("ended before") << QStringLiteral("before") << QStringLiteral("LinkedCoroEnded 2: no paper");
        QTest::newRow("process lost") << QStringLiteral("lose") << QStringLiteral("LinkedCoroEnded 4: ");
    }

    /** One coroutine of m_near, one of m_far; whichever ends, and whoever links them. */
    void C15_linkedCoroutinesEndTogether()
    {
        QFETCH(QString, how);
        QFETCH(QString, thrown);
        const auto failing = []() -> Task<> {
            if (co_await receive<QString>() == u"fail")
                throw Error(QStringLiteral("no paper"));
        };
        for (const bool farEnds : {true, false}) {
            m_near = makeNetwork();
            m_far = makeNetwork(QStringLiteral("127.0.0.1"), freePort()); // one to which it may come back
            const Coro<> ending = spawn(failing);
            const Coro<QString> other = spawn(tellWhatIsThrown);
            const Coro<> near = farEnds ? Coro<>(other) : ending;
            const Coro<> far = farEnds ? ending : Coro<>(other);
            letOthersRun();
            if (how == u"before") {
                ending.send(QStringLiteral("fail"));
                static_cast<void>(failureOf<Error>(ending));
            }
            near.link(toNear(far));
            if (how == u"unlink")
                near.unlink(toNear(far)); // by another handle
            waitFor(toNear(far.isRunning() ? far : m_far->anchor()).deliver(1)); // so that both sides know
            waitFor(toFar(near.isRunning() ? near : m_near->anchor()).deliver(1));
            waitFor(toNear(far.isRunning() ? far : m_far->anchor()).deliver(1));
            if (how == u"terminate")
                ending.terminate();
            else if (how == u"lose" && farEnds)
                m_far.reset();
            else if (how == u"lose")
                m_near.reset();
            else if (how == u"fail" || how == u"unlink")
                ending.send(QStringLiteral("fail"));
            else
                ending.send(QStringLiteral("finish"));
            if (thrown.isEmpty()) {
                static_cast<void>(failureOf<Error>(ending));
                waitFor(toNear(m_far->anchor()).deliver(1));
                waitFor(toFar(m_near->anchor()).deliver(1));
                QVERIFY(other.isRunning());
                other.terminate();
            } else {
                const QString text = waitFor(other, 10s);
                QVERIFY2(text.startsWith(thrown), qPrintable(text));
            }
            if (how == u"lose")
                static_cast<void>(failureOf<Error>(ending)); // it is told of the other one's process
            ending.terminate();
        }
    }

    void C15_aThirdProcessLinksTwo()
    {
        const auto third = makeNetwork();
        const Coro<> nearCoro = spawn(waitForever);
        const Coro<QString> farCoro = spawn(tellWhatIsThrown);
        const auto handle = [&](PeerNetwork &owner, const Coro<> &coro) {
            return third->fromBytes(owner.toBytes(QVariant::fromValue(coro))).value<Coro<>>();
        };
        const Coro<> first = handle(*m_near, nearCoro);
        const Coro<> second = handle(*m_far, farCoro);
        first.link(second);
        waitFor(second.deliver(1));
        waitFor(first.deliver(1));
        // Each of the two processes knows of the other one now or will; who linked them is not needed.
        QTRY_VERIFY(m_far->peers().size() == 2);
        nearCoro.terminate();
        QVERIFY(waitFor(farCoro, 10s).startsWith(QStringLiteral("LinkedCoroEnded 3")));
    }

    // --- monitors ---

    void C15_aRemoteCoroutineMonitorsARemoteOne()
    {
        const auto third = makeNetwork();
        for (const bool lose : {false, true}) {
            const Coro<> watched = spawn(waitForever); // of m_far
            const Coro<ExitNotice> observer = spawn(receiveNotice); // of the third
            const auto remoteObserver = m_near->fromBytes(third->toBytes(QVariant::fromValue(Coro<>(observer)))).value<Coro<>>();
            toNear(watched).monitor(remoteObserver);
            waitFor(remoteObserver.deliver(1));
            QTRY_VERIFY(third->peers().size() == 2);
            waitFor(third->call<Coro<>>(m_far->location(), QStringLiteral("asyncoro.anchor"))); // behind the Watch
            const Location far = m_far->location();
            if (lose)
                m_far.reset();
            else
                watched.terminate();
            const ExitNotice notice = waitFor(observer, 10s);
            QCOMPARE(notice.state(), lose ? CoroState::Lost : CoroState::Terminated);
            QCOMPARE(notice.coro().id(), watched.id());
            QCOMPARE(notice.coro().location(), far);
            watched.terminate();
        }
    }

    void C15_aValueThatCannotBeSentIsReported()
    {
        expectWarning(QStringLiteral("the value of .* was not sent: a .*Unsendable cannot be sent"));
        const Coro<> remote = toNear(spawn([]() -> Task<Unsendable> { co_return Unsendable(); }));
        const Coro<ExitNotice> observer = spawn(receiveNotice);
        remote.monitor(observer);
        QCOMPARE(waitFor(observer, 10s).state(), CoroState::Failed);
        QVERIFY(!remote.data()->result().isValid());
        // Whoever expects a value is told why there is none.
        QVERIFY(failureOf<WireError>(Coro<int>(remote)).contains(QStringLiteral("Unsendable cannot be sent")));
    }

    void D11_typedResultsAndFailures()
    {
        m_far->offer(QStringLiteral("add"), add);
        m_far->offer(QStringLiteral("jam"), []() -> Task<int> { throw PaperJam(QStringLiteral("page 3")); co_return 0; });
        m_far->offer(QStringLiteral("late"), []() -> Task<int> {
            co_await withTimeout(1ms, waitForever());
            co_return 0;
        });
        QCOMPARE(waitFor(Coro<int>(waitFor(m_near->start(m_far->location(), QStringLiteral("add"), 1, 2)))), 3);
        QCOMPARE(failureOf<PaperJam>(Coro<int>(waitFor(m_near->start(m_far->location(), QStringLiteral("jam"))))), QStringLiteral("page 3"));
        QCOMPARE(failureOf<TimedOut>(m_near->call<int>(m_far->location(), QStringLiteral("late"))), QStringLiteral("withTimeout() timed out"));
    }

    // --- functions ---

    void D11_aFunctionIsAHandle()
    {
        const Rci<int(int, int)> offered = m_far->offer(QStringLiteral("add"), add);
        QCOMPARE(offered.signature(), QStringLiteral("int(int,int)"));
        QCOMPARE(waitFor(offered.call(1, 2)), 3); // in its own process, too
        QCOMPARE(waitFor(waitFor(offered.start(1, 2))), 3);

        const auto remote = waitFor(m_near->find<Rci<int(int, int)>>(m_far->location(), QStringLiteral("add")));
        QCOMPARE(remote.name(), QStringLiteral("add"));
        QCOMPARE(remote.location(), m_far->location());
        QCOMPARE(waitFor(remote.call(3, 4)), 7);
        const Coro<int> started = waitFor(remote.start(5, 6));
        QCOMPARE(started.location(), m_far->location());
        QCOMPARE(waitFor(started), 11);

        // It travels as a message and as an argument, and works where it arrives.
        const auto third = makeNetwork();
        QString onAnotherThread;
        const std::unique_ptr<QThread> thread(
            QThread::create([&] { onAnotherThread = failureOf<Error>(remote.call(1, 2)); }));
        thread->start();
        thread->wait();
        QVERIFY(onAnotherThread.contains(QStringLiteral("on the thread of the PeerNetwork only")));
        third->offer(QStringLiteral("use"), [](Rci<int(int, int)> sum) -> Task<int> { co_return co_await sum.call(20, 22); });
        QCOMPARE(waitFor(m_near->call<int>(third->location(), QStringLiteral("use"), remote), 10s), 42);
        const Coro<Rci<>> receiver = spawn([]() -> Task<Rci<>> { co_return co_await receive<Rci<>>(); });
        toNear(receiver).send(remote);
        const Rci<> home = waitFor(receiver, 10s);
        QVERIFY(!home.location().isValid());
        QCOMPARE(home, Rci<>(offered));
        QCOMPARE(waitFor(Rci<int(int, int)>(home).call(1, 1)), 2);
        QVERIFY(waitFor(m_near->find<Rci<>>(m_far->location(), QStringLiteral("subtract"))).isNull());
    }

    void D11_aWrongCallNamesBothSignatures()
    {
        bool ran = false;
        m_far->offer(QStringLiteral("describe"), [&ran](QString name, QList<double> values) -> Task<QString> {
            ran = true;
            co_return name + QString::number(values.size());
        });
        const QString name = QStringLiteral("describe");
        const QString is = QStringLiteral("the function describe is QString(QString,QList<double>), not ");
        const Location far = m_far->location();
        QCOMPARE(failureOf<WrongSignature>(m_near->find<Rci<QString(QString)>>(far, name)), is + QStringLiteral("QString(QString)"));
        QCOMPARE(failureOf<WrongSignature>(m_near->locate<Rci<QString(QString, int)>>(far, name)), is + QStringLiteral("QString(QString,int)"));
        const auto untyped = waitFor(m_near->find<Rci<>>(far, name));
        using ForNothing = Rci<void(QString, QList<double>)>;
        QCOMPARE(failureOf<WrongSignature>([&] { return ForNothing(untyped); }), is + QStringLiteral("void(QString,QList<double>)"));
        QCOMPARE(failureOf<WrongSignature>(m_near->call(far, name, 1)),
                 QStringLiteral("the function describe is QString(QString,QList<double>), and was called with (int)"));
        QVERIFY(!ran);

        // It was another function when the handle was made.
        const Rci<QString(QString, QList<double>)> old(untyped);
        m_far->withdraw(name);
        QVERIFY(failureOf<WireError>(old.call(QString(), {})).contains(QStringLiteral("offers no function named describe")));
        m_far->offer(name, [&ran](QString) -> Task<QString> { ran = true; co_return QString(); });
        QCOMPARE(failureOf<WrongSignature>(old.call(QString(), {})),
                 QStringLiteral("the function describe is QString(QString), not QString(QString,QList<double>)"));
        QCOMPARE(failureOf<WrongSignature>(old.start(QString(), {})),
                 QStringLiteral("the function describe is QString(QString), not QString(QString,QList<double>)"));
        QVERIFY(!ran);
    }

    void D11_aNameIsOfferedOnce()
    {
        m_far->offer(QStringLiteral("add"), add);
        QVERIFY(failureOf<NameTaken>([&] { m_far->offer(QStringLiteral("add"), add); }).contains(QStringLiteral("\"add\"")));
        m_far->withdraw(QStringLiteral("add"));
        m_far->offer(QStringLiteral("add"), add);
        m_near->offer(QStringLiteral("add"), add); // of another process
    }

    void D11_noNoticeOfAStartedCoroutineIsLost()
    {
        // It ends before its handle is here, and many thousands of others have been sent since; its end is known nevertheless.
        const Rci<void(QString)> fail = m_far->offer(QStringLiteral("fail"), [](QString text) -> Task<> {
            throw PaperJam(text);
            co_return;
        });
        const auto remote = waitFor(m_near->find<Rci<void(QString)>>(m_far->location(), QStringLiteral("fail")));
        const Coro<> failed = waitFor(remote.start(QStringLiteral("page 3")));
        QTRY_COMPARE(failed.state(), CoroState::Failed); // it was told without being asked
        expectWarning(QStringLiteral("^fail .*failed, and nobody waited for it: page 3"));
        for (int i = 0; i < 40'000; ++i) {
            const Coro<> other = spawn([]() -> Task<> { co_return; });
            static_cast<void>(m_far->toBytes(QVariant::fromValue(other)));
            if (i % 500 == 0)
                waitFor(other);
        }
        const Coro<ExitNotice> observer = spawn(receiveNotice);
        failed.monitor(observer);
        QCOMPARE(waitFor(observer, 10s).error(), QStringLiteral("page 3"));
        const Coro<QString> linked = spawn(tellWhatIsThrown);
        letOthersRun();
        linked.link(failed);
        QCOMPARE(waitFor(linked, 10s), QStringLiteral("LinkedCoroEnded 2: page 3"));
        QCOMPARE(failureOf<PaperJam>(failed), QStringLiteral("page 3"));
    }

    void D11_aStartedCoroutineIsMessagedAndTerminated()
    {
        m_far->offer(QStringLiteral("addLater"), addLater);
        const auto remote = waitFor(m_near->find<Rci<int(int, int)>>(m_far->location(), QStringLiteral("addLater")));
        const Coro<int> first = waitFor(remote.start(1, 2));
        const Coro<int> second = waitFor(remote.start(3, 4));
        first.send(QStringLiteral("now"));
        second.terminate();
        QCOMPARE(waitFor(first, 10s), 3);
        QVERIFY(!failureOf<CoroTerminated>(second).startsWith(u'<'));
    }

    void D11_cancellingACallTravels()
    {
        bool ended = false;
        bool runs = false;
        m_far->offer(QStringLiteral("hold"), [&]() -> Task<> {
            const AtEnd atEnd(ended);
            runs = true;
            co_await waitForever();
        });
        const auto remote = waitFor(m_near->find<Rci<void()>>(m_far->location(), QStringLiteral("hold")));
        const Coro<> call = spawn(remote.call());
        QTRY_VERIFY(runs);
        call.terminate();
        QTRY_VERIFY(ended);
    }

    void D11_aLostProcessEndsCalls()
    {
        m_far->offer(QStringLiteral("wait"), waitForever);
        const auto remote = waitFor(m_near->find<Rci<void()>>(m_far->location(), QStringLiteral("wait")));
        const Coro<> call = spawn(remote.call());
        const Coro<> started = waitFor(remote.start());
        const quint16 port = m_far->location().port();
        m_far.reset();
        QVERIFY(!failureOf<PeerLost>(call).startsWith(u'<'));
        QVERIFY(!failureOf<PeerLost>(started).startsWith(u'<'));
        // A successor at the same address is not taken for it.
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), port);
        m_far->offer(QStringLiteral("wait"), waitForever);
        QVERIFY(!failureOf<PeerLost>(remote.call()).startsWith(u'<'));
    }

    // --- names ---

    void C18_whatIsRegisteredIsFoundFromElsewhere()
    {
        const Location far = m_far->location();
        const QString name = QStringLiteral("archive");
        QVERIFY(waitFor(m_near->find(far, name)).isNull());
        QVERIFY(waitFor(m_near->find<Channel>(far, name)).isNull());
        QVERIFY(waitFor(m_near->find<Rci<>>(far, name)).isNull());
        const Coro<> coro = spawn(waitForever);
        const Channel channel(name);
        coro.registerName(name); // each kind has names of its own
        channel.registerName();
        m_far->offer(name, add);
        QCOMPARE(waitFor(m_near->find(far, name)).id(), coro.id());
        QCOMPARE(waitFor(m_near->find<Channel>(far, name)).id(), channel.id());
        QCOMPARE(waitFor(m_near->find<Rci<>>(far, name)).name(), name);
        QCOMPARE(waitFor(m_near->locate<Channel>(far, name)).id(), channel.id());
        QCOMPARE(waitFor(m_far->find(Location(), name)), coro); // at home
        // What processes offer of themselves is not for programs.
        QVERIFY(waitFor(m_near->find<Rci<>>(far, QStringLiteral("asyncoro.find"))).isNull());
        coro.terminate();
        channel.close();
    }

    void C18_locateWaitsAtAPeer()
    {
        const Location far = m_far->location();
        const QString name = QStringLiteral("late");
        QCOMPARE(failureOf<TimedOut>(m_near->locate(far, name, 20ms)), QStringLiteral("locate(\"late\") at %1 timed out").arg(far.toString()));
        const Coro<Coro<>> coroSearch = spawn(m_near->locate(far, name));
        const Coro<Channel> channelSearch = spawn(m_near->locate<Channel>(far, name));
        const Coro<Rci<int(int, int)>> functionSearch = spawn(m_near->locate<Rci<int(int, int)>>(far, name));
        waitFor(m_near->anchorOf(far));
        const Coro<> coro = spawn(waitForever);
        coro.registerName(name);
        const Channel channel(name);
        channel.registerName();
        m_far->offer(name, add);
        QCOMPARE(waitFor(coroSearch, 10s).id(), coro.id());
        QCOMPARE(waitFor(channelSearch, 10s).id(), channel.id());
        QCOMPARE(waitFor(waitFor(functionSearch, 10s).call(1, 2)), 3);
        coro.terminate();
        channel.close();
    }

    void C18_locateAnywhere()
    {
        // Functions are of one network each, so that the others of this process do not know them.
        const QString name = QStringLiteral("anywhere");
        QCOMPARE(failureOf<TimedOut>(m_near->locate<Rci<>>(name, 20ms)), QStringLiteral("locate(\"anywhere\") timed out"));
        const auto search = [&] { return spawn(m_near->locate<Rci<int(int, int)>>(name)); };

        // of a peer that is connected
        waitFor(m_near->connect(m_far->location()));
        m_far->offer(name, add);
        QCOMPARE(waitFor(search(), 10s).location(), m_far->location());
        m_far->withdraw(name);

        // of one that registers it later
        const auto later = search();
        waitFor(m_near->anchorOf(m_far->location()));
        QVERIFY(later.isRunning());
        m_far->offer(name, add);
        QCOMPARE(waitFor(later, 10s).location(), m_far->location());
        m_far->withdraw(name);

        // of one that connects later
        const auto muchLater = search();
        const auto third = makeNetwork();
        third->offer(name, add);
        letOthersRun();
        QVERIFY(muchLater.isRunning());
        waitFor(third->connect(m_near->location()));
        QCOMPARE(waitFor(muchLater, 10s).location(), third->location());

        // of this process, before all others
        m_near->offer(name, add);
        QVERIFY(!waitFor(search(), 10s).location().isValid());
        m_near->withdraw(name);

        // when a peer that was asked is lost
        const auto despite = spawn(m_near->locate<Rci<>>(QStringLiteral("despite")));
        waitFor(m_near->anchorOf(m_far->location()));
        m_far.reset();
        QTRY_COMPARE(m_near->peers().size(), 1);
        QVERIFY(despite.isRunning());
        third->offer(QStringLiteral("despite"), add);
        QCOMPARE(waitFor(despite, 10s).location(), third->location());

        // and when the network itself ends
        const auto hopeless = spawn(m_near->locate<Rci<>>(QStringLiteral("hopeless")));
        letOthersRun();
        m_near.reset();
        QVERIFY(!failureOf<PeerLost>(hopeless).startsWith(u'<'));
    }

    void C19_handlesAreEqualByProcessAndId()
    {
        const Coro<> coro = spawn(waitForever);
        QCOMPARE(toNear(coro), toNear(coro));
        QCOMPARE(qHash(toNear(coro)), qHash(toNear(coro)));
        QVERIFY(toNear(coro) != coro); // of another process, as far as this network knows
        m_far->offer(QStringLiteral("add"), add);
        const Location far = m_far->location();
        const auto first = waitFor(m_near->find<Rci<>>(far, QStringLiteral("add")));
        QCOMPARE(first, waitFor(m_near->find<Rci<>>(far, QStringLiteral("add"))));
        QCOMPARE(qHash(first), qHash(waitFor(m_near->find<Rci<>>(far, QStringLiteral("add")))));
        coro.terminate();
    }

private:
    /** A handle of `coro`, which belongs to m_far, as m_near gets it; and the other way round. */
    Coro<> toNear(const Coro<> &coro) { return m_near->fromBytes(m_far->toBytes(QVariant::fromValue(coro))).value<Coro<>>(); }
    Coro<> toFar(const Coro<> &coro) { return m_far->fromBytes(m_near->toBytes(QVariant::fromValue(coro))).value<Coro<>>(); }

    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(RemoteVerbsTest)
#include "remoteverbstest.moc"
