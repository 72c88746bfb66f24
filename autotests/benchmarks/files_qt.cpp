// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The files figures with QFile, which blocks: what a program does that has nothing else to do meanwhile.

#include "files.h"

#include <QByteArray>
#include <QFile>

using namespace Benchmark;

namespace {

void openLarge(QFile &file, const std::string &path)
{
    file.setFileName(QString::fromStdString(path));
    if (!file.open(QIODevice::ReadOnly | QIODevice::Unbuffered)) {
        fail("cannot open a file");
    }
}

void sequential(int)
{
    const Folder folder;
    QFile file;
    openLarge(file, folder.large());
    const Stopwatch watch;
    int64_t sum = 0;
    while (true) {
        const QByteArray piece = file.read(Piece);
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

void randomPages(const char *name, int count, bool cached)
{
    const Folder folder;
    QFile file;
    openLarge(file, folder.large(cached));
    Positions positions;
    const Stopwatch watch;
    for (int i = 0; i < count; ++i) {
        file.seek(positions.next());
        if (file.read(Page).size() != Page) {
            fail("bytes are missing");
        }
    }
    watch.tell(name, count);
}

void random(int count)
{
    randomPages("random", count, true);
}

void cold(int count)
{
    randomPages("cold", count, false);
}

void write(int count)
{
    const Folder folder;
    QFile file(QString::fromStdString(folder.large()));
    if (!file.open(QIODevice::ReadWrite | QIODevice::ExistingOnly | QIODevice::Unbuffered)) {
        fail("cannot open a file");
    }
    const QByteArray page(Page, 'y');
    Positions positions;
    const Stopwatch watch;
    for (int i = 0; i < count; ++i) {
        file.seek(positions.next());
        if (file.write(page) != Page) {
            fail("cannot write a file");
        }
    }
    watch.tell("write", count);
}

void small(int count)
{
    const Folder folder;
    const std::vector<std::string> paths = folder.small(count);
    const Stopwatch watch;
    for (const std::string &path : paths) {
        QFile file;
        openLarge(file, path);
        if (file.readAll().size() != Page) {
            fail("bytes are missing");
        }
    }
    watch.tell("small", count);
}

} // namespace

int main(int argc, char **argv)
{
    return run(argc, argv,
               {{"sequential", sequential, 0},
                {"random", random, 20000},
                {"cold", cold, 4000},
                {"small", small, 1000},
                {"write", write, 4000}});
}
