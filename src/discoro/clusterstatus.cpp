// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "clusterstatus.h"

#include <Asyncoro/Error>

#include <QCborArray>
#include <QCborMap>
#include <QJsonObject>
#include <QMetaProperty>

#include <limits>

// Each property of a status is an entry of its map; the lists of parts are written and read by hand. In CBOR and JSON
// alike, an enum is the name of its value, a Location its text (empty if invalid), and an unset moment is null.

namespace Asyncoro::Discoro {

using namespace Qt::StringLiterals;

namespace {

constexpr auto Jobs = "jobs"_L1;
constexpr auto Servers = "servers"_L1;
constexpr auto Nodes = "nodes"_L1;
constexpr auto Computations = "computations"_L1;

// --- Writing ---------------------------------------------------------------------------------------------------------

QCborValue write(const QMetaProperty &property, const QVariant &value)
{
    if (property.isEnumType())
        return QCborValue(QLatin1StringView(property.enumerator().valueToKey(value.toInt())));
    if (property.metaType() == QMetaType::fromType<Location>())
        return value.value<Location>().toString();
    switch (property.typeId()) {
    case QMetaType::Int:
    case QMetaType::LongLong:
    case QMetaType::ULongLong:
        return value.toLongLong();
    case QMetaType::Double:
        return value.toDouble();
    case QMetaType::QString:
        return value.toString();
    case QMetaType::QDateTime: {
        const QDateTime moment = value.toDateTime();
        return moment.isValid() ? QCborValue(moment.toUTC()) : QCborValue(QCborSimpleType::Null);
    }
    }
    Q_UNREACHABLE_RETURN({});
}

template<typename Part>
QCborMap writeProperties(const Part &part)
{
    const QMetaObject &type = Part::staticMetaObject;
    QCborMap map;
    for (int i = 0; i < type.propertyCount(); ++i) {
        const QMetaProperty property = type.property(i);
        map.insert(QLatin1StringView(property.name()), write(property, property.readOnGadget(&part)));
    }
    return map;
}

template<typename Part>
QCborArray writeList(const QList<Part> &parts);

QCborMap write(const JobStatus &job)
{
    return writeProperties(job);
}

QCborMap write(const ServerStatus &server)
{
    QCborMap map = writeProperties(server);
    map.insert(Jobs, writeList(server.jobs));
    return map;
}

QCborMap write(const NodeStatus &node)
{
    QCborMap map = writeProperties(node);
    map.insert(Servers, writeList(node.servers));
    return map;
}

QCborMap write(const ComputationStatus &computation)
{
    return writeProperties(computation);
}

template<typename Part>
QCborArray writeList(const QList<Part> &parts)
{
    QCborArray array;
    for (const Part &part : parts)
        array.append(write(part));
    return array;
}

// --- Reading ---------------------------------------------------------------------------------------------------------

/** What is wrong with the value at `place`, such as "nodes[0].servers[1].pid". */
Error faulty(const QString &place, const QString &fault)
{
    return Error(u"cluster status: %1 %2"_s.arg(place, fault));
}

QString placeIn(const QString &parent, QLatin1StringView name)
{
    return parent.isEmpty() ? QString(name) : parent + u'.' + name;
}

QCborValue find(const QCborMap &map, QLatin1StringView name, const QString &parent)
{
    const auto entry = map.constFind(name);
    if (entry == map.constEnd())
        throw faulty(placeIn(parent, name), u"is missing"_s);
    return entry.value();
}

bool isInRange(qint64 number, int type)
{
    switch (type) {
    case QMetaType::Int:
        return number >= std::numeric_limits<int>::min() && number <= std::numeric_limits<int>::max();
    case QMetaType::ULongLong:
        return number >= 0;
    default:
        return true;
    }
}

/** The value that `property` is to have; `place` says where it was found. */
QVariant read(const QMetaProperty &property, const QCborValue &value, const QString &place)
{
    const auto expect = [&place](bool isAsExpected, QLatin1StringView what) {
        if (!isAsExpected)
            throw faulty(place, u"is not "_s + what);
    };

    if (property.isEnumType()) {
        expect(value.isString(), "a text"_L1);
        bool known = false;
        const int number = property.enumerator().keyToValue(value.toString().toUtf8().constData(), &known);
        if (!known)
            throw faulty(place, u"is \"%1\", which is not known here"_s.arg(value.toString()));
        return number;
    }
    if (property.metaType() == QMetaType::fromType<Location>()) {
        expect(value.isString(), "a text"_L1);
        const Location location = Location::fromString(value.toString());
        expect(location.isValid() || value.toString().isEmpty(), "an address and port"_L1);
        return QVariant::fromValue(location);
    }
    switch (property.typeId()) {
    case QMetaType::Int:
    case QMetaType::LongLong:
    case QMetaType::ULongLong:
        expect(value.isInteger(), "a whole number"_L1);
        if (!isInRange(value.toInteger(), property.typeId()))
            throw faulty(place, u"is out of range"_s);
        return value.toInteger();
    case QMetaType::Double:
        expect(value.isDouble() || value.isInteger(), "a number"_L1);
        return value.toDouble();
    case QMetaType::QString:
        expect(value.isString(), "a text"_L1);
        return value.toString();
    case QMetaType::QDateTime:
        expect(value.isNull() || (value.isDateTime() && value.toDateTime().isValid()), "a moment"_L1);
        return value.isNull() ? QDateTime() : value.toDateTime().toUTC();
    }
    Q_UNREACHABLE_RETURN({});
}

template<typename Part>
void readProperties(Part &part, const QCborMap &map, const QString &place)
{
    const QMetaObject &type = Part::staticMetaObject;
    for (int i = 0; i < type.propertyCount(); ++i) {
        const QMetaProperty property = type.property(i);
        const QLatin1StringView name(property.name());
        property.writeOnGadget(&part, read(property, find(map, name, place), placeIn(place, name)));
    }
}

template<typename Part>
void readList(QList<Part> &parts, QLatin1StringView name, const QCborMap &map, const QString &parent);

void read(JobStatus &job, const QCborMap &map, const QString &place)
{
    readProperties(job, map, place);
}

void read(ServerStatus &server, const QCborMap &map, const QString &place)
{
    readProperties(server, map, place);
    readList(server.jobs, Jobs, map, place);
}

void read(NodeStatus &node, const QCborMap &map, const QString &place)
{
    readProperties(node, map, place);
    readList(node.servers, Servers, map, place);
}

void read(ComputationStatus &computation, const QCborMap &map, const QString &place)
{
    readProperties(computation, map, place);
}

template<typename Part>
void readList(QList<Part> &parts, QLatin1StringView name, const QCborMap &map, const QString &parent)
{
    const QCborValue value = find(map, name, parent);
    if (!value.isArray())
        throw faulty(placeIn(parent, name), u"is not a list"_s);
    const QCborArray array = value.toArray();
    parts.reserve(array.size());
    for (qsizetype i = 0; i < array.size(); ++i) {
        const QString place = placeIn(parent, name) + u'[' + QString::number(i) + u']';
        const QCborValue part = array.at(i);
        if (!part.isMap())
            throw faulty(place, u"is not a map"_s);
        read(parts.emplace_back(), part.toMap(), place);
    }
}

} // namespace

QCborMap ClusterStatus::toCbor() const
{
    QCborMap map = writeProperties(*this);
    map.insert(Nodes, writeList(nodes));
    map.insert(Computations, writeList(computations));
    return map;
}

ClusterStatus ClusterStatus::fromCbor(const QCborMap &map)
{
    ClusterStatus status;
    readProperties(status, map, {});
    readList(status.nodes, Nodes, map, {});
    readList(status.computations, Computations, map, {});
    return status;
}

QJsonObject ClusterStatus::toJson() const
{
    return toCbor().toJsonObject();
}

} // namespace Asyncoro::Discoro
