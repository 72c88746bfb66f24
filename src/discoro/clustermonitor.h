// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "clusterstatus.h"

#include <Asyncoro/TlsConfiguration>

#include <QObject>

#include <memory>
#include <optional>

namespace Asyncoro::Discoro {

class ClusterMonitorPrivate;

/**
 * Watches a cluster: connects to a scheduler, takes its status as it changes, and connects again when that is lost.
 *
 * For desktop programs, command line tools and the QML module. It observes and asks; it never places jobs itself.
 */
class ASYNCORO_DISCORO_EXPORT ClusterMonitor : public QObject
{
    Q_OBJECT
    Q_PROPERTY(State state READ state NOTIFY stateChanged)
    Q_PROPERTY(QString error READ error NOTIFY stateChanged)

public:
    enum class State : quint8 {
        NotConnected, ///< open() was not called, or close() was
        Connecting, ///< for the first time
        Connected, ///< status() is what the scheduler last sent
        Stale, ///< connected, but nothing was heard for StaleAfter
        Lost, ///< the connection broke; status() is the last known, and another attempt comes at nextAttempt()
        Refused, ///< wrong secret, certificate or version: error() says which. No further attempts
    };
    Q_ENUM(State)

    explicit ClusterMonitor(QObject *parent = nullptr);
    ~ClusterMonitor() override;

    /**
     * Connects to `scheduler`, with the cluster's `secret` and `tls` as in PeerNetwork::Options. Ends an earlier
     * connection.
     */
    void open(const Location &scheduler, const QByteArray &secret, const std::optional<TlsConfiguration> &tls = {});
    void close();

    [[nodiscard]] State state() const;
    /** Why it is not connected, for a person; empty otherwise. */
    [[nodiscard]] QString error() const;
    /** While lost: when the next attempt comes. */
    [[nodiscard]] QDateTime nextAttempt() const;
    [[nodiscard]] Location scheduler() const;
    /** The last status that came; the sequence is 0 while none has. */
    [[nodiscard]] const ClusterStatus &status() const;

    static constexpr std::chrono::seconds StaleAfter{5}; ///< the scheduler sends one each second at least

Q_SIGNALS:
    void stateChanged();
    /** At most a few times a second. */
    void statusChanged();

private:
    std::unique_ptr<ClusterMonitorPrivate> d;
};

} // namespace Asyncoro::Discoro
