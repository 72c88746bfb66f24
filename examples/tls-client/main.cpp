// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Fetches a page over a secure connection, and says what the two sides have agreed on.
//
//   tls-client HOST PORT [CA-FILE]
//
// For example from `openssl s_server -www -accept 4433 -cert cert.pem -key key.pem`, with cert.pem as the CA-FILE.

#include "../port.h"

#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> fetch(QString host, quint16 port, TlsConfiguration tls)
{
    AsyncSocket socket;
    co_await socket.connectTls(host, port, tls, 10s);

    const TlsSession session = socket.tlsSession();
    std::printf("%s, certificate of %s\n", qPrintable(session.cipher()),
                qPrintable(session.peerCertificate().subjectDisplayName()));

    co_await socket.sendAll("GET / HTTP/1.0\r\nHost: " + host.toUtf8() + "\r\n\r\n");
    const QByteArray page = co_await socket.readAll(); // throws if the connection is cut off
    std::printf("%s", page.constData());
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.size() < 3 || arguments.size() > 4) {
        std::fputs("usage: tls-client HOST PORT [CA-FILE]\n", stderr);
        return 2;
    }
    try {
        TlsConfiguration tls;
        if (arguments.size() == 4)
            tls.trustOnly(arguments.at(3)); // otherwise what the system trusts
        waitFor(spawn(fetch, arguments.at(1), portOf(arguments.at(2)), tls));
    } catch (const Error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
