// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#pragma once

#include <QCoreApplication>
#include <QString>

#include <cstdio>
#include <cstdlib>

/** The port that the command line gives. If that is none, ends the program: QString would make 0 of it, any port. */
inline quint16 portOf(const QString &text)
{
    bool isPort = false;
    const quint16 port = text.toUShort(&isPort);
    if (!isPort) {
        std::fprintf(stderr, "%s: \"%s\" is no port, which is a number from 0 to 65535\n",
                     qPrintable(QCoreApplication::applicationName()), qPrintable(text));
        std::exit(2);
    }
    return port;
}
