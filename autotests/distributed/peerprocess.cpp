// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <QCoreApplication>
#include <QFile>

#ifdef Q_OS_LINUX
#include <csignal>
#include <sys/prctl.h>
#endif

using namespace DistributedTest;

namespace {

Task<> subscribeMany(Channel channel, int count)
{
    for (int i = 0; i < count; ++i) {
        const Coro<> subscriber = spawn(waitForever);
        subscriber.setDaemon();
        co_await channel.subscribe(subscriber, 10s);
    }
}

} // namespace

/**
 * A process for peerprocesstest: prints where it listens, and goes on until it is killed.
 *
 * distributed_peerprocess [PORT [busy]]
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
    sleeper.registerName(QStringLiteral("sleeper"));
    network.offer(QStringLiteral("subscribeMany"), subscribeMany);
    const Channel news(QStringLiteral("news"));
    news.registerName();

    QFile out;
    if (!out.open(stdout, QIODevice::WriteOnly))
        return 1;
    out.write(network.location().toString().toUtf8() + '\n');
    out.flush();
    return Asyncoro::exec();
}
