// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "error.h"

#include <QMutex>

#include <cxxabi.h>

namespace Asyncoro {

Error::Error(const QString &message)
    : m_message(message.toUtf8())
{
}

Error::~Error() = default;

QString Error::message() const
{
    return QString::fromUtf8(m_message);
}

// One exception object can be thrown in several threads: to all who wait for a coroutine.
static QBasicMutex attachedMutex;

QList<std::exception_ptr> Error::attached() const
{
    const QMutexLocker lock(&attachedMutex);
    return m_attached;
}

void Error::attach(const QList<std::exception_ptr> &others)
{
    const QMutexLocker lock(&attachedMutex);
    m_attached += others;
}

const char *Error::what() const noexcept
{
    return m_message.constData();
}

TimedOut::TimedOut(const QString &operation)
    : Error(operation + QStringLiteral(" timed out"))
{
}

TimedOut::~TimedOut() = default;
Destroyed::~Destroyed() = default;
CoroEnded::~CoroEnded() = default;
CoroTerminated::~CoroTerminated() = default;
NameTaken::~NameTaken() = default;

Cancelled::Cancelled() = default;
Cancelled::Cancelled(const Cancelled &) = default;
Cancelled &Cancelled::operator=(const Cancelled &) = default;
Cancelled::~Cancelled() = default;

QString errorText(const std::exception_ptr &error)
{
    if (!error)
        return QStringLiteral("no error");
    try {
        std::rethrow_exception(error);
    } catch (const Error &e) {
        return e.message();
    } catch (const std::exception &e) {
        return QString::fromUtf8(e.what());
    } catch (const Cancelled &) {
        return QStringLiteral("cancelled");
    } catch (...) {
        const std::type_info *type = abi::__cxa_current_exception_type();
        return type ? QStringLiteral("an exception of type ") + QString::fromLatin1(type->name())
                    : QStringLiteral("an exception of unknown type");
    }
}

} // namespace Asyncoro
