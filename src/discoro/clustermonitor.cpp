// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "clustermonitor.h"

#include "protocol_p.h"

#include <Asyncoro/PeerNetwork>

#include <QCborMap>

namespace Asyncoro::Discoro {

using namespace std::chrono_literals;

namespace {

constexpr auto FirstRetry = 1s;
constexpr auto LongestRetry = 15s;

} // namespace

class ClusterMonitorPrivate
{
public:
    explicit ClusterMonitorPrivate(ClusterMonitor *monitor)
        : q(monitor)
    {
    }
    ~ClusterMonitorPrivate() { stop(); }

    void stop()
    {
        watching.reset(); // first: what it waits for ends with the network
        network.reset();
    }
    void set(ClusterMonitor::State newState, const QString &newError = {});
    Task<> watch();
    Task<> follow();

    ClusterMonitor *const q;
    std::unique_ptr<PeerNetwork> network;
    Location scheduler;
    Secret secret;
    std::unique_ptr<QObject> watching; // the coroutine belongs to it
    ClusterMonitor::State state = ClusterMonitor::State::NotConnected;
    QString error;
    QDateTime nextAttempt;
    ClusterStatus status;
};

void ClusterMonitorPrivate::set(ClusterMonitor::State newState, const QString &newError)
{
    if (state == newState && error == newError)
        return;
    state = newState;
    error = newError;
    Q_EMIT q->stateChanged();
}

/** Connects, and connects again, until terminated or refused. */
Task<> ClusterMonitorPrivate::watch()
{
    std::chrono::seconds retry = FirstRetry;
    for (;;) {
        QString failure;
        try {
            co_await follow();
        } catch (const PeerRefused &e) {
            set(ClusterMonitor::State::Refused, e.message());
            co_return;
        } catch (const Error &e) {
            failure = e.message();
        }
        if (state == ClusterMonitor::State::Connected || state == ClusterMonitor::State::Stale)
            retry = FirstRetry;
        nextAttempt = QDateTime::currentDateTimeUtc().addSecs(retry.count());
        set(ClusterMonitor::State::Lost, failure);
        co_await sleep(retry);
        retry = std::min<std::chrono::seconds>(2 * retry, LongestRetry);
    }
}

/** Takes one status after the other; ends with the connection. */
Task<> ClusterMonitorPrivate::follow()
{
    co_await network->connect(scheduler);
    // Its end, as an ExitNotice, is how a loss is noticed between two statuses.
    const Coro<> anchor = co_await network->anchorOf(scheduler);
    anchor.monitor(Coro<>::self());
    co_await network->call(scheduler, Protocol::Watch, Coro<>::self());
    for (;;) {
        try {
            const Message message = co_await receive(ClusterMonitor::StaleAfter);
            if (message.metaType() == QMetaType::fromType<ExitNotice>()) {
                const auto notice = message.value<ExitNotice>();
                if (notice.coro() == anchor)
                    throw Error(notice.error());
                continue; // of an earlier connection
            }
            status = ClusterStatus::fromCbor(QCborValue::fromCbor(message.toByteArray()).toMap());
            set(ClusterMonitor::State::Connected);
            Q_EMIT q->statusChanged();
        } catch (const TimedOut &) {
            set(ClusterMonitor::State::Stale, ClusterMonitor::tr("nothing was heard from the scheduler for a while"));
        }
    }
}

ClusterMonitor::ClusterMonitor(QObject *parent)
    : QObject(parent)
    , d(std::make_unique<ClusterMonitorPrivate>(this))
{
    Protocol::registerTypes();
}

ClusterMonitor::~ClusterMonitor() = default;

void ClusterMonitor::open(const Location &scheduler, const QByteArray &secret,
                          const std::optional<TlsConfiguration> &tls)
{
    close();
    d->scheduler = scheduler;
    d->set(State::Connecting);
    try {
        PeerNetwork::Options options;
        options.secret = Secret(secret);
        options.tls = tls;
        d->network = std::make_unique<PeerNetwork>(options);
    } catch (const Error &e) {
        d->set(State::Refused, e.message());
        return;
    }
    d->watching = std::make_unique<QObject>();
    const Coro<> watcher = spawn(d->watching.get(), [d = d.get()] { return d->watch(); });
    watcher.setName(QStringLiteral("monitor of ") + scheduler.toString());
    watcher.setDaemon();
}

void ClusterMonitor::close()
{
    d->stop();
    d->status = {};
    d->set(State::NotConnected);
}

ClusterMonitor::State ClusterMonitor::state() const
{
    return d->state;
}

QString ClusterMonitor::error() const
{
    return d->error;
}

QDateTime ClusterMonitor::nextAttempt() const
{
    return d->nextAttempt;
}

Location ClusterMonitor::scheduler() const
{
    return d->scheduler;
}

const ClusterStatus &ClusterMonitor::status() const
{
    return d->status;
}

} // namespace Asyncoro::Discoro
