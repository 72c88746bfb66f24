// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The files figures with Asyncoro.

#include "dispatcher.h"
#include "files.h"

#include <Asyncoro/AsyncFile>
#include <Asyncoro/Coro>
#include <Asyncoro/FileSystem>

#include <QCoreApplication>

using namespace Asyncoro;
using namespace Benchmark;

namespace {

Task<> readPieces(QString path)
{
    AsyncFile file;
    co_await file.open(path);
    const Stopwatch watch;
    int64_t sum = 0;
    while (true) {
        const QByteArray piece = co_await file.read(Piece);
        if (piece.isEmpty()) {
            break;
        }
        sum += piece.size();
    }
    if (sum != LargeSize) {
        fail("bytes are missing");
    }
    watch.tell("sequential", LargeSize / Piece);
}

void sequential(int)
{
    const Folder folder;
    waitFor(spawn(readPieces, QString::fromStdString(folder.large())));
}

Task<> readPages(QString path, Positions &positions, int &left)
{
    AsyncFile file;
    co_await file.open(path);
    while (left-- > 0) {
        co_await file.seek(positions.next());
        if ((co_await file.read(Page)).size() != Page) {
            fail("bytes are missing");
        }
    }
}

Task<> writePages(QString path, Positions &positions, int &left)
{
    AsyncFile file;
    co_await file.open(path, QIODevice::ReadWrite | QIODevice::ExistingOnly);
    const QByteArray page(Page, 'y');
    while (left-- > 0) {
        co_await file.seek(positions.next());
        co_await file.write(page);
    }
}

// As readPages() or writePages() does, `atOnce` of it at the same time.
template<typename Work>
void pages(const char *name, int count, int atOnce, bool cached, Work work)
{
    const Folder folder;
    const QString path = QString::fromStdString(folder.large(cached));
    Positions positions;
    int left = count;
    const Stopwatch watch;
    std::vector<Coro<>> coros;
    for (int i = 0; i < atOnce; ++i) {
        coros.push_back(spawn(work, path, std::ref(positions), std::ref(left)));
    }
    for (const Coro<> &coro : coros) {
        waitFor(coro);
    }
    watch.tell(name, count);
}

void random(int count)
{
    pages("random", count, 1, true, readPages);
}

void cold(int count)
{
    pages("cold", count, AtOnce, false, readPages);
}

void write(int count)
{
    pages("write", count, AtOnce, true, writePages);
}

Task<> readSmall(const std::vector<std::string> &paths, size_t &next)
{
    while (next < paths.size()) {
        if ((co_await readFile(QString::fromStdString(paths[next++]))).size() != Page) {
            fail("bytes are missing");
        }
    }
}

void smallFiles(const char *name, int count, int atOnce)
{
    const Folder folder;
    const std::vector<std::string> paths = folder.small(count);
    size_t next = 0;
    const Stopwatch watch;
    std::vector<Coro<>> coros;
    for (int i = 0; i < atOnce; ++i) {
        coros.push_back(spawn(readSmall, std::ref(paths), std::ref(next)));
    }
    for (const Coro<> &coro : coros) {
        waitFor(coro);
    }
    watch.tell(name, count);
}

void small(int count)
{
    smallFiles("small", count, 1);
}

void smallAtOnce(int count)
{
    smallFiles("small-at-once", count, AtOnce);
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    return run(argc, argv,
               {{"sequential", sequential, 0},
                {"random", random, 20000},
                {"cold", cold, 4000},
                {"small", small, 1000},
                {"small-at-once", smallAtOnce, 1000},
                {"write", write, 4000}});
}
