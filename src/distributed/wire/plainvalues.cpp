// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "plainvalues_p.h"

#include "codec_p.h"

#include <QDateTime>
#include <QFloat16>
#include <QTimeZone>
#include <QUrl>
#include <QUuid>

namespace Asyncoro::Detail {

namespace {

bool isUnsigned(int type)
{
    return type == QMetaType::ULongLong || type == QMetaType::ULong;
}

/** A local time goes as the same moment in UTC: it means another one elsewhere. A time zone follows in brackets. */
QString textOf(const QDateTime &time)
{
    switch (time.timeSpec()) {
    case Qt::LocalTime:
        return time.toUTC().toString(Qt::ISODateWithMs);
    case Qt::TimeZone:
        return time.toUTC().toString(Qt::ISODateWithMs) + u'[' + QString::fromLatin1(time.timeZone().id()) + u']';
    default:
        return time.toString(Qt::ISODateWithMs);
    }
}

/** `text` of a QDate or QDateTime: which Qt leaves empty for years of more than four digits, too. */
QString dateText(const QVariant &value, const QString &text)
{
    const QDate date = value.toDate();
    if (date.isValid() && (text.isEmpty() || text.startsWith(u'[')))
        throw WireError(QStringLiteral("the year %1 cannot be sent to another process").arg(date.year()));
    return text;
}

QDateTime timeOf(const QString &text)
{
    const qsizetype bracket = text.indexOf(u'[');
    const QDateTime time = QDateTime::fromString(text.left(bracket), Qt::ISODateWithMs);
    if (text.isEmpty())
        return {};
    if (!time.isValid() || time.timeSpec() == Qt::LocalTime)
        malformed(QStringLiteral("no time: ") + text);
    if (bracket >= 0 && !text.endsWith(u']'))
        malformed(QStringLiteral("no time: ") + text);
    QDateTime there = time;
    if (bracket >= 0) {
        if (const QTimeZone zone(text.sliced(bracket + 1).chopped(1).toLatin1()); zone.isValid())
            there = time.toTimeZone(zone);
    }
    if (const QString again = textOf(there); again.isEmpty() || again.startsWith(u'[')) // as "9999-12-31T24:00:00Z"
        malformed(QStringLiteral("no time: ") + text);
    return there;
}

} // namespace

bool isPlain(int type)
{
    switch (type) {
    case QMetaType::UInt:
    case QMetaType::LongLong:
    case QMetaType::ULongLong:
    case QMetaType::Long:
    case QMetaType::ULong:
    case QMetaType::Short:
    case QMetaType::UShort:
    case QMetaType::SChar:
    case QMetaType::UChar:
    case QMetaType::Char:
    case QMetaType::QChar:
    case QMetaType::Float:
    case QMetaType::QUrl:
    case QMetaType::QUuid:
    case QMetaType::QDate:
    case QMetaType::QTime:
    case QMetaType::QDateTime:
        return true;
    default:
        return false;
    }
}

void encodePlain(QCborStreamWriter &writer, const QVariant &value)
{
    switch (value.typeId()) {
    case QMetaType::QUrl:
        writer.append(value.toUrl().toString(QUrl::FullyEncoded));
        break;
    case QMetaType::QUuid:
        writer.append(value.toUuid().toRfc4122());
        break;
    case QMetaType::QDate:
        writer.append(dateText(value, value.toDate().toString(Qt::ISODate)));
        break;
    case QMetaType::QTime:
        writer.append(value.toTime().toString(Qt::ISODateWithMs));
        break;
    case QMetaType::QDateTime:
        writer.append(dateText(value, textOf(value.toDateTime())));
        break;
    case QMetaType::Float:
        writer.append(value.toFloat());
        break;
    default:
        if (isUnsigned(value.typeId()))
            writer.append(value.toULongLong());
        else
            writer.append(value.toLongLong());
    }
}

bool isTextForEnumeration(QMetaType type, const QVariant &content)
{
    return type.flags() & QMetaType::IsEnumeration
        && (content.typeId() == QMetaType::QString || content.typeId() == QMetaType::QByteArray);
}

double floatingPoint(const QCborStreamReader &reader)
{
    if (reader.isDouble())
        return reader.toDouble();
    return reader.isFloat() ? double(reader.toFloat()) : double(reader.toFloat16());
}

bool hasNext(const QCborStreamReader &reader)
{
    if (reader.lastError() != QCborError::NoError)
        malformed(reader.lastError().toString());
    return reader.hasNext();
}

QVariant decodePlain(QMetaType type, const QVariant &content)
{
    if (isTextForEnumeration(type, content))
        malformed(QStringLiteral("a text for a %1").arg(typeName(type)));
    if (type.id() == QMetaType::QUuid && content.typeId() == QMetaType::QByteArray)
        return QUuid::fromRfc4122(content.toByteArray());
    if (type.id() == QMetaType::QUrl)
        return QUrl(content.toString(), QUrl::StrictMode);
    if (type.id() == QMetaType::QDateTime)
        return timeOf(content.toString());
    if (content.typeId() == QMetaType::QString && content.toString().isEmpty())
        return QVariant(type); // a QDate or QTime that is not valid
    QVariant value = content;
    if (!value.convert(type))
        malformed(QStringLiteral("no %1").arg(typeName(type)));
    return value;
}

} // namespace Asyncoro::Detail
