// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "rci.h"

#include "networkcore_p.h"
#include "rci_p.h"
#include "wire/treevalues_p.h"

namespace Asyncoro {

namespace {

void checkCall(const char *operation, const std::shared_ptr<const Detail::RciData> &data)
{
    if (!data)
        throw Error(QStringLiteral("%1 of a null Rci").arg(QLatin1StringView(operation)));
    if (!data->core->isOnOwnThread())
        throw Error(QStringLiteral("%1 of an Rci works on the thread of the PeerNetwork only").arg(QLatin1StringView(operation)));
}

} // namespace

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

bool Rci<>::isSameAs(const Rci &other) const
{
    return m_data == other.m_data
        || (m_data && other.m_data && m_data->name == other.m_data->name && m_data->signature == other.m_data->signature
            && m_data->process() == other.m_data->process());
}

void Rci<>::checkSignature(const QString &believed) const
{
    if (m_data && m_data->signature != believed)
        throw WrongSignature(QStringLiteral("the function %1 is %2, not %3").arg(m_data->name, m_data->signature, believed));
}

Task<QVariant> Rci<>::callFunction(Data data, QVariantList arguments)
{
    checkCall("call()", data);
    if (data->link)
        co_return co_await data->link->call(data->name, std::move(arguments), data->signature);
    co_return co_await data->core->invoke(data->name, Peer(), std::move(arguments), data->signature);
}

Task<Coro<>> Rci<>::startFunction(Data data, QVariantList arguments)
{
    checkCall("start()", data);
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

QByteArray RciData::process() const
{
    return link ? link->incarnation() : QByteArray();
}

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
