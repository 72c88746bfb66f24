// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "historymodel.h"

#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>

namespace Asyncoro::Qml {

HistoryModel::HistoryModel(QObject *parent)
    : QAbstractListModel(parent)
{
}

void HistoryModel::append(const Sample &sample)
{
    fillGap(sample.time);
    prepend(sample);
    Q_EMIT changed();
}

void HistoryModel::clear()
{
    if (m_samples.isEmpty())
        return;
    beginRemoveRows({}, 0, count() - 1);
    m_samples.clear();
    endRemoveRows();
    Q_EMIT changed();
}

/** Samples of zero up to `time`, where the last one is long ago. */
void HistoryModel::fillGap(const QDateTime &time)
{
    if (m_samples.isEmpty())
        return;
    const QDateTime last = m_samples.constFirst().time;
    const qint64 missing = std::min<qint64>(last.msecsTo(time) / Interval.count() - 1, MaxSamples);
    constexpr int Tolerated = 3; // a timer that is late
    if (missing <= Tolerated)
        return;
    for (qint64 left = missing; left > 0; --left)
        prepend({.time = time.addMSecs(-left * Interval.count()), .known = false});
}

void HistoryModel::prepend(const Sample &sample)
{
    if (count() == MaxSamples) {
        beginRemoveRows({}, MaxSamples - 1, MaxSamples - 1);
        m_samples.removeLast();
        endRemoveRows();
    }
    beginInsertRows({}, 0, 0);
    m_samples.prepend(sample);
    endInsertRows();
}

int HistoryModel::window() const
{
    constexpr std::array Steps{20, 60, 120, 240, MaxSamples};
    return *std::ranges::find_if(Steps, [this](int step) { return count() <= step; });
}

QString HistoryModel::windowText() const
{
    const int seconds = int(window() * interval());
    return seconds < 60 ? tr("%1 s").arg(seconds) : tr("%1 min").arg(seconds / 60);
}

int HistoryModel::role(const QString &name) const
{
    return roleNames().key(name.toUtf8(), -1);
}

double HistoryModel::latest(const QString &roleName) const
{
    return m_samples.isEmpty() ? 0 : data(index(0), role(roleName)).toDouble();
}

double HistoryModel::maximum(const QString &roleName) const
{
    const int wanted = role(roleName);
    double maximum = 0;
    for (int row = 0; row < count(); ++row)
        maximum = std::max(maximum, data(index(row), wanted).toDouble());
    return maximum;
}

QString HistoryModel::text(const QString &roleName, double value) const
{
    if (role(roleName) == CpuRole)
        return tr("%1 %").arg(std::lround(value * 100));
    const bool needsDecimal = value < 10 && value != std::floor(value);
    return QLocale().toString(value, 'f', needsDecimal ? 1 : 0);
}

int HistoryModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant HistoryModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const Sample &sample = m_samples.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
    case RateRole:
        return sample.rate;
    case FailedRateRole:
        return sample.failedRate;
    case RunningRole:
        return sample.running;
    case WaitingRole:
        return sample.waiting;
    case CpuRole:
        return sample.cpu;
    case TimeRole:
        return QLocale().toString(sample.time.toLocalTime().time(), u"HH:mm:ss");
    case KnownRole:
        return sample.known;
    default:
        return {};
    }
}

QHash<int, QByteArray> HistoryModel::roleNames() const
{
    return {
        {RateRole, "rate"},
        {FailedRateRole, "failedRate"},
        {RunningRole, "running"},
        {WaitingRole, "waiting"},
        {CpuRole, "cpu"},
        {TimeRole, "time"},
        {KnownRole, "known"},
    };
}

} // namespace Asyncoro::Qml
