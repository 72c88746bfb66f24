// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqml_export.h"
#include "computationmodel.h"
#include "historymodel.h"
#include "jobmodel.h"
#include "nodemodel.h"
#include "servermodel.h"

#include <Asyncoro/ClusterMonitor>

#include <QDateTime>
#include <QObject>
#include <qqmlregistration.h>

#include <memory>

namespace Asyncoro::Qml {

class ClusterPrivate;

/**
 * A cluster, as its scheduler tells of it: figures, models of its nodes, servers and coroutines, and the state of the
 * connection in words.
 *
 *     Cluster {
 *         scheduler: "server:51350"
 *         secretFile: "/etc/asyncoro/secret"
 *         Component.onCompleted: open()
 *     }
 *
 * What is seen changes at most twice a second, however often the scheduler tells. When the connection is lost, all
 * keeps its last values until open() connects to another scheduler.
 */
class ASYNCORO_QML_EXPORT Cluster : public QObject
{
    Q_OBJECT
    QML_ELEMENT

    /** "host:port"; without a port it is DefaultPort. */
    Q_PROPERTY(QString scheduler READ scheduler WRITE setScheduler NOTIFY schedulerChanged)
    /** The name of the file with the cluster's secret, which only its owner may read. */
    Q_PROPERTY(QString secretFile READ secretFile WRITE setSecretFile NOTIFY secretFileChanged)
    /** With these three the connection uses TLS: a certificate, its key, and the authority of the cluster, in PEM. */
    Q_PROPERTY(QString certificateFile READ certificateFile WRITE setCertificateFile NOTIFY tlsFilesChanged)
    Q_PROPERTY(QString keyFile READ keyFile WRITE setKeyFile NOTIFY tlsFilesChanged)
    Q_PROPERTY(QString authorityFile READ authorityFile WRITE setAuthorityFile NOTIFY tlsFilesChanged)

    Q_PROPERTY(State state READ state NOTIFY stateChanged)
    /** The state in a sentence or two, with a countdown to the next attempt while the connection is lost. */
    Q_PROPERTY(QString stateText READ stateText NOTIFY textChanged)
    /** Why it is not connected, for a person; empty otherwise. */
    Q_PROPERTY(QString error READ error NOTIFY stateChanged)
    /** Whether a status ever came from this scheduler: there is something to show, be it old. */
    Q_PROPERTY(bool hasStatus READ hasStatus NOTIFY statusChanged)
    /** The version of the scheduler's program. */
    Q_PROPERTY(QString version READ version NOTIFY statusChanged)

    Q_PROPERTY(qint64 waiting READ waiting NOTIFY statusChanged)
    Q_PROPERTY(qint64 running READ running NOTIFY statusChanged)
    Q_PROPERTY(qint64 done READ done NOTIFY statusChanged)
    Q_PROPERTY(qint64 failed READ failed NOTIFY statusChanged)
    /** Finished each second, failed ones included, over the last seconds. */
    Q_PROPERTY(double rate READ rate NOTIFY sampled)
    /** Mean load of the processors of all connected nodes, 0 to 1. */
    Q_PROPERTY(double cpuLoad READ cpuLoad NOTIFY statusChanged)
    /** "2 nodes, 4 servers, 16 coroutines running, 3,000 waiting" */
    Q_PROPERTY(QString summary READ summary NOTIFY statusChanged)

    Q_PROPERTY(Asyncoro::Qml::NodeModel *nodes READ nodes CONSTANT)
    Q_PROPERTY(Asyncoro::Qml::ServerModel *servers READ servers CONSTANT)
    Q_PROPERTY(Asyncoro::Qml::JobModel *jobs READ jobs CONSTANT)
    Q_PROPERTY(Asyncoro::Qml::ComputationModel *computations READ computations CONSTANT)
    Q_PROPERTY(Asyncoro::Qml::HistoryModel *history READ history CONSTANT)

public:
    /** Those of ClusterMonitor. */
    enum class State : quint8 {
        NotConnected, ///< open() was not called, or close() was
        Connecting, ///< for the first time
        Connected,
        Stale, ///< connected, but nothing is heard
        Lost, ///< the connection broke; another attempt comes
        Refused, ///< wrong secret, certificate or version; no further attempts
    };
    Q_ENUM(State)

    static constexpr quint16 DefaultPort = 51350;

    explicit Cluster(QObject *parent = nullptr);
    ~Cluster() override;

    [[nodiscard]] QString scheduler() const;
    void setScheduler(const QString &scheduler);
    [[nodiscard]] QString secretFile() const;
    /** A path, or a file's URL as a file dialog gives it. */
    void setSecretFile(const QString &file);
    /** The secret itself, in place of a file. It can be set, and not be read. */
    Q_INVOKABLE void setSecret(const QString &secret);
    [[nodiscard]] QString certificateFile() const;
    void setCertificateFile(const QString &file);
    [[nodiscard]] QString keyFile() const;
    void setKeyFile(const QString &file);
    [[nodiscard]] QString authorityFile() const;
    void setAuthorityFile(const QString &file);

    /**
     * Connects to the scheduler, and again when the connection is lost, until close(). Ends an earlier connection.
     * When the address or a file cannot be used, it stays not connected, and error tells why.
     */
    Q_INVOKABLE void open();
    Q_INVOKABLE void close();
    /** Whether open() has an address to connect to. */
    Q_INVOKABLE [[nodiscard]] static bool isAddress(const QString &scheduler);

    [[nodiscard]] State state() const;
    [[nodiscard]] QString stateText() const;
    /** The same without the countdown, for what does not try again. */
    [[nodiscard]] QString briefStateText() const;
    [[nodiscard]] QString error() const;
    [[nodiscard]] bool hasStatus() const;
    [[nodiscard]] QString version() const;
    [[nodiscard]] qint64 waiting() const;
    [[nodiscard]] qint64 running() const;
    [[nodiscard]] qint64 done() const;
    [[nodiscard]] qint64 failed() const;
    [[nodiscard]] double rate() const;
    [[nodiscard]] double cpuLoad() const;
    [[nodiscard]] QString summary() const;

    [[nodiscard]] NodeModel *nodes() const;
    [[nodiscard]] ServerModel *servers() const;
    [[nodiscard]] JobModel *jobs() const;
    [[nodiscard]] ComputationModel *computations() const;
    [[nodiscard]] HistoryModel *history() const;

    /** The last one that is shown. */
    [[nodiscard]] const Discoro::ClusterStatus &status() const;

    // What open() keeps up to date, for a cluster that is known by other means: a recording, or a test.
    void setState(State state, const QString &error = {}, const QDateTime &nextAttempt = {});
    void setStatus(const Discoro::ClusterStatus &status);

Q_SIGNALS:
    void schedulerChanged();
    void secretFileChanged();
    void tlsFilesChanged();
    void stateChanged();
    void textChanged();
    void statusChanged();
    /** Twice a second while connected: history has one sample more. */
    void sampled();

private:
    void setFile(QString *where, const QString &file, void (Cluster::*changed)());

    std::unique_ptr<ClusterPrivate> d;
};

} // namespace Asyncoro::Qml
