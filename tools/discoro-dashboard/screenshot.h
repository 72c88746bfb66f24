// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QElapsedTimer>
#include <QImage>
#include <QObject>
#include <QPointer>
#include <QString>
#include <QTimer>

namespace Asyncoro::Qml {
class Cluster;
}
class QQuickWindow;

/**
 * Saves a picture of the window when it shows a cluster at work, and ends the program.
 *
 * That is when there are nodes, enough coroutines are done, some run, and the graph has its samples. A cluster whose
 * computations end earlier is shown as it last was at work; one that does not come to work, as it is when the time is
 * over.
 */
class Screenshot : public QObject
{
    Q_OBJECT

public:
    Screenshot(Asyncoro::Qml::Cluster *cluster, QQuickWindow *window, const QString &file, qint64 whenDone);

    /** The program is asked to end: saves what there is. */
    void finishEarly();

private:
    void check();
    [[nodiscard]] bool isAtWork() const;
    [[nodiscard]] bool hasEnded() const;
    [[nodiscard]] QImage grab() const;
    void save(const QImage &image);
    void fail(const QString &reason);
    void end(int status);

    QPointer<Asyncoro::Qml::Cluster> m_cluster;
    QPointer<QQuickWindow> m_window;
    QString m_file;
    qint64 m_whenDone;
    QTimer m_checkTimer;
    QTimer m_deadline;
    QElapsedTimer m_age;
    QImage m_latest; // while the cluster was at work
    bool m_ended = false;
};
