// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/nameregistry.h"

#include <QMutexLocker>
#include <QVarLengthArray>

// The bodies of detail/nameregistry.h, for the files that instantiate them.
namespace Asyncoro::Detail {

template<typename Data>
auto NameRegistry<Data>::add(const QString &name, const Pointer &named) -> Added
{
    const void *const key = &*named;
    Pointer owner; // lives until the lock is released, in case that this is the last pointer to it
    Pointer before;
    QVarLengthArray<Waker, 4> woken;
    {
        const QMutexLocker lock(&m_mutex);
        owner = m_names.value(name);
        if (owner && owner != named) {
            if (isLive(owner))
                return Added::NameIsTaken;
            m_nameOf.remove(&*owner);
        }
        before = takeLocked(key);
        m_names.insert(name, named);
        m_nameOf.insert(key, name);
    }
    if (!watchEnd(named)) {
        remove(key);
        return Added::HasEnded;
    }
    {
        const QMutexLocker lock(&m_mutex);
        for (LocateSuspension<Data> *waiter = m_waiters.first(); waiter;) {
            LocateSuspension<Data> *const next = m_waiters.after(waiter);
            if (waiter->m_name == name) {
                waiter->unlink();
                waiter->m_found = named;
                woken.append(std::move(waiter->m_waker));
            }
            waiter = next;
        }
    }
    for (const Waker &waker : std::as_const(woken))
        waker.wake();
    return Added::Yes;
}

template<typename Data>
void NameRegistry<Data>::remove(const void *named)
{
    Pointer removed; // destroyed after the lock is released
    const QMutexLocker lock(&m_mutex);
    removed = takeLocked(named);
}

template<typename Data>
auto NameRegistry<Data>::takeLocked(const void *named) -> Pointer
{
    const QString name = m_nameOf.take(named);
    return name.isEmpty() ? Pointer() : m_names.take(name);
}

template<typename Data>
auto NameRegistry<Data>::find(const QString &name) -> Pointer
{
    const QMutexLocker lock(&m_mutex);
    return findLocked(name);
}

template<typename Data>
auto NameRegistry<Data>::findLocked(const QString &name) const -> Pointer
{
    const Pointer found = m_names.value(name);
    return found && isLive(found) ? found : Pointer();
}

template<typename Data>
bool LocateSuspension<Data>::start()
{
    auto &registry = NameRegistry<Data>::instance();
    const QMutexLocker lock(&registry.m_mutex);
    m_found = registry.findLocked(m_name);
    if (m_found)
        return false;
    m_waker = waker();
    registry.m_waiters.append(this);
    return true;
}

template<typename Data>
void LocateSuspension<Data>::abandon() noexcept
{
    const QMutexLocker lock(&NameRegistry<Data>::instance().m_mutex);
    if (isLinked()) // if not, it was found on another thread, which told us too late
        unlink();
}

template<typename Data>
QString LocateSuspension<Data>::operation() const
{
    return QStringLiteral("locate(\"%1\")").arg(m_name);
}

} // namespace Asyncoro::Detail
