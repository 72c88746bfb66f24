// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <QCborValue>
#include <QMetaSequence>
#include <QMetaType>
#include <QVariant>

#include <concepts>
#include <exception>
#include <typeinfo>

namespace Asyncoro {

namespace Detail {

/** How values of one type of the user's travel. Without functions: by the properties of its Q_GADGET. */
struct MessageTypeCodec {
    QCborValue (*toCbor)(const void *value) = nullptr;
    QVariant (*fromCbor)(const QCborValue &value) = nullptr;
};

ASYNCORO_DISTRIBUTED_EXPORT void addMessageType(QMetaType type, const MessageTypeCodec &codec);

ASYNCORO_DISTRIBUTED_EXPORT void addErrorType(const std::type_info &type, std::exception_ptr (*make)(const QString &message));

template<typename T>
concept HasCborFunctions = requires(const T &value, const QCborValue &cbor) {
    { value.toCbor() } -> std::convertible_to<QCborValue>;
    { T::fromCbor(cbor) } -> std::convertible_to<T>;
};

template<typename T>
concept IsGadget = requires { T::staticMetaObject; } && !std::is_base_of_v<QObject, T>;

template<typename T>
concept IsList = requires(const T &list) {
    typename T::value_type;
    list.begin();
    list.size();
} && !std::is_same_v<T, QString> && !std::is_same_v<T, QByteArray>;

/** Makes the elements of a list accessible: Qt does so itself only if their type was declared with Q_DECLARE_METATYPE. */
template<typename T>
void registerElements()
{
    using Elements = QIterable<QMetaSequence>;
    if (!QMetaType::hasRegisteredConverterFunction<T, Elements>())
        QMetaType::registerConverter<T, Elements>([](const T &list) { return Elements(QMetaSequence::fromContainer<T>(), &list); });
    if (!QMetaType::hasRegisteredMutableViewFunction<T, Elements>())
        QMetaType::registerMutableView<T, Elements>([](T &list) { return Elements(QMetaSequence::fromContainer<T>(), &list); });
}

} // namespace Detail

/**
 * Allows values of type T in messages between processes, here and in the other ones, which must call it too.
 *
 * T has either `QCborValue toCbor() const` and `static T fromCbor(const QCborValue &)`, which may throw, or is a Q_GADGET,
 * whose stored properties are sent. Enumerations travel as their numbers. The value types of Qt that docs/wire-format.md lists, and QLists
 * of them, need no call; nor do the arguments and the result of a function that is offered to peers or called there. Any thread.
 */
template<typename T>
void registerMessageType()
{
    if constexpr (std::is_void_v<T>) {
        // a function without a value
    } else if constexpr (Detail::HasCborFunctions<T>) {
        Detail::addMessageType(QMetaType::fromType<T>(),
                                    {[](const void *value) { return QCborValue(static_cast<const T *>(value)->toCbor()); },
                                     [](const QCborValue &value) { return QVariant::fromValue<T>(T::fromCbor(value)); }});
    } else if constexpr (Detail::IsGadget<T>) {
        Detail::addMessageType(QMetaType::fromType<T>(), {});
    } else {
        QMetaType::fromType<T>().id(); // so that its name is known
        if constexpr (Detail::IsList<T>) {
            Detail::registerElements<T>();
            registerMessageType<typename T::value_type>();
        }
    }
}

/**
 * Lets an exception of type E, which is made from a text, arrive as an E where a function of another process is called. Others
 * arrive as RemoteError. To be called by both. Any thread.
 */
template<typename E>
void registerErrorType()
{
    Detail::addErrorType(typeid(E), [](const QString &message) { return std::make_exception_ptr(E(message)); });
}

} // namespace Asyncoro
