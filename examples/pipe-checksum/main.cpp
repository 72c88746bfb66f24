// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// The checksum of a compressed file, by way of `gzip | sha256sum`, a chain of child processes: once with communicate(),
// which needs all of the file in memory, and once fed piece by piece. Both give the same.
//
//   pipe-checksum FILE

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncPipe>
#include <Asyncoro/Coro>
#include <Asyncoro/FileSystem>
#include <Asyncoro/WhenAll>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

AsyncPipe gzipAndSum()
{
    AsyncPipe pipe;
    pipe.add("gzip", {"--no-name"});
    pipe.add("sha256sum");
    return pipe;
}

Task<QByteArray> sumByCommunicate(QString path)
{
    AsyncPipe pipe = gzipAndSum();
    const PipeResult result = co_await pipe.communicate(co_await readFile(path));
    co_return result.output.first(64);
}

Task<QByteArray> sumByFeeding(QString path)
{
    AsyncFile file;
    co_await file.open(path);
    AsyncPipe pipe = gzipAndSum();
    co_await pipe.start();
    while (true) {
        const QByteArray piece = co_await file.read();
        if (piece.isEmpty())
            break;
        co_await pipe.write(piece); // waits if gzip is slower than the file
    }
    pipe.closeInput();
    const QByteArray line = co_await pipe.readLine();
    co_await pipe.finished();
    co_return line.first(64);
}

Task<> compare(QString path)
{
    const auto [first, second] = co_await whenAll(sumByCommunicate(path), sumByFeeding(path));
    std::printf("%s  by communicate()\n%s  by feeding\n%s\n", first.constData(), second.constData(),
                first == second ? "equal" : "NOT EQUAL");
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc != 2) {
        std::fputs("usage: pipe-checksum FILE\n", stderr);
        return 2;
    }
    spawn(compare, app.arguments().at(1));
    return Asyncoro::exec();
}
