// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/wire/ping_p.h"
#include "distributedtest.h"
#include "rawpeer.h"

#include <QFile>

using namespace DistributedTest;

namespace {

QCborValue handleOf(const RawPeer &peer, qint64 id)
{
    const QCborArray identity{peer.ours.incarnation, QString(), 0, id, QStringLiteral("raw")};
    return QCborValue(QCborTag(0x4153), QCborArray{QStringLiteral("Asyncoro::Coro<void>"), identity});
}

QCborValue channelOf(const RawPeer &peer, qint64 id)
{
    const QCborArray identity{peer.ours.incarnation, QString(), 0, id, QStringLiteral("news")};
    return QCborValue(QCborTag(0x4153), QCborArray{QStringLiteral("Asyncoro::Channel"), identity});
}

QByteArray call(int number, const QString &function, const QCborArray &arguments)
{
    return frameOf(FrameKind::Call, QCborArray{number, function, arguments, false});
}

/** Asks of coroutines and a channel of a peer whatever there is to ask. */
Task<> useAll(Coro<> coro, Coro<> other, Channel channel)
{
    coro.throwInto(Error(QStringLiteral("no paper")));
    coro.resume(3);
    coro.link(other);
    coro.unlink(other);
    other.monitor(coro);
    channel.send(QStringLiteral("hello"));
    channel.subscribe(coro);
    channel.unsubscribe(coro);
    channel.close();
    const Channel own(QStringLiteral("own"));
    own.subscribe(coro);
    own.subscribe(other);
    own.send(QStringLiteral("hello"));
    co_await own.deliver(QStringLiteral("hello"));
}

} // namespace

/** Holds docs/wire-format.md to what is sent. */
class WireFormatTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QFile page(QFINDTESTDATA("../../docs/wire-format.md"));
        QVERIFY(page.open(QIODevice::ReadOnly));
        m_page = QString::fromUtf8(page.readAll());
        static const QRegularExpression sample(QStringLiteral("```(hex|diagnostic) ([^\n]+)\n(.*?)\n```"), QRegularExpression::DotMatchesEverythingOption);
        for (const QRegularExpressionMatch &match : sample.globalMatch(m_page)) {
            if (match.captured(1) == u"hex")
                m_samples.insert(match.captured(2), QByteArray::fromHex(match.captured(3).toLatin1()));
            else
                m_diagnostics.insert(match.captured(2), match.captured(3));
        }
    }

    void init() { failOnWarnings(); }

    void theHandshake()
    {
        const QByteArray c = m_samples.value(QStringLiteral("hello of C"));
        const QByteArray a = m_samples.value(QStringLiteral("hello of A"));
        const std::optional<Hello> hello = Hello::fromBytes(c);
        QVERIFY(hello);
        QCOMPARE(hello->toBytes(), c);
        QCOMPARE(hello->port, 51350);
        QVERIFY(Hello::fromBytes(a));
        const QByteArray request = m_samples.value(QStringLiteral("request"));
        QCOMPARE(Detail::SessionRequest().toBytes().size(), request.size());
        QCOMPARE((Detail::SessionRequest{0, 0, QByteArray::fromHex("00000000000000000000ffffc0000201")}).toBytes(), request);
        const QByteArray proof = m_samples.value(QStringLiteral("proof of C"));
        QCOMPARE(Detail::makeProof("s3cret", Side::Connecting, c + a + request), proof);
        const QByteArray answer = m_samples.value(QStringLiteral("answer of A"));
        QCOMPARE((Detail::SessionAnswer{Verdict::Accepted, 0x1122334455667789, 0}).toBytes(), answer);
        QCOMPARE(Detail::makeProof("s3cret", Side::Accepting, c + a + request + proof + answer), m_samples.value(QStringLiteral("proof of A")));
    }

    void thePings()
    {
        for (const auto &[name, kind] : {std::pair(QStringLiteral("question"), Detail::Ping::Kind::Question),
                                         std::pair(QStringLiteral("answer"), Detail::Ping::Kind::Answer)}) {
            const QByteArray bytes = m_samples.value(name);
            const std::optional<Detail::Ping> ping = Detail::readPing(bytes, "s3cret").ping;
            QVERIFY2(ping, qPrintable(name));
            QCOMPARE(ping->kind, kind);
            QCOMPARE(ping->port, 51350);
            QCOMPARE(ping->direct, kind == Detail::Ping::Kind::Answer);
            QCOMPARE(ping->nonce, QByteArray(16, 2));
            QCOMPARE(ping->toBytes("s3cret").toHex(), bytes.toHex());
        }
        const auto question = Detail::readPing(m_samples.value(QStringLiteral("question")), "s3cret").ping;
        QCOMPARE(question->lookingFor, u"discoro.scheduler");
        QCOMPARE(question->address, u"");
        const auto answer = Detail::readPing(m_samples.value(QStringLiteral("answer")), "s3cret").ping;
        QCOMPARE(answer->services, QStringList{QStringLiteral("discoro.scheduler")});
        QCOMPARE(answer->address, u"192.0.2.1");
    }

    void everyFrameHasASample()
    {
        QCOMPARE(m_diagnostics.size(), qsizetype(Detail::LastFrameKind));
        QSet<quint8> kinds;
        for (auto it = m_diagnostics.cbegin(); it != m_diagnostics.cend(); ++it) {
            const QByteArray bytes = m_samples.value(it.key());
            QVERIFY2(bytes.size() > FrameHeader::Size, qPrintable(it.key()));
            const std::optional<FrameHeader> header = FrameHeader::read(bytes.constData());
            QVERIFY(header);
            QCOMPARE(FrameHeader::Size + qsizetype(header->length), bytes.size());
            QVERIFY(m_page.contains(QStringLiteral("### %1\n\nKind %2: ").arg(it.key()).arg(quint8(header->kind))));
            QCOMPARE(QCborValue::fromCbor(bytes.sliced(FrameHeader::Size)).toDiagnosticNotation(), it.value());
            kinds.insert(quint8(header->kind));
        }
        QCOMPARE(kinds.size(), m_diagnostics.size());
    }

    void framesAreSentAsTheySay()
    {
        auto network = makeNetwork();
        network->offer(QStringLiteral("add"), add);
        network->offer(QStringLiteral("fail"), []() -> Task<> { throw Error(QStringLiteral("no paper")); co_return; });
        network->offer(QStringLiteral("use"), [](Coro<> coro) -> Task<> {
            coro.send(QStringLiteral("hello"));
            coro.terminate();
            coro.monitor(Coro<>::self());
            co_return;
        });
        network->offer(QStringLiteral("deliver"), [](Coro<> coro) -> Task<> { co_await coro.deliver(QStringLiteral("hello")); });
        network->offer(QStringLiteral("useAll"), useAll);
        network->offer(QStringLiteral("callBack"), [&network](Peer caller) -> Task<int> {
            co_return co_await network->call<int>(caller.location(), QStringLiteral("add"), 1, 2);
        });

        QHash<QString, QByteArray> sent;
        waitFor([](PeerNetwork *there, QHash<QString, QByteArray> *all) -> Task<> {
            RawPeer peer;
            peer.ours.port = 1; // so that it is called by a location
            co_await peer.join(there->location());
            const auto next = [](RawPeer &from, QHash<QString, QByteArray> *to, QString name) -> Task<> {
                to->insert(name, (co_await from.receiveFrame()).bytes);
            };
            co_await peer.socket.sendAll(call(5, QStringLiteral("callBack"), {}));
            co_await next(peer, all, QStringLiteral("Call"));
            co_await peer.socket.sendAll(frameOf(FrameKind::Cancel, QCborArray{5}));
            co_await next(peer, all, QStringLiteral("Cancel"));
            co_await peer.receiveFrame(); // that it was terminated

            co_await peer.socket.sendAll(call(7, QStringLiteral("add"), {1, 2}));
            co_await next(peer, all, QStringLiteral("Value"));
            co_await peer.socket.sendAll(call(8, QStringLiteral("fail"), {}));
            co_await next(peer, all, QStringLiteral("Failure"));
            co_await peer.socket.sendAll(call(9, QStringLiteral("use"), {handleOf(peer, 42)}));
            co_await next(peer, all, QStringLiteral("Send"));
            co_await next(peer, all, QStringLiteral("Terminate"));
            co_await next(peer, all, QStringLiteral("Watch"));
            co_await peer.receiveFrame();
            co_await peer.socket.sendAll(frameOf(FrameKind::Watch, QCborArray{4711}));
            co_await next(peer, all, QStringLiteral("Ended"));

            RawPeer third;
            third.ours.port = 51350;
            for (char i = 0; i < 16; ++i)
                third.ours.incarnation[i] = i;
            co_await third.join(there->location());
            co_await third.socket.sendAll(call(1, QStringLiteral("useAll"), {handleOf(third, 42), handleOf(third, 43), channelOf(third, 7)}));
            static const QHash<FrameKind, QString> names{
                {FrameKind::Throw, QStringLiteral("Throw")},         {FrameKind::Resume, QStringLiteral("Resume")},
                {FrameKind::Link, QStringLiteral("Link")},           {FrameKind::Unlink, QStringLiteral("Unlink")},
                {FrameKind::Monitor, QStringLiteral("Monitor")},     {FrameKind::SendAll, QStringLiteral("SendAll")},
                {FrameKind::Publish, QStringLiteral("Publish")},     {FrameKind::Subscribe, QStringLiteral("Subscribe")},
                {FrameKind::Close, QStringLiteral("Close")},         {FrameKind::Unsubscribe, QStringLiteral("Unsubscribe")},
                {FrameKind::DeliverAll, QStringLiteral("DeliverAll")}};
            while (!all->contains(QStringLiteral("DeliverAll"))) {
                const RawPeer::Frame frame = co_await third.receiveFrame();
                const QString name = names.value(frame.kind);
                if (!name.isEmpty() && !all->contains(name)) // links are sent to both coroutines
                    all->insert(name, frame.bytes);
            }
            co_await third.socket.sendAll(frameOf(FrameKind::Publish, QCborArray{0, 7, 1, 0, nullptr, 1}));
            co_await next(third, all, QStringLiteral("Closed"));

            RawPeer other; // where numbers begin again
            co_await other.join(there->location());
            co_await other.socket.sendAll(call(1, QStringLiteral("deliver"), {handleOf(other, 42)}));
            co_await next(other, all, QStringLiteral("Deliver"));

            RawPeer pinging;
            co_await pinging.join(there->location());
            co_await pinging.socket.sendAll(frameOf(FrameKind::Ping, QCborArray{0}));
            co_await next(pinging, all, QStringLiteral("Pong"));
        }(network.get(), &sent));

        bool joined = false;
        const Coro<QByteArray> leaving = spawn([&joined](Location location) -> Task<QByteArray> {
            RawPeer peer;
            co_await peer.join(location);
            joined = true;
            co_return (co_await peer.receiveFrame()).bytes;
        }, network->location());
        QTRY_VERIFY(joined);
        network.reset();
        sent.insert(QStringLiteral("Goodbye"), waitFor(leaving));
        // These depend on time, amounts and ids.
        sent.insert(QStringLiteral("Full"), frameOf(FrameKind::Full, QCborArray{42}));
        sent.insert(QStringLiteral("Room"), frameOf(FrameKind::Room, QCborArray{42}));
        sent.insert(QStringLiteral("Ping"), frameOf(FrameKind::Ping, QCborArray{0}));
        sent.insert(QStringLiteral("Acknowledge"), frameOf(FrameKind::Acknowledge, QCborArray{524288}));

        for (auto it = m_diagnostics.cbegin(); it != m_diagnostics.cend(); ++it)
            QVERIFY2(sent.value(it.key()) == m_samples.value(it.key()), qPrintable(it.key() + u' ' + QString::fromLatin1(sent.value(it.key()).toHex())));
    }

    void valuesAreSentAsTheySay()
    {
        static const QRegularExpression row(QStringLiteral("\n\\| ([^|]+) \\| [^|]+ \\| `([0-9a-f]+)` \\|"));
        const auto network = makeNetwork();
        registerMessageType<std::pair<int, QString>>();
        int rows = 0;
        for (const QRegularExpressionMatch &match : row.globalMatch(m_page)) {
            const QString types = match.captured(1).replace(QStringLiteral("&lt;"), QStringLiteral("<")).replace(QStringLiteral("&gt;"), QStringLiteral(">"));
            const QByteArray bytes = QByteArray::fromHex(match.captured(2).toLatin1());
            const QVariant value = network->fromBytes(bytes);
            const QString type = value.isValid() ? QString::fromLatin1(value.typeName()) : QStringLiteral("invalid QVariant");
            QVERIFY2(types.split(QStringLiteral(", ")).contains(type), qPrintable(types + u' ' + type));
            QCOMPARE(network->toBytes(value).toHex(), bytes.toHex());
            ++rows;
        }
        QCOMPARE(rows, 50);
    }

private:
    QString m_page;
    QHash<QString, QByteArray> m_samples;
    QMap<QString, QString> m_diagnostics;
};

QTEST_GUILESS_MAIN(WireFormatTest)
#include "wireformat_internal_test.moc"
