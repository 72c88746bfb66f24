// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "../network/freeport.h"
#include "distributedtest.h"
#include "rawpeer.h"

#include <Asyncoro/SharedFile>
#include <Asyncoro/Suspend>

#include <QCborMap>
#include <QSize>

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

namespace {

QByteArray repeated(const char *hex, int count)
{
    return QByteArray::fromHex(hex).repeated(count);
}

} // namespace

/** Bytes that no peer of ours would send: they end that connection, with a reason in the log, and nothing else. */
class HostilePeerTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        start();
    }

    void cleanup()
    {
        if (m_network)
            othersAreServed();
        m_friend.reset();
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    // --- before the handshake is done ---

    void badBeginnings_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("reason");
        const auto none = QStringLiteral("it does not speak this protocol");
        QTest::newRow("garbage") << QByteArray(64, 'x') << none;
        QTest::newRow("more garbage") << QByteArray(100'000, '\xff') << none;
        QTest::newRow("zeros") << QByteArray(64, '\0') << none;
        QTest::newRow("a web browser") << QByteArray("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html, application/xhtml+xml\r\n\r\n") << none;
        Hello older;
        older.incarnation = QByteArray(16, 'a');
        older.nonce = QByteArray(32, 'b');
        older.version = older.oldestVersion = 1;
        QTest::newRow("older") << older.toBytes() << QStringLiteral("it speaks version 1 of the protocol, and this process version 4");
        older.version = 9;
        older.oldestVersion = 8;
        QTest::newRow("newer") << older.toBytes() << QStringLiteral("it speaks version 9 of the protocol, and this process version 4");
    }

    void badBeginnings()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, reason);
        expectWarning(QStringLiteral("refused a connection from 127.0.0.1:[0-9]+: ") + reason);
        waitFor([](Location location, QByteArray text) -> Task<> {
            RawPeer peer;
            co_await peer.socket.connect(location);
            co_await peer.socket.sendAll(text);
            co_await peer.isClosed();
        }(m_network->location(), bytes));
    }

    void bothSidesSayThatVersionsDiffer()
    {
        // Whoever connects to something newer says so, too.
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> newer = spawn(answerWithVersion, std::ref(server), quint16(Hello::ProtocolVersion + 1));
        const QString text = failureOf<PeerRefused>(m_network->connect(server.location()));
        QCOMPARE(text, server.location().toString()
                     + QStringLiteral(" speaks version 5 of the protocol, and this process version 4: update the older one"));
        waitFor(newer);
    }

    void badProofs_data()
    {
        QTest::addColumn<int>("alteration");
        QTest::newRow("altered") << 0;
        QTest::newRow("zeros") << 1;
        QTest::newRow("reflected: that of the other side") << 2;
        QTest::newRow("of another secret") << 3;
        QTest::newRow("of no secret") << 4;
        QTest::newRow("of another hello") << 5;
        QTest::newRow("of another session") << 6;
    }

    void badProofs()
    {
        QFETCH(int, alteration);
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        const auto verdict = waitFor([](Location location, int way) -> Task<QByteArray> {
            RawPeer peer;
            co_await peer.greet(location);
            const SessionRequest request = peer.request;
            QByteArray proof = peer.proof();
            switch (way) {
            case 0:
                proof[31] = char(proof[31] ^ 1);
                break;
            case 1:
                proof.fill('\0');
                break;
            case 2:
                proof = peer.proof(Side::Accepting);
                break;
            case 3:
            case 4:
                peer.secret = way == 3 ? QByteArray("s3cretx") : QByteArray();
                proof = peer.proof();
                break;
            case 5:
                peer.ours.flags = Hello::MayBeBusy;
                proof = peer.proof();
                break;
            default:
                peer.request.session = 1;
                proof = peer.proof();
            }
            co_await peer.socket.sendAll(request.toBytes() + proof);
            const QByteArray answer = co_await peer.socket.recvAll(SessionAnswer::Size);
            co_await peer.isClosed();
            co_return answer;
        }(m_network->location(), alteration));
        QCOMPARE(verdict, SessionAnswer{Verdict::WrongSecret}.toBytes());
    }

    void aReplayedHandshakeFails()
    {
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        const auto verdict = waitFor([](Location location) -> Task<QByteArray> {
            QByteArray proof;
            Hello hello;
            {
                RawPeer heard;
                co_await heard.join(location);
                proof = heard.introduction();
                hello = heard.ours;
            }
            RawPeer replayer;
            replayer.ours = hello;
            co_await replayer.greet(location);
            co_await replayer.socket.sendAll(proof);
            co_return co_await replayer.socket.recvAll(SessionAnswer::Size);
        }(m_network->location()));
        QCOMPARE(verdict, SessionAnswer{Verdict::WrongSecret}.toBytes());
    }

    void whoIsCutOffIsGone_data()
    {
        QTest::addColumn<int>("size");
        for (const int size : {1, 63, 65, 79, 80, 81, 111})
            QTest::addRow("%d bytes", size) << size;
    }

    void whoIsCutOffIsGone()
    {
        QFETCH(int, size);
        expectWarning(QStringLiteral("refused a connection from .*: .*ended the stream"));
        waitFor([](Location location, int count) -> Task<> {
            RawPeer peer;
            co_await peer.socket.connect(location);
            co_await peer.socket.sendAll(peer.ours.toBytes().first(std::min(count, 64)));
            if (count > 64) {
                peer.theirs = co_await peer.socket.recvAll(Hello::Size);
                co_await peer.socket.sendAll(peer.introduction().first(count - 64));
            }
        }(m_network->location(), size));
        othersAreServed(); // by then it has been read
    }

    void handshakeByteByByte()
    {
        waitFor([](Location location) -> Task<> {
            RawPeer peer;
            co_await peer.socket.connect(location);
            const auto slowly = [](AsyncSocket &socket, QByteArray bytes) -> Task<> {
                for (const char byte : bytes) {
                    co_await socket.sendAll(QByteArray(1, byte));
                    co_await socket.flush();
                    co_await yield();
                }
            };
            co_await slowly(peer.socket, peer.ours.toBytes());
            peer.theirs = co_await peer.socket.recvAll(Hello::Size);
            co_await slowly(peer.socket, peer.introduction());
            if ((co_await peer.receiveAnswer()).verdict != Verdict::Accepted)
                throw Error(QStringLiteral("refused"));
            // and so is a frame
            co_await slowly(peer.socket, frameOf(FrameKind::Call, QCborArray{1, QStringLiteral("add"), QCborArray{1, 2}, false}));
            const RawPeer::Frame answered = co_await peer.receiveFrame();
            if (answered.kind != FrameKind::Value || answered.items != QCborArray{1, 3})
                throw Error(QStringLiteral("another answer"));
        }(m_network->location()));
    }

    void allInOnePacket()
    {
        // Frames may come right behind the proof.
        const auto answer = waitFor([](Location location) -> Task<RawPeer::Frame> {
            RawPeer peer;
            co_await peer.greet(location);
            const auto call = [](int number) {
                return frameOf(FrameKind::Call, QCborArray{number, QStringLiteral("add"), QCborArray{number, 2}, false});
            };
            co_await peer.socket.sendAll(peer.introduction() + call(1) + call(2) + frameOf(FrameKind::Acknowledge, QCborArray{0}) + call(3));
            co_await peer.receiveAnswer();
            co_await peer.receiveFrame();
            co_await peer.receiveFrame();
            co_return co_await peer.receiveFrame();
        }(m_network->location()));
        QCOMPARE(answer.items, (QCborArray{3, 5}));
    }

    void whoSaysNothingIsClosed()
    {
        peerLimits().handshake = 50ms;
        expectWarning(QStringLiteral("refused a connection from .*: recv(All)?\\(\\) timed out"));
        waitFor([](Location location) -> Task<> {
            RawPeer peer;
            co_await peer.socket.connect(location);
            co_await peer.isClosed();
        }(m_network->location()));
        peerLimits().handshake = 500ms;
        expectWarning(QStringLiteral("refused a connection from .*: recv(All)?\\(\\) timed out"));
        waitFor([](Location location) -> Task<> {
            RawPeer peer;
            co_await peer.greet(location);
            co_await peer.isClosed(); // no proof
        }(m_network->location()));
    }

    void whoAnswersNothingIsNotWaitedFor()
    {
        peerLimits().handshake = 50ms;
        AsyncServer silent;
        silent.listen(QHostAddress::LocalHost);
        const QString text = failureOf<PeerLost>(m_network->connect(silent.location()));
        QVERIFY2(text.contains(QStringLiteral("timed out")), qPrintable(text));
    }

    // --- who pretends to be a peer that we connect to ---

    void falseServers_data()
    {
        QTest::addColumn<int>("behaviour");
        QTest::addColumn<QString>("refused");
        QTest::newRow("reflects our proof") << 0 << QStringLiteral("does not know the secret");
        QTest::newRow("random proof") << 1 << QStringLiteral("does not know the secret");
        QTest::newRow("unknown verdict") << 2 << QStringLiteral("does not know the secret"); // that counts before the verdict
        QTest::newRow("refuses us") << 3 << QStringLiteral("it has another secret");
        QTest::newRow("garbage") << 4 << QStringLiteral("is no process of this kind");
        QTest::newRow("our own hello") << 5 << QStringLiteral("is this process itself");
        QTest::newRow("busy, without a proof") << 6 << QStringLiteral("does not know the secret");
        // Then it is tried again, for a while.
        QTest::newRow("closes at once") << 7 << QStringLiteral("(6 times)");
        QTest::newRow("closes after the hello") << 8 << QStringLiteral("(6 times)");
        QTest::newRow("closes within its proof") << 9 << QStringLiteral("(6 times)");
    }

    void falseServers()
    {
        QFETCH(int, behaviour);
        QFETCH(QString, refused);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost, freePort());
        const Coro<> impostor = spawn([](AsyncServer &listener, int way) -> Task<> {
            co_await listener.serve([way](AsyncSocket socket) { return pretend(std::move(socket), way); });
        }, std::ref(server), behaviour);
        const Location location = server.location();
        const QString text = behaviour < 7 ? failureOf<PeerRefused>(m_network->connect(location))
                                           : failureOf<PeerLost>(m_network->connect(location));
        QVERIFY2(text.contains(refused) && text.contains(location.toString()), qPrintable(text));
        // Calls fail in the same way, and nothing is remembered against whoever listens there next.
        server.stop(QDeadlineTimer::Forever);
        waitFor(impostor);
        QVERIFY(!failureOf<PeerLost>(m_network->call(location, QStringLiteral("add"), 1, 2)).startsWith(u'<'));
    }

    // --- who knows the secret, but lies ---

    void namesOfFilesLeadNowhere_data()
    {
        QTest::addColumn<QString>("sent");
        QTest::addColumn<QString>("name");
        const auto row = [](const char *title, const QString &sent, const QString &name) { QTest::newRow(title) << sent << name; };
        row("a name", QStringLiteral("a b\\c..d"), QStringLiteral("a b\\c..d"));
        row("hidden", QStringLiteral(".a"), QStringLiteral(".a"));
        row("above", QStringLiteral("../../home/user/.bashrc"), QStringLiteral(".bashrc"));
        row("absolute", QStringLiteral("/etc/passwd"), QStringLiteral("passwd"));
        row("a folder", QStringLiteral("a/"), QString());
        row("the root", QStringLiteral("/"), QString());
        row("itself", QStringLiteral("."), QString());
        row("the parent", QStringLiteral(".."), QString());
        row("the parent of another", QStringLiteral("a/.."), QString());
        row("a byte 0", QStringLiteral("..") + QChar(0) + QStringLiteral("a"), QString());
    }

    void namesOfFilesLeadNowhere()
    {
        QFETCH(QString, sent);
        QFETCH(QString, name);
        m_network->offer(QStringLiteral("name"), [](SharedFile file) -> Task<QString> { co_return file.name(); });
        const auto answer = waitFor([](Location location, QString text) -> Task<RawPeer::Frame> {
            RawPeer peer;
            co_await peer.join(location);
            const QCborValue file = typed(QStringLiteral("Asyncoro::SharedFile"), QCborMap{{QStringLiteral("name"), text}});
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{1, QStringLiteral("name"), QCborArray{file}, false}));
            co_return co_await peer.receiveFrame();
        }(m_network->location(), sent));
        QCOMPARE(answer.kind, FrameKind::Value);
        QCOMPARE(answer.items, (QCborArray{1, name}));
    }

    // --- who knows the secret, but not the language ---

    void badFrames_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        const auto row = [](const char *name, const QByteArray &bytes) { QTest::newRow(name) << bytes; };
        const auto frame = [&](const char *name, FrameKind kind, const QCborArray &items) { row(name, frameOf(kind, items)); };
        row("garbage", "garbage, garbage");
        row("huge length", QByteArray::fromHex("ac050201ffffffff"));
        row("one byte too long", QByteArray::fromHex("ac05020104000001"));
        row("unknown kind", QByteArray::fromHex("ac0502ff0000000180"));
        row("kind 0", QByteArray::fromHex("ac0502000000000180"));
        row("another version", QByteArray::fromHex("ac05010a0000000180"));
        row("empty body", frameOf(FrameKind::Ping, QByteArray()));
        row("no list", frameOf(FrameKind::Send, QCborValue(1).toCbor()));
        row("a map", frameOf(FrameKind::Send, QCborMap{{1, 2}}.toCborValue().toCbor()));
        row("a text", frameOf(FrameKind::Ping, QCborValue(QStringLiteral("x")).toCbor()));
        row("cut off", frameOf(FrameKind::Send, QByteArray::fromHex("8201")));
        row("cut off in a value", frameOf(FrameKind::Send, QByteArray::fromHex("82018301")));
        row("list of 2^60", frameOf(FrameKind::Send, QByteArray::fromHex("9b100000000000000001")));
        row("text of 2^60 bytes", frameOf(FrameKind::Send, QByteArray::fromHex("82017b100000000000000061")));
        row("text that is no UTF-8", frameOf(FrameKind::Send, QByteArray::fromHex("820162c328")));
        row("lists in lists", frameOf(FrameKind::Send, QByteArray::fromHex("8201") + repeated("81", 1'000'000) + '\1'));
        row("maps in maps", frameOf(FrameKind::Send, QByteArray::fromHex("8201") + repeated("a16161", 1'000'000) + '\1'));
        row("lists of unknown length", frameOf(FrameKind::Send, QByteArray::fromHex("8201") + repeated("9f", 1'000'000)));
        row("tags in tags", frameOf(FrameKind::Send, QByteArray::fromHex("8201") + repeated("d94153", 1'000'000) + '\1'));
        frame("Send without a message", FrameKind::Send, {1});
        frame("Send to a text", FrameKind::Send, {QStringLiteral("x"), 1});
        frame("Send to -1", FrameKind::Send, {-1, 1});
        frame("Send to null", FrameKind::Send, {nullptr, 1});
        frame("Send of undefined", FrameKind::Send, {1, QCborValue(QCborValue::Undefined)});
        frame("Send of an unknown tag", FrameKind::Send, {1, QCborValue(QCborTag(1), 1)});
        frame("Send of a number as text", FrameKind::Send, {1, typed(QStringLiteral("qlonglong"), QStringLiteral("x"))});
        frame("Deliver without a coroutine", FrameKind::Deliver, {1});
        frame("Deliver of undefined", FrameKind::Deliver, {1, 1, QCborValue(QCborValue::Undefined)});
        frame("Terminate nothing", FrameKind::Terminate, {});
        frame("Terminate a text", FrameKind::Terminate, {QStringLiteral("x")});
        frame("Watch nothing", FrameKind::Watch, {});
        frame("Ended running", FrameKind::Ended, {1, 0, QString(), QString(), nullptr});
        frame("Ended beyond", FrameKind::Ended, {1, 5, QString(), QString(), nullptr});
        frame("Ended without a value", FrameKind::Ended, {1, 1, QString(), QString()});
        frame("Ended with a number as type", FrameKind::Ended, {1, 2, 1, 2, nullptr});
        frame("Call without a function", FrameKind::Call, {1});
        frame("Call a number", FrameKind::Call, {1, 1, QCborArray(), false});
        frame("Call without the last item", FrameKind::Call, {1, QStringLiteral("add"), QCborArray{1, 2}});
        frame("Call with a number as the last item", FrameKind::Call, {1, QStringLiteral("add"), QCborArray{1, 2}, 0});
        frame("Cancel a text", FrameKind::Cancel, {QStringLiteral("x")});
        frame("Value without a number", FrameKind::Value, {});
        frame("Failure without a number", FrameKind::Failure, {});
        frame("Goodbye with a number", FrameKind::Goodbye, {1});
        frame("Ping without a position", FrameKind::Ping, {});
        frame("Ping from the future", FrameKind::Ping, {1'000'000});
        frame("Pong from the future", FrameKind::Pong, {1'000'000});
        frame("Acknowledge from the future", FrameKind::Acknowledge, {1'000'000});
        frame("Acknowledge a text", FrameKind::Acknowledge, {QStringLiteral("x")});
        frame("Full of nothing", FrameKind::Full, {});
        frame("Room in a text", FrameKind::Room, {QStringLiteral("x")});
        frame("Throw without a text", FrameKind::Throw, {1, QString()});
        frame("Resume without a value", FrameKind::Resume, {1});
        frame("Link to a number", FrameKind::Link, {1, 2});
        frame("Unlink from nothing", FrameKind::Unlink, {1});
        frame("Monitor a text", FrameKind::Monitor, {1, QStringLiteral("x")});
        frame("SendAll to a number", FrameKind::SendAll, {1, 2});
        frame("SendAll to a text", FrameKind::SendAll, {QCborArray{QStringLiteral("x")}, 2});
        frame("SendAll without a message", FrameKind::SendAll, {QCborArray{1}});
        frame("SendAll cut off", FrameKind::SendAll, {QCborArray{}});
        frame("DeliverAll without coroutines", FrameKind::DeliverAll, {1});
        frame("Publish with a negative time", FrameKind::Publish, {1, 1, 1, 0, -1, 2});
        frame("Publish with too great a count", FrameKind::Publish, {1, 1, 1, qint64(1) << 40, nullptr, 2});
        frame("Publish without a message", FrameKind::Publish, {0, 1, 1, 0, nullptr});
        frame("Subscribe a number", FrameKind::Subscribe, {0, 1, 2});
        frame("Unsubscribe nothing", FrameKind::Unsubscribe, {1});
        frame("Close a text", FrameKind::Close, {QStringLiteral("x")});
        frame("Closed without a channel", FrameKind::Closed, {});
    }

    void badFrames()
    {
        QFETCH(QByteArray, bytes);
        expectWarning(QStringLiteral("closed the connection to 127.0.0.1:[0-9]+: ."));
        waitFor([](Location location, QByteArray text) -> Task<> {
            RawPeer peer;
            co_await peer.join(location);
            co_await peer.socket.sendAll(text);
            co_await peer.isClosed();
        }(m_network->location(), bytes));
    }

    void harmlessFrames_data()
    {
        QTest::addColumn<FrameKind>("kind");
        QTest::addColumn<QCborArray>("items");
        const auto row = [](const char *name, FrameKind kind, const QCborArray &items) { QTest::newRow(name) << kind << items; };
        row("Send to none", FrameKind::Send, {1'000'000, 1});
        row("Terminate none", FrameKind::Terminate, {1'000'000});
        row("Ended that nobody watches", FrameKind::Ended, {1, 1, QString(), QString(), 3});
        row("Cancel none", FrameKind::Cancel, {1});
        row("Full of one that nobody sends to", FrameKind::Full, {1});
        row("Room of one that was never full", FrameKind::Room, {1});
        row("Pong that nobody asked for", FrameKind::Pong, {0});
        row("Value that nobody awaits", FrameKind::Value, {1, 1});
        row("Value with rubbish that nobody awaits", FrameKind::Value, {1, QCborValue(QCborTag(1), 1)});
        row("Failure that nobody awaits", FrameKind::Failure, {1, QString(), QString()});
        row("more items than are known", FrameKind::Acknowledge, {0, 2, 3});
        const QCborValue none = typed(QStringLiteral("Asyncoro::Coro<void>"), nullptr);
        row("Throw into none", FrameKind::Throw, {1'000'000, QString(), QString()});
        row("Resume none", FrameKind::Resume, {1'000'000, 1});
        row("Link none", FrameKind::Link, {1'000'000, none});
        row("Monitor by none", FrameKind::Monitor, {1'000'000, none});
        row("SendAll to none", FrameKind::SendAll, {QCborArray{1'000'000, 1'000'001}, 1});
        row("SendAll to nobody", FrameKind::SendAll, {QCborArray(), 1});
        row("Unsubscribe from none", FrameKind::Unsubscribe, {1'000'000, none});
        row("Close none", FrameKind::Close, {1'000'000});
        row("Closed, which nobody uses", FrameKind::Closed, {1'000'000});
        row("a process without a location", FrameKind::Send,
            {1'000'000, typed(QStringLiteral("Asyncoro::Coro<void>"), QCborArray{QByteArray(16, 'x'), QString(), 0, 1, QString()})});
    }

    void harmlessFrames()
    {
        QFETCH(FrameKind, kind);
        QFETCH(QCborArray, items);
        const auto answer = waitFor([](Location location, FrameKind oneKind, QCborArray some) -> Task<RawPeer::Frame> {
            RawPeer peer;
            co_await peer.join(location);
            co_await peer.socket.sendAll(frameOf(oneKind, some));
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{7, QStringLiteral("add"), QCborArray{1, 2}, false}));
            co_return co_await peer.receiveFrame();
        }(m_network->location(), kind, items));
        QCOMPARE(answer.kind, FrameKind::Value);
        QCOMPARE(answer.items, (QCborArray{7, 3}));
    }

    void unknownTypesConcernOneMessage()
    {
        const auto unknown = typed(QStringLiteral("NoSuchType"), 1);
        expectWarning(QStringLiteral("a message from .* to .* was dropped: the type NoSuchType is not known here"));
        const auto frames = waitFor([](Location location, QCborValue message) -> Task<QList<QCborArray>> {
            RawPeer peer;
            co_await peer.join(location);
            co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{1, message}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{1, 1, message}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{2, QStringLiteral("add"), QCborArray{message, 2}, false}));
            QList<QCborArray> answers;
            for (int i = 0; i < 2; ++i)
                answers.append((co_await peer.receiveFrame()).items);
            co_return answers;
        }(m_network->location(), unknown));
        for (int i = 0; i < 2; ++i) {
            QCOMPARE(frames[i][0], QCborValue(i + 1));
            QCOMPARE(frames[i][1], QCborValue(QStringLiteral("Asyncoro::WireError")));
            QVERIFY(frames[i][2].toString().contains(QStringLiteral("NoSuchType")));
        }
    }

    void deliveriesAreTakenBackInAnyOrder()
    {
        const Coro<QStringList> target = spawn([]() -> Task<QStringList> {
            co_await suspend();
            co_return co_await collect(4);
        });
        target.setMailboxLimit(1);
        QVERIFY(target.send(QStringLiteral("0")));
        QVERIFY(!m_network->toBytes(QVariant::fromValue(Coro<>(target))).isEmpty());
        waitFor([](Location location, Coro<> coro) -> Task<> {
            RawPeer peer;
            co_await peer.join(location);
            for (int i = 1; i <= 6; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{i, qint64(coro.id()), QString::number(i)}));
            for (const int number : {3, 1, 6, 6, 7}) // in the middle, the first, the last, and two that are none
                co_await peer.socket.sendAll(frameOf(FrameKind::Cancel, QCborArray{number}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Resume, QCborArray{qint64(coro.id()), 0}));
            QList<int> delivered;
            while (delivered.size() < 3) {
                const RawPeer::Frame frame = co_await peer.receiveFrame();
                if (frame.kind == FrameKind::Value)
                    delivered.append(int(frame.items[0].toInteger()));
            }
            if (delivered != QList<int>{2, 4, 5})
                throw Error(QStringLiteral("others were delivered"));
        }(m_network->location(), target));
        QCOMPARE(waitFor(target), (QStringList{QStringLiteral("0"), QStringLiteral("2"), QStringLiteral("4"), QStringLiteral("5")}));
    }

    void aNumberIsOfOneDelivery()
    {
        const Coro<> target = spawn(waitForever);
        target.setMailboxLimit(1);
        QVERIFY(target.send(0));
        QVERIFY(!m_network->toBytes(QVariant::fromValue(target)).isEmpty());
        expectWarning(QStringLiteral("closed the connection to .*: malformed message: a second delivery with the number 1"));
        waitFor([](Location location, qint64 id) -> Task<> {
            RawPeer peer;
            co_await peer.join(location);
            for (int i = 0; i < 2; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{1, id, i}));
            co_await peer.isClosed();
        }(m_network->location(), qint64(target.id())));
        target.terminate();
    }

    void theNetworksOwnCoroutineIsNotTerminated()
    {
        const quint64 anchor = m_network->anchor().id();
        // It must have been sent out for a peer to name it.
        QVERIFY(!m_network->toBytes(QVariant::fromValue(m_network->anchor())).isEmpty());
        waitFor([](Location location, quint64 id) -> Task<> {
            RawPeer peer;
            co_await peer.join(location);
            const QCborValue none = typed(QStringLiteral("Asyncoro::Coro<void>"), nullptr);
            co_await peer.socket.sendAll(frameOf(FrameKind::Terminate, QCborArray{qint64(id)}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Throw, QCborArray{qint64(id), QString(), QString()}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Link, QCborArray{qint64(id), none}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{qint64(id), 1}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{7, QStringLiteral("add"), QCborArray{1, 2}, false}));
            co_await peer.receiveFrame();
        }(m_network->location(), anchor));
        QCOMPARE(m_network->anchor().state(), CoroState::Running);
    }

    void anEndedFrameMayLackTheError()
    {
        // Failed, but no type and no text: whoever waits must still be told something.
        const auto result = waitFor([](PeerNetwork *network) -> Task<QString> {
            RawPeer peer;
            co_await peer.join(network->location());
            // The peer calls a function with a handle of its own, whose end the function waits for.
            network->offer(QStringLiteral("finish"), [](Coro<> coro) -> Task<QString> {
                try {
                    co_await coro.finish();
                } catch (const Error &e) {
                    co_return QStringLiteral("failed: ") + e.message();
                }
                co_return QStringLiteral("finished");
            });
            const QCborArray handle{peer.ours.incarnation, QString(), 0, 77, QStringLiteral("raw")};
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{1, QStringLiteral("finish"),
                                                                             QCborArray{typed(QStringLiteral("Asyncoro::Coro<void>"), handle)}, false}));
            const RawPeer::Frame watch = co_await peer.receiveFrame();
            if (watch.kind != FrameKind::Watch || watch.items != QCborArray{77})
                throw Error(QStringLiteral("not watched"));
            co_await peer.socket.sendAll(frameOf(FrameKind::Ended, QCborArray{77, 2, QString(), QString(), nullptr}));
            co_return (co_await peer.receiveFrame()).items[1].toString();
        }(m_network.get()));
        QVERIFY2(result.startsWith(QStringLiteral("failed")), qPrintable(result));
    }

    void oneReportForManyWatches()
    {
        const Coro<> target = spawn(waitForever);
        QVERIFY(!m_network->toBytes(QVariant::fromValue(target)).isEmpty());
        const auto items = waitFor([](Location location, Coro<> coro) -> Task<QCborArray> {
            RawPeer peer;
            co_await peer.join(location);
            const auto id = qint64(coro.id());
            for (int i = 0; i < 1000; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Watch, QCborArray{id}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Terminate, QCborArray{id}));
            const RawPeer::Frame ended = co_await peer.receiveFrame();
            co_await peer.socket.sendAll(frameOf(FrameKind::Call, QCborArray{7, QStringLiteral("add"), QCborArray{1, 2}, false}));
            const RawPeer::Frame next = co_await peer.receiveFrame();
            if (ended.kind != FrameKind::Ended || next.kind != FrameKind::Value)
                throw Error(QStringLiteral("other frames"));
            co_return ended.items;
        }(m_network->location(), target));
        QCOMPARE(items[0], QCborValue(qint64(target.id())));
        QCOMPARE(items[1], QCborValue(int(CoroState::Terminated)));
    }

    void theNetworkEndsWithinAHandshake()
    {
        const bool closed = waitFor([](HostilePeerTest *test) -> Task<bool> {
            RawPeer peer;
            co_await peer.greet(test->m_network->location());
            test->m_friend.reset();
            test->m_network.reset();
            co_await peer.socket.sendAll(peer.introduction());
            co_return co_await peer.isClosed();
        }(this));
        QVERIFY(closed);
    }

    void aPeerThatStaysSilentIsLost()
    {
        m_friend.reset();
        m_network.reset();
        peerLimits().ping = 20ms;
        peerLimits().silence = 100ms;
        start();
        QVERIFY(waitFor([](Location location) -> Task<bool> {
            RawPeer peer;
            co_await peer.join(location);
            co_return co_await peer.isClosed(); // it is sent pings, and answers none
        }(m_network->location())));
    }

private:
    /** What a false server does with a connection. */
    static Task<> pretend(AsyncSocket socket, int way)
    {
        RawPeer peer;
        peer.socket = std::move(socket);
        const QByteArray hello = co_await peer.socket.recvAll(Hello::Size);
        if (way == 7)
            co_return;
        co_await peer.socket.sendAll(way == 4 ? QByteArray(64, 'x') : way == 5 ? hello : peer.ours.toBytes());
        if (way == 8)
            co_return;
        if (way != 4 && way != 5) {
            co_await peer.socket.recvAll(SessionRequest::Size);
            const QByteArray proof = co_await peer.socket.recvAll(Detail::ProofSize);
            static constexpr Verdict verdicts[] = {Verdict::Accepted, Verdict::Accepted, Verdict(99), Verdict::WrongSecret};
            const Verdict verdict = way < 4 ? verdicts[way] : way == 6 ? Verdict::Busy : Verdict::Accepted;
            const QByteArray answer = SessionAnswer{verdict, 1, 0}.toBytes();
            co_await peer.socket.sendAll(answer + (way == 0 ? proof : way == 9 ? QByteArray(5, 'x') : QByteArray(32, 'x')));
            if (way == 9)
                co_return;
        }
        co_await peer.isClosed();
    }

    void start()
    {
        m_network = makeNetwork();
        m_network->offer(QStringLiteral("add"), add);
        m_friend = makeNetwork();
        waitFor(m_friend->connect(m_network->location()));
    }

    void othersAreServed()
    {
        QCOMPARE(waitFor(m_friend->call<int>(m_network->location(), QStringLiteral("add"), 1, 2), 20s), 3);
    }

    std::unique_ptr<PeerNetwork> m_network;
    std::unique_ptr<PeerNetwork> m_friend;
};

QTEST_GUILESS_MAIN(HostilePeerTest)
#include "hostilepeer_internal_test.moc"
