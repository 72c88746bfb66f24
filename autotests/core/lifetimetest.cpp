// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The examples and messages of docs/cancellation.md.

#include <Asyncoro/Coro>
#include <Asyncoro/Scope>
#include <Asyncoro/Timeout>

#include <QLoggingCategory>
#include <QRegularExpression>
#include <QTest>

#include <memory>
#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

QStringList logged;

struct File {
    explicit File(const QString &name) { logged << "open " + name; }
    ~File() { logged << "close"; }
};

Task<> save(QString text)
{
    if (text == "bad")
        throw Error("disk full");
    co_await sleep(1ms);
    logged << "save " + text;
}

Task<> report(QString problem)
{
    co_await sleep(1ms);
    logged << "report " + problem;
}

Task<> record()
{
    const File file("record");
    for (;;) {
        co_await sleep(1h);
        co_await save("line");
    }
}

Task<> recordUntilDone()
{
    const File file("record");
    try {
        co_await sleep(1h);
    } catch (const Cancelled &) {
        logged << "cancelled";
        throw;
    }
}

Task<> saveOrReport(QString text)
{
    QString problem;
    try {
        co_await save(text);
    } catch (const Error &error) {
        problem = error.message();
    }
    if (!problem.isEmpty())
        co_await report(problem);
}

Task<> session()
{
    std::exception_ptr failure;
    try {
        co_await record();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await shield(withTimeout(1s, save("goodbye")));
    if (failure)
        std::rethrow_exception(failure);
}

Task<int> lengthOf(const QString &text)
{
    co_await sleep(1ms);
    co_return int(text.size());
}

Task<int> lengths()
{
    const int first = co_await lengthOf("lives until the end of this line");
    const Coro<int> second = spawn(lengthOf, QString("is kept by the coroutine"));
    co_return first + co_await second;
}

class Window : public QObject
{
    Q_OBJECT

public:
    Task<> refresh()
    {
        const File file("window");
        co_await sleep(1h);
        m_text = "new";
    }

    QString m_text;
};

} // namespace

class LifetimeTest : public QObject
{
    Q_OBJECT

    template<typename Exception, typename Function>
    static QString thrown(Function function)
    {
        try {
            function();
        } catch (const Exception &error) {
            return error.message();
        }
        return "nothing was thrown";
    }

    static void untilItWaits() { waitFor(spawn([]() -> Task<> { co_await sleep(5ms); })); }

private Q_SLOTS:
    void init() { logged.clear(); }

    void terminateRunsDestructors()
    {
        const Coro<> coro = spawn(record);
        untilItWaits();
        coro.terminate();
        QCOMPARE(thrown<CoroTerminated>([&] { waitFor(coro); }), coro.name() + " was terminated");
        QCOMPARE(logged, (QStringList{"open record", "close"}));
    }

    void cancelledMayBeSeen()
    {
        const Coro<> coro = spawn(recordUntilDone);
        untilItWaits();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(logged, (QStringList{"open record", "cancelled", "close"}));
    }

    void terminatedBeforeItBegins()
    {
        const Coro<> coro = spawn(record);
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(logged.isEmpty());
    }

    void timeoutCleansUpFirst()
    {
        QCOMPARE(thrown<TimedOut>([] { waitFor(withTimeout(5ms, record())); }), "withTimeout() timed out");
        QCOMPARE(logged, (QStringList{"open record", "close"}));
        QCOMPARE(thrown<TimedOut>([] {
            waitFor(spawn([]() -> Task<> { co_await receive<int>(5ms); }));
        }), "receive<int>() timed out");
    }

    void reportsAfterTheCatch()
    {
        waitFor(saveOrReport("bad"));
        QCOMPARE(logged, QStringList{"report disk full"});
    }

    void shieldedGoodbye()
    {
        const Coro<> coro = spawn(session);
        untilItWaits();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(logged, (QStringList{"open record", "close", "save goodbye"}));
    }

    void objectGoes()
    {
        auto window = std::make_unique<Window>();
        const Coro<> coro = spawn(&Window::refresh, window.get());
        untilItWaits();
        window.reset();
        QCOMPARE(logged, (QStringList{"open window", "close"})); // it has ended here
        QCOMPARE(coro.state(), CoroState::Terminated);
    }

    void scopeWaitsForItsChildren()
    {
        const auto body = [](Scope &scope) -> Task<> {
            scope.spawn(record);
            scope.spawn(save, QString("bad"));
            co_return;
        };
        QCOMPARE(thrown<Error>([&] { waitFor(withScope(body)); }), "disk full");
        QCOMPARE(logged, (QStringList{"open record", "close"}));
    }

    void referencesAsParameters() { QCOMPARE(waitFor(lengths()), 32 + 24); }

    void lambdaIsKeptBySpawn()
    {
        QString text = "captured";
        spawn([text]() -> Task<> { // spawn() keeps the lambda, and with it what it has captured
            co_await sleep(1ms);
            logged << text;
        });
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(logged, QStringList{"captured"});
    }

    void lambdaIsAwaitedInPlace()
    {
        waitFor(spawn([]() -> Task<> {
            const QString text = "captured";
            co_await [text]() -> Task<> { // the lambda lives until the end of this statement
                co_await sleep(1ms);
                logged << text;
            }();
        }));
        QCOMPARE(logged, QStringList{"captured"});
    }

    void waitForInsideACoroutine()
    {
        const auto wrong = []() -> Task<> {
            waitFor(save("text"));
            co_return;
        };
        QCOMPARE(thrown<Error>([&] { waitFor(spawn(wrong)); }), "waitFor() blocks: inside a coroutine use co_await");
    }

    void objectOfAnotherThread()
    {
        QString message;
        QObject object;
        std::thread([&] {
            message = thrown<Error>([&] { spawn(&object, save, QString("text")); });
        }).join();
        QCOMPARE(message, "spawn(): the object that the coroutine belongs to lives on another thread");
    }

    void longSlice()
    {
        QLoggingCategory::setFilterRules("asyncoro.slice=true");
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression("ran for \\d+ ms without a wait"));
        waitFor(spawn([]() -> Task<> {
            std::this_thread::sleep_for(60ms); // blocks everything on this thread
            co_return;
        }));
        QLoggingCategory::setFilterRules("");
    }

    void valueBeforeWait()
    {
        int n = 0;
        const auto coro = spawn([&n]() -> Task<QString> {
            co_return QString("%1 %2").arg(++n).arg(co_await receive<int>());
        });
        coro.send(5);
        QCOMPARE(waitFor(coro), "1 5");
    }
};

QTEST_GUILESS_MAIN(LifetimeTest)

#include "lifetimetest.moc"
