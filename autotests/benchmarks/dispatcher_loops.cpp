// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What an event dispatcher itself costs, with nothing of ours but the dispatcher. Called as:
//
//   dispatcher-loops ours|poll|glib FIGURE...

#include "benchmark.h"

#include <Asyncoro/EventDispatcher>

#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QEvent>
#include <QEventLoop>
#include <QSocketNotifier>
#include <QThread>
#include <QTimer>

#include <array>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace Benchmark;

namespace {

class Receiver : public QObject
{
public:
    Receiver(int count, QEventLoop *loop)
        : m_left(count)
        , m_loop(loop)
    {
    }

    QObject *next = nullptr;

    bool event(QEvent *event) override
    {
        if (event->type() != QEvent::User) {
            return QObject::event(event);
        }
        if (--m_left == 0) {
            m_loop->quit();
        } else if (next) {
            QCoreApplication::postEvent(next, new QEvent(QEvent::User));
        }
        return true;
    }

private:
    int m_left;
    QEventLoop *m_loop;
};

// An event that is posted in each turn.
void posted(int count)
{
    QEventLoop loop;
    Receiver receiver(count, &loop);
    receiver.next = &receiver;
    QCoreApplication::postEvent(&receiver, new QEvent(QEvent::User));
    const double begin = cpuTime();
    loop.exec();
    print("posted", (cpuTime() - begin) / count * 1e9, "ns");
}

// A byte goes round a ring of sockets: each turn has one of them ready, and all others are open.
void notified(std::string_view name, int sockets, int count)
{
    raiseFileLimit();
    QEventLoop loop;
    std::vector<std::array<int, 2>> pairs(std::size_t(sockets), {-1, -1});
    std::vector<std::unique_ptr<QSocketNotifier>> notifiers;
    int left = count;
    for (auto &pair : pairs) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0) {
            fail("socketpair failed");
        }
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        QSocketNotifier *notifier
            = notifiers.emplace_back(std::make_unique<QSocketNotifier>(pairs[i][0], QSocketNotifier::Read)).get();
        QObject::connect(notifier, &QSocketNotifier::activated, notifier, [&, i] {
            char byte = 0;
            if (::read(pairs[i][0], &byte, 1) != 1 || --left == 0) {
                loop.quit();
            } else if (::write(pairs[(i + 1) % pairs.size()][1], &byte, 1) != 1) {
                fail("write failed");
            }
        });
    }
    QCoreApplication::processEvents(); // which makes them known to the kernel
    if (::write(pairs[0][1], "x", 1) != 1) {
        fail("write failed");
    }
    const double begin = cpuTime();
    loop.exec();
    print(name, (cpuTime() - begin) / count * 1e9, "ns");
    notifiers.clear();
    for (const auto &pair : pairs) {
        ::close(pair[0]);
        ::close(pair[1]);
    }
}

void notifiers(int count)
{
    notified("notifiers", 10, count);
}

void notifiersOfMany(int count)
{
    notified("notifiers-of-many", 5'000, count);
}

// Started, and stopped before their time, as most time-outs are, beside as many that wait.
void timers(int count)
{
    constexpr int Waiting = 10'000;
    std::vector<std::unique_ptr<QTimer>> waiting;
    for (int i = 0; i < Waiting; ++i) {
        waiting.push_back(std::make_unique<QTimer>());
        waiting.back()->start(1'000'000 + i * 7919 % Waiting);
    }
    std::minstd_rand random(1);
    const double begin = cpuTime();
    for (int i = 0; i < count; ++i) {
        waiting[random() % Waiting]->start(1'000'000 + int(random() % 1'000'000));
    }
    print("timers", (cpuTime() - begin) / count * 1e9, "ns");
}

// Events between two threads, each of which sleeps until it gets one.
void wakeUps(int count)
{
    QEventLoop loop;
    QThread thread;
    if (QAbstractEventDispatcher::instance()->inherits("Asyncoro::Detail::LinuxEventDispatcher")) {
        Asyncoro::EventDispatcher::install(&thread);
    }
    thread.start();
    Receiver here(count, &loop);
    Receiver there(count + 1, &loop);
    there.moveToThread(&thread);
    here.next = &there;
    there.next = &here;
    QCoreApplication::postEvent(&there, new QEvent(QEvent::User));
    const double begin = cpuTime();
    loop.exec();
    print("wake-ups", (cpuTime() - begin) / count * 1e9, "ns");
    thread.quit();
    thread.wait();
}

} // namespace

int main(int argc, char **argv)
{
    const std::string_view dispatcher = argc > 1 ? argv[1] : "";
    if (dispatcher == "ours") {
        Asyncoro::EventDispatcher::install();
    } else if (dispatcher == "poll") {
        qputenv("QT_NO_GLIB", "1");
    } else if (dispatcher != "glib") {
        fail("usage: dispatcher-loops ours|poll|glib FIGURE...");
    }
    QCoreApplication app(argc, argv);
    if (dispatcher == "glib" && !QAbstractEventDispatcher::instance()->inherits("QEventDispatcherGlib")) {
        std::fputs("this Qt has no dispatcher on glib\n", stderr);
        return 77;
    }
    return run(argc - 1, argv + 1,
               {
                   {"posted", posted, 500'000},
                   {"notifiers", notifiers, 100'000},
                   {"notifiers-of-many", notifiersOfMany, 300},
                   {"timers", timers, 100'000},
                   {"wake-ups", wakeUps, 20'000},
               });
}
