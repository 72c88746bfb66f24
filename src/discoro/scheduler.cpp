// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "scheduler.h"

#include "scheduler_p.h"

#include <QCborMap>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcScheduler, "discoro.scheduler", QtInfoMsg)

namespace Asyncoro::Discoro {

using namespace std::chrono_literals;

namespace {

constexpr auto StatusInterval = 250ms; // between two statuses, if something changed
constexpr auto StatusAtLeast = 1000ms; // otherwise
constexpr auto ReasonLimit = 2s; // how long a node may take to tell why its server ended
constexpr auto KeepGone = 60s; // how long a node that has gone stays in the list
constexpr qsizetype KeepEnded = 20; // how many ended computations stay in the list

} // namespace

// --- Scheduler ---

Scheduler::Scheduler(PeerNetwork &network)
    : d(std::make_shared<SchedulerPrivate>(network))
{
    d->offerServices();
}

Scheduler::~Scheduler()
{
    d->shutDown();
}

ClusterStatus Scheduler::status() const
{
    return d->status();
}

// --- a job on a server ---

class SchedulerPrivate::Job
{
public:
    Job(std::shared_ptr<SchedulerPrivate> scheduler, ComputationPointer computation, ServerPointer server,
        const Protocol::JobFacts &facts)
        : m_scheduler(std::move(scheduler))
        , m_computation(std::move(computation))
        , m_server(std::move(server))
    {
        JobStatus status;
        status.id = ++m_scheduler->m_lastJob;
        status.function = facts.function;
        status.arguments = facts.text;
        status.started = QDateTime::currentDateTimeUtc();
        m_id = status.id;
        m_name = QStringLiteral("job %1, %2(%3),").arg(m_id).arg(facts.function, facts.text);
        m_server->jobs.emplace(m_id, std::move(status));
        ++m_server->status.running;
        ++m_computation->status.running;
    }
    Job(const Job &) = delete;
    Job &operator=(const Job &) = delete;
    ~Job()
    {
        m_server->jobs.erase(m_id);
        --m_server->status.running;
        --m_computation->status.running;
        ++(m_succeeded ? m_server->status.done : m_server->status.failed);
        ++(m_succeeded ? m_computation->status.done : m_computation->status.failed);
        if (m_server->status.state == ServerStatus::State::Ready)
            m_computation->pool.put(m_server);
    }

    [[nodiscard]] SchedulerServer &server() const { return *m_server; }
    void setSucceeded() { m_succeeded = true; }

    /** The connection to its server broke. Its node knows why, and says so; waits for that a while. */
    Task<QString> lostText()
    {
        try {
            co_await m_server->ended.wait(ReasonLimit);
        } catch (const TimedOut &) {
            m_scheduler->serverGone(m_server, ServerStatus::State::Lost, QStringLiteral("its connection broke"));
        }
        co_return QStringLiteral("%1 was lost: %2: %3").arg(m_name, m_server->name(), m_server->endReason);
    }

private:
    const std::shared_ptr<SchedulerPrivate> m_scheduler;
    const ComputationPointer m_computation;
    const ServerPointer m_server;
    quint64 m_id = 0;
    QString m_name;
    bool m_succeeded = false;
};

// --- services ---

SchedulerPrivate::SchedulerPrivate(PeerNetwork &network)
    : m_network(network)
{
    Protocol::registerTypes();
}

template<typename T, typename... P>
void SchedulerPrivate::offer(QLatin1StringView name, Task<T> (SchedulerPrivate::*service)(Peer, P...))
{
    m_network.offer(name, [self = weak_from_this(), service](Peer peer, P... arguments) -> Task<T> {
        const auto scheduler = self.lock();
        if (!scheduler || scheduler->m_closed)
            throw Error(QStringLiteral("the scheduler is ending"));
        co_return co_await ((*scheduler).*service)(std::move(peer), std::move(arguments)...);
    });
}

void SchedulerPrivate::offerServices()
{
    offer(Protocol::Join, &SchedulerPrivate::join);
    offer(Protocol::Report, &SchedulerPrivate::report);
    offer(Protocol::ServerEnded, &SchedulerPrivate::serverEnded);
    offer(Protocol::Leave, &SchedulerPrivate::leave);
    offer(Protocol::Open, &SchedulerPrivate::open);
    offer(Protocol::Close, &SchedulerPrivate::close);
    offer(Protocol::Run, &SchedulerPrivate::run);
    offer(Protocol::Start, &SchedulerPrivate::start);
    offer(Protocol::Watch, &SchedulerPrivate::watch);
    m_network.offer(Protocol::Status, [self = weak_from_this()]() -> Task<QByteArray> {
        const auto scheduler = self.lock();
        co_return scheduler ? scheduler->status().toCbor().toCborValue().toCbor() : QByteArray();
    });
}

void SchedulerPrivate::shutDown()
{
    m_closed = true;
    for (const Coro<> &coro : std::exchange(m_coros, {}))
        coro.terminate();
}

void SchedulerPrivate::track(const Coro<> &coro, const QString &name)
{
    coro.setName(name);
    coro.setDaemon();
    m_coros.removeIf([](const Coro<> &old) { return old.state() != CoroState::Running; });
    m_coros.append(coro);
}

// --- nodes ---

NodePointer SchedulerPrivate::findNode(const Peer &peer) const
{
    for (const NodePointer &node : m_nodes) {
        if (node->peer == peer && node->status.state == NodeStatus::State::Ready)
            return node;
    }
    throw Error(QStringLiteral("the scheduler does not know this node"));
}

Task<> SchedulerPrivate::join(Peer peer, Protocol::NodeFacts facts)
{
    if (facts.version != Protocol::Version)
        throw Error(QStringLiteral("%1 is of version %2, and the scheduler of version %3: use the same on both")
                        .arg(facts.name, facts.version, Protocol::Version));
    for (const NodePointer &other : std::as_const(m_nodes)) {
        if (other->status.name == facts.name && other->status.state == NodeStatus::State::Ready)
            throw Error(QStringLiteral("a node named %1 has joined already: give this one another --name").arg(facts.name));
    }
    m_nodes.removeIf([&](const NodePointer &old) { return old->status.name == facts.name; }); // it comes back

    const auto node = std::make_shared<SchedulerNode>();
    node->peer = peer;
    node->status.name = facts.name;
    node->status.location = peer.location();
    node->status.cpus = facts.cpus;
    setLoad(*node, facts.load);
    m_nodes.append(node);
    qCInfo(lcScheduler).noquote() << facts.name << "joined from" << peer.location() << "with" << facts.cpus << "processors";
    track(spawn(&SchedulerPrivate::watchNode, shared_from_this(), node, facts.anchor), QStringLiteral("watch of ") + facts.name);
    if (m_current)
        track(spawn(&SchedulerPrivate::prepare, shared_from_this(), node, m_current), QStringLiteral("preparation of ") + facts.name);
    co_return;
}

Task<> SchedulerPrivate::watchNode(NodePointer node, Coro<> anchor)
{
    const auto self = shared_from_this();
    QString reason = QStringLiteral("it has ended");
    try {
        co_await anchor.finish();
    } catch (const PeerLost &e) {
        reason = e.reason();
    } catch (const Error &e) {
        reason = e.message();
    }
    nodeGone(node, NodeStatus::State::Lost, reason);
}

Task<> SchedulerPrivate::report(Peer peer, Protocol::NodeLoad load)
{
    setLoad(*findNode(peer), load);
    co_return;
}

void SchedulerPrivate::setLoad(SchedulerNode &node, const Protocol::NodeLoad &load)
{
    node.status.cpuLoad = load.cpuLoad;
    node.status.memoryUsed = load.memoryUsed;
    node.status.memoryTotal = load.memoryTotal;
    node.status.diskUsed = load.diskUsed;
    node.status.diskTotal = load.diskTotal;
    node.status.lastHeard = QDateTime::currentDateTimeUtc();
}

Task<> SchedulerPrivate::serverEnded(Peer peer, quint16 port, QString reason)
{
    for (const ServerPointer &server : findNode(peer)->servers) {
        if (server->status.location.port() == port)
            serverGone(server, ServerStatus::State::Lost, reason);
    }
    co_return;
}

Task<> SchedulerPrivate::leave(Peer peer)
{
    nodeGone(findNode(peer), NodeStatus::State::Closed, QStringLiteral("it was closed"));
    co_return;
}

void SchedulerPrivate::nodeGone(const NodePointer &node, NodeStatus::State state, const QString &reason)
{
    if (node->status.state != NodeStatus::State::Ready)
        return;
    node->status.state = state;
    node->forgetAt = QDeadlineTimer(KeepGone);
    if (state == NodeStatus::State::Lost)
        qCWarning(lcScheduler).noquote() << node->status.name << "is lost:" << reason;
    else
        qCInfo(lcScheduler).noquote() << node->status.name << "left";
    for (const ServerPointer &server : std::as_const(node->servers))
        serverGone(server, ServerStatus::State::Lost,
                   state == NodeStatus::State::Lost ? QStringLiteral("its node is lost: %1").arg(reason)
                                                    : QStringLiteral("its node was closed"));
}

void SchedulerPrivate::serverGone(const ServerPointer &server, ServerStatus::State state, const QString &reason)
{
    if (server->status.state == ServerStatus::State::Lost || server->status.state == ServerStatus::State::Closed)
        return;
    server->status.state = state;
    server->endReason = reason;
    server->ended.set();
    if (state == ServerStatus::State::Lost)
        qCWarning(lcScheduler).noquote() << server->name() << "is lost:" << reason;
    if (m_current) {
        m_current->pool.remove(server);
        refuseIfServerless();
    }
}

/** Jobs must not wait for a server that will not come. */
void SchedulerPrivate::refuseIfServerless()
{
    if (!m_current || !m_current->hasServer.isSet())
        return;
    for (const NodePointer &node : std::as_const(m_nodes)) {
        for (const ServerPointer &server : std::as_const(node->servers)) {
            if (server->status.state == ServerStatus::State::Ready || server->status.state == ServerStatus::State::Starting)
                return;
        }
    }
    m_current->pool.refuse(QStringLiteral("no server is left to run jobs: all are lost; start a node with discoro-node"));
}

// --- computations ---

ComputationPointer SchedulerPrivate::findComputation(const Peer &peer, quint64 id) const
{
    for (const ComputationPointer &computation : m_computations) {
        if (computation->status.id == id && computation->client == peer) {
            if (computation->status.state != ComputationStatus::State::Running)
                throw Error(QStringLiteral("computation %1 is closed").arg(id));
            return computation;
        }
    }
    throw Error(QStringLiteral("this client has no computation %1").arg(id));
}

Task<quint64> SchedulerPrivate::open(Peer peer, Protocol::ComputationFacts facts)
{
    if (facts.version != Protocol::Version)
        throw Error(QStringLiteral("%1 uses version %2, and the scheduler is of version %3: use the same on both")
                        .arg(facts.name, facts.version, Protocol::Version));
    const auto computation = std::make_shared<SchedulerComputation>();
    computation->client = peer;
    computation->facts = facts;
    computation->status.id = ++m_lastComputation;
    computation->status.name = facts.name;
    computation->status.client = peer.location();
    m_computations.append(computation);
    qCInfo(lcScheduler).noquote() << "computation" << computation->status.id << "of" << facts.name << "opened from" << peer.location();
    track(spawn(&SchedulerPrivate::watchClient, shared_from_this(), computation, facts.anchor),
          QStringLiteral("watch of ") + facts.name);
    goOn();

    // A client that gives up waiting does not keep the others from their turn.
    struct CloseUnlessReady {
        ~CloseUnlessReady()
        {
            if (!ready)
                scheduler->end(computation, ComputationStatus::State::Closed);
        }
        std::shared_ptr<SchedulerPrivate> scheduler;
        ComputationPointer computation;
        bool ready = false;
    } guard{shared_from_this(), computation};
    co_await computation->turn.wait();
    co_await computation->hasServer.wait();
    if (!computation->failure.isEmpty())
        throw Error(computation->failure);
    guard.ready = true;
    co_return computation->status.id;
}

Task<> SchedulerPrivate::watchClient(ComputationPointer computation, Coro<> anchor)
{
    const auto self = shared_from_this();
    try {
        co_await anchor.finish();
    } catch (const Error &e) {
        if (computation->status.state == ComputationStatus::State::Running
            || computation->status.state == ComputationStatus::State::Queued)
            qCWarning(lcScheduler).noquote() << "computation" << computation->status.id << "is closed:" << e.message();
    }
    end(computation, ComputationStatus::State::Lost);
}

Task<> SchedulerPrivate::close(Peer peer, quint64 id)
{
    end(findComputation(peer, id), ComputationStatus::State::Closed);
    co_return;
}

/** Keeps the totals of computations that leave the list. */
void SchedulerPrivate::forgetOld()
{
    m_nodes.removeIf([](const NodePointer &node) { return node->forgetAt.hasExpired(); });
    while (m_computations.size() > KeepEnded) {
        const ComputationStatus &oldest = m_computations.constFirst()->status;
        if (oldest.state == ComputationStatus::State::Running || oldest.state == ComputationStatus::State::Queued
            || oldest.running > 0)
            break;
        m_forgottenDone += oldest.done;
        m_forgottenFailed += oldest.failed;
        m_computations.removeFirst();
    }
}

/** Gives the cluster to the next computation, if nobody has it. */
void SchedulerPrivate::goOn()
{
    if (m_current)
        return;
    for (const ComputationPointer &next : std::as_const(m_computations)) {
        if (next->status.state == ComputationStatus::State::Queued) {
            begin(next);
            return;
        }
    }
}

void SchedulerPrivate::begin(const ComputationPointer &computation)
{
    m_current = computation;
    computation->status.state = ComputationStatus::State::Running;
    computation->turn.set();
    for (const NodePointer &node : std::as_const(m_nodes)) {
        if (node->status.state == NodeStatus::State::Ready)
            track(spawn(&SchedulerPrivate::prepare, shared_from_this(), node, computation),
                  QStringLiteral("preparation of ") + node->status.name);
    }
}

Task<> SchedulerPrivate::prepare(NodePointer node, ComputationPointer computation)
{
    const auto self = shared_from_this();
    QList<Protocol::ServerFacts> servers;
    QString failure;
    ++computation->preparing;
    try {
        servers = co_await m_network.call<QList<Protocol::ServerFacts>>(node->status.location, Protocol::Prepare,
                                                                        computation->status.id, computation->facts);
    } catch (const Error &e) {
        failure = QStringLiteral("%1 cannot run %2: %3").arg(node->status.name, computation->status.name, e.message());
        qCWarning(lcScheduler).noquote() << failure;
    }
    --computation->preparing;
    if (!failure.isEmpty()) {
        if (computation->preparing == 0 && !computation->hasServer.isSet()) {
            computation->failure = failure;
            computation->hasServer.set();
        }
        co_return;
    }
    if (m_current != computation || node->status.state != NodeStatus::State::Ready) {
        co_await release(node, computation->status.id);
        co_return;
    }
    node->servers.clear(); // of earlier computations
    computation->pool.allow();
    for (const Protocol::ServerFacts &facts : std::as_const(servers)) {
        const auto server = std::make_shared<SchedulerServer>();
        server->nodeName = node->status.name;
        server->status.location = Location(node->status.location.address(), facts.port);
        server->status.pid = facts.pid;
        server->status.state = ServerStatus::State::Ready;
        node->servers.append(server);
        computation->pool.put(server);
    }
    if (!servers.isEmpty())
        computation->hasServer.set();
}

void SchedulerPrivate::end(const ComputationPointer &computation, ComputationStatus::State state)
{
    if (computation->status.state == ComputationStatus::State::Closed || computation->status.state == ComputationStatus::State::Lost)
        return;
    computation->status.state = state;
    computation->pool.refuse(QStringLiteral("the computation is closed"));
    qCInfo(lcScheduler).noquote() << "computation" << computation->status.id << "closed:" << computation->status.done << "jobs done,"
                                  << computation->status.failed << "failed";
    if (m_current != computation)
        return;
    m_current.reset();
    forgetOld();
    for (const NodePointer &node : std::as_const(m_nodes)) {
        for (const ServerPointer &server : std::as_const(node->servers))
            serverGone(server, ServerStatus::State::Closed, QStringLiteral("its computation was closed"));
        if (node->status.state == NodeStatus::State::Ready)
            track(spawn(&SchedulerPrivate::release, shared_from_this(), node, computation->status.id),
                  QStringLiteral("release of ") + node->status.name);
    }
    goOn();
}

Task<> SchedulerPrivate::release(NodePointer node, quint64 computation)
{
    const auto self = shared_from_this();
    try {
        co_await m_network.call(node->status.location, Protocol::Release, computation);
    } catch (const Error &e) {
        qCWarning(lcScheduler).noquote() << node->status.name << "did not release computation" << computation << u':' << e.message();
    }
}

// --- jobs ---

namespace {

/** Counts one job that waits. */
class Waiting
{
public:
    explicit Waiting(ComputationStatus &status)
        : m_status(status)
    {
        ++m_status.waiting;
    }
    Waiting(const Waiting &) = delete;
    Waiting &operator=(const Waiting &) = delete;
    ~Waiting() { --m_status.waiting; }

private:
    ComputationStatus &m_status;
};

} // namespace

Task<QByteArray> SchedulerPrivate::run(Peer peer, quint64 id, Protocol::JobFacts facts)
{
    const auto self = shared_from_this();
    const ComputationPointer computation = findComputation(peer, id);
    ServerPointer server;
    {
        const Waiting waiting(computation->status);
        server = co_await computation->pool.take();
    }
    Job job(self, computation, server, facts);
    try {
        const auto value
            = co_await m_network.call<QByteArray>(server->status.location, Protocol::RunJob, facts.function, facts.arguments);
        job.setSucceeded();
        co_return value;
    } catch (const PeerLost &) {
        // told below: here nothing can be awaited
    }
    throw JobLost(co_await job.lostText());
}

Task<Coro<>> SchedulerPrivate::start(Peer peer, quint64 id, Protocol::JobFacts facts)
{
    const auto self = shared_from_this();
    const ComputationPointer computation = findComputation(peer, id);
    ServerPointer server;
    {
        const Waiting waiting(computation->status);
        server = co_await computation->pool.take();
    }
    auto job = std::make_unique<Job>(self, computation, server, facts);
    try {
        const Coro<> coro = co_await m_network.start(server->status.location, Protocol::StartJob, facts.function, facts.arguments);
        track(spawn(&SchedulerPrivate::watchJob, self, std::move(job), coro), QStringLiteral("watch of ") + facts.function);
        co_return coro;
    } catch (const PeerLost &) {
        // told below: here nothing can be awaited
    }
    throw JobLost(co_await job->lostText());
}

Task<> SchedulerPrivate::watchJob(std::unique_ptr<Job> job, Coro<> coro)
{
    try {
        co_await coro.finish();
        job->setSucceeded();
    } catch (const WireError &) {
        job->setSucceeded(); // its value is of a type that only client and server know
    } catch (const Error &) {
        // who started it, or monitors it, is told why
    }
}

// --- status ---

ClusterStatus SchedulerPrivate::status() const
{
    ClusterStatus status;
    status.sequence = ++m_sequence;
    status.scheduler = m_network.location();
    status.version = Protocol::Version;
    status.time = QDateTime::currentDateTimeUtc();
    for (const NodePointer &node : m_nodes) {
        if (node->forgetAt.hasExpired())
            continue;
        NodeStatus &entry = status.nodes.emplaceBack(node->status);
        for (const ServerPointer &server : node->servers) {
            ServerStatus &part = entry.servers.emplaceBack(server->status);
            for (const auto &[id, job] : server->jobs) {
                if (part.jobs.size() >= ServerStatus::MaxJobs)
                    break;
                part.jobs.append(job);
            }
        }
    }
    std::ranges::sort(status.nodes, {}, &NodeStatus::name);
    status.done = m_forgottenDone;
    status.failed = m_forgottenFailed;
    for (const ComputationPointer &computation : m_computations) {
        status.computations.append(computation->status);
        status.waiting += computation->status.waiting;
        status.running += computation->status.running;
        status.done += computation->status.done;
        status.failed += computation->status.failed;
    }
    return status;
}

Task<> SchedulerPrivate::watch(Peer peer, Coro<> watcher)
{
    track(spawn(&SchedulerPrivate::sendStatus, shared_from_this(), peer, watcher), QStringLiteral("status for ") + peer.address());
    co_return;
}

Task<> SchedulerPrivate::sendStatus(Peer peer, Coro<> watcher)
{
    const auto self = shared_from_this();
    QByteArray last;
    QDeadlineTimer sendAgain;
    while (peer.isConnected() && watcher.state() == CoroState::Running) {
        ClusterStatus now = status();
        const QByteArray bytes = now.toCbor().toCborValue().toCbor();
        now.sequence = 0;
        now.time = {};
        const QByteArray content = now.toCbor().toCborValue().toCbor();
        if (content != last || sendAgain.hasExpired()) {
            last = content;
            sendAgain.setRemainingTime(StatusAtLeast);
            watcher.send(bytes);
        }
        co_await sleep(StatusInterval);
    }
}

} // namespace Asyncoro::Discoro
