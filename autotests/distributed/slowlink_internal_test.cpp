// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"
#include "rawpeer.h"

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

/** A connection over which little comes at a time. */
class SlowLinkTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
    }
    void cleanup() { peerLimits() = PeerLimits(); }

    // Otherwise it would take the peer for lost: nothing else comes from who receives all the time.
    void whoSendsIsToldThatItArrives()
    {
        peerLimits().ping = 20ms;
        const auto network = makeNetwork();
        RawPeer peer;
        waitFor(peer.join(network->location()));
        const Coro<> told = spawn([&peer]() -> Task<> {
            FrameKind kind{};
            while (kind != FrameKind::Acknowledge) {
                const QByteArray head = co_await peer.socket.recvAll(FrameHeader::Size);
                const std::optional<FrameHeader> header = FrameHeader::read(head.constData());
                co_await peer.socket.recvAll(header.value().length);
                kind = header->kind;
            }
        });
        constexpr int Pieces = 400; // together less than what is told of at once
        constexpr int PieceSize = 1000;
        waitFor([](RawPeer &from, const Coro<> &answered) -> Task<> {
            const QByteArray frame = frameOf(FrameKind::Call, QByteArray(Pieces * PieceSize, '\0'));
            co_await from.socket.sendAll(frame.first(FrameHeader::Size));
            for (int i = 0; i + 1 < Pieces && answered.isRunning(); ++i) {
                co_await from.socket.sendAll(QByteArray(PieceSize, '\0'));
                co_await sleep(2ms);
            }
        }(peer, told));
        QVERIFY(!told.isRunning());
    }
};

QTEST_GUILESS_MAIN(SlowLinkTest)
#include "slowlink_internal_test.moc"
