// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "cluster.h"

#include "format_p.h"
#include "ratemeter_p.h"

#include <Asyncoro/Error>
#include <Asyncoro/Secret>
#include <Asyncoro/TlsFiles>

#include <QTimer>
#include <QUrl>

#include <algorithm>
#include <cmath>
#include <optional>

namespace Asyncoro::Qml {

using namespace Discoro;
using MonitorState = ClusterMonitor::State;

static_assert(int(Cluster::State::NotConnected) == int(MonitorState::NotConnected));
static_assert(int(Cluster::State::Connecting) == int(MonitorState::Connecting));
static_assert(int(Cluster::State::Connected) == int(MonitorState::Connected));
static_assert(int(Cluster::State::Stale) == int(MonitorState::Stale));
static_assert(int(Cluster::State::Lost) == int(MonitorState::Lost));
static_assert(int(Cluster::State::Refused) == int(MonitorState::Refused));

class ClusterPrivate
{
public:
    explicit ClusterPrivate(Cluster *cluster)
        : q(cluster)
        , nodes(cluster)
        , servers(cluster)
        , jobs(cluster)
        , computations(cluster)
        , history(cluster)
    {
    }

    void fail(const QString &reason);
    void forgetStatus();
    void show(const ClusterStatus &fresh);
    void beat();
    void sample();
    [[nodiscard]] QString countdown() const;

    Cluster *q;
    QString scheduler;
    QString secretFile;
    QByteArray secret;
    TlsFiles tlsFiles;

    std::unique_ptr<ClusterMonitor> monitor; // made by the first open()
    std::optional<ClusterStatus> pending; // came since the last beat
    QTimer beatTimer;

    Cluster::State state = Cluster::State::NotConnected;
    QString error;
    QDateTime nextAttempt;
    QDateTime lastHeard; // by our clock
    ClusterStatus status;
    RateMeter rateMeter;
    double cpuLoad = 0;

    NodeModel nodes;
    ServerModel servers;
    JobModel jobs;
    ComputationModel computations;
    HistoryModel history;
};

namespace {

double meanCpuLoad(const ClusterStatus &status)
{
    double load = 0;
    double weights = 0;
    for (const NodeStatus &node : status.nodes) {
        if (node.state != NodeStatus::State::Ready)
            continue;
        const double weight = std::max(node.cpus, 1);
        load += weight * node.cpuLoad;
        weights += weight;
    }
    return weights > 0 ? load / weights : 0;
}

/** Why it failed, without what is said anyway: that it did, and with which scheduler. */
QString reason(const QString &error, const QString &scheduler)
{
    QString reason = error;
    const QString named = scheduler + QStringLiteral(": ");
    if (const qsizetype position = reason.lastIndexOf(named); position >= 0)
        reason = reason.sliced(position + named.size());
    const qsizetype colon = reason.indexOf(u": ", scheduler.size());
    if (colon >= 0 && reason.startsWith(scheduler + u' '))
        reason = reason.sliced(colon + 2);
    return reason;
}

/** Ends in a full stop, as a sentence should. */
QString sentence(const QString &text)
{
    const QString trimmed = text.trimmed();
    return trimmed.isEmpty() || QStringLiteral(".!?…").contains(trimmed.back()) ? trimmed : trimmed + u'.';
}

} // namespace

void ClusterPrivate::fail(const QString &reason)
{
    q->close();
    q->setState(Cluster::State::NotConnected, reason);
}

void ClusterPrivate::forgetStatus()
{
    pending.reset();
    rateMeter.clear();
    history.clear();
    show({});
    Q_EMIT q->sampled();
}

void ClusterPrivate::show(const ClusterStatus &fresh)
{
    status = fresh;
    cpuLoad = meanCpuLoad(status);
    if (status.sequence != 0)
        rateMeter.update(status.time, status.done + status.failed, status.failed);
    nodes.setStatus(status);
    servers.setStatus(status);
    jobs.setStatus(status);
    computations.setStatus(status);
    Q_EMIT q->statusChanged();
    Q_EMIT q->textChanged();
}

void ClusterPrivate::beat()
{
    if (pending)
        show(*std::exchange(pending, std::nullopt));
    if (state == Cluster::State::Connected && status.sequence != 0) {
        sample();
        return;
    }
    if (state == Cluster::State::Lost && monitor && monitor->state() == MonitorState::Lost)
        nextAttempt = monitor->nextAttempt(); // another one may have failed in the same way
    Q_EMIT q->textChanged(); // times go on
}

void ClusterPrivate::sample()
{
    history.append({
        .time = QDateTime::currentDateTimeUtc(),
        .rate = rateMeter.finishedPerSecond(),
        .failedRate = rateMeter.failedPerSecond(),
        .running = double(status.running),
        .waiting = double(status.waiting),
        .cpu = cpuLoad,
    });
    Q_EMIT q->sampled();
}

QString ClusterPrivate::countdown() const
{
    if (!nextAttempt.isValid())
        return Cluster::tr("Trying again…");
    const qint64 milliseconds = QDateTime::currentDateTimeUtc().msecsTo(nextAttempt);
    const qint64 seconds = qint64(std::ceil(double(milliseconds) / 1000));
    return seconds > 0 ? Cluster::tr("The next attempt comes in %1 s.").arg(seconds) : Cluster::tr("Trying again…");
}

Cluster::Cluster(QObject *parent)
    : QObject(parent)
    , d(std::make_unique<ClusterPrivate>(this))
{
    d->beatTimer.setInterval(HistoryModel::Interval);
    d->beatTimer.setTimerType(Qt::PreciseTimer);
    connect(&d->beatTimer, &QTimer::timeout, this, [this] { d->beat(); });
}

Cluster::~Cluster() = default;

QString Cluster::scheduler() const
{
    return d->scheduler;
}

void Cluster::setScheduler(const QString &scheduler)
{
    const Location location = Location::fromString(scheduler, DefaultPort);
    const QString normal = location.isValid() ? location.toString() : scheduler.trimmed();
    if (d->scheduler == normal)
        return;
    d->scheduler = normal;
    Q_EMIT schedulerChanged();
    Q_EMIT textChanged();
}

QString Cluster::secretFile() const
{
    return d->secretFile;
}

void Cluster::setSecretFile(const QString &file)
{
    setFile(&d->secretFile, file, &Cluster::secretFileChanged);
}

void Cluster::setSecret(const QString &secret)
{
    d->secret = secret.toUtf8();
}

QString Cluster::certificateFile() const
{
    return d->tlsFiles.certificate;
}

void Cluster::setCertificateFile(const QString &file)
{
    setFile(&d->tlsFiles.certificate, file, &Cluster::tlsFilesChanged);
}

QString Cluster::keyFile() const
{
    return d->tlsFiles.key;
}

void Cluster::setKeyFile(const QString &file)
{
    setFile(&d->tlsFiles.key, file, &Cluster::tlsFilesChanged);
}

QString Cluster::authorityFile() const
{
    return d->tlsFiles.authority;
}

void Cluster::setAuthorityFile(const QString &file)
{
    setFile(&d->tlsFiles.authority, file, &Cluster::tlsFilesChanged);
}

void Cluster::setFile(QString *where, const QString &file, void (Cluster::*changed)())
{
    const QString path = file.startsWith(u"file:") ? QUrl(file).toLocalFile() : file;
    if (*where == path)
        return;
    *where = path;
    Q_EMIT (this->*changed)();
}

void Cluster::open()
{
    const Location location = Location::fromString(d->scheduler, DefaultPort);
    if (!location.isValid()) {
        d->fail(d->scheduler.isEmpty() ? tr("No scheduler is given.")
                                       : tr("The address \"%1\" does not read host:port.").arg(d->scheduler));
        return;
    }
    QByteArray secret = d->secret;
    std::optional<TlsConfiguration> tls;
    try {
        if (!d->secretFile.isEmpty())
            secret = Secret::fromFile(d->secretFile).key();
        tls = d->tlsFiles.read();
    } catch (const Error &error) {
        d->fail(error.message());
        return;
    }

    if (!d->monitor) {
        d->monitor = std::make_unique<ClusterMonitor>();
        connect(d->monitor.get(), &ClusterMonitor::stateChanged, this, [this] {
            setState(State(d->monitor->state()), d->monitor->error(), d->monitor->nextAttempt());
        });
        connect(d->monitor.get(), &ClusterMonitor::statusChanged, this, [this] {
            d->lastHeard = QDateTime::currentDateTimeUtc();
            if (hasStatus())
                d->pending = d->monitor->status();
            else
                d->show(d->monitor->status());
        });
    } else if (d->monitor->scheduler() != location) {
        d->forgetStatus();
    }
    d->monitor->open(location, secret, tls);
}

void Cluster::close()
{
    if (d->monitor)
        d->monitor->close();
    setState(State::NotConnected);
}

bool Cluster::isAddress(const QString &scheduler)
{
    return Location::fromString(scheduler, DefaultPort).isValid();
}

Cluster::State Cluster::state() const
{
    return d->state;
}

QString Cluster::stateText() const
{
    return d->state == State::Lost ? briefStateText() + u' ' + d->countdown() : briefStateText();
}

QString Cluster::briefStateText() const
{
    switch (d->state) {
    case State::NotConnected:
        return d->error.isEmpty() ? tr("Not connected.") : sentence(d->error.left(1).toUpper() + d->error.mid(1));
    case State::Connecting:
        return tr("Connecting to %1…").arg(d->scheduler);
    case State::Connected:
        if (!hasStatus())
            return tr("Connected to %1. Waiting for the first news…").arg(d->scheduler);
        return nodes()->count() == 0 ? tr("Connected to %1. The cluster has no nodes yet.").arg(d->scheduler)
                                     : tr("Connected to %1.").arg(d->scheduler);
    case State::Stale:
        return tr("Nothing was heard from %1 for %2. What is shown may be out of date.")
            .arg(d->scheduler, durationText(elapsed(d->lastHeard, QDateTime::currentDateTimeUtc())));
    case State::Lost: {
        const QString what = hasStatus() ? tr("The connection to %1 was lost").arg(d->scheduler)
                                         : tr("The scheduler %1 cannot be reached").arg(d->scheduler);
        const QString why = reason(d->error, d->scheduler);
        return sentence(why.isEmpty() ? what : tr("%1: %2").arg(what, why));
    }
    case State::Refused:
        return sentence(tr("%1 refused this program: %2").arg(d->scheduler, reason(d->error, d->scheduler)));
    }
    return {};
}

QString Cluster::error() const
{
    return d->error;
}

bool Cluster::hasStatus() const
{
    return d->status.sequence != 0;
}

QString Cluster::version() const
{
    return d->status.version;
}

qint64 Cluster::waiting() const
{
    return d->status.waiting;
}

qint64 Cluster::running() const
{
    return d->status.running;
}

qint64 Cluster::done() const
{
    return d->status.done;
}

qint64 Cluster::failed() const
{
    return d->status.failed;
}

double Cluster::rate() const
{
    return d->history.count() > 0 ? d->history.sample(0).rate : 0;
}

double Cluster::cpuLoad() const
{
    return d->cpuLoad;
}

QString Cluster::summary() const
{
    qint64 nodes = 0;
    qint64 lostNodes = 0;
    qint64 servers = 0;
    for (const NodeStatus &node : std::as_const(d->status.nodes)) {
        nodes += node.state == NodeStatus::State::Ready ? 1 : 0;
        lostNodes += node.state == NodeStatus::State::Lost ? 1 : 0;
        for (const ServerStatus &server : node.servers)
            servers += server.state == ServerStatus::State::Ready ? 1 : 0;
    }
    const auto counted = [](qint64 count, const QString &one, const QString &many) {
        return (count == 1 ? one : many).arg(numberText(count));
    };
    QStringList parts{
        counted(nodes, tr("%1 node"), tr("%1 nodes")),
        counted(servers, tr("%1 server"), tr("%1 servers")),
        counted(running(), tr("%1 coroutine running"), tr("%1 coroutines running")),
    };
    if (lostNodes > 0)
        parts.insert(1, counted(lostNodes, tr("%1 lost node"), tr("%1 lost nodes")));
    if (waiting() > 0)
        parts.append(tr("%1 waiting").arg(numberText(waiting())));
    return parts.join(tr(", "));
}

NodeModel *Cluster::nodes() const
{
    return &d->nodes;
}

ServerModel *Cluster::servers() const
{
    return &d->servers;
}

JobModel *Cluster::jobs() const
{
    return &d->jobs;
}

ComputationModel *Cluster::computations() const
{
    return &d->computations;
}

HistoryModel *Cluster::history() const
{
    return &d->history;
}

const ClusterStatus &Cluster::status() const
{
    return d->status;
}

void Cluster::setState(State state, const QString &error, const QDateTime &nextAttempt)
{
    if (d->state == state && d->error == error && d->nextAttempt == nextAttempt)
        return;
    if (d->pending) // the last news before this
        d->show(*std::exchange(d->pending, std::nullopt));
    d->state = state;
    d->error = error;
    d->nextAttempt = nextAttempt;
    if (state == State::NotConnected || state == State::Refused)
        d->beatTimer.stop();
    else if (!d->beatTimer.isActive())
        d->beatTimer.start();
    Q_EMIT stateChanged();
    Q_EMIT textChanged();
}

void Cluster::setStatus(const ClusterStatus &status)
{
    d->pending.reset();
    d->lastHeard = QDateTime::currentDateTimeUtc();
    d->show(status);
}

} // namespace Asyncoro::Qml

#include "moc_cluster.cpp"
