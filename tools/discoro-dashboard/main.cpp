// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "appearance.h"
#include "options.h"
#include "screenshot.h"

#include <Asyncoro/Cluster>

#include <QApplication>
#include <QDir>
#include <QQmlApplicationEngine>
#include <QQuickWindow>
#include <QSettings>
#include <QSocketNotifier>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <unistd.h>

using Asyncoro::Qml::Cluster;

namespace {

std::array<int, 2> signalPipe;

/** Calls `action` in the event loop when the program is asked to end: by a terminal, a service manager, ./dev. */
template<typename Action>
void onTermination(QObject *context, Action action)
{
    if (::pipe(signalPipe.data()) != 0)
        return;
    auto *notifier = new QSocketNotifier(signalPipe[0], QSocketNotifier::Read, context);
    QObject::connect(notifier, &QSocketNotifier::activated, context, [notifier, action] {
        notifier->setEnabled(false);
        action();
    });
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        std::signal(signal, [](int) {
            const char byte = 0;
            [[maybe_unused]] const auto written = ::write(signalPipe[1], &byte, 1);
        });
    }
}

/** The connection of the last time, where the command line names none. The secret itself is never stored. */
void restoreConnection(Cluster &cluster)
{
    const QSettings settings;
    cluster.setScheduler(settings.value("scheduler").toString());
    if (cluster.secretFile().isEmpty())
        cluster.setSecretFile(settings.value("secretFile").toString());
}

void rememberConnection(const Cluster &cluster)
{
    QSettings settings;
    settings.setValue("scheduler", cluster.scheduler());
    settings.setValue("secretFile", cluster.secretFile());
}

/** Without a graphical application, so that --help works where there is no display. */
Options readOptions(int &argc, char **argv)
{
    const QCoreApplication application(argc, argv);
    return Options::parse(application);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication::setApplicationName(QStringLiteral("discoro-dashboard"));
    QCoreApplication::setApplicationVersion(QStringLiteral(ASYNCORO_VERSION));
    QCoreApplication::setOrganizationName(QStringLiteral("Asyncoro"));
    const Options options = readOptions(argc, argv);

    chooseStyle();
    QApplication application(argc, argv);
    QGuiApplication::setApplicationDisplayName(QObject::tr("Discoro dashboard"));
    QGuiApplication::setDesktopFileName(QStringLiteral("org.asyncoro.discoro-dashboard"));
    chooseIconsAndWidgetStyle();

    Cluster cluster;
    cluster.setSecretFile(options.secretFile);
    cluster.setSecret(options.secret);
    if (options.scheduler.isEmpty())
        restoreConnection(cluster);
    else
        cluster.setScheduler(options.scheduler);

    QQmlApplicationEngine engine;
    engine.addImportPath(QStringLiteral(ASYNCORO_QML_DIR));
    engine.setInitialProperties({{QStringLiteral("cluster"), QVariant::fromValue(&cluster)}});
    QObject::connect(&engine, &QQmlApplicationEngine::objectCreationFailed, &application, [] { QCoreApplication::exit(EXIT_FAILURE); }, Qt::QueuedConnection);
    engine.loadFromModule("org.asyncoro.dashboard", "Main");

    QObject::connect(&cluster, &Cluster::stateChanged, &application, [&] {
        if (cluster.state() == Cluster::State::Connected && options.screenshot.isEmpty())
            rememberConnection(cluster);
    });
    if (!options.scheduler.isEmpty())
        cluster.open();

    auto *window = engine.rootObjects().isEmpty() ? nullptr : qobject_cast<QQuickWindow *>(engine.rootObjects().constFirst());
    std::unique_ptr<Screenshot> screenshot;
    if (window && !options.screenshot.isEmpty())
        screenshot = std::make_unique<Screenshot>(&cluster, window, options.screenshot, options.screenshotWhen, nullptr);
    onTermination(&application, [&screenshot] {
        if (screenshot)
            screenshot->finishEarly();
        else
            QCoreApplication::quit();
    });
    return QApplication::exec();
}
