// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/MessageType>
#include <Asyncoro/PeerError>
#include <Asyncoro/Task>

#include <QStringList>

#include <functional>

namespace Asyncoro::Discoro {

namespace Detail {

using AnyFunction = void (*)();
using Invoker = std::function<Task<QVariant>(QVariantList)>;

ASYNCORO_DISCORO_EXPORT void addFunction(const char *name, AnyFunction function, Invoker invoker);
/** The name under which `function` was declared; throws an Error that says how to declare it. */
ASYNCORO_DISCORO_EXPORT QString functionName(AnyFunction function);
/** Throws an Error if there is none of that name. */
ASYNCORO_DISCORO_EXPORT const Invoker &invoker(const QString &name);
ASYNCORO_DISCORO_EXPORT QStringList functionNames();

template<typename T>
T takeArgument(QVariant &value, qsizetype index)
{
    if constexpr (std::is_same_v<T, QVariant>) {
        return std::move(value);
    } else {
        const QString was = QString::fromLatin1(value.typeName());
        if (!value.convert(QMetaType::fromType<T>()))
            throw WireError(QStringLiteral("argument %1 is a %2, not a %3")
                                .arg(index + 1)
                                .arg(was, QString::fromLatin1(QMetaType::fromType<T>().name())));
        return std::move(*static_cast<T *>(value.data()));
    }
}

template<typename T, typename... P, std::size_t... Index>
Task<QVariant> invokeWith(Task<T> (*function)(P...), QVariantList arguments, std::index_sequence<Index...>)
{
    if (arguments.size() != qsizetype(sizeof...(P)))
        throw WireError(QStringLiteral("the function takes %1 arguments, not %2").arg(sizeof...(P)).arg(arguments.size()));
    if constexpr (std::is_void_v<T>) {
        co_await function(takeArgument<std::decay_t<P>>(arguments[Index], Index)...);
        co_return QVariant();
    } else {
        co_return QVariant::fromValue<T>(co_await function(takeArgument<std::decay_t<P>>(arguments[Index], Index)...));
    }
}

/** Makes a function known by its name while the program's static objects are made. */
class FunctionDeclaration
{
public:
    template<typename T, typename... P>
    FunctionDeclaration(const char *name, Task<T> (*function)(P...))
    {
        (registerMessageType<std::decay_t<P>>(), ...);
        registerMessageType<T>();
        addFunction(name, reinterpret_cast<AnyFunction>(function), [function](QVariantList arguments) {
            return invokeWith(function, std::move(arguments), std::index_sequence_for<P...>());
        });
    }
};

} // namespace Detail

/**
 * Declares that `function`, a coroutine function of this program, may run on the servers of a cluster. Stands behind its
 * definition, outside of functions:
 *
 *     Task<double> compute(double n) { co_return std::sqrt(n); }
 *     DISCORO_FUNCTION(compute)
 *
 * Arguments and value travel as messages do: see registerMessageType(). A function has one name: it cannot be overloaded.
 */
#define DISCORO_FUNCTION(function)                                                                                                 \
    static const ::Asyncoro::Discoro::Detail::FunctionDeclaration discoroDeclarationOf_##function(#function, &function);

} // namespace Asyncoro::Discoro
