// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QRandomGenerator>
#include <QRegularExpression>
#include <QSocketNotifier>
#include <QTemporaryFile>
#include <QTimer>

#include <atomic>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

using namespace DispatcherTest;

namespace {

/** Counts its activations, and may do more. */
class Notifier : public QSocketNotifier
{
public:
    Notifier(int fd, Type type, std::function<void()> handler = {})
        : QSocketNotifier(fd, type)
    {
        connect(this, &QSocketNotifier::activated, this, [this, fd, type, handler](QSocketDescriptor descriptor, Type t) {
            ++activated;
            QCOMPARE(int(descriptor), fd);
            QCOMPARE(t, type);
            if (handler)
                handler();
        });
    }
    int activated = 0;
};

/** Out-of-band data is for TCP only. */
Pair tcpPair()
{
    const File listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    Pair pair;
    pair.a = File(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (::bind(listener.fd(), generic, length) != 0 || ::listen(listener.fd(), 1) != 0
        || ::getsockname(listener.fd(), generic, &length) != 0 || ::connect(pair.a.fd(), generic, length) != 0)
        qFatal("no TCP connection");
    pair.b = File(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    ::fcntl(pair.a.fd(), F_SETFL, O_NONBLOCK);
    return pair;
}

} // namespace

/** Socket notifiers: what activates them, and what may be done with them at what time. */
class SocketNotifierTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }
    void initTestCase() { raiseFileLimit(); }

    void reads()
    {
        run([] {
            Pair pair;
            Notifier notifier(pair.a.fd(), QSocketNotifier::Read);
            settle();
            QCOMPARE(notifier.activated, 0);
            writeByte(pair.b);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 1);
            dispatcher()->processEvents(QEventLoop::AllEvents); // as long as there is something
            QCOMPARE(notifier.activated, 2);
            readAll(pair.a.fd());
            settle();
            QCOMPARE(notifier.activated, 2);
            pair.b.close();
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 3);
        });
    }

    void writes()
    {
        run([] {
            Pair pair;
            Notifier notifier(pair.a.fd(), QSocketNotifier::Write);
            for (int i = 1; i <= 3; ++i) {
                dispatcher()->processEvents(QEventLoop::AllEvents);
                QCOMPARE(notifier.activated, i);
            }
            fill(pair.a);
            settle();
            QCOMPARE(notifier.activated, 3);
            readAll(pair.b.fd());
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 4);
            fill(pair.a);
            pair.b.close();
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 5);
        });
    }

    void writesBesideReading()
    {
        run([] {
            Pair pair;
            Notifier reader(pair.a.fd(), QSocketNotifier::Read);
            settle();
            Notifier writer(pair.a.fd(), QSocketNotifier::Write);
            for (int i = 1; i <= 3; ++i) {
                dispatcher()->processEvents(QEventLoop::AllEvents);
                QCOMPARE(writer.activated, i);
            }
            writer.setEnabled(false);
            settle();
            QCOMPARE(writer.activated, 3);
            fill(pair.a);
            writer.setEnabled(true);
            settle();
            QCOMPARE(writer.activated, 3);
            readAll(pair.b.fd());
            writeByte(pair.b);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(writer.activated, 4);
            QCOMPARE(reader.activated, 1);
        });
    }

    void exceptions()
    {
        run([] {
            Pair pair = tcpPair();
            Notifier notifier(pair.a.fd(), QSocketNotifier::Exception);
            writeByte(pair.b);
            settle();
            QCOMPARE(notifier.activated, 0);
            QCOMPARE(::send(pair.b.fd(), "!", 1, MSG_OOB), 1);
            QTRY_COMPARE_GE(notifier.activated, 1);
        });
    }

    void allKindsForOneDescriptor()
    {
        run([] {
            Pair pair = tcpPair();
            Notifier reader(pair.a.fd(), QSocketNotifier::Read);
            Notifier writer(pair.a.fd(), QSocketNotifier::Write);
            Notifier excepter(pair.a.fd(), QSocketNotifier::Exception);
            settle();
            QCOMPARE(reader.activated, 0);
            QCOMPARE_GT(writer.activated, 0);
            QCOMPARE(excepter.activated, 0);
            writeByte(pair.b);
            QTRY_COMPARE_GT(reader.activated, 0);
            QCOMPARE(::send(pair.b.fd(), "!", 1, MSG_OOB), 1);
            QTRY_COMPARE_GT(excepter.activated, 0);

            writer.setEnabled(false);
            reader.setEnabled(false);
            const int before = excepter.activated;
            const int read = reader.activated;
            const int written = writer.activated;
            settle();
            QCOMPARE_GT(excepter.activated, before);
            QCOMPARE(reader.activated, read);
            QCOMPARE(writer.activated, written);
            reader.setEnabled(true);
            settle();
            QCOMPARE_GT(reader.activated, read);
        });
    }

    void regularFilesAreAlwaysReady()
    {
        run([] {
            QTemporaryFile file;
            QVERIFY(file.open());
            Notifier reader(file.handle(), QSocketNotifier::Read);
            for (int i = 1; i <= 3; ++i) {
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
                QCOMPARE(reader.activated, i);
            }
            Notifier writer(file.handle(), QSocketNotifier::Write);
            settle();
            QCOMPARE_GT(writer.activated, 0);
            reader.setEnabled(false);
            writer.setEnabled(false);
            const int read = reader.activated;
            settle();
            QCOMPARE(reader.activated, read);

            reader.setEnabled(true);
            settle();
            QCOMPARE_GT(reader.activated, read);
            reader.setEnabled(false);
            QTimer timer; // and then there is nothing left that would keep it busy
            timer.setSingleShot(true);
            timer.start(20);
            int turns = 0;
            for (; timer.isActive(); ++turns)
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            QCOMPARE_LT(turns, 10);
        });
    }

    void disabledOnesAreSilent()
    {
        run([] {
            Pair pair;
            Notifier notifier(pair.a.fd(), QSocketNotifier::Read);
            settle();
            notifier.setEnabled(false);
            writeByte(pair.b);
            settle();
            QCOMPARE(notifier.activated, 0);
            notifier.setEnabled(true);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 1);
            for (int i = 0; i < 5; ++i) {
                notifier.setEnabled(false);
                notifier.setEnabled(true);
            }
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier.activated, 2);
        });
    }

    void changedWhileActivated_data()
    {
        QTest::addColumn<int>("what");
        QTest::newRow("disables the other") << 0;
        QTest::newRow("deletes the other") << 1;
        QTest::newRow("disables itself") << 2;
        QTest::newRow("deletes itself") << 3;
        QTest::newRow("disables both, enables the other") << 4;
    }

    void changedWhileActivated()
    {
        QFETCH(int, what);
        run([&] {
            Pair pairs[2];
            std::unique_ptr<Notifier> notifiers[2];
            int activated[2] = {0, 0};
            for (int i = 0; i < 2; ++i) {
                writeByte(pairs[i].b);
                notifiers[i] = std::make_unique<Notifier>(pairs[i].a.fd(), QSocketNotifier::Read, [&, i] {
                    ++activated[i];
                    Notifier *self = notifiers[i].get();
                    std::unique_ptr<Notifier> &other = notifiers[1 - i];
                    switch (what) {
                    case 0:
                        other->setEnabled(false);
                        break;
                    case 1:
                        other.reset();
                        break;
                    case 2:
                        self->setEnabled(false);
                        break;
                    case 3:
                        notifiers[i].release()->deleteLater();
                        self->setEnabled(false);
                        break;
                    case 4:
                        self->setEnabled(false);
                        other->setEnabled(false);
                        other->setEnabled(true);
                        break;
                    }
                });
            }
            dispatcher()->processEvents(QEventLoop::AllEvents);
            const int total = activated[0] + activated[1];
            settle();
            if (what == 2 || what == 3)
                QCOMPARE(activated[0] + activated[1], 2);
            else
                QCOMPARE(total, 1);
        });
    }

    // The number of a closed descriptor is soon that of another file, maybe in the same turn.
    void numberOfAClosedDescriptorIsUsedAgain_data()
    {
        QTest::addColumn<bool>("processedBetween");
        QTest::addColumn<bool>("duplicateStaysOpen");
        for (const bool between : {false, true}) {
            for (const bool duplicate : {false, true})
                QTest::addRow("%s%s", between ? "in another turn" : "in the same turn", duplicate ? ", duplicated" : "")
                    << between << duplicate;
        }
    }

    void numberOfAClosedDescriptorIsUsedAgain()
    {
        QFETCH(bool, processedBetween);
        QFETCH(bool, duplicateStaysOpen);
        run([&] {
            Pair old;
            const int fd = old.a.fd();
            auto notifier = std::make_unique<Notifier>(fd, QSocketNotifier::Read);
            settle();
            const File duplicate(duplicateStaysOpen ? ::dup(fd) : -1);
            notifier.reset();
            old.a.close();
            if (duplicateStaysOpen)
                writeByte(old.b); // the old file is ready from now on
            if (processedBetween)
                settle();

            Pair pair;
            if (pair.a.fd() != fd) {
                QCOMPARE(::dup2(pair.a.fd(), fd), fd);
                pair.a = File(fd);
            }
            notifier = std::make_unique<Notifier>(fd, QSocketNotifier::Read);
            settle();
            QCOMPARE(notifier->activated, 0);
            QTimer timer;
            timer.setSingleShot(true);
            timer.start(20);
            int turns = 0;
            for (; timer.isActive(); ++turns)
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            QCOMPARE(notifier->activated, 0);
            QCOMPARE_LT(turns, 10);

            writeByte(pair.b);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifier->activated, 1);
        });
    }

    void activationIsNotForTheNextOwnerOfTheNumber()
    {
        run([] {
            Pair pairs[2];
            std::unique_ptr<Notifier> notifiers[2];
            Pair pair;
            std::unique_ptr<Notifier> next;
            for (int i = 0; i < 2; ++i) {
                writeByte(pairs[i].b);
                notifiers[i] = std::make_unique<Notifier>(pairs[i].a.fd(), QSocketNotifier::Read, [&, i] {
                    notifiers[i]->setEnabled(false);
                    const int fd = pairs[1 - i].a.fd();
                    notifiers[1 - i].reset();
                    ::dup2(pair.a.fd(), fd); // closes and opens
                    next = std::make_unique<Notifier>(fd, QSocketNotifier::Read);
                });
            }
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QVERIFY(next);
            settle();
            QCOMPARE(next->activated, 0);
            writeByte(pair.b);
            settle();
            QCOMPARE_GT(next->activated, 0);
        });
    }

    void servedInNestedEventLoops()
    {
        run([] {
            Pair pairs[2];
            std::unique_ptr<Notifier> notifiers[2];
            bool nested = false;
            for (int i = 0; i < 2; ++i) {
                writeByte(pairs[i].b);
                notifiers[i] = std::make_unique<Notifier>(pairs[i].a.fd(), QSocketNotifier::Read, [&, i] {
                    readAll(pairs[i].a.fd());
                    if (nested)
                        return;
                    nested = true;
                    const Notifier &other = *notifiers[1 - i];
                    processUntil([&] { return other.activated == 1; }); // it was ready together with this one
                    writeByte(pairs[1 - i].b);
                    processUntil([&] { return other.activated == 2; });
                    writeByte(pairs[i].b); // and this one is not at rest
                    processUntil([&] { return notifiers[i]->activated == 2; });
                });
            }
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(notifiers[0]->activated, 2);
            QCOMPARE(notifiers[1]->activated, 2);
        });
    }

    void endsTheWait()
    {
        run([] {
            Pair pair;
            Notifier notifier(pair.a.fd(), QSocketNotifier::Read, [&] { readAll(pair.a.fd()); });
            for (int i = 1; i <= 10; ++i) {
                Beside other([&] {
                    QThread::msleep(1);
                    writeByte(pair.b);
                });
                processUntil([&] { return notifier.activated == i; });
            }
        });
    }

    void thousands()
    {
        run([] {
            constexpr int Count = 3000;
            std::vector<Pair> pairs(Count);
            std::vector<std::unique_ptr<Notifier>> notifiers;
            for (Pair &pair : pairs) {
                notifiers.push_back(
                    std::make_unique<Notifier>(pair.a.fd(), QSocketNotifier::Read, [&pair] { readAll(pair.a.fd()); }));
            }
            settle();
            for (const Pair &pair : pairs)
                writeByte(pair.b);
            for (int i = 0; i < 100; ++i)
                dispatcher()->processEvents(QEventLoop::AllEvents);
            for (const auto &notifier : notifiers)
                QCOMPARE(notifier->activated, 1);

            for (int i = 0; i < Count; i += 2)
                notifiers[size_t(i)]->setEnabled(false);
            for (const Pair &pair : pairs)
                writeByte(pair.b);
            for (int i = 0; i < 100; ++i)
                dispatcher()->processEvents(QEventLoop::AllEvents);
            for (int i = 0; i < Count; ++i)
                QCOMPARE(notifiers[size_t(i)]->activated, i % 2 ? 2 : 1);
        });
    }

    void moveToAnotherThread()
    {
        run([] {
            const auto thread = makeThread({});
            thread->start();
            {
                Pair pair;
                std::atomic<int> activated = 0;
                std::atomic<QThread *> where = nullptr;
                auto *notifier = new Notifier(pair.a.fd(), QSocketNotifier::Read, [&] {
                    readAll(pair.a.fd());
                    where = QThread::currentThread();
                    ++activated;
                });
                settle();
                notifier->moveToThread(thread.get());
                for (int i = 1; i <= 10; ++i) {
                    writeByte(pair.b);
                    while (activated < i) {
                        settle();
                        QThread::yieldCurrentThread();
                    }
                    QCOMPARE(where.load(), thread.get());
                }
                QMetaObject::invokeMethod(notifier, [&] { delete notifier; }, Qt::BlockingQueuedConnection);
            }
            thread->quit();
            thread->wait();
        });
    }

    void descriptorsThatAreNoneAreDisabled()
    {
        run([] {
            int fd = -1;
            {
                const Pair pair;
                fd = pair.a.fd();
            }
            QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("disabling")));
            Notifier notifier(fd, QSocketNotifier::Read);
            settle();
            QVERIFY(!notifier.isEnabled());
        });
    }

    // Compared with a model: an enabled notifier is activated exactly when its descriptor is ready.
    void randomChanges()
    {
        run([] {
            constexpr int Count = 40;
            struct End {
                Pair pair;
                bool readable = false;
                bool full = false;
                std::unique_ptr<Notifier> reader;
                std::unique_ptr<Notifier> writer;
            };
            QRandomGenerator random(1234);
            std::vector<End> ends(Count);
            const auto renew = [](End &end) {
                end.reader.reset();
                end.writer.reset();
                end.pair = Pair();
                end.readable = end.full = false;
            };
            for (int step = 0; step < 3000; ++step) {
                for (int change = 0; change < 4; ++change) {
                    End &end = ends[random.bounded(Count)];
                    const int fd = end.pair.a.fd();
                    switch (random.bounded(10)) {
                    case 0:
                        renew(end);
                        break;
                    case 1:
                        end.reader.reset(); // there must not be two
                        end.reader = std::make_unique<Notifier>(fd, QSocketNotifier::Read);
                        break;
                    case 2:
                        end.writer.reset();
                        end.writer = std::make_unique<Notifier>(fd, QSocketNotifier::Write);
                        break;
                    case 3:
                        end.reader.reset();
                        break;
                    case 4:
                        end.writer.reset();
                        break;
                    case 5:
                        if (end.reader)
                            end.reader->setEnabled(!end.reader->isEnabled());
                        break;
                    case 6:
                        if (end.writer)
                            end.writer->setEnabled(!end.writer->isEnabled());
                        break;
                    case 7:
                        writeByte(end.pair.b);
                        end.readable = true;
                        break;
                    case 8:
                        readAll(fd);
                        end.readable = false;
                        break;
                    case 9:
                        end.full ? void(readAll(end.pair.b.fd())) : fill(end.pair.a);
                        end.full = !end.full;
                        break;
                    }
                }
                for (End &end : ends) {
                    for (Notifier *notifier : {end.reader.get(), end.writer.get()}) {
                        if (notifier)
                            notifier->activated = 0;
                    }
                }
                dispatcher()->processEvents(QEventLoop::AllEvents);
                for (End &end : ends) {
                    if (end.reader)
                        QCOMPARE(end.reader->activated, end.reader->isEnabled() && end.readable ? 1 : 0);
                    if (end.writer)
                        QCOMPARE(end.writer->activated, end.writer->isEnabled() && !end.full ? 1 : 0);
                }
            }
        });
    }
};

QTEST_GUILESS_MAIN(SocketNotifierTest)

#include "socketnotifiertest.moc"
