// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coro.h"

#include "nameregistry_p.h"

namespace Asyncoro {

namespace Detail {
namespace {

class CoroNames final : public NameRegistry<CoroData>, public EndObserver
{
public:
    static const std::shared_ptr<CoroNames> &instance()
    {
        static const auto *const names = new std::shared_ptr<CoroNames>(std::make_shared<CoroNames>());
        return *names;
    }

    void coroEnded(CoroData &coro) noexcept override { remove(&coro); }

protected:
    bool isLive(const CoroPointer &named) const override { return named->state() == CoroState::Running; }
    bool watchEnd(const CoroPointer &named) override { return named->addEndObserver(instance()); }
};

} // namespace

template<>
NameRegistry<CoroData> &NameRegistry<CoroData>::instance()
{
    return *CoroNames::instance();
}

template class NameRegistry<CoroData>;
template class LocateSuspension<CoroData>;

} // namespace Detail

Coro<> Coro<>::self()
{
    const Detail::LocalCoro *const current = Detail::LocalCoro::current();
    return Coro<>(Detail::CoroPointer(current ? current->identity() : nullptr));
}

QString Coro<>::name() const
{
    return m_data ? m_data->name() : QStringLiteral("no coroutine");
}

void Coro<>::setName(const QString &name) const
{
    if (m_data)
        m_data->setName(name);
}

void Coro<>::registerName(const QString &name) const
{
    if (!m_data)
        return;
    if (name.isEmpty())
        throw Error(QStringLiteral("registerName(): the name for %1 is empty").arg(m_data->name()));
    if (!m_data->isLocal())
        throw Error(QStringLiteral("registerName(\"%1\"): %2 is not of this process").arg(name, m_data->name()));
    using Names = Detail::NameRegistry<Detail::CoroData>;
    switch (Names::instance().add(name, m_data)) {
    case Names::Added::Yes:
        break;
    case Names::Added::NameIsTaken:
        throw NameTaken(QStringLiteral("registerName(): another coroutine is registered as \"%1\"").arg(name));
    case Names::Added::HasEnded:
        throw CoroEnded(QStringLiteral("registerName(\"%1\"): %2 has ended").arg(name, m_data->name()));
    }
}

void Coro<>::unregisterName() const
{
    if (m_data)
        Detail::NameRegistry<Detail::CoroData>::instance().remove(m_data.data());
}

Coro<> Coro<>::find(const QString &name)
{
    return Coro<>(Detail::NameRegistry<Detail::CoroData>::instance().find(name));
}

void Coro<>::setDaemon(bool daemon) const
{
    if (m_data)
        m_data->setDaemon(daemon);
}

bool Coro<>::sendMessage(Message &&message) const
{
    return m_data && m_data->send(std::move(message));
}

bool Coro<>::resumeWith(Message &&value) const
{
    return m_data && m_data->resumeWith(std::move(value));
}

bool Coro<>::throwException(const std::exception_ptr &exception) const
{
    return m_data && m_data->throwInto(exception);
}

void Coro<>::setMailboxLimit(quint32 limit) const
{
    if (m_data)
        m_data->setMailboxLimit(limit);
}

void Coro<>::setHotSwappable(bool swappable) const
{
    Detail::LocalCoro *const current = Detail::LocalCoro::current();
    if (!current || current->identity() != m_data.data())
        throw Error(QStringLiteral("setHotSwappable(): a coroutine can only say that of itself"));
    current->identity()->setHotSwappable(swappable);
}

void Coro<>::link(const Coro &other) const
{
    if (!m_data || !other.m_data || *this == other)
        return;
    m_data->linkTo(other.m_data);
    other.m_data->linkTo(m_data);
}

void Coro<>::unlink(const Coro &other) const
{
    if (!m_data || !other.m_data)
        return;
    m_data->unlinkFrom(other.m_data);
    other.m_data->unlinkFrom(m_data);
}

Task<> Coro<>::deliverTo(Detail::CoroPointer target, Message message, QDeadlineTimer deadline)
{
    if (!target)
        throw CoroEnded(QStringLiteral("deliver() to a null Coro"));
    co_await target->deliver(std::move(message), deadline);
}

void Coro<>::terminate() const
{
    if (m_data)
        m_data->terminate();
}

void Coro<>::monitor(const Coro &observer) const
{
    if (m_data && observer.m_data)
        observer.m_data->observe(m_data);
}

QDebug operator<<(QDebug debug, const Coro<> &coro)
{
    const QDebugStateSaver saver(debug);
    debug.noquote() << coro.name();
    if (coro.location().isValid())
        debug << "at" << coro.location();
    return debug;
}

ExitNotice::ExitNotice(const Coro<> &coro)
    : m_coro(coro)
    , m_state(coro.state())
{
    const Detail::CoroData &data = *coro.data();
    switch (m_state) {
    case CoroState::Finished:
        m_value = data.result();
        break;
    case CoroState::Terminated:
        m_error = QStringLiteral("terminated");
        break;
    default:
        m_error = errorText(data.error());
    }
}

ExitNotice::ExitNotice(const Coro<> &coro, CoroState state, const QVariant &value, const QString &error)
    : m_coro(coro)
    , m_state(state)
    , m_value(value)
    , m_error(error)
{
}

LinkedCoroEnded::LinkedCoroEnded(const ExitNotice &notice)
    : CoroEnded(QStringLiteral("the linked %1 has ended: %2").arg(notice.coro().name(), notice.error()))
    , m_notice(notice)
{
}

LinkedCoroEnded::~LinkedCoroEnded() = default;

namespace Detail {

FinishSuspension::FinishSuspension(CoroPointer target, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_target(std::move(target))
{
}

FinishSuspension::~FinishSuspension() = default;

bool FinishSuspension::start()
{
    m_waiter.waker = waker();
    return m_target && m_target->addEndWaiter(&m_waiter);
}

void FinishSuspension::abandon() noexcept
{
    m_target->removeEndWaiter(&m_waiter);
}

QString FinishSuspension::operation() const
{
    return QStringLiteral("waiting for %1").arg(m_target->name());
}

bool FinishSuspension::isInternal() const
{
    return m_target->isLocal();
}

void FinishSuspension::throwUnlessFinished() const
{
    if (!m_target)
        throw CoroEnded(QStringLiteral("finish() of a null Coro"));
    throwUnlessComplete();
    m_target->setEndObserved();
    switch (m_target->state()) {
    case CoroState::Running:
    case CoroState::Finished:
        return;
    case CoroState::Terminated:
        throw CoroTerminated(QStringLiteral("%1 was terminated").arg(m_target->name()));
    case CoroState::Failed:
    case CoroState::Lost:
        std::rethrow_exception(m_target->error());
    }
}

void throwWrongMessage(const Message &value, QMetaType type)
{
    const char *const actual = value.isValid() ? value.typeName() : "nothing";
    throw Error(QStringLiteral("resume() gave %1, not %2")
                    .arg(QLatin1StringView(actual), QLatin1StringView(type.name())));
}

void throwWrongResult(const CoroData &target, QMetaType type)
{
    throw Error(QStringLiteral("%1 returned %2, not %3")
                    .arg(target.name(), QLatin1StringView(target.result().typeName()), QLatin1StringView(type.name())));
}

} // namespace Detail
} // namespace Asyncoro
