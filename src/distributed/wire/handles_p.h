// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "rci.h"

#include <Asyncoro/Channel>
#include <Asyncoro/Coro>

#include <QCborStreamReader>
#include <QCborStreamWriter>

namespace Asyncoro::Detail {

/** What stands for a coroutine, a channel or an offered function in a frame. */
struct Identity {
    QByteArray process; // the incarnation of the process that it is of
    Location location; // where that process listens; invalid if its receiver knows, because it is that of who sent the frame
    quint64 id = 0; // of a coroutine or channel
    QString name; // of a function, it is what identifies it
    QString signature; // of a function
};

/** Turns handles into identities and back: what the codec needs of the network. */
class HandleMapper
{
public:
    virtual Identity identify(const Coro<> &coro) = 0;
    virtual Identity identify(const Channel &channel) = 0;
    virtual Identity identify(const Rci<> &rci) = 0;
    /** The handle; null for a coroutine or channel of this process that has long ended. */
    virtual Coro<> resolveCoro(const Identity &identity) = 0;
    virtual Channel resolveChannel(const Identity &identity) = 0;
    virtual Rci<> resolveRci(const Identity &identity) = 0;

protected:
    ~HandleMapper() = default;
};

void encodeCoro(QCborStreamWriter &writer, const Coro<> &coro, HandleMapper &handles);
Coro<> decodeCoro(QCborStreamReader &reader, HandleMapper &handles);

/** Whether values of this type are handles. */
[[nodiscard]] bool isHandle(QMetaType type);
/** The content of a typed value that is a handle. */
void encodeHandle(QCborStreamWriter &writer, const QVariant &value, HandleMapper &handles);
QVariant decodeHandle(QCborStreamReader &reader, QMetaType type, HandleMapper &handles);

} // namespace Asyncoro::Detail
