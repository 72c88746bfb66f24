// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Names under which coroutines find each other.

#include "waitmatrix.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const QString Name = u"server"_s;

bool hasTakenName()
{
    try {
        Coro<>::self().registerName(Name);
    } catch (const NameTaken &) {
        return false;
    }
    return true;
}

Task<Coro<>> locateServer(QDeadlineTimer deadline)
{
    co_return co_await Coro<>::locate(Name, deadline);
}

struct WaitForName {
    Coro<> server = spawn(sleepForever);

    WaitForName() { server.setDaemon(); }
    ~WaitForName()
    {
        server.unregisterName();
        server.terminate();
    }
    Task<> wait(QDeadlineTimer deadline) { QCOMPARE(co_await Coro<>::locate(Name, deadline), server); }
    void complete() { server.registerName(Name); }
    void verify(bool completed, WaitMatrix::Outcome) { QCOMPARE(bool(Coro<>::find(Name)), completed && isRunning()); }
    bool isRunning() const { return server.state() == CoroState::Running; }
};

} // namespace

class NamesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { QVERIFY(!Coro<>::find(Name)); }

    void C18_aRegisteredNameIsFound()
    {
        const Coro<> server = spawn(sleepForever);
        server.setName(u"for people"_s);
        QVERIFY(!Coro<>::find(Name));
        server.registerName(Name);
        QCOMPARE(Coro<>::find(Name), server);
        QCOMPARE(server.name(), u"for people"_s);
        QVERIFY(!Coro<>::find(u"for people"_s));
        server.registerName(Name); // has it already
        server.unregisterName();
        QVERIFY(!Coro<>::find(Name));
        server.unregisterName();
        server.terminate();
    }

    void C18_itHasOneNameAtMost()
    {
        const Coro<> server = spawn(sleepForever);
        server.registerName(Name);
        server.registerName(u"other"_s);
        QVERIFY(!Coro<>::find(Name));
        QCOMPARE(Coro<>::find(u"other"_s), server);
        server.unregisterName();
        QVERIFY(!Coro<>::find(u"other"_s));
        server.terminate();
    }

    void C18_aNameThatIsTakenIsRefused()
    {
        const Coro<> first = spawn(sleepForever);
        const Coro<> second = spawn(sleepForever);
        first.registerName(Name);
        second.registerName(u"second"_s);
        QVERIFY_THROWS_EXCEPTION(NameTaken, second.registerName(Name));
        QCOMPARE(Coro<>::find(Name), first);
        QCOMPARE(Coro<>::find(u"second"_s), second); // as it was
        QVERIFY_THROWS_EXCEPTION(Error, first.registerName(QString()));
        first.terminate();
        second.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(first));
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(second));
    }

    void C18_theNameGoesWithTheEnd()
    {
        bool wasFree = false;
        const Coro<> first = spawn([]() -> Task<> {
            Coro<>::self().registerName(Name);
            co_await sleep(1ms);
        });
        const Coro<> heir = spawn([&wasFree](Coro<> owner) -> Task<> {
            co_await owner;
            wasFree = !Coro<>::find(Name);
            Coro<>::self().registerName(Name);
        }, first);
        waitFor(heir);
        QVERIFY(wasFree);
        QVERIFY_THROWS_EXCEPTION(CoroEnded, first.registerName(Name));
        QVERIFY(!Coro<>::find(Name));
    }

    void C18_theNameKeepsNothingAliveAfterTheEnd()
    {
        auto value = std::make_shared<int>(1);
        Coro<std::shared_ptr<int>> coro = spawn([value]() -> Task<std::shared_ptr<int>> { co_return value; });
        coro.registerName(Name);
        waitFor(coro);
        coro = {};
        QCOMPARE(value.use_count(), 1);
    }

    void C18_aNullHandleHasNoName()
    {
        const Coro<> none;
        none.registerName(Name);
        none.unregisterName();
    }

    void C18_locateGivesOneThatIsThere()
    {
        const Coro<> server = spawn(sleepForever);
        server.registerName(Name);
        QCOMPARE(waitFor(locateServer(0ms)), server); // without suspending
        server.unregisterName();
        server.terminate();
    }

    void C18_locateWaitsForALaterOne()
    {
        const Coro<Coro<>> waiting[] = {spawn(locateServer, QDeadlineTimer::Forever), spawn(locateServer, 10s)};
        const Coro<> server = spawn([]() -> Task<> {
            Coro<>::self().registerName(u"not this one"_s);
            co_await yield();
            Coro<>::self().registerName(Name);
            co_await receive();
        });
        for (const auto &coro : waiting)
            QCOMPARE(waitFor(coro), server);
        server.send(1);
        waitFor(server);
    }

    void C18_locateTimesOut()
    {
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(locateServer(0ms)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(locateServer(5ms)));
        try {
            waitFor(locateServer(0ms));
        } catch (const TimedOut &error) {
            QCOMPARE(error.message(), u"locate(\"server\") timed out"_s);
        }
    }

    void C18_locateWaits_data() { WaitMatrix::addRows<WaitForName>(); }
    void C18_locateWaits() { WaitMatrix::run<WaitForName>(); }

    void C18_oneOfTwoThreadsHasTheName()
    {
        std::atomic<int> owners = 0;
        std::atomic<bool> shared = false;
        const auto compete = [&] {
            waitFor(spawn([&]() -> Task<> {
                for (int n = 0; n < 200;) {
                    if (!hasTakenName()) {
                        co_await yield();
                        continue;
                    }
                    shared = shared || ++owners > 1;
                    co_await yield();
                    --owners;
                    Coro<>::self().unregisterName();
                    ++n;
                }
            }));
        };
        std::thread other(compete);
        compete();
        other.join();
        QVERIFY(!shared);
    }

    void C18_anotherThreadsCoroutineIsLocated()
    {
        constexpr int Count = 200;
        std::thread other([] {
            for (int i = 0; i < Count; ++i) {
                waitFor(spawn([i]() -> Task<> {
                    Coro<>::self().registerName(QString::number(i));
                    (co_await receive<Coro<>>()).send(i);
                }));
            }
        });
        const auto client = spawn([]() -> Task<int> {
            int right = 0;
            for (int i = 0; i < Count; ++i) {
                const Coro<> found = co_await Coro<>::locate(QString::number(i));
                found.send(Coro<>::self());
                right += co_await receive<int>() == i;
            }
            co_return right;
        });
        const int right = waitFor(client);
        other.join();
        QCOMPARE(right, Count);
    }
};

QTEST_GUILESS_MAIN(NamesTest)
#include "namestest.moc"
