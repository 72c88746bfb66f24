// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/Location>

#include <QCborValue>
#include <QDateTime>
#include <QList>
#include <QMetaType>
#include <QString>

namespace Asyncoro::Discoro {

/** A job that runs on a server now. */
struct ASYNCORO_DISCORO_EXPORT JobStatus {
    Q_GADGET
    Q_PROPERTY(quint64 id MEMBER id)
    Q_PROPERTY(QString function MEMBER function)
    Q_PROPERTY(QString arguments MEMBER arguments)
    Q_PROPERTY(QDateTime started MEMBER started)

public:
    quint64 id = 0; ///< unique at the scheduler
    QString function;
    QString arguments; ///< for people; shortened
    QDateTime started; ///< UTC
};

/** One process of a node that runs jobs. */
struct ASYNCORO_DISCORO_EXPORT ServerStatus {
    Q_GADGET
    Q_PROPERTY(Asyncoro::Location location MEMBER location)
    Q_PROPERTY(qint64 pid MEMBER pid)
    Q_PROPERTY(State state MEMBER state)
    Q_PROPERTY(qint64 running MEMBER running)
    Q_PROPERTY(qint64 done MEMBER done)
    Q_PROPERTY(qint64 failed MEMBER failed)

public:
    enum class State : quint8 {
        Starting, ///< the process was started, but has not come forward
        Ready, ///< takes jobs
        Lost, ///< crashed, was killed, or went with its node
        Closed, ///< ended in order, with its computation
    };
    Q_ENUM(State)

    Location location;
    qint64 pid = 0;
    State state = State::Starting;
    qint64 running = 0;
    qint64 done = 0;
    qint64 failed = 0;
    QList<JobStatus> jobs; ///< those that run, at most MaxJobs of them; `running` counts all

    static constexpr qsizetype MaxJobs = 100;
};

/** One machine: the daemon there and its servers. */
struct ASYNCORO_DISCORO_EXPORT NodeStatus {
    Q_GADGET
    Q_PROPERTY(QString name MEMBER name)
    Q_PROPERTY(Asyncoro::Location location MEMBER location)
    Q_PROPERTY(State state MEMBER state)
    Q_PROPERTY(int cpus MEMBER cpus)
    Q_PROPERTY(double cpuLoad MEMBER cpuLoad)
    Q_PROPERTY(qint64 memoryUsed MEMBER memoryUsed)
    Q_PROPERTY(qint64 memoryTotal MEMBER memoryTotal)
    Q_PROPERTY(qint64 diskUsed MEMBER diskUsed)
    Q_PROPERTY(qint64 diskTotal MEMBER diskTotal)
    Q_PROPERTY(QDateTime lastHeard MEMBER lastHeard)

public:
    enum class State : quint8 {
        Ready, ///< connected
        Lost, ///< its connection broke; kept in the list for a while
        Closed, ///< left in order
    };
    Q_ENUM(State)

    QString name;
    Location location;
    State state = State::Ready;
    int cpus = 0; ///< servers that it offers to run at a time
    double cpuLoad = 0; ///< of all processors together, 0 to 1
    qint64 memoryUsed = 0; ///< bytes
    qint64 memoryTotal = 0; ///< bytes; 0 where it is not known
    qint64 diskUsed = 0; ///< bytes, of the file system with its working folder
    qint64 diskTotal = 0; ///< bytes; 0 where it is not known
    QDateTime lastHeard; ///< UTC
    QList<ServerStatus> servers;
};

/** A client's session. */
struct ASYNCORO_DISCORO_EXPORT ComputationStatus {
    Q_GADGET
    Q_PROPERTY(quint64 id MEMBER id)
    Q_PROPERTY(QString name MEMBER name)
    Q_PROPERTY(Asyncoro::Location client MEMBER client)
    Q_PROPERTY(State state MEMBER state)
    Q_PROPERTY(qint64 waiting MEMBER waiting)
    Q_PROPERTY(qint64 running MEMBER running)
    Q_PROPERTY(qint64 done MEMBER done)
    Q_PROPERTY(qint64 failed MEMBER failed)

public:
    enum class State : quint8 {
        Queued, ///< waits until an earlier one is closed
        Running,
        Closed, ///< by its client, in order
        Lost, ///< its client can no longer be reached
    };
    Q_ENUM(State)

    quint64 id = 0;
    QString name; ///< of the client's program
    Location client;
    State state = State::Queued;
    qint64 waiting = 0; ///< jobs that no server has yet
    qint64 running = 0;
    qint64 done = 0;
    qint64 failed = 0;
};

/** What a scheduler knows of its cluster, at one moment. */
struct ASYNCORO_DISCORO_EXPORT ClusterStatus {
    Q_GADGET
    Q_PROPERTY(quint64 sequence MEMBER sequence)
    Q_PROPERTY(Asyncoro::Location scheduler MEMBER scheduler)
    Q_PROPERTY(QString version MEMBER version)
    Q_PROPERTY(QDateTime time MEMBER time)
    Q_PROPERTY(qint64 waiting MEMBER waiting)
    Q_PROPERTY(qint64 running MEMBER running)
    Q_PROPERTY(qint64 done MEMBER done)
    Q_PROPERTY(qint64 failed MEMBER failed)

public:
    quint64 sequence = 0; ///< grows with each one that the scheduler makes
    Location scheduler;
    QString version; ///< of the scheduler's program
    QDateTime time; ///< UTC
    QList<NodeStatus> nodes; ///< connected and recently lost ones, by name
    QList<ComputationStatus> computations; ///< queued, running and the last few that ended, in the order they came

    /** Totals over all computations that the scheduler has had. */
    qint64 waiting = 0;
    qint64 running = 0;
    qint64 done = 0;
    qint64 failed = 0;

    [[nodiscard]] QCborMap toCbor() const;
    /** Throws an Error that names what is missing or of the wrong type. Ignores entries that only a newer version knows. */
    [[nodiscard]] static ClusterStatus fromCbor(const QCborMap &map);

    /** For programs: the same names, moments in ISO 8601. */
    [[nodiscard]] QJsonObject toJson() const;
};

} // namespace Asyncoro::Discoro
