// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../messagetype.h"
#include "asyncorodistributed_export.h"

#include <QList>
#include <QString>
#include <QVariant>

namespace Asyncoro::Detail {

/** The type as which a T travels: a typed handle goes as one that knows nothing of the types. */
template<typename T>
struct Travelling {
    using Type = T;
};
template<typename T>
    requires requires { typename T::SentAs; }
struct Travelling<T> {
    using Type = typename T::SentAs;
};
template<typename T>
using TravellingAs = typename Travelling<T>::Type;

template<typename... T>
void registerTypes()
{
    [[maybe_unused]] static const bool once = (registerMessageType<TravellingAs<T>>(), ..., true);
}

/** "result(argument, argument)" */
[[nodiscard]] ASYNCORO_DISTRIBUTED_EXPORT QString makeSignature(QMetaType result, const QList<QMetaType> &arguments);

template<typename T, typename... A>
[[nodiscard]] QString signatureOf()
{
    return makeSignature(QMetaType::fromType<TravellingAs<T>>(), {QMetaType::fromType<TravellingAs<A>>()...});
}

template<typename A>
[[nodiscard]] QVariant toValue(A &&argument)
{
    using T = std::remove_cvref_t<A>;
    static_assert(!std::is_pointer_v<T>, "a value for another process cannot be a pointer; for a text, give a QString");
    if constexpr (std::is_same_v<T, TravellingAs<T>>)
        return QVariant::fromValue(std::forward<A>(argument));
    else
        return QVariant::fromValue(static_cast<const TravellingAs<T> &>(argument));
}

/** Throws a WireError that names `what` if `value` cannot be made one of that type. */
ASYNCORO_DISTRIBUTED_EXPORT void convert(QVariant &value, QMetaType type, const QString &what);

template<typename T>
[[nodiscard]] T valueAs(QVariant &value, const QString &what)
{
    if constexpr (std::is_same_v<T, QVariant>) {
        return std::move(value);
    } else if constexpr (!std::is_same_v<T, TravellingAs<T>>) {
        return T(valueAs<TravellingAs<T>>(value, what));
    } else {
        if (value.metaType() != QMetaType::fromType<T>())
            convert(value, QMetaType::fromType<T>(), what);
        return std::move(*static_cast<T *>(value.data()));
    }
}

} // namespace Asyncoro::Detail
