// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any frames from a peer that knows the secret. They concern nobody but that peer: others are served as before, and
// nothing is left of it once it has gone.

#include "../../src/distributed/limits_p.h"
#include "../distributed/rawpeer.h"

#include <Asyncoro/Insight>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/Suspend>

#include <QCoreApplication>
#include <QFile>
#include <QNetworkProxyFactory>

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

using namespace Asyncoro;
using namespace DistributedTest;
using namespace std::chrono_literals;

namespace {

constexpr qint64 MaxAnswered = 1'000'000; // bytes, to one input
constexpr qint64 MaxMemory = 1'500'000'000; // of the process; a sanitizer keeps what was freed

// Kinds of records besides those of frames.
constexpr quint8 WaitForAnswers = 0; // to what came before
constexpr quint8 LongFrame = 0x80; // added to the kind of a frame
constexpr quint8 NoFrame = 0xf0; // and more
constexpr qsizetype LongSize = 100'000;

// What stands in an input for what is another number each time.
const QByteArray IdMark("\x1bZZZZZZZ"); // and a digit: the id of that one of the targets, as a number of CBOR
const QByteArray OurMark(Hello::IncarnationSize, 'V'); // the incarnation of the process that is attacked
const QByteArray TheirMark(Hello::IncarnationSize, 'H'); // that of the peer

struct Record
{
    quint8 kind;
    QByteArray body;
};

[[noreturn]] void fail(const QString &what)
{
    std::fprintf(stderr, "%s\n%s\n", qPrintable(what), qPrintable(coroutineReport()));
    std::abort();
}

void check(bool good, const char *what)
{
    if (!good)
        fail(QString::fromLatin1(what));
}

/** A peer may cause warnings, as many as it likes; but nothing worse. */
void failByMessage(QtMsgType type, const QMessageLogContext &, const QString &text)
{
    if (type == QtCriticalMsg || type == QtFatalMsg)
        fail(text);
}

/** Handles name other processes, to which ours would connect, wherever they are said to be. */
class OursOnly : public QNetworkProxyFactory
{
public:
    explicit OursOnly(const QList<quint16> &ports)
        : m_ports(ports)
    {
    }

    QList<QNetworkProxy> queryProxy(const QNetworkProxyQuery &query) override
    {
        if (QHostAddress(query.peerHostName()).isLoopback() && m_ports.contains(quint16(query.peerPort())))
            return {QNetworkProxy::NoProxy};
        return {QNetworkProxy(QNetworkProxy::HttpProxy, QStringLiteral("127.0.0.1"), 1)}; // where nothing listens
    }

private:
    const QList<quint16> m_ports;
};

qint64 memory()
{
    QFile statm(QStringLiteral("/proc/self/statm"));
    if (!statm.open(QIODevice::ReadOnly))
        return 0;
    return statm.readAll().split(' ').value(1).toLongLong() * sysconf(_SC_PAGESIZE);
}

Task<int> add(int a, int b)
{
    co_return a + b;
}

Task<> receiveAll()
{
    for (;;)
        co_await receive();
}

Task<> sleepOn()
{
    co_await sleep(QDeadlineTimer::Forever);
}

Task<> suspendAgain()
{
    for (;;) {
        try {
            co_await suspend();
        } catch (const Cancelled &) {
            throw;
        } catch (const std::exception &) {
            // by a Throw
        }
    }
}

/** The process that is attacked, and a peer that is served meanwhile. */
class Network
{
public:
    Network()
    {
        m_attacked.offer(QStringLiteral("add"), add);
        m_attacked.offer(QStringLiteral("echo"), [](QVariant value) -> Task<QVariant> { co_return value; });
        m_attacked.offer(QStringLiteral("wait"), [this]() -> Task<> {
            m_theirs.append(Coro<>::self());
            co_await sleepOn();
        });
        m_attacked.offer(QStringLiteral("use"), [this](Coro<> coro) -> Task<> {
            m_theirs.append(Coro<>::self());
            coro.monitor(m_targets.value(0));
            coro.send(1);
            co_await coro.deliver(2);
            co_await coro;
        });
        m_attacked.offer(QStringLiteral("publish"), [this](Channel channel) -> Task<int> {
            m_theirs.append(Coro<>::self());
            channel.subscribe(m_targets.value(0));
            channel.send(1);
            co_return co_await channel.deliver(2);
        });
        m_attacked.offer(QStringLiteral("call"), [this](Rci<int(int)> rci) -> Task<int> {
            m_theirs.append(Coro<>::self());
            co_return co_await rci.call(1);
        });
        QNetworkProxyFactory::setApplicationProxyFactory(
            new OursOnly({m_attacked.location().port(), m_friend.location().port()}));
        serveFriend();
        m_coroutines = liveCoroutines().size();
    }
    ~Network() { QNetworkProxyFactory::setApplicationProxyFactory(nullptr); }
    Network(const Network &) = delete;
    Network &operator=(const Network &) = delete;

    /**
     * By a peer that sends `records`. Returns once all is as before, however long that takes: whoever runs this sets
     * the limit.
     */
    void attack(const QList<Record> &records)
    {
        makeTargets();
        const QByteArray incarnation = Detail::randomBytes(Hello::IncarnationSize);
        QByteArrayList parts{QByteArray()}; // it waits for what it has asked for after each, if that can be known
        bool waits = true;
        for (auto [kind, body] : records) {
            for (qsizetype i = 0; i < m_ids.size(); ++i)
                body.replace(IdMark + char('0' + i), m_ids[i]);
            body.replace(OurMark, m_incarnation);
            body.replace(TheirMark, incarnation);
            if (kind == WaitForAnswers) {
                parts.append(QByteArray());
            } else if (kind >= NoFrame) {
                parts.last() += body;
                waits = false;
            } else {
                const QByteArray behind(kind & LongFrame ? LongSize : 0, 'x');
                parts.last() += frameOf(FrameKind(kind & ~LongFrame), body + behind);
            }
        }
        try {
            waitFor(spawn(sendParts, m_attacked.location(), incarnation, parts, waits));
            while (m_attacked.peers().size() != 1)
                QCoreApplication::processEvents();
            serveFriend();
            endTargets();
            while (liveCoroutines().size() != m_coroutines)
                QCoreApplication::processEvents();
        } catch (const std::exception &) {
            fail(errorText(std::current_exception()));
        }
        check(memory() < MaxMemory, "it takes too much memory");
    }

private:
    static Task<> sendParts(Location location, QByteArray incarnation, QByteArrayList parts, bool waits)
    {
        RawPeer peer;
        peer.ours.incarnation = incarnation;
        co_await peer.join(location);
        qint64 answered = 0;
        try {
            for (const QByteArray &part : parts) {
                co_await peer.socket.sendAll(part);
                if (waits)
                    answered += co_await waitForAnswers(peer);
            }
            co_await peer.socket.closeWriting();
            for (;;) {
                const QByteArray rest = co_await peer.socket.recv();
                if (rest.isEmpty())
                    break;
                answered += rest.size();
            }
        } catch (const StreamError &) {
            // it is closed because of what it has sent
        } catch (const EndOfStream &) {
        }
        check(answered <= MaxAnswered, "it gets more and more in answer");
    }

    /** Until it is told the value of a call, which comes behind what it has sent before; gives how much that was. */
    static Task<qint64> waitForAnswers(RawPeer &peer)
    {
        constexpr qint64 number = 0x7a7a7a7a7a7a7a7a;
        const QCborArray call{number, QStringLiteral("add"), QCborArray{1, 2}, false};
        co_await peer.socket.sendAll(frameOf(FrameKind::Call, call));
        qint64 size = 0;
        for (;;) {
            const RawPeer::Frame frame = co_await peer.receiveFrame();
            size += frame.bytes.size();
            check(!frame.items.isEmpty(), "it sends frames that are none");
            if (frame.kind == FrameKind::Value && frame.items[0] == QCborValue(number)) {
                check(frame.items[1] == QCborValue(3), "it gives another value");
                co_return size;
            }
        }
    }

    void serveFriend()
    {
        check(waitFor(m_friend.call<int>(m_attacked.location(), QStringLiteral("add"), 1, 2)) == 3,
              "a friend gets another value");
    }

    void makeTargets()
    {
        m_targets = {spawn(receiveAll), spawn(sleepOn), spawn(suspendAgain), spawn(sleepOn)};
        m_targets[1].setMailboxLimit(1);
        m_targets[1].send(0);
        m_channel = Channel(QStringLiteral("channel"));
        m_channel.registerName(QStringLiteral("channel"));
        m_targets[0].registerName(QStringLiteral("receiver"));
        m_ids.clear();
        for (const Coro<> &target : std::as_const(m_targets))
            publish(target.id(), QVariant::fromValue(target));
        publish(m_channel.id(), QVariant::fromValue(m_channel));
    }

    /** Only what was sent out can be named by a peer. */
    void publish(quint64 id, const QVariant &handle)
    {
        const QCborValue sent = QCborValue::fromCbor(m_attacked.toBytes(handle));
        m_incarnation = sent.taggedValue().toArray()[1].toArray()[0].toByteArray();
        QByteArray bytes(1 + sizeof id, '\x1b');
        qToBigEndian(id, bytes.data() + 1);
        m_ids.append(bytes);
    }

    void endTargets()
    {
        m_channel.close();
        for (const Coro<> &coro : std::exchange(m_targets, {}) + std::exchange(m_theirs, {}))
            coro.terminate();
    }

    PeerNetwork m_attacked{PeerNetwork::Options{.secret = Secret("s3cret")}};
    PeerNetwork m_friend{PeerNetwork::Options{.secret = Secret("s3cret")}};
    QList<Coro<>> m_targets;
    QList<Coro<>> m_theirs; // that they have started
    Channel m_channel;
    QByteArrayList m_ids;
    QByteArray m_incarnation;
    qsizetype m_coroutines = 0; // without those of an attack
};

Network *network = nullptr;

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const QCoreApplication app(*argc, *argv);
    Detail::peerLimits().handshake = 1h; // also on a machine that stands still for a while
    qInstallMessageHandler(failByMessage);
    static Network ours;
    network = &ours;
    return 0;
}

// The input: records of a kind, a length (two bytes) and as many bytes, or those that there are. README.md explains the
// kinds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray input(reinterpret_cast<const char *>(data), qsizetype(size));
    QList<Record> records;
    for (qsizetype at = 0; at + 3 <= input.size();) {
        const QByteArray body = input.sliced(at + 3).left(qFromBigEndian<quint16>(input.constData() + at + 1));
        records.append({quint8(input[at]), body});
        at += 3 + body.size();
    }
    network->attack(records);
    return 0;
}
