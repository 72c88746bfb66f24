// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server on QTcpSocket with signals and slots, as Qt's documentation teaches. Called as: net-qt PORT

#include "benchmark.h"

#include <QCoreApplication>
#include <QTcpServer>
#include <QTcpSocket>

using namespace Benchmark;

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc != 2) {
        fail("usage: net-qt PORT");
    }
    raiseFileLimit();
    QTcpServer server;
    server.setListenBacklogSize(4096);
    QObject::connect(&server, &QTcpServer::newConnection, &server, [&server] {
        while (QTcpSocket *socket = server.nextPendingConnection()) {
            socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
            QObject::connect(socket, &QTcpSocket::readyRead, socket, [socket] {
                socket->write(socket->readAll());
            });
            QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
        }
    });
    if (!server.listen(QHostAddress::LocalHost, quint16(std::atoi(argv[1])))) {
        fail("cannot listen at that port");
    }
    std::printf("listening %d\n", int(server.serverPort()));
    std::fflush(stdout);
    return QCoreApplication::exec();
}
