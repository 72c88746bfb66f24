// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "options.h"

#include <Asyncoro/Cluster>

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QFileInfo>

#include <cstdio>
#include <cstdlib>

using Asyncoro::Qml::Cluster;

namespace {

[[noreturn]] void fail(const QString &reason)
{
    std::fprintf(stderr, "discoro-dashboard: %s\n", qPrintable(reason));
    std::exit(EXIT_FAILURE);
}

QCommandLineOption option(const char *name, const char *description, const char *valueName)
{
    return {QString::fromLatin1(name), QString::fromUtf8(description), QString::fromLatin1(valueName)};
}

} // namespace

Options Options::parse(const QCoreApplication &application)
{
    const auto scheduler = option("scheduler", "Connect to the scheduler at this address at once.", "HOST:PORT");
    const auto secretFile = option("secret-file", "The file with the cluster's secret.", "FILE");
    const auto screenshot = option("screenshot", "Connect, save a picture of the window when it shows the cluster at work, and end.", "FILE.png");
    const auto screenshotWhen = option("screenshot-when", "Take it when at least N coroutines are done (default: 1).", "N");

    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral(
        "Shows a discoro cluster in a window: its nodes and servers, what they run, and how fast.\n\n"
        "Without --secret-file the secret is in the file that the environment variable ASYNCORO_SECRET_FILE names, or in "
        "ASYNCORO_SECRET itself."));
    parser.addOptions({scheduler, secretFile, screenshot, screenshotWhen});
    parser.addHelpOption();
    parser.addVersionOption();
    parser.process(application);

    Options options;
    if (!parser.positionalArguments().isEmpty())
        fail(QStringLiteral("unknown argument %1; see --help").arg(parser.positionalArguments().constFirst()));

    options.scheduler = parser.value(scheduler);
    if (parser.isSet(scheduler) && !Cluster::isAddress(options.scheduler))
        fail(QStringLiteral("--scheduler needs HOST:PORT, not \"%1\"").arg(options.scheduler));

    options.secretFile = parser.isSet(secretFile) ? parser.value(secretFile) : qEnvironmentVariable("ASYNCORO_SECRET_FILE");
    if (options.secretFile.isEmpty())
        options.secret = qEnvironmentVariable("ASYNCORO_SECRET");
    else if (!QFileInfo(options.secretFile).isReadable())
        fail(QStringLiteral("the secret file %1 cannot be read").arg(options.secretFile));

    options.screenshot = parser.value(screenshot);
    if (parser.isSet(screenshot)) {
        if (options.scheduler.isEmpty())
            fail(QStringLiteral("--screenshot needs --scheduler"));
        const QFileInfo file(options.screenshot);
        if (file.isDir() || !QFileInfo(file.absolutePath()).isWritable())
            fail(QStringLiteral("cannot write the screenshot %1").arg(options.screenshot));
    }
    if (parser.isSet(screenshotWhen)) {
        bool isNumber = false;
        options.screenshotWhen = parser.value(screenshotWhen).toLongLong(&isNumber);
        if (!isNumber || options.screenshotWhen < 0)
            fail(QStringLiteral("--screenshot-when needs a number, not \"%1\"").arg(parser.value(screenshotWhen)));
    }
    return options;
}
