// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the page of Qt 6.8 on QSocketNotifier promises: a test function for each promise, in the order of the page, and
// each kind of descriptor that Linux has. What socketnotifiertest.cpp shows is not repeated here.

#include "dispatchertest.h"

#include <QRegularExpression>
#include <QSocketNotifier>
#include <QTemporaryDir>
#include <QTimer>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

using namespace DispatcherTest;

namespace {

struct Counter {
    explicit Counter(QSocketNotifier &notifier)
    {
        QObject::connect(&notifier, &QSocketNotifier::activated, &notifier,
                         [this](QSocketDescriptor socket, QSocketNotifier::Type type) {
                             ++count;
                             lastSocket = socket;
                             lastType = type;
                         });
    }
    int count = 0;
    qintptr lastSocket = -1;
    QSocketNotifier::Type lastType{};
};

int writeEvent(const File &file)
{
    return ::eventfd_write(file.fd(), 1);
}

} // namespace

class DocumentedNotifiersTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    // "You can create a socket notifier with no descriptor assigned"; isValid(); setSocket(): "The notifier will be
    // disabled as a side effect and needs to be re-enabled"
    void getsItsDescriptorLater()
    {
        run([] {
            Pair first;
            Pair second;
            QSocketNotifier notifier(QSocketNotifier::Read);
            Counter activated(notifier);
            QVERIFY(!notifier.isValid());
            QVERIFY(!notifier.isEnabled());
            QCOMPARE(notifier.socket(), -1);
            for (const Pair *pair : {&first, &second, &first}) {
                notifier.setSocket(pair->a.fd());
                QVERIFY(notifier.isValid());
                QVERIFY(!notifier.isEnabled());
                const int before = activated.count;
                writeByte(pair->b);
                settle();
                QCOMPARE(activated.count, before);
                notifier.setEnabled(true);
                settle();
                QCOMPARE_GT(activated.count, before);
                QCOMPARE(activated.lastSocket, pair->a.fd()); // "The socket identifier is passed"
                QCOMPARE(activated.lastType, QSocketNotifier::Read);
                readAll(pair->a.fd());
            }
        });
    }

    // "It enables the socket, and watches for events of the given type"; type(), socket()
    void isEnabledFromTheBeginning()
    {
        run([] {
            Pair pair;
            for (const auto type : {QSocketNotifier::Read, QSocketNotifier::Write, QSocketNotifier::Exception}) {
                const QSocketNotifier notifier(pair.a.fd(), type);
                QVERIFY(notifier.isEnabled());
                QCOMPARE(notifier.type(), type);
                QCOMPARE(notifier.socket(), pair.a.fd());
            }
        });
    }

    // "When it is disabled, it ignores socket events (the same effect as not creating the socket notifier)"
    void disabledByAnotherThatIsActivatedFirst()
    {
        run([] {
            Pair a;
            Pair b;
            QSocketNotifier first(a.a.fd(), QSocketNotifier::Read);
            QSocketNotifier second(b.a.fd(), QSocketNotifier::Read);
            Counter ofFirst(first);
            Counter ofSecond(second);
            connect(&first, &QSocketNotifier::activated, &first, [&] { second.setEnabled(false); });
            connect(&second, &QSocketNotifier::activated, &second, [&] { first.setEnabled(false); });
            writeByte(a.b);
            writeByte(b.b);
            settle();
            QVERIFY(!ofFirst.count || !ofSecond.count); // both are ready, one of them is silent
            QVERIFY(ofFirst.count || ofSecond.count);
        });
    }

    // As long as the event that it is for lasts, it is activated again.
    void isActivatedAgainUntilServed()
    {
        run([] {
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            Counter activated(notifier);
            writeByte(pair.b);
            for (int i = 1; i <= 10; ++i)
                processUntil([&] { return activated.count >= i; });
            readAll(pair.a.fd());
            const int before = activated.count;
            settle();
            QCOMPARE(activated.count, before);
        });
    }

    // "Write notifiers should normally be disabled immediately after activated()": one that is not goes on
    void writersThatAreNotDisabled()
    {
        run([] {
            Pair pair;
            QSocketNotifier writer(pair.a.fd(), QSocketNotifier::Write);
            Counter activated(writer);
            QTimer timer;
            timer.setSingleShot(true);
            timer.start(3);
            processUntil([&] { return activated.count > 20 && !timer.isActive(); }); // and nobody else waits for it
        });
    }

    // A hang-up or an error is an event for a reader and for a writer, as with poll().
    void hangUp()
    {
        run([] {
            Pair pair;
            QSocketNotifier reader(pair.a.fd(), QSocketNotifier::Read);
            Counter readable(reader);
            settle();
            QCOMPARE(readable.count, 0);
            pair.b.close();
            processUntil([&] { return readable.count > 0; });

            int fds[2];
            QCOMPARE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
            const File out(fds[1]);
            {
                const File in(fds[0]);
                fill(out);
            }
            QSocketNotifier writer(out.fd(), QSocketNotifier::Write);
            Counter writable(writer);
            processUntil([&] { return writable.count > 0; });
        });
    }

    void connectionAttempts()
    {
        run([] {
            const File listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof address;
            auto *name = reinterpret_cast<sockaddr *>(&address);
            QCOMPARE(::bind(listener.fd(), name, size), 0);
            QCOMPARE(::listen(listener.fd(), 10), 0);
            QCOMPARE(::getsockname(listener.fd(), name, &size), 0);
            QSocketNotifier incoming(listener.fd(), QSocketNotifier::Read);
            Counter accepted(incoming);
            const File client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            ::connect(client.fd(), name, size);
            QSocketNotifier outgoing(client.fd(), QSocketNotifier::Write);
            Counter connected(outgoing);
            processUntil([&] { return accepted.count > 0 && connected.count > 0; });
        });
    }

    // "it is normally used for other types of devices than sockets"
    void devices()
    {
        run([] {
            const auto readable = [](const File &file, const std::function<void()> &makeReadable) {
                QVERIFY(file.fd() >= 0);
                QSocketNotifier notifier(file.fd(), QSocketNotifier::Read);
                Counter activated(notifier);
                settle();
                QCOMPARE(activated.count, 0);
                makeReadable();
                processUntil([&] { return activated.count > 0; });
            };
            const File event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            readable(event, [&] { QCOMPARE(writeEvent(event), 0); });

            const File timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
            readable(timer, [&] {
                itimerspec time{};
                time.it_value.tv_nsec = 1'000'000;
                QCOMPARE(::timerfd_settime(timer.fd(), 0, &time, nullptr), 0);
            });

            QTemporaryDir folder;
            const File watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
            QVERIFY(::inotify_add_watch(watch.fd(), folder.path().toLocal8Bit().constData(), IN_CREATE) >= 0);
            const QByteArray fifoName = folder.filePath(QStringLiteral("fifo")).toLocal8Bit();
            readable(watch, [&] { QCOMPARE(::mkfifo(fifoName.constData(), 0600), 0); });

            const File fifo(::open(fifoName.constData(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
            readable(fifo, [&] { writeByte(fifo); });

            const File terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
            QVERIFY(::grantpt(terminal.fd()) == 0 && ::unlockpt(terminal.fd()) == 0);
            const File user(::open(::ptsname(terminal.fd()), O_RDWR | O_NOCTTY | O_CLOEXEC));
            readable(terminal, [&] { writeByte(user); });

            const File epoll(::epoll_create1(EPOLL_CLOEXEC));
            const File inner(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            epoll_event interest{};
            interest.events = EPOLLIN;
            QCOMPARE(::epoll_ctl(epoll.fd(), EPOLL_CTL_ADD, inner.fd(), &interest), 0);
            readable(epoll, [&] { QCOMPARE(writeEvent(inner), 0); });

            sigset_t signal;
            sigset_t before;
            sigemptyset(&signal);
            sigaddset(&signal, SIGUSR2);
            ::pthread_sigmask(SIG_BLOCK, &signal, &before);
            const File signals(::signalfd(-1, &signal, SFD_CLOEXEC | SFD_NONBLOCK));
            readable(signals, [] { ::pthread_kill(::pthread_self(), SIGUSR2); });
            signalfd_siginfo info{};
            QCOMPARE(::read(signals.fd(), &info, sizeof info), ssize_t(sizeof info));
            ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

            // always ready, and not for epoll at all
            const File null(::open("/dev/null", O_RDWR | O_CLOEXEC));
            QSocketNotifier reader(null.fd(), QSocketNotifier::Read);
            QSocketNotifier writer(null.fd(), QSocketNotifier::Write);
            Counter read(reader);
            Counter written(writer);
            processUntil([&] { return read.count > 0 && written.count > 0; });
        });
    }

    // "it is not possible to install two socket notifiers of the same type on the same socket": a warning, no more
    void secondOneOfAKind()
    {
        run([] {
            if (dispatcher()->inherits("QEventDispatcherGlib"))
                QSKIP("glib serves both");
            Pair pair;
            QSocketNotifier first(pair.a.fd(), QSocketNotifier::Read);
            QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("[Mm]ultiple|another notifier")));
            QSocketNotifier second(pair.a.fd(), QSocketNotifier::Read);
            Counter ofFirst(first);
            Counter ofSecond(second);
            writeByte(pair.b);
            processUntil([&] { return ofFirst.count + ofSecond.count > 0; });
        });
    }

    // As those of timers: a notifier is enabled and disabled in its own thread.
    void notifiersAreOfTheirThread()
    {
        run([] {
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            const QRegularExpression otherThread(QStringLiteral("another thread"));
            QTest::ignoreMessage(QtWarningMsg, otherThread);
            {
                Beside other([&] { notifier.setEnabled(false); });
            }
            notifier.setEnabled(false);
            notifier.setEnabled(true);
            Counter activated(notifier);
            writeByte(pair.b);
            processUntil([&] { return activated.count > 0; });
        });
    }
};

QTEST_GUILESS_MAIN(DocumentedNotifiersTest)

#include "documentednotifierstest.moc"
