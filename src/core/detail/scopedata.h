// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "localcoro.h"

#include <QList>

namespace Asyncoro::Detail {

class JoinSuspension;

/**
 * The children of a Scope, and what became of them. Lies in a frame of the coroutine that waits for them.
 */
class ASYNCORO_CORE_EXPORT ScopeData
{
public:
    enum Policy : quint8 {
        JoinAll, ///< goes on until all have ended
        FirstEnds, ///< the first child that ends cancels the others
    };

    explicit ScopeData(Policy policy = JoinAll);
    ~ScopeData();
    ScopeData(const ScopeData &) = delete;
    ScopeData &operator=(const ScopeData &) = delete;

    void add(LocalCoro *child);
    void childEnded(LocalCoro *child, const std::exception_ptr &error);
    /** In a catch block: something of the coroutine itself ended by the exception, which cancels all. */
    void failed() noexcept;
    void terminateChildren();
    void endChildrenNow();

    /** To be awaited first; it can be interrupted, then failed() is to be called. */
    [[nodiscard]] JoinSuspension join();
    /** To be awaited then; no child is left afterwards. */
    [[nodiscard]] JoinSuspension joinInAnyCase();
    /** Throws the first failure, with the others attached; else Cancelled if that ended the wait. */
    void throwFailure();

    /** With FirstEnds, once joined: the id of the child that was the first to end; 0 if all were cancelled before. */
    [[nodiscard]] quint64 firstEnded() const { return m_firstEnded; }
    [[nodiscard]] qsizetype childCount() const { return m_childCount; }
    [[nodiscard]] bool hasChildren() const { return !m_children.isEmpty(); }
    [[nodiscard]] ScopeData *outer() const { return m_outer; }
    [[nodiscard]] LocalCoro *coro() const { return m_cancelScope.coro(); }
    /** What the children inherit. */
    [[nodiscard]] Moment deadline() const { return coro()->scopeDeadline(); }

private:
    friend class JoinSuspension;
    void addFailure(const std::exception_ptr &error);
    void cancel();

    CancelScope m_cancelScope{CancelScope::Open};
    IntrusiveList<LocalCoro::Membership> m_children;
    JoinSuspension *m_joining = nullptr; // not owning: it waits
    ScopeData *m_outer; // the next scope of the same coroutine
    QList<std::exception_ptr> m_failures; // the first one first
    std::exception_ptr m_interruption; // Cancelled, mostly
    quint64 m_firstEnded = 0;
    qsizetype m_childCount = 0;
    const Policy m_policy;
};

class ASYNCORO_CORE_EXPORT JoinSuspension final : public Suspension
{
public:
    JoinSuspension(ScopeData &scope, bool inAnyCase);
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override { return true; }

private:
    friend class ScopeData;
    ScopeData &m_scope;
};

} // namespace Asyncoro::Detail
