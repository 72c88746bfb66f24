// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networktest.h"
#include "waitmatrix.h"

#include <Asyncoro/AsyncUdpSocket>
#include <Asyncoro/HostLookup>
#include <Asyncoro/Result>

#include <QNetworkInterface>
#include <QTest>
#include <QUdpSocket>

#include <dlfcn.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

int refusedSends = 0; // so many datagrams find no room

} // namespace

// In place of the system's, for Qt too: over loopback there is always room.
extern "C" Q_DECL_EXPORT ssize_t sendmsg(int descriptor, const msghdr *message, int flags)
{
    if (refusedSends > 0) {
        --refusedSends;
        errno = EAGAIN;
        return -1;
    }
    static const auto next = reinterpret_cast<decltype(&sendmsg)>(dlsym(RTLD_NEXT, "sendmsg"));
    return next(descriptor, message, flags);
}

namespace {

AsyncUdpSocket bound(const QHostAddress &address = QHostAddress::LocalHost)
{
    AsyncUdpSocket socket;
    socket.bind(address);
    return socket;
}

QNetworkInterface loopback()
{
    for (const QNetworkInterface &interface : QNetworkInterface::allInterfaces()) {
        if (interface.flags().testFlag(QNetworkInterface::IsLoopBack))
            return interface;
    }
    return {};
}

/** A port of this machine at which nobody listens. */
Location deadPort()
{
    return bound().location();
}

template<typename Awaitable>
QString errorOf(Awaitable &&awaitable)
{
    try {
        run(awaitable);
    } catch (const Error &e) {
        return e.message();
    }
    return {};
}

/** Waits for a datagram. */
struct WaitForDatagram {
    std::optional<AsyncUdpSocket> receiver = bound();
    QUdpSocket sender;
    QByteArray received;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            received = (co_await receiver->recv(deadline)).data();
        } catch (const SocketError &e) {
            throw Destroyed(e.message());
        }
    }
    void complete()
    {
        sender.writeDatagram("x", 1, QHostAddress::LocalHost, receiver->location().port());
    }
    void destroy() { receiver.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (completed && outcome != WaitMatrix::Outcome::Completed)
            received = run(receiver->recv()).data(); // not lost
        QCOMPARE(received, completed ? "x" : "");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(receiver->recv(0s)));
    }

    // The datagram is in the kernel; the event loop has to look.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;
};

} // namespace

class AsyncUdpSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N02_waits_data() { WaitMatrix::addRows<WaitForDatagram>(); }
    void N02_waits() { WaitMatrix::run<WaitForDatagram>(); }

    void N02_sendToAndRecv()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b; // bound by its first datagram
        QVERIFY(!b.location().isValid());
        run(b.sendTo("hello", a.location()));
        QVERIFY(b.location().isValid());

        const QNetworkDatagram datagram = run(a.recv());
        QCOMPARE(datagram.data(), "hello");
        QCOMPARE(datagram.senderAddress(), QHostAddress(QHostAddress::LocalHost));
        QCOMPARE(datagram.senderPort(), b.location().port());
        QCOMPARE(datagram.destinationAddress(), QHostAddress(QHostAddress::LocalHost));
        QCOMPARE(int(datagram.interfaceIndex()), loopback().index());
        QVERIFY(datagram.hopLimit() > 0);

        run(a.send(datagram.makeReply("world")));
        QCOMPARE(run(b.recv()).data(), "world");
    }

    void N02_overIPv6()
    {
        AsyncUdpSocket a;
        try {
            a.bind(QHostAddress::LocalHostIPv6);
        } catch (const SocketError &) {
            QSKIP("no IPv6 here");
        }
        QCOMPARE(a.location().address(), QStringLiteral("::1"));
        AsyncUdpSocket b = bound(QHostAddress::LocalHostIPv6);
        run(b.sendTo(QByteArray(65527, 'x'), a.location()));
        QCOMPARE(run(a.recv()).data().size(), 65527);
    }

    void N02_emptyDatagrams()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b = bound();
        run(b.sendTo(QByteArray(), a.location()));
        const QNetworkDatagram datagram = run(a.recv());
        QCOMPARE(datagram.data(), "");
        QVERIFY(datagram.isValid());
    }

    void N02_theLongestAndTheTooLong()
    {
        AsyncUdpSocket a = bound();
        run(a.sendTo(QByteArray(65507, 'x'), a.location()));
        QCOMPARE(run(a.recv()).data(), QByteArray(65507, 'x'));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(a.sendTo(QByteArray(65508, 'x'), a.location())));
        const QString error = errorOf(a.sendTo(QByteArray(65508, 'x'), a.location()));
        QVERIFY2(error.contains(u"65508 bytes") && error.contains(u"65507"), qPrintable(error));
        run(a.sendTo("goes on", a.location()));
        QCOMPARE(run(a.recv()).data(), "goes on");
    }

    void N02_isNeverCutShort()
    {
        AsyncUdpSocket a = bound();
        run(a.sendTo("0123456789", a.location()));
        run(a.sendTo("next", a.location()));
        const QString error = errorOf(a.recv(9));
        QVERIFY2(error.contains(u"10 bytes, at most 9") && error.contains(a.location().toString()), qPrintable(error));
        QCOMPARE(run(a.recv(9)).data(), "next");
    }

    void N02_keepsNoMoreMemoryThanItsBytes()
    {
        AsyncUdpSocket a = bound();
        run(a.sendTo("small", a.location()));
        QVERIFY(run(a.recv()).data().capacity() < 100);
    }

    void N02_severalAreServedInOrder()
    {
        AsyncUdpSocket a = bound();
        QByteArrayList got;
        const auto receive = [&](char name) -> Task<> {
            got << name + (co_await a.recv()).data();
        };
        const Coro<> first = spawn(receive, 'a');
        const Coro<> second = spawn(receive, 'b');
        const Coro<> third = spawn(receive, 'c');
        letOthersRun();
        second.terminate();
        AsyncUdpSocket b = bound();
        run(b.sendTo("1", a.location()));
        run(b.sendTo("2", a.location()));
        waitFor(first);
        waitFor(third);
        QCOMPARE(got, QByteArrayList({"a1", "c2"}));
    }

    void N02_thousandsAreBoundedByTheSystem()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b = bound();
        const QByteArray data(1000, 'x');
        waitFor(spawn([&]() -> Task<> {
            for (int i = 0; i < 5000; ++i) { // nobody receives
                co_await b.sendTo(data, a.location());
                if (i % 100 == 0)
                    co_await 1ms; // the event loop must not read ahead
            }
        }));
        const int got = waitFor(spawn([&]() -> Task<int> {
            for (int n = 0;; ++n) {
                const auto datagram = co_await asResult(a.recv(200ms));
                if (!datagram)
                    co_return n;
                if (datagram.value().data() != data)
                    throw Error(QStringLiteral("another one"));
            }
        }));
        QVERIFY2(got > 10 && got < 5000, qPrintable(QString::number(got)));
    }

    void N02_connected()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b = bound();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.send("to nowhere")));
        waitFor(b.connect(QStringLiteral("localhost"), a.location().port()));
        QVERIFY(b.peerLocation().isValid());
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(b.connect(a.location()))); // twice
    }

    void N02_connectedHearsOnlyItsPeer()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b = bound();
        AsyncUdpSocket stranger = bound();
        const Location before = b.location();
        waitFor(b.connect(a.location()));
        QCOMPARE(b.location(), before);
        QCOMPARE(b.peerLocation(), a.location());
        run(b.send("hello"));
        const QNetworkDatagram datagram = run(a.recv());
        QCOMPARE(datagram.data(), "hello");
        run(stranger.sendTo("psst", b.location()));
        run(a.send(datagram.makeReply("world")));
        QCOMPARE(run(b.recv()).data(), "world");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(b.recv(20ms)));
    }

    // QUdpSocket never tells of a further datagram after such an error if one asks it for the size of the next one.
    void N02_refusedAndGoesOn()
    {
        AsyncUdpSocket a;
        waitFor(a.connect(deadPort()));
        run(a.send("is anybody there?"));
        try {
            run(a.recv(20s));
            QFAIL("nobody is");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::ConnectionRefusedError);
            QCOMPARE(e.operation(), "recv()");
            QCOMPARE(e.peer(), a.peerLocation());
            QVERIFY2(e.message().contains(a.peerLocation().toString()), e.what());
        }
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(a.recv(0s)));

        AsyncUdpSocket b;
        b.bind(QHostAddress::LocalHost, a.peerLocation().port()); // now there is
        const Coro<> answering = spawn([&]() -> Task<> {
            for (int i = 0; i < 3; ++i)
                co_await b.send((co_await b.recv()).makeReply("yes"));
        });
        for (int i = 0; i < 3; ++i) {
            run(a.send("and now?"));
            QCOMPARE(run(a.recv(20s)).data(), "yes");
        }
        waitFor(answering);
    }

    void N02_refusedWhileItWaits()
    {
        AsyncUdpSocket a;
        waitFor(a.connect(deadPort()));
        for (int i = 0; i < 3; ++i) {
            const Coro<> waiting = spawn([&]() -> Task<> { co_await a.recv(20s); });
            letOthersRun();
            run(a.send("is anybody there?"));
            try {
                waitFor(waiting);
                QFAIL("nobody is");
            } catch (const SocketError &e) {
                QCOMPARE(e.code(), QAbstractSocket::ConnectionRefusedError);
            }
        }
    }

    void N02_refusedBeforeItSends()
    {
        AsyncUdpSocket a;
        waitFor(a.connect(deadPort()));
        run(a.send("1"));
        const QString error = errorOf(a.send("2"));
        QVERIFY2(error.contains(u"refused"), qPrintable(error));
        run(a.send("3"));
    }

    void N02_waitsForRoom()
    {
        AsyncUdpSocket a = bound();
        refusedSends = 2;
        const auto send = [&](QByteArray data) -> Task<> { co_await a.sendTo(data, a.location()); };
        const Coro<> first = spawn(send, "1");
        const Coro<> second = spawn(send, "2");
        waitFor(first);
        waitFor(second);
        QCOMPARE(refusedSends, 0);
        QCOMPARE(run(a.recv()).data(), "1");
        QCOMPARE(run(a.recv()).data(), "2");

        refusedSends = 1;
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(a.sendTo("3", a.location(), 0s)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(a.recv(20ms)));

        refusedSends = 1'000'000;
        const Coro<> cancelled = spawn(send, "4");
        const Coro<> closed = spawn(send, "5");
        letOthersRun();
        cancelled.terminate();
        a.close();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(cancelled));
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(closed));
        refusedSends = 0;
    }

    void N02_closeWakesAndItCanBeBoundAgain()
    {
        AsyncUdpSocket a = bound();
        const auto receive = [&]() -> Task<> { co_await a.recv(); };
        const Coro<> first = spawn(receive);
        const Coro<> second = spawn(receive);
        letOthersRun();
        a.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(first));
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(second));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(a.recv()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(a.sendTo("x", deadPort())));
        QVERIFY(!a.location().isValid());
        a.bind(QHostAddress::LocalHost);
        run(a.sendTo("again", a.location()));
        QCOMPARE(run(a.recv()).data(), "again");
    }

    void N02_isMovedWhileSomebodyWaits()
    {
        AsyncUdpSocket a = bound();
        const Coro<> waiting = spawn([&]() -> Task<> { co_await a.recv(); });
        letOthersRun();
        AsyncUdpSocket moved = std::move(a);
        run(moved.sendTo("x", moved.location()));
        waitFor(waiting);
    }

    void N02_aSocketIsAdopted()
    {
        auto *const socket = new QUdpSocket;
        QVERIFY(socket->bind(QHostAddress::LocalHost));
        AsyncUdpSocket a(socket);
        run(a.sendTo("x", a.location()));
        QCOMPARE(run(a.recv()).data(), "x");
    }

    void saysWhatIsInTheWay()
    {
        AsyncUdpSocket a = bound();
        AsyncUdpSocket b;
        try {
            b.bind(QHostAddress::LocalHost, a.location().port());
            QFAIL("two at one port");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::AddressInUseError);
            QCOMPARE(e.operation(), "bind()");
            QVERIFY2(e.message().contains(QString::number(a.location().port())), e.what());
        }
        QVERIFY_THROWS_EXCEPTION(SocketError, a.bind(QHostAddress::LocalHost)); // twice
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.recv())); // not bound
        const QString error = errorOf(b.sendTo("x", Location(QStringLiteral("localhost"), 1)));
        QVERIFY2(error.contains(u"to nowhere"), qPrintable(error));
        QVERIFY_THROWS_EXCEPTION(HostNotFound, waitFor(b.connect(QStringLiteral("no.such.invalid"), 1)));
    }

    void anotherThreadIsToldSo()
    {
        AsyncUdpSocket a = bound();
        QString error;
        const std::unique_ptr<QThread> thread(QThread::create([&] { error = errorOf(a.recv(0s)); }));
        thread->start();
        thread->wait();
        QVERIFY2(error.contains(u"another thread"), qPrintable(error));
    }

    void multicast()
    {
        const QHostAddress group(QStringLiteral("239.255.43.21"));
        AsyncUdpSocket a = bound(QHostAddress::AnyIPv4);
        a.joinMulticastGroup(group, loopback());
        AsyncUdpSocket sender = bound(QHostAddress::AnyIPv4);
        sender.setMulticastInterface(loopback());
        sender.setMulticastTimeToLive(0);
        run(sender.sendTo("to all", group, a.location().port()));
        const QNetworkDatagram datagram = run(a.recv(20s));
        QCOMPARE(datagram.data(), "to all");
        QCOMPARE(datagram.destinationAddress(), group);
        QCOMPARE(datagram.hopLimit(), 0);

        for (const bool loopBack : {false, true}) { // without effect on the loop-back interface
            sender.setMulticastLoopback(loopBack);
            QCOMPARE(sender.socket()->socketOption(QAbstractSocket::MulticastLoopbackOption).toBool(), loopBack);
        }

        a.leaveMulticastGroup(group, loopback());
        run(sender.sendTo("too late", group, a.location().port()));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(a.recv(20ms)));
    }

    void multicastOverIPv6()
    {
        const QHostAddress group(QStringLiteral("ff01::4321"));
        AsyncUdpSocket a;
        try {
            a.bind(QHostAddress::AnyIPv6);
            a.joinMulticastGroup(group, loopback());
        } catch (const SocketError &e) {
            QSKIP(e.what());
        }
        AsyncUdpSocket sender = bound(QHostAddress::AnyIPv6);
        sender.setMulticastInterface(loopback());
        sender.setMulticastTimeToLive(3);
        sender.setMulticastLoopback(true);
        const auto sent = waitFor(asResult(sender.sendTo("to all", group, a.location().port())));
        if (!sent)
            QSKIP(qPrintable(sent.errorText())); // mostly there is no route for groups to this interface
        const QNetworkDatagram datagram = run(a.recv(20s));
        QCOMPARE(datagram.data(), "to all");
        QCOMPARE(datagram.hopLimit(), 3);
        a.leaveMulticastGroup(group, loopback());
    }

    void multicastSaysWhatIsInTheWay()
    {
        const QHostAddress group(QStringLiteral("239.255.43.21"));
        AsyncUdpSocket a;
        QVERIFY_THROWS_EXCEPTION(SocketError, a.joinMulticastGroup(group)); // not bound
        a.bind(QHostAddress::Any);
        try {
            a.joinMulticastGroup(group);
            QFAIL("a group of IPv4 with a socket of IPv6");
        } catch (const SocketError &e) {
            QCOMPARE(e.operation(), "joinMulticastGroup()");
            QVERIFY2(e.message().startsWith(u"joinMulticastGroup(), 239.255.43.21: "), e.what());
            QVERIFY2(e.message().contains(u"AnyIPv4"), e.what());
        }
        QVERIFY_THROWS_EXCEPTION(SocketError, a.joinMulticastGroup(QHostAddress(QHostAddress::LocalHost)));
        a = bound(QHostAddress::AnyIPv4);
        QVERIFY_THROWS_EXCEPTION(SocketError, a.leaveMulticastGroup(group)); // never joined
        QVERIFY_THROWS_EXCEPTION(SocketError, a.setMulticastTimeToLive(256));
    }

    void broadcast()
    {
        AsyncUdpSocket a = bound(QHostAddress::AnyIPv4);
        AsyncUdpSocket b = bound(QHostAddress::AnyIPv4);
        run(b.sendTo("to all", QHostAddress(QStringLiteral("127.255.255.255")), a.location().port()));
        QCOMPARE(run(a.recv(20s)).data(), "to all");
    }
};

QTEST_GUILESS_MAIN(AsyncUdpSocketTest)

#include "asyncudpsockettest.moc"
