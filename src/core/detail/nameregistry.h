// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"
#include "intrusivelist.h"
#include "suspension.h"

#include <QBasicMutex>
#include <QHash>
#include <QString>

#include <memory>

namespace Asyncoro::Detail {

/** How a handle points to its data. */
template<typename Data>
struct DataPointer {
    using Type = std::shared_ptr<Data>;
};
template<>
struct DataPointer<CoroData> {
    using Type = CoroPointer;
};

template<typename Data>
class ASYNCORO_CORE_EXPORT LocateSuspension; // Clang exports it only if it is told here, too

/**
 * The names under which programs find what lives in this process: one registry for coroutines, one for channels. (The
 * name that a coroutine has for people, setName(), is another thing: it need not be unique, and nothing is found by
 * it.)
 *
 * A name belongs to one live thing, and a thing has one name at most. May be used from any thread.
 */
template<typename Data>
class ASYNCORO_CORE_EXPORT NameRegistry
{
public:
    using Pointer = typename DataPointer<Data>::Type;

    /** The one of the process. It is never destroyed: threads that outlive main() may still ask. */
    [[nodiscard]] static NameRegistry &instance();

    NameRegistry(const NameRegistry &) = delete;
    NameRegistry &operator=(const NameRegistry &) = delete;

    /** Enters `named`, in place of a dead owner of the name and of a name that it had before; wakes who waits. */
    enum class Added : quint8 { Yes, NameIsTaken, HasEnded };
    [[nodiscard]] Added add(const QString &name, const Pointer &named);

    /** Takes out whatever name it has. */
    void remove(const void *named);

    /** Null if no live one has the name. */
    [[nodiscard]] Pointer find(const QString &name);

protected:
    NameRegistry() = default;
    virtual ~NameRegistry() = default;

    [[nodiscard]] virtual bool isLive(const Pointer &named) const = 0;
    /** Sees to it that remove() is called when `named` ends; false if it has ended already. Called without the lock. */
    virtual bool watchEnd(const Pointer &named) = 0;

private:
    friend class LocateSuspension<Data>;

    [[nodiscard]] Pointer findLocked(const QString &name) const;
    Pointer takeLocked(const void *named);

    QBasicMutex m_mutex; // guards all that follows
    QHash<QString, Pointer> m_names; // owning: a channel that is registered lives
    QHash<const void *, QString> m_nameOf;
    IntrusiveList<LocateSuspension<Data>> m_waiters;
};

/** A wait for a name. */
template<typename Data>
class ASYNCORO_CORE_EXPORT LocateSuspension : public Suspension, public ListLink
{
public:
    using Pointer = typename DataPointer<Data>::Type;

    LocateSuspension(const QString &name, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_name(name)
    {
    }

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override { return true; }

    [[nodiscard]] Pointer takeFound()
    {
        throwUnlessComplete();
        return std::move(m_found);
    }

private:
    friend class NameRegistry<Data>;
    const QString m_name;
    Pointer m_found; // guarded by the registry's mutex until complete
    Waker m_waker;
};

template<typename Handle, typename Data>
class LocateAwaiter final : public LocateSuspension<Data>
{
public:
    using LocateSuspension<Data>::LocateSuspension;
    Handle await_resume() { return Handle(this->takeFound()); }
};

} // namespace Asyncoro::Detail
