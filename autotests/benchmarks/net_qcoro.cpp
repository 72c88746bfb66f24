// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with QCoro, one coroutine for each connection. Called as: net-qcoro PORT

#include "benchmark.h"

#include <QCoro/QCoroAbstractSocket>
#include <QCoro/QCoroTask>
#include <QCoro/QCoroTcpServer>

#include <QCoreApplication>
#include <QTcpServer>
#include <QTcpSocket>

using namespace Benchmark;

namespace {

QCoro::Task<> serve(QTcpSocket *socket)
{
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    while (true) {
        const QByteArray data = co_await qCoro(socket).readAll();
        if (data.isEmpty()) { // how QCoro tells the end of the stream
            break;
        }
        socket->write(data);
    }
    socket->deleteLater();
}

QCoro::Task<> listen(QTcpServer *server)
{
    while (true) {
        if (QTcpSocket *socket = co_await qCoro(server).waitForNewConnection()) {
            serve(socket);
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc != 2) {
        fail("usage: net-qcoro PORT");
    }
    raiseFileLimit();
    QTcpServer server;
    server.setListenBacklogSize(4096);
    if (!server.listen(QHostAddress::LocalHost, quint16(std::atoi(argv[1])))) {
        fail("cannot listen at that port");
    }
    std::printf("listening %d\n", int(server.serverPort()));
    std::fflush(stdout);
    listen(&server);
    return QCoreApplication::exec();
}
