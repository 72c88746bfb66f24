// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A file of any bytes, or the output of a process, read by any reading operations, against a model of a few lines.

#include "readingoperations.h"

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncProcess>
#include <Asyncoro/Coro>
#include <Asyncoro/StreamError>

#include <QCoreApplication>

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

enum class Kind : quint8 { Some, Line, All, Exactly, Until, Seek, Count }; // a process has the first three only

using Operation = ReadingOperations::Operation<Kind>;

/** What `operation` is to give where `rest` is left. */
QByteArray expected(const Operation &operation, const QByteArray &rest)
{
    const auto upTo = [&](const QByteArray &delimiter) {
        const qint64 at = rest.indexOf(delimiter);
        const qint64 size = at < 0 ? rest.size() : at + delimiter.size();
        return rest.first(std::min(size, std::max<qint64>(operation.size, 1)));
    };
    switch (operation.kind) {
    case Kind::Line:
        return upTo("\n");
    case Kind::Until:
        return upTo(delimiterOf(operation));
    case Kind::All:
        return rest;
    case Kind::Exactly:
        return rest.first(std::min<qint64>(operation.size, rest.size()));
    default:
        return rest.first(std::min<qint64>(std::max<qint64>(operation.size, 1), rest.size()));
    }
}

void check(bool good, const Operation &operation, const QByteArray &bytes, const QByteArray &rest)
{
    if (good)
        return;
    std::fprintf(stderr, "operation %d of %lld bytes: %lld bytes, %lld were left\n", int(operation.kind),
                 qlonglong(operation.size), qlonglong(bytes.size()), qlonglong(rest.size()));
    std::abort();
}

Task<QByteArray> perform(const Operation &operation, AsyncFile &file, QDeadlineTimer deadline)
{
    switch (operation.kind) {
    case Kind::Line:
        co_return co_await file.readLine(operation.size, deadline);
    case Kind::Until:
        co_return co_await file.readUntil(delimiterOf(operation), operation.size, deadline);
    case Kind::All:
        co_return co_await file.readAll(deadline);
    case Kind::Exactly:
        try {
            const QByteArray bytes = co_await file.readExactly(operation.size, deadline);
            check(bytes.size() == operation.size, operation, bytes, {});
            co_return bytes;
        } catch (const EndOfStream &e) {
            check(e.partial().size() < operation.size, operation, e.partial(), {});
            co_return e.partial();
        }
    default:
        co_return co_await file.read(std::max<qint64>(operation.size, 1), deadline);
    }
}

Task<QByteArray> perform(const Operation &operation, AsyncProcess &process, QDeadlineTimer deadline)
{
    switch (operation.kind) {
    case Kind::Line:
        co_return co_await process.readLine(operation.size, deadline);
    case Kind::All:
        co_return co_await process.readAll(AsyncProcess::DefaultMaxSize, deadline);
    default:
        co_return co_await process.read(operation.size, deadline);
    }
}

template<typename Source>
Task<QByteArray> performTwice(const Operation &operation, Source &source)
{
    if (operation.tryFirst) {
        try {
            co_return co_await perform(operation, source, 0s);
        } catch (const TimedOut &) {
            // and has taken nothing
        }
    }
    co_return co_await perform(operation, source, QDeadlineTimer(QDeadlineTimer::Forever));
}

Task<> readFile(const QList<Operation> &operations, const QByteArray &content)
{
    const int descriptor = ::memfd_create("fuzz", MFD_CLOEXEC);
    if (::write(descriptor, content.constData(), size_t(content.size())) != content.size())
        std::abort();
    ::lseek(descriptor, 0, SEEK_SET);
    AsyncFile file;
    file.openDescriptor(descriptor, QIODevice::ReadOnly);
    qint64 position = 0;
    for (const Operation &operation : operations) {
        if (operation.kind == Kind::Seek) {
            position = operation.size;
            co_await file.seek(position);
            continue;
        }
        const QByteArray bytes = co_await performTwice(operation, file);
        const QByteArray rest = content.sliced(std::min(position, content.size()));
        check(bytes == expected(operation, rest), operation, bytes, rest);
        position += bytes.size();
        check(file.position() == position, operation, bytes, rest);
    }
    co_await file.close();
}

Task<> readProcess(const QList<Operation> &operations, const QByteArray &content)
{
    AsyncProcess process;
    co_await process.start("cat", {});
    const Coro<> feeder = spawn([&]() -> Task<> {
        co_await process.write(content);
        process.closeInput();
    });
    QByteArray rest = content;
    for (const Operation &operation : operations) {
        const QByteArray bytes = co_await performTwice(operation, process);
        if (operation.kind == Kind::Some) // as much as there is, which the process decides
            check((bytes.isEmpty() == rest.isEmpty()) && bytes.size() <= std::max<qint64>(operation.size, 1)
                      && rest.startsWith(bytes),
                  operation, bytes, rest);
        else
            check(bytes == expected(operation, rest), operation, bytes, rest);
        rest.remove(0, bytes.size());
    }
    co_await feeder;
    co_await process.finished();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static QCoreApplication app(*argc, *argv);
    return 0;
}

// The input: how many operations; the operations, each a kind and a size of two bytes; and how often the rest, which is
// a part of the file, is repeated to make it. A process is slow to start, so few inputs, those with 0x7f, are for one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    ReadingOperations::Input input(data, size);
    const quint8 count = input.takeByte();
    const bool ofProcess = count == 0x7f;
    const QList<Operation> operations = input.takeOperations<Kind>(count % 32, ofProcess ? Kind::Exactly : Kind::Count);
    const QByteArray content = input.takeStream();
    waitFor(spawn(ofProcess ? readProcess : readFile, std::cref(operations), std::cref(content)));
    return 0;
}
