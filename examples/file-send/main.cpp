// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Sends a file or a folder to another process, which keeps it in a folder of its own.
//
//   file-send --serve FOLDER [--address ADDRESS] [--port PORT]     prints "listening LOCATION"
//   file-send FILE|FOLDER LOCATION [--as NAME] [--replace]
//
// Between machines both need the same secret: --secret-file FILE, or ASYNCORO_SECRET_FILE.

#include "../port.h"

#include <Asyncoro/Coro>
#include <Asyncoro/FileStore>
#include <Asyncoro/FileTransfer>

#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

int serve(PeerNetwork &network, const QString &folder)
{
    const FileStore store(network, folder, {.allowed = FileStore::Access::Add | FileStore::Access::Replace});
    std::printf("listening %s\n", qPrintable(network.location().toString()));
    std::fflush(stdout);
    return QCoreApplication::exec(); // until it is interrupted
}

void showProgress(qint64 done, qint64 size)
{
    static qint64 shown = -1;
    const qint64 percent = size > 0 ? done * 100 / size : 100;
    if (percent != std::exchange(shown, percent))
        std::fprintf(stderr, "\r%3lld %%", percent);
}

Task<> send(PeerNetwork &network, QString path, Location location, QString as, Overwrite overwrite)
{
    const SentFiles files
        = co_await sendFiles(network, location, path, as, {.overwrite = overwrite, .progress = showProgress});
    std::fprintf(stderr, "\n");
    std::printf("%d sent, %d there already, %lld bytes\n", files.sent, files.alreadyThere, files.bytes);
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription("Sends a file or a folder to another process.");
    parser.addHelpOption();
    parser.addPositionalArgument("path", "What to send.", "FILE|FOLDER");
    parser.addPositionalArgument("location", "Where to: ADDRESS:PORT of a file-send --serve.", "LOCATION");
    parser.addOptions({{"serve", "Keep what others send in FOLDER.", "FOLDER"},
                       {"address", "Address to listen at.", "ADDRESS", "127.0.0.1"},
                       {"port", "Port to listen at; any free one by default.", "PORT", "0"},
                       {"as", "Name over there, a path with slashes.", "NAME"},
                       {"replace", "Replace what is there with other content."},
                       {"secret-file", "File with the secret that both sides know.", "FILE"}});
    parser.process(app);
    const QStringList arguments = parser.positionalArguments();
    if (arguments.size() != (parser.isSet("serve") ? 0 : 2))
        parser.showHelp(2);
    try {
        PeerNetwork::Options options;
        options.address = parser.value("address");
        options.port = portOf(parser.value("port"));
        const QString secretFile = parser.value("secret-file");
        options.secret = secretFile.isEmpty() ? Secret::fromEnvironment() : Secret::fromFile(secretFile);
        PeerNetwork network(options);
        if (parser.isSet("serve"))
            return serve(network, parser.value("serve"));
        const Overwrite overwrite = parser.isSet("replace") ? Overwrite::IfDifferent : Overwrite::Never;
        waitFor(send(network, arguments[0], Location::fromString(arguments[1]), parser.value("as"), overwrite));
    } catch (const Error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
