// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Coro>
#include <Asyncoro/SharedFile>

#include <QMetaType>

/**
 * What scheduler, nodes, servers and clients offer each other. docs/architecture.md shows one job's way through it.
 *
 * The version is compared at each beginning: of a node that joins, of a client that opens a computation.
 */
namespace Asyncoro::Discoro::Protocol {

inline constexpr QLatin1StringView Version{ASYNCORO_VERSION};

// offered by the scheduler
inline constexpr QLatin1StringView Join{"discoro.join"}; // by a node: (NodeFacts)
inline constexpr QLatin1StringView Report{"discoro.report"}; // by a node, from time to time: (NodeLoad)
inline constexpr QLatin1StringView ServerEnded{"discoro.serverEnded"}; // by a node: (port, reason)
inline constexpr QLatin1StringView Leave{"discoro.leave"}; // by a node that ends in order
inline constexpr QLatin1StringView Open{"discoro.open"}; // by a client: (ComputationFacts) -> its id, once it has servers
inline constexpr QLatin1StringView Close{"discoro.close"}; // (computation)
inline constexpr QLatin1StringView Run{"discoro.run"}; // (computation, JobFacts) -> the job's value as bytes
inline constexpr QLatin1StringView Start{"discoro.start"}; // (computation, JobFacts) -> the job's coroutine
inline constexpr QLatin1StringView Status{"discoro.status"}; // -> a ClusterStatus in CBOR
inline constexpr QLatin1StringView Watch{"discoro.watch"}; // (coroutine): sends it one after the other

// offered by a node
inline constexpr QLatin1StringView Prepare{"discoro.prepare"}; // by the scheduler: (computation, ComputationFacts) -> ServerFacts
inline constexpr QLatin1StringView Release{"discoro.release"}; // by the scheduler: (computation)
inline constexpr QLatin1StringView ServerReady{"discoro.serverReady"}; // by a server: (token, port)

// offered by a server
inline constexpr QLatin1StringView RunJob{"discoro.runJob"}; // by the scheduler: (function, arguments as bytes) -> value as bytes
inline constexpr QLatin1StringView StartJob{"discoro.startJob"}; // by the scheduler: the same; to be started, not called

struct NodeLoad {
    Q_GADGET
    Q_PROPERTY(double cpuLoad MEMBER cpuLoad)
    Q_PROPERTY(qint64 memoryUsed MEMBER memoryUsed)
    Q_PROPERTY(qint64 memoryTotal MEMBER memoryTotal)
    Q_PROPERTY(qint64 diskUsed MEMBER diskUsed)
    Q_PROPERTY(qint64 diskTotal MEMBER diskTotal)

public:
    double cpuLoad = 0;
    qint64 memoryUsed = 0;
    qint64 memoryTotal = 0;
    qint64 diskUsed = 0;
    qint64 diskTotal = 0;

    friend bool operator==(const NodeLoad &, const NodeLoad &) = default;
};

struct NodeFacts {
    Q_GADGET
    Q_PROPERTY(QString version MEMBER version)
    Q_PROPERTY(QString name MEMBER name)
    Q_PROPERTY(int cpus MEMBER cpus)
    Q_PROPERTY(Asyncoro::Discoro::Protocol::NodeLoad load MEMBER load)
    Q_PROPERTY(Asyncoro::Coro<> anchor MEMBER anchor)

public:
    QString version;
    QString name;
    int cpus = 0;
    NodeLoad load;
    Coro<> anchor; // of the node's network
};

struct ComputationFacts {
    Q_GADGET
    Q_PROPERTY(QString version MEMBER version)
    Q_PROPERTY(QString name MEMBER name)
    Q_PROPERTY(QByteArray packageHash MEMBER packageHash)
    Q_PROPERTY(Asyncoro::SharedFile package MEMBER package)
    Q_PROPERTY(Asyncoro::Coro<> anchor MEMBER anchor)

public:
    QString version;
    QString name; // of the client's program
    QByteArray packageHash;
    SharedFile package;
    Coro<> anchor; // of the client's network
};

struct ServerFacts {
    Q_GADGET
    Q_PROPERTY(quint16 port MEMBER port)
    Q_PROPERTY(qint64 pid MEMBER pid)

public:
    quint16 port = 0;
    qint64 pid = 0;
};

struct JobFacts {
    Q_GADGET
    Q_PROPERTY(QString function MEMBER function)
    Q_PROPERTY(QString text MEMBER text)
    Q_PROPERTY(QByteArray arguments MEMBER arguments)

public:
    QString function;
    QString text; // the arguments for people
    QByteArray arguments; // as PeerNetwork::toBytes() makes them: only client and server know their types
};

/** Allows the types above in messages. */
void registerTypes();

} // namespace Asyncoro::Discoro::Protocol
