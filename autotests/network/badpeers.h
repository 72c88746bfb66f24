// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#ifndef QTEST_THROW_ON_FAIL
#error "badpeers.h needs QTEST_THROW_ON_FAIL: add it to the test by target_compile_definitions()"
#endif

#include "../io/waiter.h"
#include "networktest.h"

#include <QTest>

/**
 * Tries an operation that waits for bytes of a peer against peers of all sorts; each is also given up while it waits.
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
    /** Whether receive(), once given up, can be tried again with the same peer. */
    [[nodiscard]] virtual bool goesOn() const { return true; }
    /** Lets the peer go so that the system tells it as a reset. */
    virtual void reset() { peer.reset(); }
    /** Whether anything may follow a unit. */
    [[nodiscard]] virtual bool repeats() const { return true; }

    RawPeer peer;
};

enum class Peer : quint8 { Stalls, Resets, ClosesHalfWay, SendsOneByteAtATime, Floods };

inline void addRows()
{
    QTest::addColumn<Peer>("peer");
    QTest::addColumn<Waiter>("waiter");
    const auto add = [](const char *name, Peer peer) {
        QTest::addRow("%s", name) << peer << Waiter::Waits;
        QTest::addRow("%s, cancelled", name) << peer << Waiter::IsCancelled;
        QTest::addRow("%s, timed out", name) << peer << Waiter::TimesOut;
    };
    add("stalls", Peer::Stalls);
    add("resets", Peer::Resets);
    add("closes half-way", Peer::ClosesHalfWay);
    add("sends one byte at a time", Peer::SendsOneByteAtATime);
    add("floods", Peer::Floods);
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
    const auto deadline = waiter == Waiter::TimesOut ? QDeadlineTimer(std::chrono::milliseconds(200)) : patience();
    const Coro<QByteArray> waiting = spawn([&] { return conversation->receive(deadline); });
    letOthersRun();
    QVERIFY(QTest::qWaitFor([&] { return conversation->isReady(); }));

    const QByteArray unit = conversation->unit();
    const QByteArray half = unit.first(unit.size() / 2);
    const QByteArray rest = unit.sliced(half.size());
    send(conversation->peer, half, peer == Peer::SendsOneByteAtATime);
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

} // namespace BadPeers
