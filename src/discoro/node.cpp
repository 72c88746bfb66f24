// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "node.h"

#include "nodeinfo_p.h"
#include "package_p.h"
#include "protocol_p.h"
#include "serverconfiguration_p.h"

#include <Asyncoro/AsyncProcess>
#include <Asyncoro/Event>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QLoggingCategory>
#include <QProcessEnvironment>
#include <QRegularExpression>
#include <QUuid>

Q_LOGGING_CATEGORY(lcNode, "discoro.node", QtInfoMsg)

namespace Asyncoro::Discoro {

using namespace std::chrono_literals;

namespace {

constexpr auto ReportInterval = 2s;
constexpr auto JoinAgainAfter = 2s;
constexpr auto StartLimit = 20s; // for a server to come forward
constexpr auto EndLimit = 3s; // for a server to end after it was asked to
constexpr qsizetype PackagesKept = 10; // those used last

/** A server process of this node. */
struct ChildServer {
    AsyncProcess process;
    QString folder;
    QByteArray token; // by which it comes forward
    quint16 port = 0;
    Event readyOrEnded;
    QString end; // how it ended; empty until then
    bool expectedToEnd = false;
};
using ChildPointer = std::shared_ptr<ChildServer>;

QString howEnded(const ExitStatus &status)
{
    return status.signal() ? QStringLiteral("it was killed by signal %1").arg(*status.signal())
                           : QStringLiteral("it exited with status %1").arg(*status.code());
}

void copyFolder(const QString &from, const QString &to)
{
    if (!QDir().mkpath(to))
        throw Error(QStringLiteral("cannot make the folder %1").arg(to));
    const QFileInfoList entries = QDir(from).entryInfoList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
    for (const QFileInfo &entry : entries) {
        const QString target = to + u'/' + entry.fileName();
        if (entry.isDir())
            copyFolder(entry.filePath(), target);
        else if (!QFile::copy(entry.filePath(), target))
            throw Error(QStringLiteral("cannot copy %1 to %2").arg(entry.filePath(), target));
    }
}

} // namespace

class NodePrivate : public std::enable_shared_from_this<NodePrivate>
{
public:
    NodePrivate(PeerNetwork &network, const Node::Options &options)
        : m_network(network)
        , m_options(options)
        , m_scheduler(options.scheduler)
        , m_info(options.workFolder)
    {
    }

    void open();
    void shutDown();
    Task<> leave();

private:
    Task<> stayJoined();
    Protocol::NodeLoad load();
    Task<> reportLoad();
    Task<QList<Protocol::ServerFacts>> prepare(quint64 id, Protocol::ComputationFacts facts);
    Task<> release(quint64 id);
    Task<QString> serverReady(QByteArray token, quint16 port);

    void forgetOldPackages();
    Task<QString> unpackedPackage(Protocol::ComputationFacts facts);
    ChildPointer startServer(quint64 computation, int number, const QString &package, const QString &name);
    Task<> runServer(ChildPointer child, QString program);
    Task<> endServers(QList<ChildPointer> children);
    [[nodiscard]] QString computationFolder(quint64 id) const;
    void track(const Coro<> &coro, const QString &name);

    PeerNetwork &m_network;
    const Node::Options m_options;
    Location m_scheduler; // the one that was found last, if it is not given
    NodeInfo m_info;
    QHash<quint64, QList<ChildPointer>> m_servers; // by computation
    QList<Coro<>> m_coros;
    bool m_joined = false;
    bool m_closed = false;
};

void NodePrivate::track(const Coro<> &coro, const QString &name)
{
    coro.setName(name);
    coro.setDaemon();
    m_coros.removeIf([](const Coro<> &old) { return old.state() != CoroState::Running; });
    m_coros.append(coro);
}

void NodePrivate::open()
{
    Protocol::registerTypes();
    if (!QDir().mkpath(m_options.workFolder + QStringLiteral("/packages")))
        throw Error(QStringLiteral("cannot make the folder %1").arg(m_options.workFolder));
    const auto offer = [this]<typename T, typename... P>(QLatin1StringView name, Task<T> (NodePrivate::*service)(P...)) {
        m_network.offer(name, [self = weak_from_this(), service](P... arguments) -> Task<T> {
            const auto node = self.lock();
            if (!node || node->m_closed)
                throw Error(QStringLiteral("the node is ending"));
            co_return co_await ((*node).*service)(std::move(arguments)...);
        });
    };
    offer(Protocol::Prepare, &NodePrivate::prepare);
    offer(Protocol::Release, &NodePrivate::release);
    offer(Protocol::ServerReady, &NodePrivate::serverReady);
    track(spawn(&NodePrivate::stayJoined, shared_from_this()), QStringLiteral("membership"));
    track(spawn(&NodePrivate::reportLoad, shared_from_this()), QStringLiteral("load reports"));
}

void NodePrivate::shutDown()
{
    m_closed = true;
    for (const Coro<> &coro : std::exchange(m_coros, {}))
        coro.terminate();
    for (const QList<ChildPointer> &children : std::exchange(m_servers, {})) {
        for (const ChildPointer &child : children)
            child->process.kill(); // now, as their folders go
    }
    const QDir folder(m_options.workFolder);
    for (const QString &name : folder.entryList({QStringLiteral("computation-*")}, QDir::Dirs))
        QDir(folder.filePath(name)).removeRecursively();
}

Task<> NodePrivate::leave()
{
    const auto self = shared_from_this();
    if (m_joined) {
        const Coro<> farewell =
            spawn([self]() -> Task<> { co_await self->m_network.call(self->m_scheduler, Protocol::Leave); });
        farewell.setDaemon();
        try {
            co_await farewell.finish(2s);
        } catch (const Error &) {
            // the scheduler will see that this node is gone
        }
    }
    const QList<quint64> computations = m_servers.keys();
    for (const quint64 id : computations)
        co_await release(id);
}

// --- the scheduler ---

Task<> NodePrivate::stayJoined()
{
    const auto self = shared_from_this();
    QString lastFailure;
    for (;;) {
        QString refusal; // that another attempt would not change
        try {
            if (m_options.findScheduler)
                m_scheduler = co_await m_options.findScheduler();
            co_await m_network.connect(m_scheduler, QDeadlineTimer(10s));
            const Coro<> scheduler = co_await m_network.anchorOf(m_scheduler);
            Protocol::NodeFacts facts;
            facts.version = Protocol::Version;
            facts.name = m_options.name;
            facts.cpus = m_options.cpus;
            facts.anchor = m_network.anchor();
            facts.load = load();
            co_await m_network.call(m_scheduler, Protocol::Join, facts);
            m_joined = true;
            lastFailure.clear();
            if (m_options.joined)
                m_options.joined(m_scheduler);
            co_await scheduler.finish();
        } catch (const PeerRefused &e) {
            refusal = e.message();
        } catch (const RemoteError &e) {
            refusal = e.message();
        } catch (const WireError &e) {
            refusal = e.message();
        } catch (const Error &e) {
            if (e.message() != lastFailure) {
                lastFailure = e.message();
                qCWarning(lcNode).noquote() << lastFailure + QStringLiteral("; trying again");
            }
        }
        m_joined = false;
        if (!refusal.isEmpty()) {
            if (m_options.refused)
                m_options.refused(refusal);
            else
                qCWarning(lcNode).noquote() << "refused by the scheduler:" << refusal;
            co_return;
        }
        // What ran for that scheduler has no one to report to.
        const QList<quint64> computations = m_servers.keys();
        for (const quint64 id : computations)
            co_await release(id);
        co_await sleep(JoinAgainAfter);
    }
}

Protocol::NodeLoad NodePrivate::load()
{
    const NodeInfo::Sample sample = m_info.sample();
    Protocol::NodeLoad load;
    load.cpuLoad = sample.cpuLoad;
    load.memoryUsed = sample.memory.used;
    load.memoryTotal = sample.memory.total;
    load.diskUsed = sample.diskUsed;
    load.diskTotal = sample.diskTotal;
    return load;
}

Task<> NodePrivate::reportLoad()
{
    const auto self = shared_from_this();
    for (;;) {
        co_await sleep(ReportInterval);
        if (!m_joined)
            continue;
        try {
            co_await m_network.call(m_scheduler, Protocol::Report, load());
        } catch (const Error &e) {
            qCDebug(lcNode).noquote() << "report:" << e.message(); // stayJoined() deals with a lost scheduler
        }
    }
}

// --- packages and servers ---

QString NodePrivate::computationFolder(quint64 id) const
{
    return QStringLiteral("%1/computation-%2").arg(m_options.workFolder).arg(id);
}

Task<QString> NodePrivate::unpackedPackage(Protocol::ComputationFacts facts)
{
    static const QRegularExpression hashPattern(QStringLiteral("^[0-9a-f]{64}$"));
    const QString hash = QString::fromLatin1(facts.packageHash);
    if (!hashPattern.match(hash).hasMatch())
        throw Error(QStringLiteral("the package's hash is none"));
    const QString folder = m_options.workFolder + QStringLiteral("/packages/") + hash;
    if (QFileInfo::exists(folder)) {
        QFile(folder).setFileTime(QDateTime::currentDateTime(), QFileDevice::FileModificationTime);
        co_return folder;
    }
    forgetOldPackages();
    struct Archive {
        QString path;
        ~Archive() { QFile::remove(path); }
    } const archive{folder + QStringLiteral(".tar.zst")};
    co_await fetchFile(m_network, facts.package, archive.path);
    const PackageManifest manifest = Package::unpack(archive.path, folder);
    if (manifest.archiveHash != facts.packageHash) {
        QDir(folder).removeRecursively();
        throw PackageError(QStringLiteral("the package that arrived is not the one that was announced"));
    }
    co_return folder;
}

/** Makes room for one more. A package in use may go as well: what runs has its program open and its files copied. */
void NodePrivate::forgetOldPackages()
{
    const QFileInfoList packages
        = QDir(m_options.workFolder + QStringLiteral("/packages")).entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Time);
    for (qsizetype i = PackagesKept - 1; i < packages.size(); ++i)
        QDir(packages.at(i).filePath()).removeRecursively();
}

Task<QList<Protocol::ServerFacts>> NodePrivate::prepare(quint64 id, Protocol::ComputationFacts facts)
{
    const auto self = shared_from_this();
    const QString package = co_await unpackedPackage(facts);
    const QStringList programs = QDir(package + u'/' + Package::ProgramFolder).entryList(QDir::Files);
    if (programs.size() != 1)
        throw PackageError(QStringLiteral("the package has %1 programs").arg(programs.size()));

    QList<ChildPointer> children;
    for (int number = 1; number <= m_options.cpus; ++number)
        children.append(startServer(id, number, package, programs.constFirst()));
    m_servers[id] += children;

    QList<Protocol::ServerFacts> ready;
    QString failure = QStringLiteral("its server did not come forward in time");
    const QDeadlineTimer deadline(StartLimit);
    for (const ChildPointer &child : std::as_const(children)) {
        try {
            co_await child->readyOrEnded.wait(deadline);
        } catch (const TimedOut &) {
            child->process.kill();
        }
        if (child->port == 0) {
            if (!child->end.isEmpty())
                failure = QStringLiteral("its server ended at once: %1").arg(child->end);
            continue;
        }
        Protocol::ServerFacts server;
        server.port = child->port;
        server.pid = child->process.processId();
        ready.append(server);
    }
    if (ready.isEmpty()) {
        co_await release(id);
        throw Error(failure);
    }
    qCInfo(lcNode).noquote() << "computation" << id << "of" << facts.name << "has" << ready.size() << "servers";
    co_return ready;
}

ChildPointer NodePrivate::startServer(quint64 computation, int number, const QString &package, const QString &name)
{
    const auto child = std::make_shared<ChildServer>();
    child->folder = QStringLiteral("%1/server-%2").arg(computationFolder(computation)).arg(number);
    child->token = QUuid::createUuid().toRfc4122();
    copyFolder(package + u'/' + Package::FilesFolder, child->folder);

    QProcess *const settings = child->process.process();
    settings->setWorkingDirectory(child->folder);
    settings->setProcessChannelMode(QProcess::ForwardedChannels);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(ServerConfiguration::Variable, QStringLiteral("1"));
    settings->setProcessEnvironment(environment);
    child->process.setEndsWithParent(); // however this node ends, its servers do not stay behind
    child->process.setTimeToEnd(EndLimit);
    const QString program = package + u'/' + Package::ProgramFolder + u'/' + name;
    track(spawn(&NodePrivate::runServer, shared_from_this(), child, program), QStringLiteral("server %1").arg(number));
    return child;
}

Task<> NodePrivate::runServer(ChildPointer child, QString program)
{
    const auto self = shared_from_this();
    if (child->expectedToEnd) { // before it was started
        child->readyOrEnded.set();
        co_return;
    }
    ServerConfiguration configuration;
    configuration.node = m_network.location();
    configuration.secret = m_options.secret;
    configuration.tls = m_options.tls;
    configuration.token = child->token;
    try {
        co_await child->process.start(program);
        child->end = howEnded((co_await child->process.communicate(configuration.toBytes())).status);
    } catch (const ProcessError &e) {
        child->end = e.message();
    }
    child->readyOrEnded.set();
    if (child->expectedToEnd || child->port == 0)
        co_return;

    // The process's number may be another one's by now; the port is as good a name on this side.
    qCWarning(lcNode).noquote() << "a server has ended:" << child->end;
    try {
        co_await m_network.call(m_scheduler, Protocol::ServerEnded, child->port, child->end);
    } catch (const Error &e) {
        qCDebug(lcNode).noquote() << "report:" << e.message(); // stayJoined() deals with a lost scheduler
    }
}

Task<QString> NodePrivate::serverReady(QByteArray token, quint16 port)
{
    for (const QList<ChildPointer> &children : std::as_const(m_servers)) {
        for (const ChildPointer &child : children) {
            if (child->token == token) {
                child->port = port;
                child->readyOrEnded.set();
                co_return m_options.name;
            }
        }
    }
    throw Error(QStringLiteral("this node does not expect that server"));
}

Task<> NodePrivate::release(quint64 id)
{
    const auto self = shared_from_this();
    co_await endServers(m_servers.take(id));
    QDir(computationFolder(id)).removeRecursively();
}

Task<> NodePrivate::endServers(QList<ChildPointer> children)
{
    for (const ChildPointer &child : std::as_const(children)) {
        child->expectedToEnd = true;
        child->process.terminate();
    }
    const QDeadlineTimer deadline(EndLimit);
    for (const ChildPointer &child : std::as_const(children)) {
        if (!child->process.isRunning())
            continue;
        try {
            co_await child->process.finished(deadline);
            continue;
        } catch (const TimedOut &) {
            child->process.kill();
        }
        co_await child->process.finished();
    }
}

// --- Node ---

Node::Node(PeerNetwork &network, const Options &options)
    : d(std::make_shared<NodePrivate>(network, options))
{
    d->open();
}

Node::~Node()
{
    d->shutDown();
}

Task<> Node::leave()
{
    return d->leave();
}

} // namespace Asyncoro::Discoro
