// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QTcpServer>
#include <QTcpSocket>

#include <sys/socket.h>

namespace NetworkTest {

using namespace Asyncoro;

const QString Localhost = QStringLiteral("127.0.0.1");

/** Awaits from ordinary code. */
template<typename Awaitable>
auto run(Awaitable &&awaitable)
{
    using T = decltype(awaitable.await_resume());
    return waitFor(spawn([&awaitable]() -> Task<T> { co_return co_await awaitable; }));
}

/** Runs every coroutine that is ready, in its turn, so that those started before now wait. */
inline void letOthersRun()
{
    waitFor(spawn([]() -> Task<> { co_return; }));
}

struct Pair {
    AsyncSocket a;
    AsyncSocket b;
};

/** Two ends of one connection. */
inline Pair connectedPair()
{
    return waitFor(spawn([]() -> Task<Pair> {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket a;
        co_await a.connect(server.location());
        co_return Pair{std::move(a), co_await server.accept()};
    }));
}

/** Closes so that the peer gets a reset instead of an end of stream. */
inline void reset(AsyncSocket &socket)
{
    const linger none{.l_onoff = 1, .l_linger = 0};
    setsockopt(int(socket.socket()->socketDescriptor()), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    socket.abort();
}

/** Sends until no more goes out, as the peer does not receive; gives how many bytes. */
inline qint64 sendUntilFull(AsyncSocket &socket)
{
    return waitFor(spawn([&socket]() -> Task<qint64> {
        const QByteArray chunk(65536, 'x');
        qint64 sent = 0;
        for (;;) {
            try {
                // The event loop gets rid of what it can meanwhile.
                co_await socket.sendAll(chunk, std::chrono::milliseconds(50));
                sent += chunk.size();
            } catch (const TimedOut &) {
                break;
            }
        }
        co_return sent;
    }));
}

inline Task<QByteArray> recvToEnd(AsyncSocket &socket)
{
    QByteArray all;
    for (;;) {
        const QByteArray some = co_await socket.recv();
        if (some.isEmpty())
            co_return all;
        all += some;
    }
}

} // namespace NetworkTest
