// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <exception>

namespace Asyncoro {

/**
 * Base of every failure that an operation of this module throws.
 *
 * Each cause has a type of its own below this one, so that a `catch` names what it can handle.
 */
class ASYNCORO_CORE_EXPORT Error : public std::exception
{
public:
    explicit Error(const QString &message);
    ~Error() override;

    /** What went wrong and with what, as a sentence for a person. */
    [[nodiscard]] QString message() const;

    /** The same text in UTF-8. */
    [[nodiscard]] const char *what() const noexcept override;

    /** Other failures of the same operation, in the order of time: see withScope() and whenAll(). */
    [[nodiscard]] QList<std::exception_ptr> attached() const;
    void attach(const QList<std::exception_ptr> &others);

private:
    QByteArray m_message;
    QList<std::exception_ptr> m_attached;
};

/** The deadline passed before the operation was complete. */
class ASYNCORO_CORE_EXPORT TimedOut : public Error
{
public:
    explicit TimedOut(const QString &operation);
    ~TimedOut() override;
};

/** What was waited for, such as a lock or the sender of a signal, was destroyed meanwhile. */
class ASYNCORO_CORE_EXPORT Destroyed : public Error
{
public:
    using Error::Error;
    ~Destroyed() override;
};

/** The coroutine that a message was for, or a value was expected of, has ended. */
class ASYNCORO_CORE_EXPORT CoroEnded : public Error
{
public:
    using Error::Error;
    ~CoroEnded() override;
};

/** The coroutine that was waited for ended because it was terminated: it has no value. */
class ASYNCORO_CORE_EXPORT CoroTerminated : public Error
{
public:
    using Error::Error;
    ~CoroTerminated() override;
};

/** The name is that of another live coroutine or channel of this process. */
class ASYNCORO_CORE_EXPORT NameTaken : public Error
{
public:
    using Error::Error;
    ~NameTaken() override;
};

/**
 * Thrown out of `co_await` when the coroutine that waits has been terminated.
 *
 * It is no std::exception on purpose: a `catch (const std::exception &)` that retries or logs must not
 * swallow a cancellation. Let it pass; destructors clean up. A coroutine that does catch it is thrown another
 * one at its next `co_await`, as long as what was cancelled is still around it; one that returns has finished.
 */
class ASYNCORO_CORE_EXPORT Cancelled
{
public:
    Cancelled();
    Cancelled(const Cancelled &);
    Cancelled &operator=(const Cancelled &);
    virtual ~Cancelled();
};

/** The text of `error` whatever its type: an Error's message, what() of another exception. Never empty. */
ASYNCORO_CORE_EXPORT QString errorText(const std::exception_ptr &error);

} // namespace Asyncoro
