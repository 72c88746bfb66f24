// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "networktest.h"

#include <Asyncoro/TlsConfiguration>

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

namespace TlsTest {

using namespace NetworkTest;
using Reason = TlsError::Reason;

inline char *toString(Reason reason)
{
    return QTest::toString(int(reason));
}

/** Certificates and keys in PEM, made by the openssl program: NAME.pem and NAME.key. */
class Certificates
{
public:
    Certificates()
    {
        makeAuthority(QStringLiteral("ca"));
        makeAuthority(QStringLiteral("other-ca"));
        const QString here = QStringLiteral("DNS:localhost,IP:127.0.0.1,IP:::1");
        make(QStringLiteral("server"), QStringLiteral("ca"), here);
        make(QStringLiteral("second"), QStringLiteral("ca"), QStringLiteral("DNS:second.test,DNS:*.wild.test"));
        make(QStringLiteral("client"), QStringLiteral("ca"), QStringLiteral("email:client@example.org"));
        make(QStringLiteral("foreign"), QStringLiteral("other-ca"), here);
        make(QStringLiteral("expired"), QStringLiteral("ca"), here,
             {QStringLiteral("-not_before"), QStringLiteral("20200101000000Z"), QStringLiteral("-not_after"),
              QStringLiteral("20210101000000Z")});
        make(QStringLiteral("future"), QStringLiteral("ca"), here,
             {QStringLiteral("-not_before"), QStringLiteral("20900101000000Z"), QStringLiteral("-not_after"),
              QStringLiteral("20910101000000Z")});
        make(QStringLiteral("self-signed"), {}, here);
        make(QStringLiteral("clients-only"), QStringLiteral("ca"), here,
             {QStringLiteral("-addext"), QStringLiteral("extendedKeyUsage=clientAuth")});
        openssl({QStringLiteral("ec"), QStringLiteral("-in"), path(QStringLiteral("server.key")),
                 QStringLiteral("-aes128"), QStringLiteral("-passout"), QStringLiteral("pass:secret"),
                 QStringLiteral("-out"), path(QStringLiteral("encrypted.key"))});
    }

    [[nodiscard]] QString path(const QString &name) const { return m_directory.filePath(name); }
    [[nodiscard]] QString pem(const QString &name) const { return path(name + QStringLiteral(".pem")); }
    [[nodiscard]] QString key(const QString &name) const { return path(name + QStringLiteral(".key")); }

    /** Shows a certificate and trusts `authority`, if those are named. */
    [[nodiscard]] TlsConfiguration configuration(const QString &identity,
                                                 const QString &authority = QStringLiteral("ca")) const
    {
        TlsConfiguration configuration;
        if (!identity.isEmpty())
            configuration.addIdentity(pem(identity), key(identity));
        if (!authority.isEmpty())
            configuration.trustOnly(pem(authority));
        return configuration;
    }
    [[nodiscard]] TlsConfiguration client() const { return configuration({}); }
    [[nodiscard]] TlsConfiguration server() const { return configuration(QStringLiteral("server")); }

private:
    void makeAuthority(const QString &name) const
    {
        openssl(request(name) << QStringLiteral("-addext")
                              << QStringLiteral("basicConstraints=critical,CA:TRUE") << QStringLiteral("-addext")
                              << QStringLiteral("keyUsage=critical,keyCertSign,cRLSign"));
    }

    void make(const QString &name, const QString &authority, const QString &names, const QStringList &more = {}) const
    {
        QStringList arguments = request(name);
        arguments << QStringLiteral("-addext") << QStringLiteral("subjectAltName=") + names;
        arguments << QStringLiteral("-addext") << QStringLiteral("basicConstraints=critical,CA:FALSE");
        if (!authority.isEmpty())
            arguments << QStringLiteral("-CA") << pem(authority) << QStringLiteral("-CAkey") << key(authority);
        openssl(arguments + more);
    }

    [[nodiscard]] QStringList request(const QString &name) const
    {
        return {QStringLiteral("req"),   QStringLiteral("-x509"),   QStringLiteral("-newkey"),
                QStringLiteral("ec"),    QStringLiteral("-pkeyopt"), QStringLiteral("ec_paramgen_curve:P-256"),
                QStringLiteral("-nodes"), QStringLiteral("-keyout"), key(name),
                QStringLiteral("-out"),  pem(name),                 QStringLiteral("-subj"),
                QStringLiteral("/CN=%1").arg(name)};
    }

    static void openssl(const QStringList &arguments)
    {
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(QStringLiteral("openssl"), arguments);
        if (!process.waitForFinished() || process.exitCode() != 0)
            qFatal("openssl %s: %s %s", qUtf8Printable(arguments.join(u' ')), qUtf8Printable(process.errorString()),
                   process.readAll().constData());
    }

    QTemporaryDir m_directory;
};

/** Two ends of one plain connection that speak TLS as soon as the test lets them. */
struct Handshake {
    Pair pair = connectedPair();
    std::exception_ptr clientFailure;
    std::exception_ptr serverFailure;

    /** Both sides do their part; each failure is kept. */
    void run(TlsConfiguration client, TlsConfiguration server, const QString &name = QStringLiteral("localhost"))
    {
        const auto serving = spawn([&, server]() -> Task<> {
            try {
                co_await pair.b.startServerTls(server);
            } catch (const Error &) {
                serverFailure = std::current_exception();
            }
        });
        waitFor(spawn([&, client]() -> Task<> {
            try {
                co_await pair.a.startTls(client, name);
            } catch (const Error &) {
                clientFailure = std::current_exception();
            }
        }));
        waitFor(serving);
    }
};

/** Both ends of a secure connection. */
inline Pair securePair(const TlsConfiguration &client, const TlsConfiguration &server)
{
    Handshake handshake;
    handshake.run(client, server);
    if (handshake.clientFailure)
        std::rethrow_exception(handshake.clientFailure);
    if (handshake.serverFailure)
        std::rethrow_exception(handshake.serverFailure);
    return std::move(handshake.pair);
}

/** Calls `function`, which is to fail with a TlsError for that reason; gives its text. */
template<typename Function>
QString failsWith(Reason reason, Function function)
{
    try {
        function();
    } catch (const TlsError &error) {
        if (error.reason() != reason)
            qWarning("%s", error.what());
        [&] { QCOMPARE(error.reason(), reason); }();
        return error.message();
    } catch (const Error &error) {
        [&] { QFAIL(error.what()); }();
        return {};
    }
    [] { QFAIL("nothing was thrown"); }();
    return {};
}

inline QString failsWith(Reason reason, const std::exception_ptr &failure)
{
    return failsWith(reason, [&failure] {
        if (failure)
            std::rethrow_exception(failure);
    });
}

/** What a program says, as it comes. */
class Program
{
public:
    Program(const QString &name, const QStringList &arguments)
    {
        m_process.setProcessChannelMode(QProcess::MergedChannels);
        m_process.start(name, arguments);
        if (!m_process.waitForStarted())
            qFatal("%s: %s", qUtf8Printable(name), qUtf8Printable(m_process.errorString()));
    }
    ~Program()
    {
        m_process.kill();
        m_process.waitForFinished();
    }

    /** Runs the event loop until the program has said something that has this in it; gives all that it has said. */
    QByteArray waitFor(const QByteArray &text)
    {
        const bool said = QTest::qWaitFor([&] {
            m_said += m_process.readAll();
            return m_said.contains(text);
        }, 20000);
        if (!said)
            qFatal("waited for \"%s\", but the program says: %s", text.constData(), m_said.constData());
        return m_said;
    }
    QByteArray waitForEnd()
    {
        if (!QTest::qWaitFor([this] { return m_process.state() == QProcess::NotRunning; }, 20000))
            qFatal("the program does not end; it says: %s", (m_said + m_process.readAll()).constData());
        m_said += m_process.readAll();
        return m_said;
    }
    void say(const QByteArray &text) { m_process.write(text); }
    [[nodiscard]] int exitCode() const { return m_process.exitCode(); }

private:
    QProcess m_process;
    QByteArray m_said;
};

/** `openssl s_server` with certificate "server", at a free port. */
class OpensslServer : public Program
{
public:
    explicit OpensslServer(const Certificates &certificates, const QStringList &more = {})
        : Program(QStringLiteral("openssl"),
                  QStringList{QStringLiteral("s_server"), QStringLiteral("-accept"), QStringLiteral("127.0.0.1:0"),
                              QStringLiteral("-cert"), certificates.pem(QStringLiteral("server")),
                              QStringLiteral("-key"), certificates.key(QStringLiteral("server"))}
                      + more)
    {
        const QByteArray said = waitFor("\nACCEPT ");
        const qsizetype line = said.indexOf("\nACCEPT ") + 1;
        m_port = said.sliced(said.indexOf(':', line) + 1).split('\n').first().trimmed().toUShort();
    }

    [[nodiscard]] quint16 port() const { return m_port; }

private:
    quint16 m_port = 0;
};

} // namespace TlsTest
