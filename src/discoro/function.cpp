// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "function.h"

#include <QHash>

namespace Asyncoro::Discoro::Detail {

namespace {

struct Functions {
    QHash<QString, Invoker> invokers;
    QHash<AnyFunction, QString> names;
};

Functions &functions()
{
    static Functions instance;
    return instance;
}

} // namespace

void addFunction(const char *name, AnyFunction function, Invoker invoker)
{
    const QString key = QString::fromLatin1(name);
    Q_ASSERT_X(!functions().invokers.contains(key), "DISCORO_FUNCTION", "two functions of the same name");
    functions().invokers.insert(key, std::move(invoker));
    functions().names.insert(function, key);
}

QString functionName(AnyFunction function)
{
    const QString name = functions().names.value(function);
    if (name.isEmpty())
        throw Error(QStringLiteral("a function that is to run on a cluster needs DISCORO_FUNCTION(its name) behind its definition"));
    return name;
}

const Invoker &invoker(const QString &name)
{
    const auto found = functions().invokers.constFind(name);
    if (found == functions().invokers.cend())
        throw Error(QStringLiteral("this program has no function named %1; it has: %2").arg(name, functionNames().join(u", ")));
    return *found;
}

QStringList functionNames()
{
    QStringList names = functions().invokers.keys();
    names.sort();
    return names;
}

} // namespace Asyncoro::Discoro::Detail
