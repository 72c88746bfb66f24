// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqml_export.h"

#include <QAbstractListModel>
#include <QDateTime>
#include <QList>
#include <qqmlregistration.h>

#include <chrono>

namespace Asyncoro::Qml {

/**
 * Samples of a cluster's figures over the last minutes, the newest first: for graphs and for a table in their place.
 *
 * While nothing is known (the connection was lost for some time) there are samples of zero, so that the time axis stays
 * true.
 */
class ASYNCORO_QML_EXPORT HistoryModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("part of a Cluster")
    Q_PROPERTY(int count READ count NOTIFY changed)
    /** Seconds from one sample to the next. */
    Q_PROPERTY(double interval READ interval CONSTANT)
    /** How many samples a graph should show at least to show all: grows in steps, so that its scale stays readable. */
    Q_PROPERTY(int window READ window NOTIFY changed)
    Q_PROPERTY(QString windowText READ windowText NOTIFY changed)

public:
    struct Sample {
        QDateTime time;
        double rate = 0; ///< finished each second, failed ones included
        double failedRate = 0; ///< failed each second
        double running = 0;
        double waiting = 0;
        double cpu = 0; ///< mean load of the processors of all nodes, 0 to 1
        bool known = true;
    };

    enum Role {
        RateRole = Qt::UserRole,
        FailedRateRole,
        RunningRole,
        WaitingRole,
        CpuRole,
        TimeRole, ///< of day, in words
        KnownRole,
    };
    Q_ENUM(Role)

    static constexpr std::chrono::milliseconds Interval{500};
    static constexpr int MaxSamples = 600; ///< five minutes

    explicit HistoryModel(QObject *parent = nullptr);

    void append(const Sample &sample);
    void clear();

    [[nodiscard]] int count() const { return int(m_samples.size()); }
    [[nodiscard]] static double interval() { return double(Interval.count()) / 1000; }
    [[nodiscard]] int window() const;
    /** "10 s", "5 min" */
    [[nodiscard]] QString windowText() const;
    [[nodiscard]] const Sample &sample(int row) const { return m_samples.at(row); }

    /** The newest value of a role, by its name; 0 without samples. */
    Q_INVOKABLE [[nodiscard]] double latest(const QString &roleName) const;
    /** The largest value of a role; 0 without samples. */
    Q_INVOKABLE [[nodiscard]] double maximum(const QString &roleName) const;
    /** A value of a role in words: "62 %", "1,204", "3.5". */
    Q_INVOKABLE [[nodiscard]] QString text(const QString &roleName, double value) const;

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void changed();

private:
    [[nodiscard]] int role(const QString &name) const;
    void fillGap(const QDateTime &time);
    void prepend(const Sample &sample);

    QList<Sample> m_samples; // the newest first
};

} // namespace Asyncoro::Qml
