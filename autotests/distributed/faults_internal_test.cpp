// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "faultyline.h"
#include "numberedmessages.h"

using namespace DistributedTest;

namespace {

constexpr auto Limit = 30s; // for what must end by itself, much sooner

/** Something that ends with its value, or with PeerLost; any other exception and no end at all fail the test. */
template<typename T>
std::optional<T> valueUnlessLost(const Coro<T> &coro)
{
    try {
        return waitFor(coro, Limit);
    } catch (const PeerLost &) {
        return {};
    }
}

bool succeeds(const Coro<> &coro)
{
    try {
        waitFor(coro, Limit);
        return true;
    } catch (const PeerLost &) {
        return false;
    }
}

} // namespace

/** Two processes and what lies between them: nothing hangs, what was acknowledged has arrived, and once. */
class FaultsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { expectFaults(); }

    void cleanup()
    {
        m_line.reset();
        m_peer.reset();
        peerLimits() = PeerLimits();
    }

    // --- the connection is lost at each byte ---

    void lostAtEachByte_data()
    {
        QTest::addColumn<FaultProxy::Direction>("direction");
        QTest::addColumn<FaultProxy::Cut>("cut");
        QTest::newRow("to the peer, reset") << FaultProxy::ToServer << FaultProxy::Cut::Reset;
        QTest::newRow("to the peer, closed") << FaultProxy::ToServer << FaultProxy::Cut::Close;
        QTest::newRow("from the peer, reset") << FaultProxy::ToClient << FaultProxy::Cut::Reset;
        QTest::newRow("from the peer, closed") << FaultProxy::ToClient << FaultProxy::Cut::Close;
    }

    /** Of the handshake, of a call and its answer, and of a message and its acknowledgement. */
    void lostAtEachByte()
    {
        QFETCH(FaultProxy::Direction, direction);
        QFETCH(FaultProxy::Cut, cut);
        start();
        QList<QList<int>> acknowledged; // by byte
        int losses = 0;
        for (int byte = 0;; ++byte) {
            m_line.reset();
            m_line = std::make_unique<FaultyLine>(*m_peer); // with a network that has no connection yet
            m_line->there.cutAfter(byte, direction, 0, cut);
            const auto sum =
                valueUnlessLost<int>(spawn(m_line->network->call<int>(there(), QStringLiteral("add"), byte, 2)));
            QCOMPARE(sum.value_or(byte + 2), byte + 2);
            acknowledged.append(deliverSome(byte));
            losses += m_line->there.connectionCount() > 1 ? 1 : 0;
            const bool wasDone = m_line->there.passed(direction, 0) < byte; // before so many bytes had passed
            m_line->heal();
            // Whatever has been before, they find each other again, at the latest when the loss has become known.
            if (!succeeds(spawn(m_line->network->call(there(), QStringLiteral("add"), 40, 2))))
                QCOMPARE(waitFor(m_line->network->call<int>(there(), QStringLiteral("add"), 40, 2), Limit), 42);
            if (wasDone)
                break;
        }
        QCOMPARE_GE(losses, 97); // the handshake alone
        for (int byte = 0; byte < acknowledged.size(); ++byte) {
            const QString problem = complaint(recorded(byte), acknowledged[byte]);
            QVERIFY2(problem.isEmpty(), qPrintable(QStringLiteral("cut at byte %1: %2").arg(byte).arg(problem)));
        }
        QCOMPARE(acknowledged.last(), (QList<int>{1, 2}));
    }

    // --- one direction, or both, carry nothing ---

    void halfOpen_data()
    {
        QTest::addColumn<bool>("fromHere");
        QTest::addColumn<bool>("toHere");
        QTest::newRow("what is sent is lost") << true << false;
        QTest::newRow("what comes is lost") << false << true;
        QTest::newRow("both") << true << true;
    }

    void halfOpen()
    {
        QFETCH(bool, fromHere);
        QFETCH(bool, toHere);
        setShortLimits();
        start();
        const Coro<> sleeper = waitFor(m_line->network->locate(there(), QStringLiteral("sleeper")));
        const Coro<ExitNotice> observer = spawn([]() -> Task<ExitNotice> { co_return co_await receive<ExitNotice>(); });
        sleeper.monitor(observer);
        waitFor(sleeper.deliver(1), Limit);
        if (fromHere)
            m_line->swallow(true);
        if (toHere)
            m_line->swallow(false);
        const Coro<> call = spawn(m_line->network->call(there(), QStringLiteral("wait")));
        const Coro<> delivery = spawn(sleeper.deliver(2));
        QVERIFY(!succeeds(call));
        QVERIFY(!succeeds(delivery));
        QCOMPARE(waitFor(observer, Limit).state(), CoroState::Lost);
        QVERIFY(!sleeper.send(3));
        m_line->heal();
        QCOMPARE(waitFor(m_line->network->call<int>(there(), QStringLiteral("add"), 1, 2), Limit), 3);
    }

    void othersAreServedWhileOneIsSilent()
    {
        setShortLimits();
        start();
        const PeerProcess other;
        waitFor(m_line->network->connect(there()));
        m_line->stall();
        const Coro<> call = spawn(m_line->network->call(there(), QStringLiteral("wait")));
        int calls = 0;
        while (call.isRunning()) {
            QCOMPARE(waitFor(m_line->network->call<int>(other.location, QStringLiteral("add"), calls, 1), Limit),
                     calls + 1);
            ++calls;
        }
        QVERIFY(!succeeds(call));
        QCOMPARE_GE(calls, 2);
    }

    // --- slow, but not lost ---

    void slowIsNotLost_data()
    {
        QTest::addColumn<int>("fault");
        QTest::newRow("byte by byte") << 0;
        QTest::newRow("delayed") << 1;
        QTest::newRow("stalled below the limit") << 2;
        QTest::newRow("stopped below the limit") << 3;
    }

    void slowIsNotLost()
    {
        QFETCH(int, fault);
        start();
        const Coro<> recorder = waitFor(m_line->network->locate(there(), Recorder));
        for (FaultProxy::Direction direction : {FaultProxy::ToServer, FaultProxy::ToClient}) {
            if (fault == 0)
                m_line->there.setPieceSize(direction, 1);
            else if (fault == 1)
                m_line->there.setDelay(direction, 20ms);
        }
        if (fault == 2)
            m_line->stall();
        else if (fault == 3)
            m_peer->signal(SIGSTOP);
        QList<Coro<>> deliveries;
        QList<int> acknowledged;
        for (int number = 0; number < 20; ++number) {
            deliveries.append(spawn(recorder.deliver(numbered(1, number))));
            acknowledged.append(number);
        }
        const Coro<int> call = spawn(m_line->network->call<int>(there(), QStringLiteral("add"), 1, 2));
        waitFor(spawn([]() -> Task<> { co_await sleep(50ms); }));
        QVERIFY(fault < 2 || call.isRunning());
        m_line->heal();
        m_peer->signal(SIGCONT);
        for (const Coro<> &delivery : deliveries)
            waitFor(delivery, Limit);
        QCOMPARE(waitFor(call, Limit), 3);
        QCOMPARE(recorded(1), acknowledged);
        QCOMPARE(m_line->there.connectionCount() + m_line->back.connectionCount(), 1);
    }

    void stoppedBeyondTheLimitAndContinued()
    {
        setShortLimits();
        start();
        const Coro<> recorder = waitFor(m_line->network->locate(there(), Recorder));
        waitFor(recorder.deliver(numbered(1, 0)), Limit);
        m_peer->signal(SIGSTOP);
        const Coro<> delivery = spawn(recorder.deliver(numbered(1, 1)));
        QVERIFY(!succeeds(delivery));
        QVERIFY(!succeeds(spawn(recorder.deliver(numbered(1, 2))))); // the handle is lost for good
        m_peer->signal(SIGCONT);
        const Coro<> again = waitFor(m_line->network->locate(there(), Recorder), Limit);
        waitFor(again.deliver(numbered(1, 3)), Limit);
        const QList<int> received = recorded(1);
        const QString problem = complaint(received, {0, 3});
        QVERIFY2(problem.isEmpty(), qPrintable(problem));
        QVERIFY(!received.contains(2));
    }

    // --- connections that overtake each other ---

    void aLateConnectionChangesNothing()
    {
        setShortLimits();
        start();
        m_line->there.hold(0);
        const auto first =
            valueUnlessLost<int>(spawn(m_line->network->call<int>(there(), QStringLiteral("add"), 1, 2)));
        QCOMPARE(first.value_or(3), 3);
        const Coro<> recorder = waitFor(m_line->network->locate(there(), Recorder), Limit);
        QCOMPARE_GE(m_line->there.connectionCount(), 2);
        waitFor(recorder.deliver(numbered(1, 0)), Limit);
        m_line->there.release(0); // a hello of this process, long given up
        waitFor(recorder.deliver(numbered(1, 1)), Limit);
        QCOMPARE(recorded(1), (QList<int>{0, 1}));
        QVERIFY(recorder.isRunning());
    }

    void bothConnectAtOnce_data()
    {
        QTest::addColumn<bool>("holdOurs");
        QTest::addColumn<bool>("holdTheirs");
        QTest::newRow("ours is late") << true << false;
        QTest::newRow("theirs is late") << false << true;
        QTest::newRow("both are late") << true << true;
    }

    void bothConnectAtOnce()
    {
        QFETCH(bool, holdOurs);
        QFETCH(bool, holdTheirs);
        start();
        const auto record = std::make_shared<Record>();
        offerRecorder(*m_line->network, record);
        // The other process is told by yet another one to send to this one, and this one sends to it.
        const auto third = makeNetwork();
        if (holdOurs)
            m_line->there.hold(0);
        if (holdTheirs)
            m_line->back.hold(0);
        waitFor(third->call(m_line->peer, QStringLiteral("startSending"), m_line->back.location().toString(), 7, 40),
                Limit);
        const Coro<QList<int>> sending = spawn(sendNumbered(*m_line->network, there(), 8, 40));
        QTRY_VERIFY(!holdOurs || m_line->there.connectionCount() > 0 || !m_line->network->peers().isEmpty());
        QTRY_VERIFY(!holdTheirs || m_line->back.connectionCount() > 0 || !m_line->network->peers().isEmpty());
        m_line->there.release(0);
        m_line->back.release(0);
        const QList<int> ours = waitFor(sending, Limit);
        const QList<int> theirs =
            waitFor(third->call<QList<int>>(m_line->peer, QStringLiteral("acknowledged"), 7), Limit);
        QCOMPARE(ours.size(), 10);
        QCOMPARE(theirs.size(), 10);
        QCOMPARE(complaint(waitFor(third->call<QList<int>>(m_line->peer, QStringLiteral("recorded"), 8), Limit), ours),
                 QString());
        QCOMPARE(complaint(record->value(7), theirs), QString());
    }

    // --- another incarnation ---

    void whatIsForAKilledProcessDoesNotReachItsSuccessor_data()
    {
        QTest::addColumn<bool>("cutOff");
        QTest::newRow("seen") << false;
        QTest::newRow("while it cannot be reached") << true;
    }

    void whatIsForAKilledProcessDoesNotReachItsSuccessor()
    {
        QFETCH(bool, cutOff);
        start();
        const Coro<> recorder = waitFor(m_line->network->locate(there(), Recorder));
        waitFor(recorder.deliver(numbered(1, 0)), Limit);
        if (cutOff) {
            m_line->stall();
            m_line->refuse();
        }
        for (int number = 1; number < 100; ++number)
            recorder.send(numbered(1, number));
        const Coro<> delivery = spawn(recorder.deliver(numbered(1, 100)));
        letOthersRun();
        const Location location = m_peer->location;
        m_peer.reset();
        m_peer = std::make_unique<PeerProcess>(FaultyLine::peerOptions(location.port()));
        QCOMPARE(m_peer->location, location);
        m_line->heal();
        QVERIFY(!succeeds(delivery) || !cutOff);
        QVERIFY(!succeeds(spawn(recorder.deliver(numbered(1, 101)))));
        QVERIFY(!recorder.send(numbered(1, 102)));
        const Coro<> successor = waitFor(m_line->network->locate(there(), Recorder), Limit);
        waitFor(successor.deliver(numbered(1, 200)), Limit);
        QCOMPARE(recorded(1), QList<int>{200});
    }

private:
    void start()
    {
        m_peer = std::make_unique<PeerProcess>(FaultyLine::peerOptions());
        m_line = std::make_unique<FaultyLine>(*m_peer);
    }

    static void setShortLimits()
    {
        peerLimits().handshake = 1500ms;
        peerLimits().ping = 50ms;
        peerLimits().silence = 1500ms;
    }

    [[nodiscard]] Location there() const { return m_line->there.location(); }

    [[nodiscard]] QList<int> recorded(int sender) const
    {
        return waitFor(m_line->network->call<QList<int>>(there(), QStringLiteral("recorded"), sender), Limit);
    }

    /** Delivers 1 and 2; gives which of them are acknowledged. */
    [[nodiscard]] QList<int> deliverSome(int sender) const
    {
        QList<int> acknowledged;
        const auto recorder = valueUnlessLost<Coro<>>(spawn(m_line->network->locate(there(), Recorder)));
        for (const int number : {1, 2}) {
            if (recorder && succeeds(spawn(recorder->deliver(numbered(sender, number)))))
                acknowledged.append(number);
        }
        return acknowledged;
    }

    std::unique_ptr<PeerProcess> m_peer;
    std::unique_ptr<FaultyLine> m_line;
};

QTEST_GUILESS_MAIN(FaultsTest)
#include "faults_internal_test.moc"
