// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "rci.h"

#include "networkcore_p.h"
#include "rci_p.h"
#include "wire/treevalues_p.h"

namespace Asyncoro {

WrongSignature::~WrongSignature() = default;

QString Rci<>::name() const
{
    return m_data ? m_data->name : QString();
}

QString Rci<>::signature() const
{
    return m_data ? m_data->signature : QString();
}

Location Rci<>::location() const
{
    return m_data ? m_data->location : Location();
}

void Rci<>::checkSignature(const QString &believed) const
{
    if (m_data && m_data->signature != believed)
        throw WrongSignature(QStringLiteral("the function %1 is %2, not %3").arg(m_data->name, m_data->signature, believed));
}

Task<QVariant> Rci<>::callFunction(Data data, QVariantList arguments)
{
    if (!data)
        throw Error(QStringLiteral("call() of a null Rci"));
    if (data->link)
        co_return co_await data->link->call(data->name, std::move(arguments), data->signature);
    co_return co_await data->core->invoke(data->name, Peer(), std::move(arguments), data->signature);
}

Task<Coro<>> Rci<>::startFunction(Data data, QVariantList arguments)
{
    if (!data)
        throw Error(QStringLiteral("start() of a null Rci"));
    if (data->link)
        co_return co_await data->link->start(data->name, std::move(arguments), data->signature);
    co_return data->core->start(data->name, Peer(), std::move(arguments), data->signature);
}

QDebug operator<<(QDebug debug, const Rci<> &rci)
{
    const QDebugStateSaver saver(debug);
    debug.noquote() << "function" << rci.name() << rci.signature();
    if (rci.location().isValid())
        debug << "at" << rci.location();
    return debug;
}

namespace Detail {

QString makeSignature(QMetaType result, const QList<QMetaType> &arguments)
{
    QStringList names;
    for (const QMetaType type : arguments)
        names.append(QString::fromLatin1(type.name()));
    return QStringLiteral("%1(%2)").arg(QString::fromLatin1(result.name()), names.join(u','));
}

void convert(QVariant &value, QMetaType type, const QString &what)
{
    const QString was = QString::fromLatin1(value.typeName());
    if (!mayBecome(value.metaType(), type) || !value.convert(type))
        throw WireError(QStringLiteral("%1 is a %2, not a %3").arg(what, was, QString::fromLatin1(type.name())));
}

} // namespace Detail
} // namespace Asyncoro
