// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerprocess.h"
#include "rawpeer.h"

#include <QCborMap>
#include <QFile>
#include <QTcpSocket>
#include <QtEndian>

#include <unistd.h>

using namespace DistributedTest;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr qint64 MemoryLimit = 400'000'000; // freed memory is kept for a while
#else
constexpr qint64 MemoryLimit = 40'000'000;
#endif

constexpr qsizetype HandshakeSize = Hello::Size + SessionRequest::Size + Detail::ProofSize; // of the side that connects
constexpr int Crowd = 300; // more than may shake hands at a time

} // namespace

/**
 * A process under attack by many at once, while a peer calls it all the time: each of its calls succeeds, others can
 * join, and the process stays small.
 */
class SiegeTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_victim = std::make_unique<PeerProcess>(PeerProcess::Options{.quiet = true});
        m_friend = makeNetwork();
        m_stop = false;
        m_calls = 0;
        m_calling = spawn(detached, &SiegeTest::callOnAndOn, this);
        QTRY_VERIFY(m_calls > 10);
        m_memoryBefore = memory();
    }

    void cleanup()
    {
        const int before = m_calls;
        QTRY_VERIFY(m_calls > before + 10 || !m_calling.isRunning());
        m_stop = true;
        QCOMPARE(failureOf<Error>(m_calling), QStringLiteral("<no failure>"));
        const auto newcomer = makeNetwork();
        QCOMPARE(waitFor(newcomer->call<int>(m_victim->location, QStringLiteral("add"), 1, 2), 20s), 3);
        const qint64 grown = memory() - m_memoryBefore;
        QVERIFY2(grown < MemoryLimit, qPrintable(QStringLiteral("grown by %1 bytes").arg(grown)));
        m_friend.reset();
        m_victim.reset();
    }

    // --- who has proved nothing ---

    void altered()
    {
        run([this]() -> Task<> {
            for (qsizetype bit = 0; bit < 8 * HandshakeSize; ++bit) {
                RawPeer peer;
                const auto alter = [bit](QByteArray bytes, qsizetype from) {
                    if (const qsizetype byte = bit / 8 - from; byte >= 0 && byte < bytes.size())
                        bytes[byte] = char(bytes[byte] ^ (1 << bit % 8));
                    return bytes;
                };
                co_await peer.socket.connect(m_victim->location);
                co_await peer.socket.sendAll(alter(peer.ours.toBytes(), 0));
                QByteArray verdict;
                try {
                    peer.theirs = co_await peer.socket.recvAll(Hello::Size);
                    co_await peer.socket.sendAll(alter(peer.introduction(), Hello::Size)); // of the hello as it was
                    verdict = co_await peer.socket.recvAll(1);
                } catch (const Error &) {
                    // broken off, which is as good
                }
                if (verdict == QByteArray(1, char(Verdict::Accepted)))
                    throw Error(QStringLiteral("bit %1 makes no difference").arg(bit));
                co_await peer.isClosed();
            }
        });
    }

    void truncated()
    {
        run([this]() -> Task<> {
            for (qsizetype size = 0; size < HandshakeSize; ++size) {
                RawPeer peer;
                co_await peer.socket.connect(m_victim->location);
                co_await peer.socket.sendAll(peer.ours.toBytes().first(std::min(size, Hello::Size)));
                if (size >= Hello::Size) {
                    peer.theirs = co_await peer.socket.recvAll(Hello::Size);
                    co_await peer.socket.sendAll(peer.introduction().first(size - Hello::Size));
                }
                co_await peer.socket.closeWriting();
                const bool accepted = (co_await allThatComes(peer.socket)).startsWith(char(Verdict::Accepted));
                if (accepted)
                    throw Error(QStringLiteral("%1 bytes were enough").arg(size));
            }
        });
    }

    void framesBeforeAuthentication()
    {
        run([this]() -> Task<> {
            const QByteArray call =
                frameOf(FrameKind::Call, QCborArray{1, QStringLiteral("add"), QCborArray{1, 2}, false});
            for (int way = 0; way < 3; ++way) {
                RawPeer peer;
                co_await peer.socket.connect(m_victim->location);
                if (way > 0)
                    co_await peer.socket.sendAll(peer.ours.toBytes());
                if (way > 1)
                    peer.theirs = co_await peer.socket.recvAll(Hello::Size);
                co_await peer.socket.sendAll(call.repeated(10'000));
                const QByteArray answer = co_await allThatComes(peer.socket);
                if (answer.size() > Hello::Size + SessionAnswer::Size)
                    throw Error(QStringLiteral("a call was answered"));
            }
        });
    }

    void aCrowdThatSaysNothing()
    {
        std::vector<AsyncSocket> crowd(Crowd);
        run([&, this]() -> Task<> {
            for (AsyncSocket &socket : crowd) {
                bindTo(socket, 66);
                co_await socket.connect(m_victim->location);
            }
        });
        othersJoin();
    }

    void aCrowdThatSpeaksSlowly()
    {
        std::vector<Coro<>> crowd;
        for (int i = 0; i < Crowd; ++i) {
            crowd.push_back(spawn([](Location location) -> Task<> {
                RawPeer peer;
                bindTo(peer.socket, 66);
                co_await peer.socket.connect(location);
                try {
                    for (const char byte : peer.ours.toBytes()) {
                        co_await peer.socket.sendAll(QByteArray(1, byte));
                        co_await sleep(20ms);
                    }
                    co_await sleep(QDeadlineTimer::Forever); // and no proof
                } catch (const SocketError &) {
                    // broken off
                }
            }, m_victim->location));
        }
        for (int i = 0; i < 5; ++i)
            othersJoin();
        for (const Coro<> &each : crowd) {
            each.terminate();
            QTRY_VERIFY(!each.isRunning());
        }
    }

    void aFloodFromOneAddress()
    {
        // Each comes again as soon as it is broken off, with garbage or with nothing.
        constexpr int Attackers = 150;
        constexpr int Times = 20;
        std::vector<Coro<>> flood;
        for (int i = 0; i < Attackers; ++i) {
            flood.push_back(spawn([](Location location, bool silent) -> Task<> {
                for (int time = 0; time < Times; ++time) {
                    RawPeer peer;
                    bindTo(peer.socket, 66);
                    try {
                        co_await peer.socket.connect(location);
                        if (!silent)
                            co_await peer.socket.sendAll(QByteArray(100'000, 'x'));
                        co_await peer.socket.recv(1, 100ms);
                    } catch (const StreamError &) {
                    } catch (const TimedOut &) {
                    }
                }
            }, m_victim->location, i % 2 == 0));
        }
        for (int i = 0; i < 5; ++i)
            othersJoin();
        for (const Coro<> &each : flood)
            waitFor(each, 60s);
    }

    // --- who knows the secret ---

    void hugeLengths()
    {
        std::vector<RawPeer> peers(50);
        run([&, this]() -> Task<> {
            for (RawPeer &peer : peers) {
                co_await peer.join(m_victim->location);
                QByteArray header(FrameHeader::Size, '\0');
                FrameHeader{FrameKind::Send, FrameHeader::MaxLength}.write(header.data());
                co_await peer.socket.sendAll(header + "\x82\x01"); // which is believed only as it comes
                co_await peer.socket.flush();
            }
        });
        othersJoin();
        QCOMPARE_LT(memory() - m_memoryBefore, MemoryLimit);
    }

    void deepNesting_data()
    {
        QTest::addColumn<QByteArray>("level");
        QTest::newRow("lists") << QByteArray::fromHex("81");
        QTest::newRow("lists of unknown length") << QByteArray::fromHex("9f");
        QTest::newRow("maps") << QByteArray::fromHex("a16161");
        QTest::newRow("tags") << QByteArray::fromHex("d94153");
        QTest::newRow("typed lists") << QByteArray::fromHex("d94153826c51566172696e744c69737481");
        QTest::newRow("typed typed") << QByteArray::fromHex("d941538265516461746581");
    }

    void deepNesting()
    {
        QFETCH(QByteArray, level);
        run([this, level]() -> Task<> {
            for (const int depth : {63, 64, 65, 128, 129, 1'000, 100'000}) {
                RawPeer peer;
                co_await peer.join(m_victim->location);
                co_await peer.socket.sendAll(
                    frameOf(FrameKind::Deliver, QByteArray::fromHex("830101") + level.repeated(depth) + '\1'));
                co_await peer.socket.closeWriting();
                co_await allThatComes(peer.socket);
            }
        });
    }

    /** Each type with each kind of content: it is an answer, of whatever kind, or the end of this connection. */
    void typeConfusion()
    {
        const QCborArray contents{
            nullptr, true, -1, 1.5, qint64(1) << 62, QString(), QStringLiteral("x["), QByteArray(16, 'x'), QCborArray(),
            QCborArray{1, 2}, QCborArray{QByteArray(16, 'x'), QString(), -1, -1, 7}, QCborMap{{QStringLiteral("x"), 1}},
            QCborValue(QCborValue::Undefined), typed(QStringLiteral("int"), 1),
        };
        const auto names = QStringLiteral(
            "int bool double float qlonglong qulonglong uchar QString QByteArray QUrl QUuid QDate QTime QDateTime "
            "QVariant QVariantList QVariantMap QStringList QList<int> QList<QVariantMap> QObject* void "
            "Asyncoro::Coro<void> Asyncoro::ExitNotice Asyncoro::SharedFile NoSuchType").split(u' ');
        run([&, this]() -> Task<> {
            int answers = 0;
            auto peer = std::make_unique<RawPeer>();
            co_await peer->join(m_victim->location);
            for (const QString &name : names) {
                for (const QCborValue content : contents) {
                    const QCborArray call{1, QStringLiteral("add"), QCborArray{typed(name, content), 2}, false};
                    bool closed = false;
                    try {
                        co_await peer->socket.sendAll(frameOf(FrameKind::Call, call));
                        co_await peer->receiveFrame();
                        ++answers;
                    } catch (const Error &) {
                        closed = true;
                    }
                    if (closed) {
                        peer = std::make_unique<RawPeer>();
                        co_await peer->join(m_victim->location);
                    }
                }
            }
            if (answers < 50)
                throw Error(QStringLiteral("only %1 answers").arg(answers));
        });
    }

    /** Each of them of another process, which is never called. */
    void aMessageFullOfHandles()
    {
        run([this]() -> Task<> {
            RawPeer peer;
            co_await peer.join(m_victim->location);
            QCborArray handles;
            for (quint32 i = 0; i < 100'000; ++i) {
                QByteArray process(Hello::IncarnationSize, 'x');
                qToBigEndian(i, process.data());
                handles.append(typed(QStringLiteral("Asyncoro::Coro<void>"),
                                     QCborArray{process, QStringLiteral("127.0.0.1"), 1, 1, QString()}));
            }
            co_await peer.socket.sendAll(
                frameOf(FrameKind::Call, QCborArray{1, QStringLiteral("add"), QCborArray{handles, 2}, false}));
            const RawPeer::Frame answer = co_await peer.receiveFrame();
            if (answer.kind != FrameKind::Failure || !answer.items.at(2).toString().contains(u"too many processes"))
                throw Error(QStringLiteral("such a message is taken"));
        });
        othersJoin();
    }

private:
    static void run(const std::function<Task<>()> &body) { waitFor(spawn(body), 60s); }

    /** Lets a socket come from 127.0.0.`number`. */
    static void bindTo([[maybe_unused]] AsyncSocket &socket, [[maybe_unused]] int number)
    {
#ifdef Q_OS_LINUX // where these are addresses of every machine
        socket.socket()->bind(QHostAddress(QStringLiteral("127.0.0.%1").arg(number)));
#endif
    }

    static Task<QByteArray> allThatComes(AsyncSocket &socket)
    {
        QByteArray all;
        try {
            for (QByteArray some = co_await socket.recv(); !some.isEmpty(); some = co_await socket.recv())
                all += some;
        } catch (const SocketError &) {
        }
        co_return all;
    }

    Task<> callOnAndOn()
    {
        while (!m_stop) {
            const int sum = co_await m_friend->call<int>(m_victim->location, QStringLiteral("add"), m_calls, 1);
            if (sum != ++m_calls)
                throw Error(QStringLiteral("a wrong answer"));
        }
    }

    void othersJoin()
    {
        const auto newcomer = makeNetwork();
        QCOMPARE(waitFor(newcomer->call<int>(m_victim->location, QStringLiteral("add"), 1, 2), 20s), 3);
    }

    /** What the process under attack takes of it. */
    [[nodiscard]] qint64 memory() const
    {
        QFile file(QStringLiteral("/proc/%1/statm").arg(m_victim->id()));
        if (!file.open(QIODevice::ReadOnly))
            return 0; // none that we could measure here
        return file.readAll().split(' ').value(1).toLongLong() * ::sysconf(_SC_PAGESIZE);
    }

    std::unique_ptr<PeerProcess> m_victim;
    std::unique_ptr<PeerNetwork> m_friend;
    Coro<> m_calling;
    int m_calls = 0;
    bool m_stop = false;
    qint64 m_memoryBefore = 0;
};

QTEST_GUILESS_MAIN(SiegeTest)
#include "siege_internal_test.moc"
