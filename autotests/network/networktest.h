// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>

#include <cerrno>
#include <optional>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

template<typename T>
T run(Task<T> task)
{
    return waitFor(std::move(task));
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
        for (int fruitless = 0; fruitless < 2; ++fruitless) { // the system might just have had no time
            try {
                // The event loop gets rid of what it can meanwhile.
                for (;;) {
                    co_await socket.sendAll(chunk, std::chrono::milliseconds(50));
                    sent += chunk.size();
                    fruitless = 0;
                }
            } catch (const TimedOut &) {
            }
        }
        co_return sent;
    }));
}

/** Bytes in which a wrong order, a gap or a repetition shows. */
inline QByteArray pattern(qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    quint32 x = 1;
    for (char &c : bytes)
        c = char((x = x * 1664525 + 1013904223) >> 24);
    return bytes;
}

/**
 * The other end of a connection, made of system calls alone: it does what a badly written, a broken or a hostile peer
 * may do. What it sends is there at once, as both ends are on this machine.
 */
class RawPeer
{
public:
    RawPeer() = default;
    explicit RawPeer(int descriptor)
        : m_descriptor(descriptor)
    {
    }
    RawPeer(RawPeer &&other) noexcept
        : m_descriptor(std::exchange(other.m_descriptor, -1))
    {
    }
    RawPeer &operator=(RawPeer &&other) noexcept
    {
        std::swap(m_descriptor, other.m_descriptor);
        return *this;
    }
    ~RawPeer() { close(); }

    /** As much as the system takes; gives how much. */
    qint64 send(const QByteArray &bytes)
    {
        const ssize_t sent = ::send(m_descriptor, bytes.constData(), size_t(bytes.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent > 0 ? sent : 0;
    }
    /** Sends `bytes` again and again until the system takes no more; gives how many times they fit in, and a rest. */
    qint64 flood(const QByteArray &bytes)
    {
        qint64 total = 0;
        for (qint64 offset = 0;;) {
            const qint64 sent = send(bytes.sliced(offset));
            if (sent == 0)
                return total;
            total += sent;
            offset = (offset + sent) % bytes.size();
        }
    }
    /** All that is there now. */
    QByteArray recv()
    {
        QByteArray all;
        char buffer[65536];
        for (;;) {
            const ssize_t size = ::recv(m_descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
            if (size <= 0) {
                m_atEnd = size == 0;
                return all;
            }
            all.append(buffer, size);
        }
    }
    [[nodiscard]] int descriptor() const { return m_descriptor; }
    /** Gives it away. */
    int release() { return std::exchange(m_descriptor, -1); }
    /** Whether the last recv() came to the end of the stream. */
    [[nodiscard]] bool isAtEnd() const { return m_atEnd; }

    void halfClose() { ::shutdown(m_descriptor, SHUT_WR); }
    void reset()
    {
        const linger none{.l_onoff = 1, .l_linger = 0};
        setsockopt(m_descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        close();
    }
    void close()
    {
        if (m_descriptor != -1)
            ::close(std::exchange(m_descriptor, -1));
    }

private:
    int m_descriptor = -1;
    bool m_atEnd = false;
};

inline sockaddr_in onLoopback(quint16 port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/** A client of a server of this machine. */
inline RawPeer rawClient(quint16 port)
{
    const sockaddr_in address = onLoopback(port);
    RawPeer peer(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(peer.descriptor(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
        throw Error(QStringLiteral("no connection: ") + qt_error_string(errno));
    return peer;
}

/** A server of one client at a time, made of system calls. */
class RawListener
{
public:
    RawListener()
    {
        sockaddr_in address = onLoopback(0);
        socklen_t size = sizeof address;
        if (::bind(m_descriptor, reinterpret_cast<sockaddr *>(&address), size) != 0
            || ::listen(m_descriptor, 1) != 0
            || ::getsockname(m_descriptor, reinterpret_cast<sockaddr *>(&address), &size) != 0)
            throw Error(QStringLiteral("no server: ") + qt_error_string(errno));
        m_port = ntohs(address.sin_port);
    }
    ~RawListener() { ::close(m_descriptor); }
    Q_DISABLE_COPY_MOVE(RawListener)

    [[nodiscard]] quint16 port() const { return m_port; }
    /** Waits, and blocks meanwhile, for a client. */
    [[nodiscard]] RawPeer accept() const { return RawPeer(::accept(m_descriptor, nullptr, nullptr)); }

private:
    const int m_descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    quint16 m_port = 0;
};

struct RawPair {
    AsyncSocket socket;
    RawPeer peer;
};

/** Whether the sockets of rawPair() have their QTcpSocket from the beginning. */
inline bool socketsAreWrapped = false;

/** Two ends of one connection, one of them raw, the other one adopted by its descriptor. */
inline RawPair rawPair()
{
    const RawListener listener;
    const int ours = rawClient(listener.port()).release();
    RawPair pair{AsyncSocket::adopt(ours), listener.accept()};
    if (socketsAreWrapped)
        static_cast<void>(pair.socket.socket());
    return pair;
}

/** Runs all tests of a class with sockets of both kinds. */
template<typename Tests>
int runWithBothKindsOfSocket(int argc, char **argv)
{
    const QCoreApplication app(argc, argv);
    int failed = 0;
    for (const bool wrapped : {false, true}) {
        socketsAreWrapped = wrapped;
        Tests tests;
        failed += QTest::qExec(&tests, argc, argv);
    }
    return failed;
}

/** Sends back what comes, to the end. */
inline Task<> echo(AsyncSocket socket)
{
    for (;;) {
        const QByteArray bytes = co_await socket.recv();
        if (bytes.isEmpty())
            break;
        co_await socket.sendAll(bytes);
    }
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
