// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "screenshot.h"

#include "common/commonoptions.h"

#include <Asyncoro/Cluster>

#include <QCoreApplication>
#include <QQuickItem>
#include <QQuickWindow>
#include <QSGRendererInterface>

#include <algorithm>
#include <chrono>
#include <cstdlib>

using namespace std::chrono_literals;
using Asyncoro::Discoro::ComputationStatus;
using Asyncoro::Qml::Cluster;
using Asyncoro::Tools::printError;

namespace {

constexpr int EnoughSamples = 16;
constexpr auto CheckEvery = 250ms;
constexpr auto WindowIsComplete = 1s; // its toolbar, for one, is made bit by bit
constexpr auto Patience = 20s;

} // namespace

Screenshot::Screenshot(Cluster *cluster, QQuickWindow *window, const QString &file, qint64 whenDone)
    : m_cluster(cluster)
    , m_window(window)
    , m_file(file)
    , m_whenDone(whenDone)
{
    connect(&m_checkTimer, &QTimer::timeout, this, &Screenshot::check);
    m_checkTimer.start(CheckEvery);
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this, &Screenshot::finishEarly);
    m_deadline.start(Patience);
    m_age.start();
}

void Screenshot::check()
{
    switch (m_cluster->state()) {
    case Cluster::State::NotConnected:
    case Cluster::State::Refused:
        fail(m_cluster->briefStateText());
        return;
    case Cluster::State::Connecting:
    case Cluster::State::Stale:
        return;
    case Cluster::State::Lost: // at its end a cluster goes away
        if (!m_latest.isNull())
            save(m_latest);
        return;
    case Cluster::State::Connected:
        break;
    }
    if (isAtWork())
        m_latest = grab();
    if (hasEnded())
        finishEarly();
    else if (isAtWork() && m_cluster->history()->count() >= EnoughSamples
             && m_age.durationElapsed() >= WindowIsComplete)
        save(m_latest);
}

void Screenshot::finishEarly()
{
    if (m_ended)
        return;
    if (m_latest.isNull() && m_cluster->state() != Cluster::State::Connected)
        fail(m_cluster->briefStateText());
    else
        save(m_latest.isNull() ? grab() : m_latest);
}

bool Screenshot::isAtWork() const
{
    return m_cluster->nodes()->count() > 0 && m_cluster->running() > 0 && m_cluster->done() >= m_whenDone;
}

bool Screenshot::hasEnded() const
{
    using State = ComputationStatus::State;
    const auto &computations = m_cluster->status().computations;
    return !computations.isEmpty() && std::ranges::all_of(computations, [](const ComputationStatus &computation) {
        return computation.state == State::Closed || computation.state == State::Lost;
    });
}

QImage Screenshot::grab() const
{
    return m_window->grabWindow();
}

void Screenshot::save(const QImage &image)
{
    if (m_window->rendererInterface()->graphicsApi() == QSGRendererInterface::Software)
        printError(QStringLiteral("there is no OpenGL here: the screenshot has tables in place of graphs"));
    if (image.isNull()) {
        fail(QStringLiteral("the window cannot be grabbed"));
        return;
    }
    if (!image.save(m_file, "PNG")) {
        fail(QStringLiteral("the screenshot cannot be written to %1").arg(m_file));
        return;
    }
    end(EXIT_SUCCESS);
}

void Screenshot::fail(const QString &reason)
{
    printError(QStringLiteral("no screenshot: %1").arg(reason));
    end(EXIT_FAILURE);
}

void Screenshot::end(int status)
{
    m_ended = true;
    m_checkTimer.stop();
    m_deadline.stop();
    QCoreApplication::exit(status);
}
