// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The examples of docs/choosing.md, and that they do what it says.

#include <Asyncoro/AsyncGenerator>
#include <Asyncoro/Channel>
#include <Asyncoro/Condition>
#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/Lock>
#include <Asyncoro/RLock>
#include <Asyncoro/Scope>
#include <Asyncoro/Semaphore>
#include <Asyncoro/Supervisor>
#include <Asyncoro/ThreadPool>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAll>
#include <Asyncoro/WhenAny>

#include <QQueue>
#include <QTest>

#include <numeric>

using namespace Asyncoro;
using namespace std::chrono_literals;

struct Order {
    int number = 0;
};

Task<QString> download(QString url)
{
    co_await sleep(1ms);
    if (url == "bad")
        throw Error("no such page");
    co_return "page of " + url;
}

Task<> waitForCancel()
{
    co_await sleep(10s);
}

class ChoosingTest : public QObject
{
    Q_OBJECT

    Task<QString> title(QString url)
    {
        const QString page = co_await download(url);
        co_return page.toUpper();
    }

    Task<QString> twoPages()
    {
        const auto [a, b] = co_await whenAll(download("a"), download("b"));
        co_return a + b;
    }

    Task<QString> fastestMirror()
    {
        std::vector<Task<QString>> mirrors;
        for (const char *url : {"a", "b", "c"})
            mirrors.push_back(download(url));
        co_return (co_await whenAny(std::move(mirrors))).value;
    }

    Task<int> downloadAll(QStringList urls)
    {
        int count = 0;
        co_await withScope([&](Scope &scope) -> Task<> {
            for (const QString &url : urls) {
                scope.spawn([&count, url]() -> Task<> {
                    co_await download(url);
                    ++count;
                });
            }
            co_return;
        });
        co_return count;
    }

    Task<QString> downloadOrGiveUp()
    {
        try {
            co_return co_await withTimeout(2s, download("a"));
        } catch (const TimedOut &) {
            co_return "";
        }
    }

    Task<> saveWhenReady(Event &ready, QStringList &log)
    {
        co_await ready.wait();
        log << "saved";
    }

    Task<> addToFile(Lock &file, QStringList &log)
    {
        const auto guard = co_await file.acquire();
        log << "read";
        co_await sleep(1ms); // others wait until the guard is gone
        log << "written";
    }

    Task<> rename(RLock &file, QStringList &log)
    {
        const auto guard = co_await file.acquire();
        co_await save(file, log); // acquires it again
    }
    Task<> save(RLock &file, QStringList &log)
    {
        const auto guard = co_await file.acquire();
        log << "saved";
    }

    Task<> politeDownload(Semaphore &connections, int &most, int &now)
    {
        const auto guard = co_await connections.acquire();
        most = std::max(most, ++now);
        co_await download("a");
        --now;
    }

    Task<int> nextOrder(Lock &lock, Condition &changed, QQueue<int> &orders)
    {
        auto guard = co_await lock.acquire();
        co_await changed.wait(guard, [&] { return !orders.isEmpty(); });
        co_return orders.dequeue();
    }

    static Task<int> counter()
    {
        int sum = 0;
        while (const int number = (co_await receive<Order>()).number)
            sum += number;
        co_return sum;
    }

    static AsyncGenerator<QString> pages()
    {
        for (int n = 1; n <= 3; ++n)
            co_yield co_await download(QString::number(n));
    }

    Task<QStringList> allPages()
    {
        QStringList list;
        AsyncGenerator<QString> all = pages();
        while (const std::optional<QString> page = co_await all.next())
            list << *page;
        co_return list;
    }

    Task<int> sumOf(ThreadPool &pool, QList<int> numbers)
    {
        co_return co_await pool.run([numbers](std::stop_token stop) {
            int sum = 0;
            for (int n = 0; n < numbers.size() && !stop.stop_requested(); ++n)
                sum += numbers[n];
            return sum;
        });
    }

    static Task<QString> watch(Coro<> coro)
    {
        coro.monitor(Coro<>::self());
        const auto notice = co_await receive<ExitNotice>();
        co_return notice.error();
    }

private Q_SLOTS:
    void task() { QCOMPARE(waitFor(title("a")), "PAGE OF A"); }

    void coroAndTerminate()
    {
        const Coro<> coro = spawn(waitForCancel);
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void whenAllAndAny()
    {
        QCOMPARE(waitFor(twoPages()), "page of apage of b");
        QVERIFY(waitFor(fastestMirror()).startsWith("page of"));
    }

    void scope()
    {
        QCOMPARE(waitFor(downloadAll({"a", "b", "c"})), 3);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(downloadAll({"a", "bad", "c"})));
    }

    void timeout() { QCOMPARE(waitFor(downloadOrGiveUp()), "page of a"); }

    void event()
    {
        Event ready;
        QStringList log;
        const Coro<> coro = spawn([&] { return saveWhenReady(ready, log); });
        ready.set();
        waitFor(coro);
        QCOMPARE(log, QStringList{"saved"});
    }

    void locks()
    {
        Lock file;
        QStringList log;
        waitFor(whenAll(addToFile(file, log), addToFile(file, log)));
        QCOMPARE(log, (QStringList{"read", "written", "read", "written"}));
        RLock again;
        log.clear();
        waitFor(rename(again, log));
        QCOMPARE(log, QStringList{"saved"});
    }

    void semaphore()
    {
        Semaphore connections(2);
        int most = 0;
        int now = 0;
        std::vector<Task<>> tasks;
        for (int n = 0; n < 5; ++n)
            tasks.push_back(politeDownload(connections, most, now));
        waitFor(whenAll(std::move(tasks)));
        QCOMPARE(most, 2);
    }

    void condition()
    {
        Lock lock;
        Condition changed;
        QQueue<int> orders;
        const Coro<int> coro = spawn([&] { return nextOrder(lock, changed, orders); });
        waitFor(sleep1());
        orders.enqueue(7);
        changed.notifyOne();
        QCOMPARE(waitFor(coro), 7);
    }

    void mailbox()
    {
        const Coro<int> count = spawn(counter);
        count.send(Order{3});
        count.send(Order{4});
        count.send(Order{});
        QCOMPARE(waitFor(count), 7);
    }

    void channel()
    {
        const Channel orders("orders");
        const Coro<int> first = spawn(counter);
        const Coro<int> second = spawn(counter);
        orders.subscribe(first);
        orders.subscribe(second);
        orders.send(Order{5});
        orders.send(Order{});
        QCOMPARE(waitFor(first) + waitFor(second), 10);
    }

    void generator() { QCOMPARE(waitFor(allPages()).size(), 3); }

    void pool()
    {
        ThreadPool pool(2);
        QCOMPARE(waitFor(sumOf(pool, {1, 2, 3})), 6);
    }

    void monitorAndLink()
    {
        const Coro<QString> bad = spawn(download, QString("bad"));
        QCOMPARE(waitFor(spawn(watch, bad)), "no such page");

        const Coro<> a = spawn(waitForCancel);
        const Coro<> b = spawn(waitForCancel);
        a.link(b);
        a.terminate();
        QVERIFY_THROWS_EXCEPTION(LinkedCoroEnded, waitFor(b));
    }

    void supervisor()
    {
        int starts = 0;
        const auto worker = [&starts]() -> Task<> {
            if (++starts < 3)
                throw Error("bad start");
            co_return;
        };
        Supervisor supervisor(Supervisor::Strategy::OneForOne, {.restarts = 5, .period = 10s});
        supervisor.add("worker", worker, Supervisor::Restart::Transient);
        waitFor(supervisor.run());
        QCOMPARE(starts, 3);
    }

private:
    Task<> sleep1() { co_await sleep(1ms); }
};

QTEST_GUILESS_MAIN(ChoosingTest)

#include "choosingtest.moc"
