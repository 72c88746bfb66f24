// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <QCborValue>
#include <QMetaAssociation>
#include <QMetaSequence>
#include <QMetaType>
#include <QVariant>

#include <concepts>
#include <exception>
#include <functional>
#include <typeinfo>
#include <utility>

namespace Asyncoro {

namespace Detail {

/** How values of one type travel. Without functions: by the properties of its Q_GADGET. */
struct MessageTypeCodec {
    std::function<QCborValue(const void *value)> toCbor = {};
    std::function<QVariant(const QCborValue &value)> fromCbor = {};
    // Or as a list of values, each of the type that belongs there
    QList<QMetaType> parts = {};
    QVariantList (*split)(const void *value) = nullptr;
    QVariant (*join)(const QVariantList &parts) = nullptr;
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

/** Whether T is one of the others. */
template<typename T, typename... Others>
concept IsOneOf = (std::is_same_v<T, Others> || ...);

template<typename T>
concept IsList = requires(const T &list) {
    typename T::value_type;
    list.begin();
    list.size();
} && !IsOneOf<T, QString, QByteArray, QCborArray, QCborMap, QJsonArray, QJsonObject>; // which are no containers here

/** With one value for a key: of a QMultiHash, which has more, all but one would be lost on the way. */
template<typename T>
concept IsMap = requires(T &map, const typename T::key_type &key) {
    { map[key] } -> std::same_as<typename T::mapped_type &>;
    map.begin();
    map.size();
} && !requires(const T &map) { map.uniqueKeys(); };

template<typename T>
inline constexpr bool isPair = false;
template<typename A, typename B>
inline constexpr bool isPair<std::pair<A, B>> = true;

/**
 * Makes what is in a container accessible, by QMetaSequence or QMetaAssociation: Qt does so itself only if its types
 * were declared with Q_DECLARE_METATYPE.
 */
template<typename T, typename Access>
void registerElements()
{
    using Elements = QIterable<Access>;
    if (!QMetaType::hasRegisteredConverterFunction<T, Elements>())
        QMetaType::registerConverter<T, Elements>(
            [](const T &all) { return Elements(Access::template fromContainer<T>(), &all); });
    if (!QMetaType::hasRegisteredMutableViewFunction<T, Elements>())
        QMetaType::registerMutableView<T, Elements>(
            [](T &all) { return Elements(Access::template fromContainer<T>(), &all); });
}

template<typename T>
void addPair()
{
    using First = typename T::first_type;
    using Second = typename T::second_type;
    addMessageType(QMetaType::fromType<T>(),
                   {.parts = {QMetaType::fromType<First>(), QMetaType::fromType<Second>()},
                    .split =
                        [](const void *value) {
                            const auto &pair = *static_cast<const T *>(value);
                            return QVariantList{QVariant::fromValue(pair.first), QVariant::fromValue(pair.second)};
                        },
                    .join =
                        [](const QVariantList &parts) {
                            return QVariant::fromValue(T(parts.at(0).value<First>(), parts.at(1).value<Second>()));
                        }});
}

} // namespace Detail

/**
 * Allows values of type T in messages between processes, here and in the other ones, which must call it too, with the
 * same functions. For types of other libraries: they travel as the CBOR that `toCbor(const T &)` makes of them, and
 * `fromCbor(const QCborValue &)` makes a T of that again:
 *
 *     registerMessageType<QVersionNumber>(
 *         [](const QVersionNumber &version) { return version.toString(); },
 *         [](const QCborValue &text) { return QVersionNumber::fromString(text.toString()); });
 *
 * Both are kept until the program ends, or others are registered for T. They are called on the thread of each
 * PeerNetwork that sends or receives a T, at the same time if there are several. What toCbor throws reaches who sends;
 * what fromCbor throws becomes a WireError that names T, and only this value is lost. fromCbor is given whatever a peer
 * has sent, and should check it. The CBOR may have as many parts, and nest as deep, as values may.
 *
 * Throws an Error if docs/wire-format.md has a format for T itself; containers and enumerations may be given another
 * one. Any thread.
 */
template<typename T, typename ToCbor, typename FromCbor>
    requires std::is_invocable_r_v<QCborValue, const ToCbor &, const T &>
    && std::is_invocable_r_v<T, const FromCbor &, const QCborValue &>
void registerMessageType(ToCbor toCbor, FromCbor fromCbor)
{
    Detail::addMessageType(
        QMetaType::fromType<T>(),
        {.toCbor = [toCbor = std::move(toCbor)](const void *value) -> QCborValue {
             return std::invoke(toCbor, *static_cast<const T *>(value));
         },
         .fromCbor = [fromCbor = std::move(fromCbor)](const QCborValue &value) {
             return QVariant::fromValue<T>(std::invoke(fromCbor, value));
         }});
}

/**
 * Allows values of type T in messages between processes, here and in the other ones, which must call it too.
 *
 * T has either `QCborValue toCbor() const` and `static T fromCbor(const QCborValue &)`, called as the functions above,
 * or is a Q_GADGET, whose stored properties are sent, or is a list, set, map or pair, whose types are registered as
 * well. Enumerations travel as their numbers. The types of Qt that docs/wire-format.md lists need no call; nor do the
 * arguments and the result of a function that is offered to peers or called there. Any thread.
 */
template<typename T>
void registerMessageType()
{
    if constexpr (std::is_void_v<T>) {
        // a function without a value
    } else if constexpr (Detail::HasCborFunctions<T>) {
        registerMessageType<T>([](const T &value) -> QCborValue { return value.toCbor(); },
                               [](const QCborValue &value) -> T { return T::fromCbor(value); });
    } else if constexpr (Detail::IsGadget<T>) {
        Detail::addMessageType(QMetaType::fromType<T>(), {});
    } else if constexpr (Detail::isPair<T>) {
        registerMessageType<typename T::first_type>();
        registerMessageType<typename T::second_type>();
        Detail::addPair<T>();
    } else {
        QMetaType::fromType<T>().id(); // so that its name is known
        if constexpr (Detail::IsMap<T>) {
            Detail::registerElements<T, QMetaAssociation>();
            registerMessageType<typename T::key_type>();
            registerMessageType<typename T::mapped_type>();
        } else if constexpr (Detail::IsList<T>) {
            Detail::registerElements<T, QMetaSequence>();
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
