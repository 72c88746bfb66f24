// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "supervisor.h"

#include <QLoggingCategory>

#include <algorithm>
#include <deque>
#include <vector>

namespace {
Q_LOGGING_CATEGORY(lcSupervisor, "asyncoro.supervisor", QtInfoMsg)
}

namespace Asyncoro {

namespace {

/** Waits for the end of a coroutine even if the one that waits is cancelled. */
class EndAwaiter final : public Detail::FinishSuspension
{
public:
    explicit EndAwaiter(const Coro<> &target)
        : FinishSuspension(target.data(), QDeadlineTimer(QDeadlineTimer::Forever))
    {
        setUninterruptible();
    }
    void await_resume() const noexcept { }
};

/** What run() sends to its loop when it is cancelled. */
struct StopRequest { };

QString howItEnded(const ExitNotice &notice)
{
    return notice.state() == CoroState::Finished ? QStringLiteral("it returned") : notice.error();
}

} // namespace

SupervisorGaveUp::SupervisorGaveUp(const QString &message, const QString &child, const QString &reason)
    : Error(message)
    , m_child(child.toUtf8())
    , m_reason(reason.toUtf8())
{
}

SupervisorGaveUp::~SupervisorGaveUp() = default;

QString SupervisorGaveUp::child() const
{
    return QString::fromUtf8(m_child);
}

QString SupervisorGaveUp::reason() const
{
    return QString::fromUtf8(m_reason);
}

class Supervisor::Data
{
public:
    struct Child {
        QString name;
        std::function<Coro<>()> start;
        Restart restart;
        Coro<> coro; // null while it does not run
    };
    using Clock = std::chrono::steady_clock;

    Data(Strategy strategy, RestartIntensity intensity)
        : m_strategy(strategy)
        , m_intensity(intensity)
    {
    }

    [[nodiscard]] static Task<> run(std::shared_ptr<Data> data);
    [[nodiscard]] auto find(const QString &name) { return std::ranges::find(children, name, &Child::name); }

    std::vector<Child> children;
    int restartCount = 0;
    bool isRunning = false;

private:
    Task<> supervise();
    Task<> restart(std::size_t index, const ExitNotice &notice);
    Task<> stopFrom(std::size_t first);
    void startAgainFrom(std::size_t first);
    void start(Child &child);
    [[nodiscard]] bool mayRestart();

    const Strategy m_strategy;
    const RestartIntensity m_intensity;
    std::deque<Clock::time_point> m_restarts; // those within the period
};

Supervisor::Supervisor(Strategy strategy, RestartIntensity intensity)
    : m_data(std::make_shared<Data>(strategy, intensity))
{
}

Supervisor::~Supervisor() = default;

void Supervisor::addChild(const QString &name, std::function<Coro<>()> start, Restart restart)
{
    if (m_data->isRunning)
        throw Error(QStringLiteral("Supervisor::add(\"%1\"): it runs already").arg(name));
    if (m_data->find(name) != m_data->children.end())
        throw Error(QStringLiteral("Supervisor::add(\"%1\"): there is a child of this name").arg(name));
    m_data->children.push_back({name, std::move(start), restart, {}});
}

QStringList Supervisor::children() const
{
    QStringList names;
    for (const Data::Child &child : m_data->children)
        names << child.name;
    return names;
}

Coro<> Supervisor::child(const QString &name) const
{
    const auto child = m_data->find(name);
    return child == m_data->children.end() ? Coro<>() : child->coro;
}

int Supervisor::restartCount() const
{
    return m_data->restartCount;
}

Task<> Supervisor::run()
{
    return Data::run(m_data);
}

// The children are watched by a coroutine of its own, so that their notices do not come between the messages of whoever
// awaits run(), and so that a cancelled run() can still have them stopped one after the other.
Task<> Supervisor::Data::run(std::shared_ptr<Data> data)
{
    if (data->isRunning)
        throw Error(QStringLiteral("Supervisor::run(): it runs already"));
    data->isRunning = true;
    const Coro<> loop = spawn([data]() -> Task<> {
        co_await data->supervise();
    });
    loop.setName(QStringLiteral("supervisor"));
    loop.setDaemon();
    bool cancelled = false;
    try {
        co_await loop;
    } catch (const Cancelled &) {
        cancelled = true;
    } catch (...) {
        data->isRunning = false;
        throw;
    }
    if (cancelled) {
        loop.send(Message::fromValue(StopRequest()));
        co_await EndAwaiter(loop);
    }
    data->isRunning = false;
    if (cancelled)
        throw Cancelled();
}

Task<> Supervisor::Data::supervise()
{
    struct AtEnd {
        Data &data;
        ~AtEnd() // for the case that it is cancelled itself, as the thread ends
        {
            for (auto child = data.children.rbegin(); child != data.children.rend(); ++child)
                std::exchange(child->coro, {}).terminate();
        }
    } atEnd{*this};

    m_restarts.clear();
    restartCount = 0;
    for (Child &child : children)
        start(child);
    while (std::ranges::any_of(children, [](const Child &child) { return bool(child.coro); })) {
        const Message message = co_await receive();
        if (message.metaType() == QMetaType::fromType<StopRequest>()) {
            co_await stopFrom(0);
            co_return;
        }
        const auto notice = message.value<ExitNotice>();
        const auto child = std::ranges::find(children, notice.coro(), &Child::coro);
        if (notice.coro().isNull() || child == children.end())
            continue; // of one that has been stopped
        child->coro = {};
        const bool failed = notice.state() == CoroState::Failed || notice.state() == CoroState::Lost;
        if (child->restart == Restart::Permanent || (child->restart == Restart::Transient && failed))
            co_await restart(std::size_t(child - children.begin()), notice);
        else if (failed)
            qCWarning(lcSupervisor).noquote() << child->name << "failed and stays so:" << notice.error();
    }
}

Task<> Supervisor::Data::restart(std::size_t index, const ExitNotice &notice)
{
    Child &child = children[index];
    const QString reason = howItEnded(notice);
    if (!mayRestart()) {
        co_await stopFrom(0);
        throw SupervisorGaveUp(QStringLiteral("the supervisor gave up: \"%1\" ended again (%2), beyond the intensity of "
                                              "%3 in %4 ms")
                                   .arg(child.name, reason)
                                   .arg(m_intensity.restarts)
                                   .arg(m_intensity.period.count()),
                               child.name, reason);
    }
    qCInfo(lcSupervisor).noquote() << child.name << "is started again, for it ended:" << reason;
    ++restartCount;
    switch (m_strategy) {
    case Strategy::OneForOne:
        start(child);
        break;
    case Strategy::OneForAll:
        co_await stopFrom(0);
        startAgainFrom(0);
        break;
    case Strategy::RestForOne:
        co_await stopFrom(index);
        startAgainFrom(index);
        break;
    }
}

bool Supervisor::Data::mayRestart()
{
    const Clock::time_point now = Clock::now();
    while (!m_restarts.empty() && now - m_restarts.front() >= m_intensity.period)
        m_restarts.pop_front();
    m_restarts.push_back(now);
    return int(m_restarts.size()) <= m_intensity.restarts;
}

void Supervisor::Data::startAgainFrom(std::size_t first)
{
    for (std::size_t i = first; i < children.size(); ++i) {
        if (children[i].restart != Restart::Temporary)
            start(children[i]);
    }
}

void Supervisor::Data::start(Child &child)
{
    try {
        child.coro = child.start();
    } catch (...) {
        child.coro = spawn([](std::exception_ptr error) -> Task<> {
            std::rethrow_exception(error);
            co_return;
        }, std::current_exception());
    }
    child.coro.setName(child.name);
    child.coro.setDaemon();
    child.coro.monitor(Coro<>::self());
}

Task<> Supervisor::Data::stopFrom(std::size_t first)
{
    for (std::size_t i = children.size(); i-- > first;) {
        if (!children[i].coro)
            continue;
        children[i].coro.terminate();
        try {
            co_await children[i].coro;
        } catch (const Cancelled &) {
            throw; // it was not the child that was cancelled
        } catch (...) {
            // However it ended: it was stopped.
        }
        children[i].coro = {};
    }
}

} // namespace Asyncoro
