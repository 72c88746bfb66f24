// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#ifndef QTEST_THROW_ON_FAIL
#error "badpeers.h needs QTEST_THROW_ON_FAIL: add it to the test by target_compile_definitions()"
#endif

#include "../io/waiter.h"
#include "networktest.h"

#include <QScopeGuard>
#include <QTest>

#include <functional>

/**
 * Tries an operation that waits for bytes of a peer, or for a peer to take bytes, against peers of all sorts; each is
 * also given up while it waits.
 *
 *     void N02_peers_data() { BadPeers::addRows(); }
 *     void N02_peers() { BadPeers::run([] { return std::make_unique<ReceiveMessage>(); }); }
 */
namespace BadPeers {

using namespace NetworkTest;

/** One operation and the peer that it waits for, of which each row gets a fresh one. */
class Conversation
{
public:
    Conversation() = default;
    virtual ~Conversation() = default;
    Q_DISABLE_COPY_MOVE(Conversation)

    /** The operation; gives result(). */
    virtual Task<QByteArray> receive(QDeadlineTimer deadline) = 0;
    [[nodiscard]] virtual QByteArray result() const = 0;
    /** What the peer has to send for one result. */
    [[nodiscard]] virtual QByteArray unit() const = 0;
    /** Called when receive() waits, until it is true: then the peer can send. */
    virtual bool isReady() { return true; }
    /** For an operation that does not fail with its peer, but waits for the next one: that. */
    virtual std::optional<RawPeer> next() { return {}; }
    /** A part of unit() that is not enough; the rest comes later, or never. */
    [[nodiscard]] virtual QByteArray firstPart() const { return unit().first(unit().size() / 2); }
    /** What is no failure where the stream ends after firstPart(), but the operation's result: that. */
    [[nodiscard]] virtual std::optional<QByteArray> resultAtEnd() const { return {}; }
    /** Whether receive(), once given up, can be tried again with the same peer. */
    [[nodiscard]] virtual bool goesOn() const { return true; }
    /** How long receive() waits where it is to time out: longer than it takes, on a busy machine, until isReady(). */
    [[nodiscard]] virtual std::chrono::milliseconds timeOut() const { return std::chrono::milliseconds(200); }
    /** Lets the peer go so that the system tells it as a reset. */
    virtual void reset() { peer.reset(); }
    /** Whether anything may follow a unit. */
    [[nodiscard]] virtual bool repeats() const { return true; }

    RawPeer peer;
};

enum class Peer : quint8 { Stalls, Resets, ClosesHalfWay, SendsOneByteAtATime, Floods };

/** Also for several operations by their names; column "operation" is the number of one. */
inline void addRows(const QByteArrayList &operations = {QByteArray()})
{
    QTest::addColumn<Peer>("peer");
    QTest::addColumn<Waiter>("waiter");
    QTest::addColumn<int>("operation");
    for (int i = 0; i < int(operations.size()); ++i) {
        const QByteArray prefix = operations.at(i).isEmpty() ? QByteArray() : operations.at(i) + ", ";
        const auto add = [&](const char *name, Peer peer) {
            QTest::newRow(QByteArray(prefix + name)) << peer << Waiter::Waits << i;
            QTest::newRow(QByteArray(prefix + name + ", cancelled")) << peer << Waiter::IsCancelled << i;
            QTest::newRow(QByteArray(prefix + name + ", timed out")) << peer << Waiter::TimesOut << i;
        };
        add("stalls", Peer::Stalls);
        add("resets", Peer::Resets);
        add("closes half-way", Peer::ClosesHalfWay);
        add("sends one byte at a time", Peer::SendsOneByteAtATime);
        add("floods", Peer::Floods);
    }
}

/** Lets the event loop see what has come. */
inline void lookAround()
{
    for (int i = 0; i < 5; ++i) {
        QCoreApplication::processEvents();
        letOthersRun();
    }
}

inline void send(RawPeer &peer, const QByteArray &bytes, bool oneByOne)
{
    if (!oneByOne) {
        peer.send(bytes);
        return;
    }
    for (const char byte : bytes) {
        peer.send(QByteArray(1, byte));
        lookAround();
    }
}

/** The outcome must come within this time. */
inline QDeadlineTimer patience()
{
    return QDeadlineTimer(std::chrono::seconds(20));
}

/** It fails because of its peer, and not because nothing comes any more. A reset is no end. */
template<typename Function>
void failsWithItsPeer(Peer behaviour, Function function)
{
    try {
        function();
    } catch (const TimedOut &e) {
        QFAIL(e.what());
    } catch (const EndOfStream &e) {
        QVERIFY2(behaviour != Peer::Resets, e.what());
        return;
    } catch (const Error &) {
        return;
    }
    QFAIL("it has succeeded");
}

inline void goOn(Conversation &conversation, Peer behaviour, const QByteArray &rest, const Coro<QByteArray> &waiting)
{
    RawPeer &peer = conversation.peer;
    const auto outcome = [&] {
        return waitFor(waiting.isNull() ? spawn([&] { return conversation.receive(patience()); }) : waiting,
                       patience());
    };
    if (behaviour == Peer::Resets || behaviour == Peer::ClosesHalfWay) {
        if (behaviour == Peer::Resets)
            conversation.reset();
        else
            peer.halfClose();
        if (std::optional<RawPeer> next = conversation.next()) {
            peer = std::move(*next);
            lookAround();
            peer.send(conversation.unit());
            QCOMPARE(outcome(), conversation.result());
        } else if (behaviour == Peer::ClosesHalfWay && conversation.resultAtEnd()) {
            QCOMPARE(outcome(), *conversation.resultAtEnd());
        } else {
            failsWithItsPeer(behaviour, outcome);
        }
        return;
    }
    send(peer, rest, behaviour == Peer::SendsOneByteAtATime);
    QCOMPARE(outcome(), conversation.result());
}

template<typename Factory>
void run(Factory factory)
{
    QFETCH(const Peer, peer);
    QFETCH(const Waiter, waiter);
    const std::unique_ptr<Conversation> conversation = factory();
    const auto deadline = waiter == Waiter::TimesOut ? QDeadlineTimer(conversation->timeOut()) : patience();
    const Coro<QByteArray> waiting = spawn([&] { return conversation->receive(deadline); });
    const auto end = qScopeGuard([&] { // where a check fails
        waiting.terminate();
        letOthersRun();
    });
    letOthersRun();
    QVERIFY(QTest::qWaitFor([&] { return conversation->isReady(); }));

    const QByteArray unit = conversation->unit();
    const QByteArray first = conversation->firstPart();
    const QByteArray rest = unit.sliced(first.size());
    send(conversation->peer, first, peer == Peer::SendsOneByteAtATime);
    lookAround();
    giveUp(waiting, waiter);
    if (waiter != Waiter::Waits && !conversation->goesOn())
        return;
    goOn(*conversation, peer, rest, waiter == Waiter::Waits ? waiting : Coro<QByteArray>());
    if (peer == Peer::Floods && conversation->repeats()) {
        QVERIFY(conversation->peer.flood(unit) > 0);
        for (int i = 0; i < 10; ++i)
            QCOMPARE(waitFor(conversation->receive(patience())), conversation->result());
        conversation->peer.reset(); // while there is much more
    }
}

/** An operation that waits for room, as the peer has not read what was sent before. */
struct Sending {
    std::function<Task<>(AsyncSocket &, QDeadlineTimer)> send;
    QByteArray wire; // what the peer gets of it
    bool inPart = false; // whether that may be a part of it, if it is given up
    bool isLast = false; // whether it ends the stream
};

inline Task<QByteArray> readToEnd(RawPeer &peer)
{
    QByteArray all;
    for (const QDeadlineTimer deadline = patience(); !peer.isAtEnd();) {
        if (deadline.hasExpired())
            throw Error(QStringLiteral("the stream does not end"));
        all += peer.recv();
        co_await yield();
    }
    co_return all;
}

/** Tries an operation that sends, with the peers of addRows(). */
inline void run(const Sending &sending)
{
    QFETCH(const Peer, peer);
    QFETCH(const Waiter, waiter);
    auto [socket, reader] = rawPair();
    if (peer == Peer::Floods)
        reader.flood(QByteArray(65536, 'f'));
    const qint64 before = sendUntilFull(socket);
    const auto deadline = waiter == Waiter::TimesOut ? QDeadlineTimer(std::chrono::milliseconds(20)) : patience();
    Coro<> waiting;
    Coro<> after;
    Coro<QByteArray> reading;
    const auto endAll = qScopeGuard([&] { // where a check fails
        waiting.terminate();
        after.terminate();
        reading.terminate();
        letOthersRun();
    });
    waiting = spawn([&, &socket = socket]() -> Task<> { co_await sending.send(socket, deadline); });
    letOthersRun();
    lookAround();
    giveUp(waiting, waiter);

    if (peer == Peer::Resets) {
        reader.reset();
        if (waiter == Waiter::Waits)
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(waiting, patience()));
        QVERIFY_THROWS_EXCEPTION(SocketError, NetworkTest::run(socket.sendAll("x", patience())));
        return;
    }
    if (peer == Peer::ClosesHalfWay)
        reader.halfClose();
    else if (peer == Peer::SendsOneByteAtATime)
        send(reader, "byte by byte", true);
    const bool goesOn = waiter != Waiter::Waits || !sending.isLast;
    after = spawn([&, &socket = socket]() -> Task<> {
        if (goesOn)
            co_await socket.sendAll("end", patience());
        co_await socket.closeWriting(patience());
    });
    reading = spawn(readToEnd, std::ref(reader));
    if (waiter == Waiter::Waits)
        waitFor(waiting, patience());
    waitFor(after, patience());
    const QByteArray all = waitFor(reading, patience());

    QVERIFY(all.startsWith(QByteArray(before, 'x')));
    QByteArray rest = all.sliced(before);
    if (goesOn) {
        QVERIFY(rest.endsWith("end"));
        rest.chop(3);
    }
    if (waiter == Waiter::Waits)
        QVERIFY(rest == sending.wire);
    else
        QVERIFY(sending.inPart ? sending.wire.startsWith(rest) : rest.isEmpty());
    if (peer == Peer::SendsOneByteAtATime)
        QCOMPARE(NetworkTest::run(socket.recvAll(12, patience())), "byte by byte");
}

} // namespace BadPeers
