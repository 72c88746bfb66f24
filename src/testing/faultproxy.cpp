// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "faultproxy.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Event>

#include <QHostAddress>
#include <QTcpSocket>

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#ifdef Q_OS_UNIX
#include <sys/socket.h>
#endif

namespace Asyncoro {

using namespace std::chrono_literals;

namespace {

constexpr qint64 ReadSize = 64 * 1024;
constexpr qint64 MaxUnderWay = 1024 * 1024; // of one direction, while it is delayed
constexpr qint64 Never = std::numeric_limits<qint64>::max();

/** Closes without what is unsent, and tells the other end that the connection broke. */
void reset(AsyncSocket &socket)
{
#ifdef Q_OS_UNIX
    if (socket.socket()) {
        const linger atOnce{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(int(socket.socket()->socketDescriptor()), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
    }
#endif
    socket.abort();
}

/** A connection that has come, or for which there is a fault before it has. */
struct Connection {
    struct Way {
        qint64 passed = 0;
        qint64 cutAt = Never;
        FaultProxy::Cut cut = FaultProxy::Cut::Reset;
        bool hasLost = false; // bytes: so nothing that comes behind may pass
    };

    void cut(FaultProxy::Cut how)
    {
        for (AsyncSocket *socket : {&server, &client})
            how == FaultProxy::Cut::Reset ? reset(*socket) : socket->close();
        coro.terminate();
    }

    void cutIfDue()
    {
        for (const Way &way : ways) {
            if (way.passed >= way.cutAt)
                return cut(way.cut);
        }
    }

    AsyncSocket client;
    AsyncSocket server;
    std::array<Way, 2> ways; // by direction
    Event released;
    Coro<> coro;
};

/** What has come in one direction, and is to arrive. */
struct Piece {
    QByteArray bytes = {}; // none: no more will come
    bool broken = false; // for the connection was
    QDeadlineTimer due = {};
};

/** The next bytes, or that there are no more; nothing if the deadline passes first. */
Task<std::optional<Piece>> receivePiece(AsyncSocket &from, QDeadlineTimer deadline)
{
    try {
        co_return Piece{.bytes = co_await from.recv(ReadSize, deadline)};
    } catch (const StreamError &) {
        co_return Piece{.broken = true};
    } catch (const TimedOut &) {
        co_return std::nullopt;
    }
}

/** What is wrong in one direction. */
struct Faults {
    std::chrono::milliseconds delay{0};
    qint64 pieceSize = 0;
    bool swallow = false;
    Event flowing;
};

} // namespace

class FaultProxyPrivate : public std::enable_shared_from_this<FaultProxyPrivate>
{
public:
    using ConnectionPointer = std::shared_ptr<Connection>;

    FaultProxyPrivate(const Location &to, const FaultProxy::Options &of)
        : target(to)
        , options(of)
    {
        for (Faults &each : faults)
            each.flowing.set();
    }

    void listen()
    {
        server.listen(QHostAddress(options.address), location.isValid() ? location.port() : options.port);
        keeper.reset();
        location = server.location();
        acceptor = spawn(&FaultProxyPrivate::accept, shared_from_this());
        acceptor.setDaemon();
    }

    /** Without a socket that is bound to it, the system may give the port to whoever asks for none in particular. */
    void refuse()
    {
        server.close();
        keeper = std::make_unique<QTcpSocket>();
        keeper->bind(QHostAddress(location.address()), location.port(), QAbstractSocket::ShareAddress);
    }

    /** The connection with that number. */
    ConnectionPointer at(int number)
    {
        while (connections.size() <= std::size_t(number)) {
            connections.push_back(std::make_shared<Connection>());
            connections.back()->released.set();
        }
        return connections[std::size_t(number)];
    }

    const Location target;
    const FaultProxy::Options options;
    Location location;
    AsyncServer server;
    std::unique_ptr<QTcpSocket> keeper; // of the port, while nobody listens
    Coro<> acceptor;
    std::vector<ConnectionPointer> connections; // by number
    int accepted = 0;
    std::array<Faults, 2> faults; // by direction

private:
    Task<> accept();
    Task<> serve(ConnectionPointer connection);
    Task<> pump(ConnectionPointer connection, FaultProxy::Direction direction);
    static Task<bool> pass(Piece piece, AsyncSocket &to, Connection::Way &way, const Faults &fault);
};

Task<> FaultProxyPrivate::accept()
{
    const auto self = shared_from_this();
    try {
        for (;;) {
            AsyncSocket client = co_await server.accept();
            const ConnectionPointer connection = at(accepted++);
            connection->client = std::move(client);
            connection->coro = spawn(&FaultProxyPrivate::serve, self, connection);
            connection->coro.setDaemon();
        }
    } catch (const SocketError &) {
        // closed
    }
}

Task<> FaultProxyPrivate::serve(ConnectionPointer connection)
{
    const auto self = shared_from_this();
    co_await connection->released.wait();
    try {
        if (!options.source.isEmpty())
            connection->server.socket()->bind(QHostAddress(options.source));
        co_await connection->server.connect(target);
    } catch (const SocketError &) {
        reset(connection->client);
        co_return;
    }
    connection->cutIfDue();
    co_await withScope([&](Scope &scope) -> Task<> {
        scope.spawn(&FaultProxyPrivate::pump, self, connection, FaultProxy::ToServer);
        scope.spawn(&FaultProxyPrivate::pump, self, connection, FaultProxy::ToClient);
        co_return;
    });
    connection->server.close();
    connection->client.close();
}

/** Passes on what comes, and at last that the stream has ended or broken. */
Task<> FaultProxyPrivate::pump(ConnectionPointer connection, FaultProxy::Direction direction)
{
    const bool toServer = direction == FaultProxy::ToServer;
    AsyncSocket &from = toServer ? connection->client : connection->server;
    AsyncSocket &to = toServer ? connection->server : connection->client;
    Faults &fault = faults[direction];
    Connection::Way &way = connection->ways[direction];
    std::deque<Piece> underWay;
    qint64 size = 0;
    bool ended = false;
    for (;;) {
        co_await fault.flowing.wait();
        const QDeadlineTimer next = underWay.empty() ? QDeadlineTimer(QDeadlineTimer::Forever) : underWay.front().due;
        if (ended || size >= MaxUnderWay) {
            co_await sleep(next);
        } else if (std::optional<Piece> piece = co_await receivePiece(from, next)) {
            piece->due = QDeadlineTimer(fault.delay, Qt::PreciseTimer);
            ended = piece->bytes.isEmpty();
            size += piece->bytes.size();
            underWay.push_back(*std::move(piece));
        }
        while (!underWay.empty() && underWay.front().due.hasExpired()) {
            co_await fault.flowing.wait();
            const Piece piece = std::move(underWay.front());
            underWay.pop_front();
            size -= piece.bytes.size();
            way.hasLost |= fault.swallow;
            if (!way.hasLost && !co_await pass(piece, to, way, fault))
                co_return;
            if (piece.bytes.isEmpty())
                co_return;
            connection->cutIfDue();
        }
    }
}

/** Up to where the connection is to be cut. Gives false if the receiver is gone, which the other direction tells. */
Task<bool> FaultProxyPrivate::pass(Piece piece, AsyncSocket &to, Connection::Way &way, const Faults &fault)
{
    try {
        if (piece.broken)
            reset(to);
        else if (piece.bytes.isEmpty())
            co_await to.closeWriting();
        for (qsizetype position = 0; position < piece.bytes.size() && way.passed < way.cutAt;) {
            const qint64 limit = fault.pieceSize > 0 ? fault.pieceSize : piece.bytes.size();
            const qint64 size = std::min({limit, qint64(piece.bytes.size() - position), way.cutAt - way.passed});
            co_await to.sendAll(piece.bytes.sliced(position, size));
            co_await to.flush();
            position += size;
            way.passed += size;
            if (fault.pieceSize > 0)
                co_await sleep(1ms); // so that who receives gets it by itself
        }
        co_return true;
    } catch (const StreamError &) {
        co_return false;
    }
}

// --- FaultProxy ---

FaultProxy::FaultProxy(const Location &server)
    : FaultProxy(server, Options())
{
}

FaultProxy::FaultProxy(const Location &server, const Options &options)
    : d(std::make_shared<FaultProxyPrivate>(server, options))
{
    d->listen();
}

FaultProxy::~FaultProxy()
{
    d->server.close();
    d->acceptor.terminate();
    cutAll();
}

Location FaultProxy::location() const
{
    return d->location;
}

int FaultProxy::connectionCount() const
{
    return d->accepted;
}

int FaultProxy::openConnections() const
{
    return int(std::count_if(d->connections.begin(), d->connections.end(),
                             [](const auto &each) { return each->coro.isRunning(); }));
}

qint64 FaultProxy::passed(Direction direction, int connection) const
{
    return d->at(connection)->ways[direction].passed;
}

void FaultProxy::cutAfter(qint64 bytes, Direction direction, int connection, Cut cut)
{
    const auto it = d->at(connection);
    it->ways[direction].cutAt = bytes;
    it->ways[direction].cut = cut;
    if (it->server.isConnected())
        it->cutIfDue();
}

void FaultProxy::cutAll(Cut cut)
{
    for (const auto &connection : d->connections)
        connection->cut(cut);
}

void FaultProxy::hold(int connection)
{
    d->at(connection)->released.clear();
}

void FaultProxy::release(int connection)
{
    d->at(connection)->released.set();
}

void FaultProxy::setDelay(Direction direction, std::chrono::milliseconds delay)
{
    d->faults[direction].delay = delay;
}

void FaultProxy::setPieceSize(Direction direction, qint64 size)
{
    d->faults[direction].pieceSize = size;
}

void FaultProxy::stall(Direction direction)
{
    d->faults[direction].flowing.clear();
}

void FaultProxy::swallow(Direction direction)
{
    d->faults[direction].swallow = true;
}

void FaultProxy::refuse()
{
    d->refuse();
}

void FaultProxy::heal()
{
    for (Faults &fault : d->faults) {
        fault.delay = {};
        fault.pieceSize = 0;
        fault.swallow = false;
        fault.flowing.set();
    }
    for (const auto &connection : d->connections) {
        for (Connection::Way &way : connection->ways) {
            way.cutAt = Never;
            if (way.hasLost)
                connection->cut(Cut::Reset);
        }
        connection->released.set();
    }
    if (!d->server.isListening())
        d->listen();
}

} // namespace Asyncoro
