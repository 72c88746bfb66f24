// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QAbstractSocket>
#include <QByteArrayView>

/** What is done to the descriptor of a TCP connection directly, and not through its QTcpSocket. Nothing of it waits. */
namespace Asyncoro::Detail::DirectSocket {

/** Whether this is done at all on this system. If not, the others do nothing. */
#if defined(Q_OS_UNIX) && !defined(Q_OS_DARWIN)
constexpr bool Exists = true;
#else
constexpr bool Exists = false;
#endif

/** As recv(): how much there was, 0 at the end of the stream, -1 with the reason in errno. */
[[nodiscard]] qint64 receive(int descriptor, char *to, qint64 maxSize);
/** Takes what has come and nobody wants: the system resets a connection that is closed before all was read. */
void discardUnread(int descriptor);

/** How much went out, perhaps nothing; -1 with the reason in errno if nothing ever will. */
[[nodiscard]] qint64 send(int descriptor, QByteArrayView header, QByteArrayView bytes);
void endWriting(int descriptor);
/** Why nothing can be written any more; 0 if it can. */
[[nodiscard]] int writeErrorOf(int descriptor);
/** Another one for the same connection; -1 with the reason in errno. */
[[nodiscard]] int duplicate(int descriptor);

/** What Qt and people call what errno says of a connection. */
[[nodiscard]] QAbstractSocket::SocketError codeOf(int error);
[[nodiscard]] QString textOf(int error);

} // namespace Asyncoro::Detail::DirectSocket
