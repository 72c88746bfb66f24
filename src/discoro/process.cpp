// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "process_p.h"

#include "discoro.h"
#include "protocol_p.h"
#include "serverconfiguration_p.h"

#include <Asyncoro/TlsFiles>

#include <QCoreApplication>
#include <QFile>
#include <QHostAddress>

#include <cstdio>

namespace Asyncoro::Discoro {

namespace {

/** What this process is in a cluster. */
struct Process {
    std::unique_ptr<PeerNetwork> network;
    QString nodeName; // of a server
};

Process &process()
{
    static Process instance;
    return instance;
}

// While there is an event loop, so that peers are told.
void leaveNetwork()
{
    process().network.reset();
}

PeerNetwork &makeNetwork(const PeerNetwork::Options &options)
{
    process().network = std::make_unique<PeerNetwork>(options);
    qAddPostRoutine(leaveNetwork);
    return *process().network;
}

/** Those of a client. */
PeerNetwork::Options optionsFromEnvironment()
{
    PeerNetwork::Options options;
    options.secret = Secret::fromEnvironment();
    options.tls = TlsFiles::fromEnvironment().read();
    return options;
}

bool isOnThisMachine(const QString &address)
{
    return address == u"localhost" || QHostAddress(address).isLoopback();
}

void printError(const QString &message)
{
    std::fputs(qPrintable(QStringLiteral("%1: %2\n").arg(QCoreApplication::applicationName(), message)), stderr);
}

/** A job whose coroutine the client has a handle of. */
Task<QVariant> startJob(QString function, QByteArray arguments)
{
    return Detail::invoker(function)(network().fromBytes(arguments).toList());
}

/** A job whose value goes back through the scheduler, which need not know its type. */
Task<QByteArray> runJob(QString function, QByteArray arguments)
{
    co_return network().toBytes(co_await startJob(std::move(function), std::move(arguments)));
}

/** Comes forward at its node, and ends with it. */
Task<> serve(ServerConfiguration configuration)
{
    PeerNetwork::Options options;
    options.address = isOnThisMachine(configuration.node.address()) ? configuration.node.address() : QStringLiteral("0.0.0.0");
    options.secret = configuration.secret;
    options.tls = configuration.tls;
    options.mayBeBusy = true;
    PeerNetwork &own = makeNetwork(options);
    own.offer(Protocol::RunJob, runJob);
    own.offer(Protocol::StartJob, startJob);
    const Coro<> node = co_await own.anchorOf(configuration.node);
    process().nodeName = co_await own.call<QString>(configuration.node, Protocol::ServerReady, configuration.token, own.location().port());
    co_await node.finish();
}

} // namespace

PeerNetwork &network()
{
    if (process().network)
        return *process().network;
    return makeNetwork(optionsFromEnvironment());
}

QString nodeName()
{
    return process().nodeName;
}

Task<> joinNetworkOf(Location scheduler)
{
    if (!process().network) {
        PeerNetwork::Options options = optionsFromEnvironment();
        if (!isOnThisMachine(scheduler.address()))
            options.address = QStringLiteral("0.0.0.0");
        makeNetwork(options);
    }
    co_await network().connect(scheduler);
}

bool Detail::isServer()
{
    return qEnvironmentVariableIsSet(ServerConfiguration::Variable.data());
}

int Detail::runServer()
{
    try {
        QFile input;
        if (!input.open(stdin, QIODevice::ReadOnly))
            throw Error(QStringLiteral("cannot read the standard input"));
        const Coro<> server = spawn(serve, ServerConfiguration::fromBytes(input.readAll()));
        server.setName(QStringLiteral("server"));
        waitFor(server);
    } catch (const PeerLost &) {
        return 0; // its node has ended
    } catch (const Error &e) {
        printError(e.message());
        return 1;
    }
    return 0;
}

int Detail::runClient(const Coro<> &client)
{
    const int status = Asyncoro::exec();
    try {
        waitFor(client);
    } catch (const CoroTerminated &) {
        return status; // by QCoreApplication::exit(), which gave the status
    } catch (...) {
        printError(errorText(std::current_exception()));
        return status != 0 ? status : 1;
    }
    return status;
}

} // namespace Asyncoro::Discoro
