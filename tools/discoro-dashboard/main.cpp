// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "appearance.h"
#include "options.h"
#include "screenshot.h"

#include "common/commonoptions.h"
#include "common/terminationsignals.h"

#include <Asyncoro/Cluster>

#include <QApplication>
#include <QQmlApplicationEngine>
#include <QQuickWindow>
#include <QSettings>

#include <cstdlib>
#include <memory>
#include <optional>

using namespace Asyncoro::Tools;
using Asyncoro::Qml::Cluster;

namespace {

Asyncoro::TlsFiles tlsFilesOf(const Cluster &cluster)
{
    return {.certificate = cluster.certificateFile(), .key = cluster.keyFile(), .authority = cluster.authorityFile()};
}

/** The connection of the last time, where the command line names none. The secret itself is never stored. */
void restoreConnection(Cluster &cluster)
{
    const QSettings settings;
    cluster.setScheduler(settings.value("scheduler").toString());
    if (cluster.secretFile().isEmpty())
        cluster.setSecretFile(settings.value("secretFile").toString());
    if (tlsFilesOf(cluster) == Asyncoro::TlsFiles()) {
        cluster.setCertificateFile(settings.value("certificateFile").toString());
        cluster.setKeyFile(settings.value("keyFile").toString());
        cluster.setAuthorityFile(settings.value("authorityFile").toString());
    }
}

void rememberConnection(const Cluster &cluster)
{
    QSettings settings;
    settings.setValue("scheduler", cluster.scheduler());
    settings.setValue("secretFile", cluster.secretFile());
    settings.setValue("certificateFile", cluster.certificateFile());
    settings.setValue("keyFile", cluster.keyFile());
    settings.setValue("authorityFile", cluster.authorityFile());
}

int runWindow(const Options &options)
{
    Cluster cluster;
    cluster.setSecretFile(options.secretFile);
    cluster.setSecret(options.secret);
    cluster.setCertificateFile(options.tlsFiles.certificate);
    cluster.setKeyFile(options.tlsFiles.key);
    cluster.setAuthorityFile(options.tlsFiles.authority);
    if (options.scheduler.isEmpty())
        restoreConnection(cluster);
    else
        cluster.setScheduler(options.scheduler);

    QQmlApplicationEngine engine;
    engine.setInitialProperties({{QStringLiteral("cluster"), QVariant::fromValue(&cluster)}});
    engine.loadFromModule("org.asyncoro.dashboard", "Main");
    if (engine.rootObjects().isEmpty())
        throw Asyncoro::Error(QStringLiteral("the window cannot be made: see above"));

    std::unique_ptr<Screenshot> screenshot;
    if (options.screenshot.isEmpty()) {
        QObject::connect(&cluster, &Cluster::stateChanged, &cluster, [&cluster] {
            if (cluster.state() == Cluster::State::Connected)
                rememberConnection(cluster);
        });
    } else {
        auto *window = qobject_cast<QQuickWindow *>(engine.rootObjects().constFirst());
        screenshot = std::make_unique<Screenshot>(&cluster, window, options.screenshot, options.screenshotWhen);
    }
    const TerminationSignals signals([&screenshot](int) {
        if (screenshot)
            screenshot->finishEarly();
        else
            QCoreApplication::quit();
    });
    if (!options.scheduler.isEmpty())
        cluster.open();
    return QApplication::exec();
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication::setOrganizationName(QStringLiteral("Asyncoro"));
    const QString name = QStringLiteral("discoro-dashboard");
    std::optional<Options> options;
    {
        const QCoreApplication application(argc, argv); // --help works where there is no display
        const int status = runTool(name, [&options] {
            options = Options::parse();
            return EXIT_SUCCESS;
        });
        if (!options)
            return status;
    }
    chooseStyle();
    QApplication application(argc, argv);
    QGuiApplication::setApplicationDisplayName(QObject::tr("Discoro dashboard"));
    QGuiApplication::setDesktopFileName(QStringLiteral("org.asyncoro.discoro-dashboard"));
    chooseIconsAndWidgetStyle();
    return runTool(name, [&options] { return runWindow(*options); });
}
