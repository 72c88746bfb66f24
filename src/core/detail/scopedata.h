// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "localcoro.h"

#include <QList>

namespace Asyncoro {

template<typename T>
class Task;

namespace Detail {

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

    /** With FirstEnds, once joined: the id of the child that was the first to end; 0 if all were cancelled before. */
    [[nodiscard]] quint64 firstEnded() const { return m_firstEnded; }
    [[nodiscard]] bool hasChildren() const { return !m_children.isEmpty(); }
    [[nodiscard]] ScopeData *outer() const { return m_outer; }
    [[nodiscard]] LocalCoro *coro() const { return m_cancelScope.coro(); }
    /** What the children inherit. */
    [[nodiscard]] Moment deadline() const { return coro()->scopeDeadline(); }

private:
    friend class JoinSuspension;
    friend Task<void> joinChildren(ScopeData &scope);
    void addFailure(const std::exception_ptr &error);
    void throwFailure();
    void cancel();

    CancelScope m_cancelScope{CancelScope::Open};
    IntrusiveList<LocalCoro::Membership> m_children;
    JoinSuspension *m_joining = nullptr; // not owning: it waits
    ScopeData *m_outer; // the next scope of the same coroutine
    QList<std::exception_ptr> m_failures; // the first one first
    std::exception_ptr m_interruption; // Cancelled, mostly
    quint64 m_firstEnded = 0;
    const Policy m_policy;
};

/**
 * Waits until no child is left; an interruption cancels them, and is waited out. Throws the first failure, with the
 * others attached; else what interrupted the wait.
 */
ASYNCORO_CORE_EXPORT Task<void> joinChildren(ScopeData &scope);

} // namespace Detail

} // namespace Asyncoro
