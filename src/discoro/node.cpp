// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "node.h"

#include "nodeinfo_p.h"
#include "package_p.h"
#include "protocol_p.h"
#include "serverconfiguration_p.h"

#include <Asyncoro/Event>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QLoggingCategory>
#include <QProcess>
#include <QRegularExpression>
#include <QUuid>

#ifdef Q_OS_LINUX
#include <csignal>
#include <sys/prctl.h>
#endif

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
    QProcess process;
    QString folder;
    QByteArray token; // by which it comes forward
    quint16 port = 0;
    Event readyOrEnded;
    Event ended;
    bool expectedToEnd = false;

    ~ChildServer()
    {
        if (isRunning()) {
            process.kill();
            process.waitForFinished();
        }
    }
    [[nodiscard]] bool isRunning() const { return process.state() != QProcess::NotRunning; }
};
using ChildPointer = std::shared_ptr<ChildServer>;

QString howEnded(const QProcess &process)
{
    if (process.error() == QProcess::FailedToStart)
        return QStringLiteral("it could not be started: %1").arg(process.errorString());
    // QProcess gives the number of the signal as the code of a crash.
    return process.exitStatus() == QProcess::CrashExit ? QStringLiteral("it was killed by signal %1").arg(process.exitCode())
                                                       : QStringLiteral("it exited with status %1").arg(process.exitCode());
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
    Task<> reportServer(quint16 port, QString reason);
    Task<QList<Protocol::ServerFacts>> prepare(quint64 id, Protocol::ComputationFacts facts);
    Task<> release(quint64 id);
    Task<QString> serverReady(QByteArray token, quint16 port);

    void forgetOldPackages();
    Task<QString> unpackedPackage(Protocol::ComputationFacts facts);
    ChildPointer startServer(quint64 computation, int number, const QString &package, const QString &name);
    void serverEnded(const ChildPointer &child);
    Task<> endServers(QList<ChildPointer> children);
    [[nodiscard]] QString computationFolder(quint64 id) const;
    void track(const Coro<> &coro, const QString &name);

    PeerNetwork &m_network;
    const Node::Options m_options;
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
    m_servers.clear(); // ends them
    const QDir folder(m_options.workFolder);
    for (const QString &name : folder.entryList({QStringLiteral("computation-*")}, QDir::Dirs))
        QDir(folder.filePath(name)).removeRecursively();
}

Task<> NodePrivate::leave()
{
    const auto self = shared_from_this();
    if (m_joined) {
        const Coro<> farewell = spawn([self]() -> Task<> { co_await self->m_network.call(self->m_options.scheduler, Protocol::Leave); });
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
            co_await m_network.connect(m_options.scheduler, QDeadlineTimer(10s));
            const Coro<> scheduler = co_await m_network.anchorOf(m_options.scheduler);
            Protocol::NodeFacts facts;
            facts.version = Protocol::Version;
            facts.name = m_options.name;
            facts.cpus = m_options.cpus;
            facts.anchor = m_network.anchor();
            facts.load = load();
            co_await m_network.call(m_options.scheduler, Protocol::Join, facts);
            m_joined = true;
            lastFailure.clear();
            if (m_options.joined)
                m_options.joined();
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
            co_await m_network.call(m_options.scheduler, Protocol::Report, load());
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
            if (!child->isRunning())
                failure = QStringLiteral("its server ended at once: %1").arg(howEnded(child->process));
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

    QProcess &process = child->process;
    process.setProgram(package + u'/' + Package::ProgramFolder + u'/' + name);
    process.setWorkingDirectory(child->folder);
    process.setProcessChannelMode(QProcess::ForwardedChannels);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(ServerConfiguration::Variable, QStringLiteral("1"));
    process.setProcessEnvironment(environment);
#ifdef Q_OS_LINUX
    // However this node ends, its servers do not stay behind.
    process.setChildProcessModifier([] { ::prctl(PR_SET_PDEATHSIG, SIGKILL); });
#endif
    const auto ended = [self = weak_from_this(), weak = std::weak_ptr(child)] {
        const auto node = self.lock();
        const auto server = weak.lock();
        if (node && server)
            node->serverEnded(server);
    };
    QObject::connect(&process, &QProcess::finished, &process, ended);
    QObject::connect(&process, &QProcess::errorOccurred, &process, [ended](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            ended();
    });
    process.start();
    ServerConfiguration configuration;
    configuration.node = m_network.location();
    configuration.secret = m_options.secret;
    configuration.token = child->token;
    process.write(configuration.toBytes());
    process.closeWriteChannel();
    return child;
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

void NodePrivate::serverEnded(const ChildPointer &child)
{
    child->ended.set();
    child->readyOrEnded.set();
    if (child->expectedToEnd || m_closed || child->port == 0)
        return;
    const QString reason = howEnded(child->process);
    // QProcess has forgotten the process's number by now; the port is as good a name on this side.
    qCWarning(lcNode).noquote() << "a server has ended:" << reason;
    track(spawn(&NodePrivate::reportServer, shared_from_this(), child->port, reason), QStringLiteral("report of a server"));
}

Task<> NodePrivate::reportServer(quint16 port, QString reason)
{
    const auto self = shared_from_this();
    try {
        co_await m_network.call(m_options.scheduler, Protocol::ServerEnded, port, reason);
    } catch (const Error &e) {
        qCDebug(lcNode).noquote() << "report:" << e.message(); // stayJoined() deals with a lost scheduler
    }
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
        try {
            if (child->isRunning())
                co_await child->ended.wait(deadline);
        } catch (const TimedOut &) {
            child->process.kill();
            child->process.waitForFinished();
        }
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
