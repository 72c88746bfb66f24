// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/wire/frame_p.h"
#include "../../src/distributed/wire/handshake_p.h"

#include <QTest>

using namespace Asyncoro::Detail;

namespace {

Hello hello(char fill)
{
    Hello hello;
    hello.port = 51350;
    hello.incarnation = QByteArray(Hello::IncarnationSize, fill);
    hello.nonce = QByteArray(Hello::NonceSize, char(fill + 1));
    return hello;
}

} // namespace

class HandshakeTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void helloIsReadBack()
    {
        Hello sent = hello(7);
        sent.version = 3;
        sent.oldestVersion = 2;
        sent.flags = Hello::MayBeBusy;
        const QByteArray bytes = sent.toBytes();
        QCOMPARE(bytes.size(), Hello::Size);
        const std::optional<Hello> read = Hello::fromBytes(bytes);
        QVERIFY(read);
        QCOMPARE(read->version, 3);
        QCOMPARE(read->oldestVersion, 2);
        QCOMPARE(read->flags, quint16(Hello::MayBeBusy));
        QCOMPARE(read->port, 51350);
        QCOMPARE(read->incarnation, sent.incarnation);
        QCOMPARE(read->nonce, sent.nonce);
    }

    void helloOfAnythingElseIsNone()
    {
        const QByteArray bytes = hello(7).toBytes();
        QVERIFY(!Hello::fromBytes({}));
        QVERIFY(!Hello::fromBytes(bytes.chopped(1)));
        QVERIFY(!Hello::fromBytes(bytes + '\0'));
        QVERIFY(!Hello::fromBytes("GET / HTTP/1.1\r\n" + bytes.mid(16)));
        for (int i = 0; i < 8; ++i) {
            QByteArray altered = bytes;
            altered[i] = char(altered[i] ^ 1);
            QVERIFY(!Hello::fromBytes(altered));
        }
    }

    void versions_data()
    {
        QTest::addColumn<int>("oldest");
        QTest::addColumn<int>("newest");
        QTest::addColumn<bool>("understood");
        QTest::newRow("the same") << 2 << 3 << true;
        QTest::newRow("newer, speaks ours") << 3 << 5 << true;
        QTest::newRow("older, we speak its") << 1 << 2 << true;
        QTest::newRow("too new") << 4 << 5 << false;
        QTest::newRow("too old") << 0 << 1 << false;
    }

    void versions()
    {
        QFETCH(int, oldest);
        QFETCH(int, newest);
        QFETCH(bool, understood);
        Hello ours;
        ours.oldestVersion = 2;
        ours.version = 3;
        Hello theirs;
        theirs.oldestVersion = quint16(oldest);
        theirs.version = quint16(newest);
        QCOMPARE(ours.understands(theirs), understood);
        QCOMPARE(theirs.understands(ours), understood); // both say the same
    }

    void proofIsThatOfTheDocumentation()
    {
        // HMAC-SHA-256 of "asyncoro peer 4 " + side + what was sent before, computed elsewhere: see docs/wire-format.md
        const QByteArray a = hello(1).toBytes();
        const QByteArray b = hello(5).toBytes();
        QCOMPARE(makeProof("s3cret", Side::Connecting, a + b).toHex(),
                 QByteArray("ead8b1b9764aeaf39f289eb98e17914286dece483535a85aef173ec5d2671ae4"));
        QCOMPARE(makeProof("s3cret", Side::Accepting, a + b).toHex(),
                 QByteArray("6656432beb45d2c6f3c0f472d3f1edf12d04d80f86519d21ae77fe74b0a9be40"));
    }

    void D05_proofDependsOnEverything()
    {
        const QByteArray a = hello(1).toBytes();
        const QByteArray b = hello(5).toBytes();
        const QByteArray proof = makeProof("s3cret", Side::Connecting, a + b);
        QCOMPARE(proof.size(), ProofSize);
        QVERIFY(equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, a + b)));
        QVERIFY(!equalInConstantTime(proof, makeProof("s3crets", Side::Connecting, a + b)));
        QVERIFY(!equalInConstantTime(proof, makeProof({}, Side::Connecting, a + b)));
        QVERIFY(!equalInConstantTime(proof, makeProof("s3cret", Side::Accepting, a + b))); // reflected
        QVERIFY(!equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, b + a)));
        for (qsizetype i = 0; i < Hello::Size; ++i) {
            QByteArray altered = a;
            altered[i] = char(altered[i] ^ 0x80);
            QVERIFY(!equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, altered + b)));
            altered = b;
            altered[i] = char(altered[i] ^ 0x80);
            QVERIFY(!equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, a + altered))); // replayed
        }
    }

    void sessionsAreReadBack()
    {
        const SessionRequest request{0x0102030405060708, 0x1112131415161718, QByteArray::fromHex("2021222324252627") + QByteArray(8, 3)};
        QCOMPARE(request.toBytes().toHex(), QByteArray("0102030405060708111213141516171820212223242526270303030303030303"));
        QCOMPARE(SessionRequest::fromBytes(request.toBytes()).session, request.session);
        QCOMPARE(SessionRequest::fromBytes(request.toBytes()).received, request.received);
        QCOMPARE(SessionRequest::fromBytes(request.toBytes()).address, request.address);
        const SessionAnswer answer{Verdict::Resumed, request.session, request.received};
        QCOMPARE(answer.toBytes().toHex(), QByteArray("0501020304050607081112131415161718"));
        QCOMPARE(SessionAnswer::fromBytes(answer.toBytes()).verdict, Verdict::Resumed);
        QCOMPARE(SessionAnswer::fromBytes(answer.toBytes()).received, request.received);
    }

    void comparisonSeesEveryByte()
    {
        const QByteArray bytes(ProofSize, 'x');
        QVERIFY(equalInConstantTime(bytes, QByteArray(ProofSize, 'x')));
        QVERIFY(!equalInConstantTime(bytes, bytes.chopped(1)));
        QVERIFY(!equalInConstantTime(bytes, {}));
        for (qsizetype i = 0; i < ProofSize; ++i) {
            QByteArray altered = bytes;
            altered[i] = 'y';
            QVERIFY(!equalInConstantTime(bytes, altered));
        }
    }

    void randomBytesDiffer()
    {
        QCOMPARE(randomBytes(0).size(), 0);
        QSet<QByteArray> seen;
        for (int i = 0; i < 100; ++i)
            seen.insert(randomBytes(16));
        QCOMPARE(seen.size(), 100);
    }

    void frameHeaderIsReadBack()
    {
        QByteArray bytes(FrameHeader::Size, '\0');
        FrameHeader{FrameKind::Call, 0x01020304}.write(bytes.data());
        QCOMPARE(bytes.toHex(), QByteArray("ac05020601020304"));
        const std::optional<FrameHeader> read = FrameHeader::read(bytes.constData());
        QVERIFY(read);
        QCOMPARE(read->kind, FrameKind::Call);
        QCOMPARE(read->length, 0x01020304U);
    }

    void frameHeaderOfAnythingElseIsNone_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::newRow("magic") << QByteArray("ac06020100000000");
        QTest::newRow("version") << QByteArray("ac05010100000000");
        QTest::newRow("kind 0") << QByteArray("ac05020000000000");
        QTest::newRow("unknown kind") << QByteArray("ac0502ff00000000");
        QTest::newRow("too long") << QByteArray("ac05020104000001");
        QTest::newRow("far too long") << QByteArray("ac050201ffffffff");
    }

    void frameHeaderOfAnythingElseIsNone()
    {
        QFETCH(QByteArray, hex);
        QVERIFY(!FrameHeader::read(QByteArray::fromHex(hex).constData()));
    }
};

QTEST_GUILESS_MAIN(HandshakeTest)
#include "handshake_internal_test.moc"
