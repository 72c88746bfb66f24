// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coroscheduler_p.h"
#include "detail/scopedata.h"
#include "error.h"
#include "scope.h"

#include <QLoggingCategory>
#include <QVarLengthArray>

Q_DECLARE_LOGGING_CATEGORY(lcCore)

namespace Asyncoro::Detail {

class JoinSuspension final : public Suspension
{
public:
    JoinSuspension(ScopeData &scope, bool inAnyCase)
        : Suspension(QDeadlineTimer(QDeadlineTimer::Forever))
        , m_scope(scope)
    {
        if (inAnyCase)
            setUninterruptible();
    }
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override
    {
        if (!m_scope.hasChildren())
            return false;
        m_scope.m_joining = this;
        return true;
    }
    void abandon() noexcept override { m_scope.m_joining = nullptr; }
    QString operation() const override { return QStringLiteral("the end of its children"); }
    bool isInternal() const override { return true; }

private:
    friend class ScopeData;
    ScopeData &m_scope;
};

ScopeData::ScopeData(Policy policy)
    : m_outer(std::exchange(coro()->m_scopes, this))
    , m_policy(policy)
{
}

ScopeData::~ScopeData()
{
    Q_ASSERT(m_children.isEmpty());
    ScopeData **place = &coro()->m_scopes;
    while (*place != this)
        place = &(*place)->m_outer;
    *place = m_outer;
}

void ScopeData::add(LocalCoro *child)
{
    child->m_parentScope = this;
    child->setEndObserved();
    m_children.append(&child->m_sibling);
    if (m_cancelScope.isCancelled() || m_cancelScope.isCancelledAround())
        child->cancel(coro()->m_forced);
}

void ScopeData::childEnded(LocalCoro *child, const std::exception_ptr &error)
{
    child->m_sibling.unlink();
    if (error)
        addFailure(error);
    if (m_policy == FirstEnds && !m_cancelScope.isCancelled()) {
        m_firstEnded = child->id();
        cancel();
    } else if (error && m_failures.size() == 1) {
        cancel();
    }
    if (m_children.isEmpty() && m_joining)
        std::exchange(m_joining, nullptr)->complete();
}

void ScopeData::failed() noexcept
{
    try {
        throw;
    } catch (const Cancelled &) {
        m_interruption = std::current_exception();
    } catch (...) {
        addFailure(std::current_exception());
    }
    cancel();
}

void ScopeData::addFailure(const std::exception_ptr &error)
{
    if (!m_failures.contains(error)) // the body may have awaited the child and not have caught what it threw
        m_failures.append(error);
}

void ScopeData::terminateChildren()
{
    for (auto *child = m_children.first(); child; child = m_children.after(child))
        child->coro->cancel(coro()->m_forced);
}

void ScopeData::cancel()
{
    m_cancelScope.cancel();
    terminateChildren();
}

void ScopeData::endChildrenNow()
{
    QVarLengthArray<CoroPointer, 16> children;
    for (auto *child = m_children.first(); child; child = m_children.after(child))
        children.append(CoroPointer(child->coro));
    for (const CoroPointer &child : std::as_const(children))
        static_cast<LocalCoro *>(child.data())->endNow();
}

// Throws nothing where FirstEnds has chosen whose outcome counts.
void ScopeData::throwFailure()
{
    if (coro()->mustEndNow()) { // there is nobody any more who could do something about it
        for (const std::exception_ptr &failure : std::as_const(m_failures))
            qCWarning(lcCore).noquote() << coro()->origin() << "had to end, and this failed:" << errorText(failure);
        throw Cancelled();
    }
    if (m_firstEnded != 0)
        return; // that one has the outcome
    if (!m_failures.isEmpty()) {
        const std::exception_ptr first = m_failures.takeFirst();
        if (!m_failures.isEmpty()) {
            try {
                std::rethrow_exception(first);
            } catch (Error &error) {
                error.attach(m_failures);
            } catch (...) {
                for (const std::exception_ptr &other : std::as_const(m_failures))
                    qCWarning(lcCore).noquote() << "besides" << errorText(first) << "this failed:" << errorText(other);
            }
        }
        std::rethrow_exception(first);
    }
    if (m_interruption)
        std::rethrow_exception(m_interruption);
}

Task<> joinChildren(ScopeData &scope)
{
    try {
        co_await JoinSuspension(scope, false);
    } catch (...) {
        scope.failed();
    }
    co_await JoinSuspension(scope, true);
    scope.throwFailure();
}

} // namespace Asyncoro::Detail

namespace Asyncoro {

Detail::ScopeData &Scope::checked() const
{
    if (!m_data.coro()->isOnOwnThread())
        throw Error(QStringLiteral("a Scope is for the thread of the coroutine that has made it"));
    return m_data;
}

} // namespace Asyncoro
