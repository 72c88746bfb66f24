// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QRandomGenerator>
#include <QTcpServer>

/**
 * A port that is free at 127.0.0.1, 127.0.0.2 and 127.0.0.3, and that the system gives to nobody by itself: one that it
 * has just given and taken back may be given to another test, which runs beside this one.
 */
inline quint16 freePort()
{
    static quint16 port = quint16(QRandomGenerator::global()->bounded(10'000, 30'000)); // not those of another test
    const auto isFree = [](int number) {
        return QTcpServer().listen(QHostAddress(QStringLiteral("127.0.0.%1").arg(number)), port);
    };
    do {
        port = port < 29'999 ? quint16(port + 1) : quint16(10'000);
    } while (!isFree(1) || !isFree(2) || !isFree(3));
    return port;
}
