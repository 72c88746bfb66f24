// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlstest.h"

#include <openssl/ssl.h>

#include <malloc.h>

using namespace TlsTest;

namespace {

constexpr int Flood = 8000; // new keys
constexpr int MostInATurn = 800; // new keys; each takes as long as some kilobytes of data
constexpr int AnswersTooMany = 45'000; // of 27 bytes, to a peer that takes none

const Certificates &certificates()
{
    static const Certificates all; // made once, it takes a while
    return all;
}

/** In use; 0 with a sanitizer's allocator. */
qint64 heap()
{
    return qint64(mallinfo2().uordblks);
}

/** One end of a TLS 1.3 connection, by OpenSSL alone, without the connection itself. */
class OpensslEnd
{
public:
    explicit OpensslEnd(bool isServer)
        : m_context(SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()), SSL_CTX_free)
        , m_ssl(nullptr, SSL_free)
    {
        SSL_CTX_set_min_proto_version(m_context.get(), TLS1_3_VERSION);
        if (isServer) {
            const QByteArray certificate = certificates().pem(QStringLiteral("server")).toLocal8Bit();
            const QByteArray key = certificates().key(QStringLiteral("server")).toLocal8Bit();
            if (SSL_CTX_use_certificate_file(m_context.get(), certificate.constData(), SSL_FILETYPE_PEM) != 1
                || SSL_CTX_use_PrivateKey_file(m_context.get(), key.constData(), SSL_FILETYPE_PEM) != 1)
                qFatal("OpenSSL does not take the certificate");
        }
        m_ssl.reset(SSL_new(m_context.get()));
        SSL_set_bio(m_ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        if (isServer)
            SSL_set_accept_state(m_ssl.get());
        else
            SSL_set_connect_state(m_ssl.get());
    }

    /** What came over the connection. */
    void arrive(const QByteArray &encrypted)
    {
        QCOMPARE(BIO_write(SSL_get_rbio(m_ssl.get()), encrypted.constData(), int(encrypted.size())), encrypted.size());
    }
    /** What is to go over it now. */
    QByteArray takeUnsent()
    {
        BIO *const bio = SSL_get_wbio(m_ssl.get());
        QByteArray encrypted(qsizetype(BIO_ctrl_pending(bio)), Qt::Uninitialized);
        if (!encrypted.isEmpty())
            QCOMPARE(BIO_read(bio, encrypted.data(), int(encrypted.size())), encrypted.size());
        return encrypted;
    }

    /** Whether the handshake is done. */
    bool shake() { return SSL_do_handshake(m_ssl.get()) == 1; }
    void updateKeys(bool asksForAnswer)
    {
        const int type = asksForAnswer ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
        QCOMPARE(SSL_key_update(m_ssl.get(), type), 1);
        QCOMPARE(SSL_do_handshake(m_ssl.get()), 1);
    }
    void write(const QByteArray &bytes)
    {
        QCOMPARE(SSL_write(m_ssl.get(), bytes.constData(), int(bytes.size())), bytes.size());
    }
    /** All that has arrived. */
    QByteArray read()
    {
        QByteArray all;
        char buffer[16384];
        for (int size = 0; (size = SSL_read(m_ssl.get(), buffer, sizeof buffer)) > 0;)
            all.append(buffer, size);
        return all;
    }

private:
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> m_context;
    std::unique_ptr<SSL, decltype(&SSL_free)> m_ssl;
};

/** A secure connection of ours, and a peer that does with its keys what it likes. */
struct Conversation {
    Pair pair = connectedPair();
    AsyncSocket &ours = pair.a;
    AsyncSocket &wire = pair.b; // the peer's end of it
    OpensslEnd peer;

    explicit Conversation(bool oursIsServer = true)
        : peer(!oursIsServer)
    {
        const auto shaking = spawn([&]() -> Task<> {
            while (!peer.shake()) {
                co_await wire.sendAll(peer.takeUnsent());
                peer.arrive(co_await wire.recv());
            }
            co_await wire.sendAll(peer.takeUnsent());
        });
        if (oursIsServer)
            run(ours.startServerTls(certificates().server()));
        else
            run(ours.startTls(certificates().client(), QStringLiteral("localhost")));
        waitFor(shaking);
    }

    /** So much of what ours sends. */
    Task<QByteArray> receive(qsizetype size)
    {
        QByteArray all = peer.read();
        while (all.size() < size) {
            const QByteArray encrypted = co_await wire.recv();
            QVERIFY(!encrypted.isEmpty());
            peer.arrive(encrypted);
            all += peer.read();
        }
        co_return all;
    }
};

/** Two ends that send each other a byte all the time. */
class Others
{
public:
    Others()
        : m_echo(spawn(&Others::echo, this))
        , m_ask(spawn(&Others::ask, this))
    {
    }
    ~Others()
    {
        m_echo.terminate();
        m_ask.terminate();
        letOthersRun();
    }

    [[nodiscard]] int rounds() const { return m_rounds; }

private:
    Task<> echo()
    {
        for (;;)
            co_await m_pair.b.sendAll(co_await m_pair.b.recvAll(1));
    }
    Task<> ask()
    {
        for (;; ++m_rounds) {
            co_await m_pair.a.sendAll("x");
            co_await m_pair.a.recvAll(1);
        }
    }

    Pair m_pair = connectedPair();
    int m_rounds = 0;
    const Coro<> m_echo;
    const Coro<> m_ask;
};

} // namespace

/** Peers that change the keys of TLS 1.3 again and again, and ask for changes of ours, which costs them little. */
class TlsKeyUpdateTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N08_noByteIsLost_data()
    {
        QTest::addColumn<bool>("oursIsServer");
        QTest::addColumn<bool>("asksForAnswer");
        QTest::addColumn<int>("pieceSize");
        for (const bool oursIsServer : {true, false}) {
            for (const bool asksForAnswer : {true, false}) {
                for (const int pieceSize : {0, 1, 5000})
                    QTest::addRow("%s, %s, %d bytes between", oursIsServer ? "a server" : "a client",
                                  asksForAnswer ? "asked for its own" : "told", pieceSize)
                        << oursIsServer << asksForAnswer << pieceSize;
            }
        }
    }
    void N08_noByteIsLost()
    {
        QFETCH(const bool, oursIsServer);
        QFETCH(const bool, asksForAnswer);
        QFETCH(const int, pieceSize);
        constexpr int Updates = 2000;
        Conversation conversation(oursIsServer);
        const QByteArray data = pattern(Updates * pieceSize + 1000);
        QByteArray flood;
        for (int i = 0; i < Updates; ++i) {
            conversation.peer.updateKeys(asksForAnswer);
            if (pieceSize > 0)
                conversation.peer.write(data.sliced(i * pieceSize, pieceSize));
            flood += conversation.peer.takeUnsent();
        }
        conversation.peer.write(data.last(1000));
        flood += conversation.peer.takeUnsent();

        const auto sending = spawn([&]() -> Task<> { co_await conversation.wire.sendAll(flood); });
        const auto receiving
            = spawn([&]() -> Task<QByteArray> { co_return co_await conversation.receive(data.size()); });
        QVERIFY(run(conversation.ours.recvAll(data.size())) == data);
        waitFor(sending);
        run(conversation.ours.sendAll(data)); // with the keys that it has by now
        QVERIFY(waitFor(receiving) == data);
    }

    void N08_othersAreServed_data()
    {
        QTest::addColumn<int>("pieceSize");
        QTest::addColumn<qsizetype>("dataBefore");
        QTest::newRow("nothing between") << 0 << qsizetype(0);
        QTest::newRow("a byte between") << 1 << qsizetype(0);
        QTest::newRow("by one who was honest for a while") << 0 << qsizetype(1'000'000);
    }
    void N08_othersAreServed()
    {
        QFETCH(const int, pieceSize);
        QFETCH(const qsizetype, dataBefore);
        Conversation conversation;
        conversation.peer.write(QByteArray(dataBefore, 'x'));
        QByteArray flood = conversation.peer.takeUnsent();
        for (int i = 0; i < Flood; ++i) {
            conversation.peer.updateKeys(true);
            conversation.peer.write(QByteArray(pieceSize, 'x'));
            flood += conversation.peer.takeUnsent();
        }
        conversation.peer.write("x");
        flood += conversation.peer.takeUnsent();
        const qsizetype total = dataBefore + Flood * pieceSize + 1;
        const auto sending = spawn([&]() -> Task<> { co_await conversation.wire.sendAll(flood); });
        const auto receiving = spawn([&]() -> Task<> { co_await conversation.receive(1); });

        const Others others;
        const qint64 heapBefore = heap();
        QCOMPARE(run(conversation.ours.recvAll(total)).count('x'), total);
        QVERIFY2(others.rounds() >= Flood / MostInATurn, qPrintable(QString::number(others.rounds())));
        QVERIFY2(heap() - heapBefore < 1'000'000, qPrintable(QString::number(heap() - heapBefore)));
        run(conversation.ours.sendAll("x"));
        waitFor(sending);
        waitFor(receiving);
    }

    void N08_whoTakesNoAnswersIsGivenUp()
    {
        Conversation conversation;
        // The system is to keep little of what the peer does not take.
        conversation.ours.socket()->setSocketOption(QAbstractSocket::SendBufferSizeSocketOption, 8192);
        conversation.wire.socket()->setSocketOption(QAbstractSocket::ReceiveBufferSizeSocketOption, 8192);
        QByteArray flood;
        for (int i = 0; i < AnswersTooMany; ++i) {
            conversation.peer.updateKeys(true);
            flood += conversation.peer.takeUnsent();
        }
        const Others others;
        const qint64 heapBefore = heap() - flood.size(); // which is handed on
        const auto sending = spawn([&]() -> Task<> {
            try {
                co_await conversation.wire.sendAll(flood);
            } catch (const SocketError &) {
                // the other side has had enough of it
            }
        });
        const QString text = failsWith(Reason::Damaged, [&] { run(conversation.ours.recv()); });
        QVERIFY2(text.contains(QStringLiteral("it asks TLS for answers and does not take them")), qPrintable(text));
        QVERIFY2(heap() - heapBefore < 8'000'000, qPrintable(QString::number(heap() - heapBefore)));
        QVERIFY(others.rounds() > 0);
        conversation.ours.close();
        conversation.wire.abort();
        waitFor(sending);
    }
};

QTEST_GUILESS_MAIN(TlsKeyUpdateTest)
#include "tlskeyupdatetest.moc"
