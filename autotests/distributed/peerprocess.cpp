// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <Asyncoro/Discovery>

#include <QCoreApplication>
#include <QFile>

#ifdef Q_OS_LINUX
#include <csignal>
#include <sys/prctl.h>
#endif

using namespace DistributedTest;

/**
 * A process for peerprocesstest: prints where it listens, and goes on until it is killed.
 *
 * distributed_peerprocess [PORT [busy|idle [UDP-PORT GROUP]]]
 *
 * With a UDP port and a group, others find it there over loopback.
 */
int main(int argc, char **argv)
{
#ifdef Q_OS_LINUX
    prctl(PR_SET_PDEATHSIG, SIGKILL); // with the test
#endif
    const QCoreApplication app(argc, argv);
    PeerNetwork::Options options;
    options.port = app.arguments().value(1).toUShort();
    options.secret = Secret("s3cret");
    options.mayBeBusy = app.arguments().value(2) == u"busy";
    PeerNetwork network(options);
    network.offer(QStringLiteral("add"), add);
    network.offer(QStringLiteral("wait"), waitForever);
    const Coro<> sleeper = spawn(waitForever);
    network.registerCoro(QStringLiteral("sleeper"), sleeper);

    std::optional<Discovery> discovery;
    if (const quint16 port = app.arguments().value(3).toUShort(); port != 0) {
        Discovery::Options where;
        where.port = port;
        where.group4 = app.arguments().value(4);
        where.interfaces = {QStringLiteral("lo")};
        discovery.emplace(network, where);
    }

    QFile out;
    if (!out.open(stdout, QIODevice::WriteOnly))
        return 1;
    out.write(network.location().toString().toUtf8() + '\n');
    out.flush();
    return Asyncoro::exec();
}
