// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "errortypes_p.h"

#include "messagetype.h"
#include "peererror.h"
#include "rci.h"

#include <Asyncoro/Channel>

#include <QHash>
#include <QReadWriteLock>

#include <cstdlib>
#include <cxxabi.h>

namespace Asyncoro::Detail {

namespace {

QString demangled(const std::type_info &type)
{
    int status = 0;
    char *name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    const QString result = QString::fromLatin1(name ? name : type.name());
    std::free(name);
    return result;
}

template<typename E>
std::exception_ptr make(const QString &message)
{
    return std::make_exception_ptr(E(message));
}

/** A TimedOut is made of the operation, and makes its text of that. */
std::exception_ptr makeTimedOut(const QString &message)
{
    static const QString end = TimedOut(QString()).message();
    return make<TimedOut>(message.endsWith(end) ? message.chopped(end.size()) : message);
}

/** The errors that are made again where they arrive. */
struct ErrorTypes {
    QReadWriteLock lock;
    QHash<QString, std::exception_ptr (*)(const QString &)> makers{
        {demangled(typeid(CoroEnded)), make<CoroEnded>},
        {demangled(typeid(CoroTerminated)), make<CoroTerminated>},
        {demangled(typeid(WireError)), make<WireError>},
        {demangled(typeid(WrongSignature)), make<WrongSignature>},
        {demangled(typeid(ChannelClosed)), make<ChannelClosed>},
        {demangled(typeid(Destroyed)), make<Destroyed>},
        {demangled(typeid(NameTaken)), make<NameTaken>},
        {demangled(typeid(TimedOut)), makeTimedOut},
    };
};

ErrorTypes &errorTypes()
{
    static ErrorTypes instance;
    return instance;
}

} // namespace

void addErrorType(const std::type_info &type, std::exception_ptr (*make)(const QString &message))
{
    const QWriteLocker lock(&errorTypes().lock);
    errorTypes().makers.insert(demangled(type), make);
}

std::exception_ptr makeError(const QString &type, const QString &message)
{
    const QReadLocker lock(&errorTypes().lock);
    const auto make = errorTypes().makers.value(type);
    return make ? make(message) : std::make_exception_ptr(RemoteError(type, message));
}

QString errorType(const std::exception_ptr &error)
{
    try {
        std::rethrow_exception(error);
    } catch (const RemoteError &e) {
        return e.type(); // passed on from yet another process
    } catch (const Cancelled &) {
        return demangled(typeid(CoroTerminated));
    } catch (...) {
        const std::type_info *type = abi::__cxa_current_exception_type();
        return type ? demangled(*type) : QStringLiteral("unknown");
    }
}

} // namespace Asyncoro::Detail
