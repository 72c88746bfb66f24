// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "encodedsize_p.h"

#include "codec_p.h"

#include <QIODevice>

namespace Asyncoro::Detail {

namespace {

/** Counts what is written to it. */
class ByteCounter final : public QIODevice
{
public:
    ByteCounter() { open(WriteOnly); }

    qint64 count = 0;

protected:
    qint64 readData(char *, qint64) override { return -1; }
    qint64 writeData(const char *, qint64 size) override
    {
        count += size;
        return size;
    }
};

/** Where handles are only counted. */
class NoHandles final : public HandleMapper
{
public:
    Identity identify(const Coro<> &) override { return {}; }
    Identity identify(const Channel &) override { return {}; }
    Identity identify(const Rci<> &) override { return {}; }
    Coro<> resolveCoro(const Identity &) override { return {}; }
    Channel resolveChannel(const Identity &) override { return {}; }
    Rci<> resolveRci(const Identity &) override { return {}; }
};

} // namespace

qint64 encodedSize(const QVariant &value)
{
    ByteCounter bytes;
    NoHandles handles;
    QCborStreamWriter writer(&bytes);
    try {
        encodeValue(writer, value, handles);
    } catch (...) {
        return bytes.count + UnknownSize;
    }
    return bytes.count;
}

} // namespace Asyncoro::Detail
