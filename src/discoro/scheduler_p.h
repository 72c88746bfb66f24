// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "clusterstatus.h"
#include "joblost.h"
#include "protocol_p.h"

#include <Asyncoro/Event>
#include <Asyncoro/PeerNetwork>

#include <QMap>

#include <deque>
#include <map>

namespace Asyncoro::Discoro {

/** What the scheduler knows of one server process. */
struct SchedulerServer {
    ServerStatus status;
    QString nodeName;
    std::map<quint64, JobStatus> jobs; // that it runs, by their ids
    QString endReason; // once lost
    Event ended; // set with endReason

    [[nodiscard]] QString name() const { return QStringLiteral("server %1 of %2").arg(status.pid).arg(nodeName); }
};
using ServerPointer = std::shared_ptr<SchedulerServer>;

/** What the scheduler knows of one node. */
struct SchedulerNode {
    Peer peer;
    NodeStatus status; // without servers
    QList<ServerPointer> servers;
    QDeadlineTimer forgetAt{QDeadlineTimer::Forever}; // once it has gone
};
using NodePointer = std::shared_ptr<SchedulerNode>;

/** Servers of one computation that have no job, and jobs that wait for one: never both. First come, first served. */
class ServerPool
{
public:
    /** Offers `server` to the first that waits. */
    void put(const ServerPointer &server);
    /** Takes the server out for good. */
    void remove(const ServerPointer &server);
    /** Makes all that wait fail with a JobLost of this text, and later ones at once; until allow(). */
    void refuse(const QString &reason);
    void allow() { m_refusal.clear(); }

    /** Waits for a server. Cancelling it leaves the server to others. */
    Task<ServerPointer> take();

private:
    struct Waiter {
        Event event;
        ServerPointer server;
    };

    std::deque<ServerPointer> m_idle;
    std::deque<Waiter *> m_waiting; // in the frames of take(), not owning
    QString m_refusal;
};

/** A client's session. */
struct SchedulerComputation {
    Peer client;
    ComputationStatus status;
    Protocol::ComputationFacts facts;
    ServerPool pool;
    Event turn; // it is the one that has the cluster
    Event hasServer; // set once the first server is ready, or no node could provide one
    int preparing = 0; // nodes that start servers for it
    QString failure; // why the last node could not
};
using ComputationPointer = std::shared_ptr<SchedulerComputation>;

/** Outlives the Scheduler as long as its coroutines take to end. */
class SchedulerPrivate : public std::enable_shared_from_this<SchedulerPrivate>
{
public:
    explicit SchedulerPrivate(PeerNetwork &network);

    void offerServices();
    /** Ends all coroutines of the scheduler. */
    void shutDown();
    [[nodiscard]] ClusterStatus status() const;

private:
    // services, see Protocol
    Task<> join(Peer peer, Protocol::NodeFacts facts);
    Task<> report(Peer peer, Protocol::NodeLoad load);
    Task<> serverEnded(Peer peer, quint16 port, QString reason);
    Task<> leave(Peer peer);
    Task<quint64> open(Peer peer, Protocol::ComputationFacts facts);
    Task<> close(Peer peer, quint64 id);
    Task<QByteArray> run(Peer peer, quint64 id, Protocol::JobFacts facts);
    Task<Coro<>> start(Peer peer, quint64 id, Protocol::JobFacts facts);
    Task<> watch(Peer peer, Coro<> watcher);

    /** One job on one server: counted from its making to its destruction. */
    class Job;

    Task<> watchNode(NodePointer node, Coro<> anchor);
    Task<> watchClient(ComputationPointer computation, Coro<> anchor);
    Task<> watchJob(std::unique_ptr<Job> job, Coro<> coro);
    Task<> sendStatus(Peer peer, Coro<> watcher);
    Task<> prepare(NodePointer node, ComputationPointer computation);
    Task<> release(NodePointer node, quint64 computation);

    static void setLoad(SchedulerNode &node, const Protocol::NodeLoad &load);
    void begin(const ComputationPointer &computation);
    void end(const ComputationPointer &computation, ComputationStatus::State state);
    void goOn();
    void nodeGone(const NodePointer &node, NodeStatus::State state, const QString &reason);
    void serverGone(const ServerPointer &server, ServerStatus::State state, const QString &reason);
    void refuseIfServerless();
    void forgetOld();
    [[nodiscard]] NodePointer findNode(const Peer &peer) const;
    [[nodiscard]] ComputationPointer findComputation(const Peer &peer, quint64 id) const;
    void track(const Coro<> &coro, const QString &name);

    template<typename T, typename... P>
    void offer(QLatin1StringView name, Task<T> (SchedulerPrivate::*service)(Peer, P...));

    PeerNetwork &m_network;
    QList<NodePointer> m_nodes; // in the order they joined
    QList<ComputationPointer> m_computations; // in the order they came; ended ones stay for a while
    ComputationPointer m_current; // has the cluster
    QList<Coro<>> m_coros;
    quint64 m_lastComputation = 0;
    quint64 m_lastJob = 0;
    qint64 m_forgottenDone = 0; // jobs of computations that have left the list
    qint64 m_forgottenFailed = 0;
    mutable quint64 m_sequence = 0;
    bool m_closed = false;
};

} // namespace Asyncoro::Discoro
