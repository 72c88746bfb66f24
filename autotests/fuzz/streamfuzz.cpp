// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any bytes, in any pieces, read by any receiving operations of a stream, against a model that has all the bytes.

#include "readingoperations.h"

#include <Asyncoro/AsyncDevice>
#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QIODevice>
#include <QtEndian>

#include <cstdio>
#include <cstdlib>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

/** Gives what has arrived. */
class Source : public QIODevice
{
public:
    Source() { open(ReadOnly | Unbuffered); }

    void arrive(const QByteArray &bytes)
    {
        m_bytes += bytes;
        Q_EMIT readyRead();
    }
    void end() { Q_EMIT readChannelFinished(); }

    [[nodiscard]] bool isSequential() const override { return true; }

protected:
    qint64 readData(char *to, qint64 maxSize) override
    {
        const qint64 size = std::min<qint64>(maxSize, m_bytes.size());
        std::copy_n(m_bytes.constData(), size, to);
        m_bytes.remove(0, size);
        return size;
    }
    qint64 writeData(const char *, qint64) override { return -1; }

private:
    QByteArray m_bytes;
};

enum class Kind : quint8 { Some, Into, All, Until, Line, Message, ToEnd, Count };
enum class End : quint8 { Bytes, EndOfStream, TooLong };

using Operation = ReadingOperations::Operation<Kind>;

struct Outcome {
    End end;
    QByteArray bytes;

    bool operator==(const Outcome &) const = default;
};

/** What `operation` is to give of a stream of which `rest` is left, and how much it takes. */
Outcome expected(const Operation &operation, const QByteArray &rest, qint64 &taken)
{
    const auto bytes = [&](qint64 size) {
        taken = size;
        return Outcome{End::Bytes, rest.first(size)};
    };
    const auto endOfStream = [&] {
        taken = rest.size();
        return Outcome{End::EndOfStream, rest};
    };
    const Outcome tooLong{End::TooLong, {}};
    taken = 0;
    switch (operation.kind) {
    case Kind::All:
        return rest.size() >= operation.size ? bytes(operation.size) : endOfStream();
    case Kind::Until: {
        const qint64 max = std::max<qint64>(operation.size, 1);
        const qint64 at = rest.indexOf(delimiterOf(operation));
        const qint64 end = at + delimiterOf(operation).size();
        if (at >= 0 && end <= max)
            return bytes(end);
        return at >= 0 || rest.size() >= max ? tooLong : endOfStream();
    }
    case Kind::Line: {
        const qint64 max = std::max<qint64>(operation.size, 1);
        const qint64 at = rest.indexOf('\n');
        return bytes(std::min(at >= 0 ? at + 1 : rest.size(), max));
    }
    case Kind::Message: {
        if (rest.size() < 4)
            return endOfStream();
        const qint64 size = qFromBigEndian<quint32>(rest.constData());
        if (size > operation.size)
            return tooLong;
        if (rest.size() < 4 + size)
            return endOfStream();
        taken = 4 + size;
        return {End::Bytes, rest.sliced(4, size)};
    }
    case Kind::ToEnd:
        return rest.size() <= operation.size ? bytes(rest.size()) : tooLong;
    case Kind::Some:
    case Kind::Into:
    case Kind::Count:
        break;
    }
    return {};
}

Detail::ReadAwaiter begin(const Operation &operation, AsyncDevice &device, AsyncDevice::Deadline deadline)
{
    switch (operation.kind) {
    case Kind::All:
        return device.recvAll(operation.size, deadline);
    case Kind::Until:
        return device.recvUntil(delimiterOf(operation), operation.size, deadline);
    case Kind::Line:
        return device.readLine(operation.size, deadline);
    case Kind::Message:
        return device.recvMessage(operation.size, deadline);
    case Kind::ToEnd:
        return device.readAll(operation.size, deadline);
    case Kind::Some:
    case Kind::Into:
    case Kind::Count:
        break;
    }
    return device.recv(operation.size, deadline);
}

Task<QByteArray> read(const Operation &operation, AsyncDevice &device, AsyncDevice::Deadline deadline)
{
    if (operation.kind != Kind::Into)
        co_return co_await begin(operation, device, deadline);
    QByteArray bytes(std::max<qint64>(operation.size, 1), '\xee');
    bytes.truncate(co_await device.recvInto(bytes.data(), bytes.size(), deadline));
    co_return bytes;
}

Task<Outcome> perform(const Operation &operation, AsyncDevice &device)
{
    try {
        if (operation.tryFirst) {
            try {
                co_return {End::Bytes, co_await read(operation, device, 0s)};
            } catch (const TimedOut &) {
                // and has taken nothing
            }
        }
        co_return {End::Bytes, co_await read(operation, device, {})};
    } catch (const EndOfStream &e) {
        co_return {End::EndOfStream, e.partial()};
    } catch (const MessageTooLong &) {
        co_return {End::TooLong, {}};
    }
}

void check(bool good, const Operation &operation, const Outcome &outcome, const QByteArray &rest)
{
    if (good)
        return;
    std::fprintf(stderr, "operation %d of %lld bytes: outcome %d with %lld bytes, %lld were left\n",
                 int(operation.kind), qlonglong(operation.size), int(outcome.end), qlonglong(outcome.bytes.size()),
                 qlonglong(rest.size()));
    std::abort();
}

Task<> performAll(AsyncDevice &device, const QList<Operation> &operations, QByteArray rest)
{
    for (const Operation &operation : operations) {
        const Outcome outcome = co_await perform(operation, device);
        qint64 taken = 0;
        // As much as there is, which the pieces decide
        if (operation.kind == Kind::Some || operation.kind == Kind::Into) {
            taken = outcome.bytes.size();
            check(outcome.end == End::Bytes && taken <= std::max<qint64>(operation.size, 1)
                      && (taken > 0) == !rest.isEmpty() && rest.startsWith(outcome.bytes),
                  operation, outcome, rest);
        } else {
            check(outcome == expected(operation, rest, taken), operation, outcome, rest);
        }
        rest.remove(0, taken);
    }
}

Task<> feed(Source &source, QByteArray bytes, QByteArray pieces)
{
    for (qsizetype i = 0; !bytes.isEmpty(); ++i) {
        // Small ones most often, and up to 65,026 bytes.
        const qsizetype root = pieces.isEmpty() ? 255 : quint8(pieces.at(i % pieces.size()));
        const qsizetype size = std::min(1 + root * root, bytes.size());
        source.arrive(bytes.first(size));
        bytes.remove(0, size);
        co_await yield();
    }
    source.end();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static QCoreApplication app(*argc, *argv);
    return 0;
}

// The input: how many operations, how many pieces; the operations, each a kind and a size of two bytes; the square
// roots of the sizes of the pieces; and how often the rest, which is a part of the stream, is repeated to make it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    ReadingOperations::Input input(data, size);
    const int operationCount = input.takeByte() % 32;
    const int pieceCount = input.takeByte() % 16;
    const QList<Operation> operations = input.takeOperations<Kind>(operationCount);
    const QByteArray pieces = input.take(pieceCount);
    const QByteArray stream = input.takeStream();

    Source source;
    AsyncDevice device(source);
    const Coro<> reader = spawn(performAll, std::ref(device), std::cref(operations), stream);
    const Coro<> feeder = spawn(feed, std::ref(source), stream, pieces);
    waitFor(reader);
    waitFor(feeder);
    return 0;
}
