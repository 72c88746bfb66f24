// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A large file to the store of another process, verified, and for comparison SHA-256 alone, as OpenSSL and as Qt do it.
// The file is one of holes in a folder in memory, so that no disk is measured; and that memory was in use just before,
// so that it is not measured either how fast the host of a virtual machine gives it. The other process is this program,
// too: it is called with "peer" and the folder.

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/FileStore>
#include <Asyncoro/FileTransfer>

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDir>
#include <QProcess>
#include <QTemporaryDir>

#include <openssl/evp.h>

#include <csignal>

#include <sys/prctl.h>

using namespace Asyncoro;
using namespace Benchmark;

namespace {

constexpr double MegaByte = 1e6;

int runPeer(const QString &folder)
{
    PeerNetwork network;
    const FileStore store(network, folder);
    network.offer(QStringLiteral("resident"), []() -> Task<double> { co_return residentBytes(); });
    std::printf("%s\n", qPrintable(network.location().toString()));
    std::fflush(stdout);
    return QCoreApplication::exec();
}

/** Has the kernel take the memory that a file of that size needs there, and frees it. */
void warmUp(const QString &path, int megaBytes)
{
    QFile scratch(path);
    if (!scratch.open(QIODevice::WriteOnly))
        fail("the folder cannot be written to");
    const QByteArray piece(qsizetype(MegaByte), '\0');
    for (int i = 0; i < megaBytes; ++i) {
        if (scratch.write(piece) != piece.size())
            fail("there is too little memory for the file");
    }
    scratch.remove();
}

void file(int megaBytes)
{
    const QString memory = QStringLiteral("/dev/shm");
    const QTemporaryDir folder((QDir(memory).exists() ? memory : QDir::tempPath()) + QStringLiteral("/asyncoro-file"));
    QProcess peer;
    peer.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    peer.start(QCoreApplication::applicationFilePath(),
               {QStringLiteral("peer"), folder.filePath(QStringLiteral("store"))});
    while (!peer.canReadLine()) {
        if (!peer.waitForReadyRead(10'000))
            fail("the other process does not start");
    }
    const Location location = Location::fromString(QString::fromUtf8(peer.readLine()).trimmed());
    QFile source(folder.filePath(QStringLiteral("source")));
    if (!source.open(QIODevice::WriteOnly) || !source.resize(megaBytes * qint64(MegaByte)))
        fail("the file cannot be made");

    warmUp(folder.filePath(QStringLiteral("scratch")), megaBytes);

    PeerNetwork network;
    const auto resident = [&] {
        return waitFor(network.call<double>(location, QStringLiteral("resident"))) + residentBytes();
    };
    const double before = resident();
    const double start = now();
    waitFor(sendFiles(network, location, source.fileName()));
    print("file", megaBytes / (now() - start), "MB/s");
    print("file-memory", (resident() - before) / MegaByte, "MB");
    peer.kill();
    peer.waitForFinished();
}

template<typename Add>
void measureHash(int megaBytes, Add add)
{
    const QByteArray piece(qsizetype(MegaByte), '\0');
    const double start = now();
    for (int i = 0; i < megaBytes; ++i)
        add(piece);
    print("file", megaBytes / (now() - start), "MB/s");
}

void openSsl(int megaBytes)
{
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
    measureHash(megaBytes, [&](const QByteArray &piece) {
        EVP_DigestUpdate(context, piece.constData(), size_t(piece.size()));
    });
    EVP_MD_CTX_free(context);
}

void qt(int megaBytes)
{
    QCryptographicHash hash(QCryptographicHash::Sha256);
    measureHash(megaBytes, [&](const QByteArray &piece) { hash.addData(piece); });
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    if (argc > 2 && std::string_view(argv[1]) == "peer") {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return runPeer(app.arguments().at(2));
    }
    return run(argc, argv, {{"file", file, 4'000}, {"openssl", openSsl, 4'000}, {"qt", qt, 1'000}});
}
