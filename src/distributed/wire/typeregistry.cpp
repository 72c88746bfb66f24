// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "typeregistry_p.h"

#include "geometry_p.h"
#include "handles_p.h"
#include "plainvalues_p.h"
#include "treevalues_p.h"

#include <QAssociativeIterable>
#include <QDateTime>
#include <QJsonObject>
#include <QLine>
#include <QMargins>
#include <QMetaProperty>
#include <QReadWriteLock>
#include <QRect>
#include <QSequentialIterable>
#include <QUrl>
#include <QUuid>

#include <mutex>

namespace Asyncoro::Detail {

namespace {

struct Registry {
    QReadWriteLock lock;
    QHash<int, std::shared_ptr<const MessageTypeCodec>> codecs;
};

Registry &registry()
{
    static Registry instance;
    return instance;
}

/** One that nobody can change. */
bool isOfQt(QMetaType type)
{
    return type.id() < QMetaType::User;
}

/** Whether values of that type have a format of their own, which others rely on. */
bool hasFormat(QMetaType type)
{
    switch (type.id()) {
    case QMetaType::Nullptr:
    case QMetaType::Bool:
    case QMetaType::Int:
    case QMetaType::Double:
    case QMetaType::QString:
    case QMetaType::QByteArray:
    case QMetaType::QVariantList:
    case QMetaType::QVariantMap:
    case QMetaType::QVariantHash:
        return true;
    default:
        return isPlain(type.id()) || isGeometry(type) || isTree(type) || isHandle(type)
            || type == QMetaType::fromType<ExitNotice>();
    }
}

template<typename... T>
void registerListsOf()
{
    (registerMessageType<QList<T>>(), ...);
}

/** With keys that are texts or int. */
template<typename... V>
void registerMapsTo()
{
    const auto registerType = [](QMetaType type) { type.id(); }; // as Qt knows those types, it needs no more
    (registerType(QMetaType::fromType<QMap<QString, V>>()), ...);
    (registerType(QMetaType::fromType<QMap<int, V>>()), ...);
    (registerType(QMetaType::fromType<QHash<QString, V>>()), ...);
    (registerType(QMetaType::fromType<QHash<int, V>>()), ...);
}

} // namespace

void addMessageType(QMetaType type, const MessageTypeCodec &codec)
{
    const QMetaObject *meta = type.metaObject();
    if (hasFormat(type)) {
        if (codec.toCbor)
            throw Error(QStringLiteral("a %1 travels by a format of its own").arg(typeName(type)));
        return; // a QCborValue is a Q_GADGET
    }
    if (isOfQt(type) && !codec.toCbor && meta && meta->propertyCount() == 0)
        return; // so is a QLocale, but one without properties, of which nothing would arrive
    if (meta) {
        for (int i = 0; i < meta->propertyCount(); ++i)
            meta->property(i).metaType().id(); // so that its name is known
    }
    const QWriteLocker lock(&registry().lock);
    registry().codecs.insert(type.id(), std::make_shared<const MessageTypeCodec>(codec));
}

std::shared_ptr<const MessageTypeCodec> codecOf(QMetaType type)
{
    const QReadLocker lock(&registry().lock);
    return registry().codecs.value(type.id());
}

QMetaType typeNamed(const QByteArray &name)
{
#define ASYNCORO_TYPE_ENTRY(Name, Id, Type) {QByteArrayLiteral(#Type), Id},
    static const QHash<QByteArray, int> guiTypes{
        QT_FOR_EACH_STATIC_GUI_CLASS(ASYNCORO_TYPE_ENTRY) QT_FOR_EACH_STATIC_WIDGETS_CLASS(ASYNCORO_TYPE_ENTRY)};
#undef ASYNCORO_TYPE_ENTRY
    if (const int id = guiTypes.value(QMetaObject::normalizedType(name.constData()))) { // under which Qt looks, too
        const QReadLocker lock(&registry().lock);
        if (!registry().codecs.contains(id))
            return {};
    }
    return QMetaType::fromName(name);
}

bool isSequence(QMetaType type)
{
    return QMetaType::canView(type, QMetaType::fromType<QSequentialIterable>());
}

bool isAssociation(QMetaType type)
{
    const QByteArrayView name(type.name());
    if (name.startsWith("QMulti") || name.startsWith("std::multi") || name.startsWith("std::unordered_multi"))
        return false; // of several values for a key, Qt would keep one
    return QMetaType::canView(type, QMetaType::fromType<QAssociativeIterable>());
}

QString whyUnsendable(QMetaType type)
{
    constexpr auto Pointers = QMetaType::IsPointer | QMetaType::PointerToQObject | QMetaType::PointerToGadget
        | QMetaType::SharedPointerToQObject | QMetaType::WeakPointerToQObject | QMetaType::TrackingPointerToQObject;
    const QString name = typeName(type);
    const QString refused = QStringLiteral("a %1 cannot be sent to another process: ").arg(name);
    if (type.flags() & Pointers || type.id() == QMetaType::VoidStar)
        return refused + QStringLiteral("what it points to is in this one only; send a value, or a handle");
    const QString byFunctions = QStringLiteral("call registerMessageType<%1>(toCbor, fromCbor) in both").arg(name);
    if (isOfQt(type))
        return refused + byFunctions;
    if (type.flags() & QMetaType::IsGadget)
        return refused + QStringLiteral("call registerMessageType<%1>() in both").arg(name);
    if (name.endsWith(u'>'))
        return refused
            + QStringLiteral("if it is a list, set, map or pair, call registerMessageType<%1>() in both, else ")
                  .arg(name)
            + byFunctions;
    return refused
        + QStringLiteral("make it a Q_GADGET or give it toCbor() and fromCbor(), and call registerMessageType<%1>() "
                         "in both; if it is not yours, ")
              .arg(name)
        + byFunctions;
}

void registerContainerTypes()
{
    static std::once_flag once;
    std::call_once(once, [] {
        registerListsOf<bool, int, uint, qint64, quint64, float, double, QByteArray, QVariantList, QVariantMap>();
        registerListsOf<QUrl, QUuid, QDate, QTime, QDateTime, QStringList, Coro<>, Channel, Rci<>>();
        registerListsOf<QPoint, QPointF, QSize, QSizeF, QRect, QRectF, QLine, QLineF, QMargins, QMarginsF>();
        registerListsOf<QVariantHash, QJsonObject>();
        registerMapsTo<bool, int, qint64, double, QString, QByteArray, QDateTime>();
        registerMapsTo<QStringList, QVariantList, QVariantMap>();
        registerMessageType<QMap<int, QVariant>>();
        registerMessageType<QHash<int, QVariant>>();
        registerMessageType<QSet<QString>>();
        registerMessageType<QSet<int>>();
    });
}

} // namespace Asyncoro::Detail
