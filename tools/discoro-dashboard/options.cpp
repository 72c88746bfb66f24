// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "options.h"

#include "common/commonoptions.h"

#include <QCoreApplication>
#include <QFileInfo>

#include <limits>

using namespace Asyncoro;
using namespace Asyncoro::Tools;
using namespace Qt::StringLiterals;

namespace {

CommonOptions::Help help()
{
    return {u"[options]"_s,
            u"Shows a cluster in a window: its nodes and servers, what they run, and how fast."_s,
            u"discoro-dashboard\n"
            "discoro-dashboard --scheduler 192.168.1.2 --secret-file ~/.discoro-secret\n"
            "discoro-dashboard --scheduler 127.0.0.1:51350 --screenshot cluster.png --screenshot-when 100"_s};
}

QString writableFile(const QString &name)
{
    const QFileInfo file(name);
    if (name.isEmpty() || file.isDir() || !QFileInfo(file.absolutePath()).isWritable())
        throw Error(u"cannot write the screenshot \"%1\""_s.arg(name));
    return file.absoluteFilePath();
}

} // namespace

std::optional<Options> Options::parse()
{
    CommonOptions common(CommonOptions::SecretFile | CommonOptions::Tls, help());
    QCommandLineParser &parser = common.parser();
    const QCommandLineOption scheduler(
        u"scheduler"_s,
        u"Connect to this scheduler at once. Else to what ASYNCORO_SCHEDULER says; else the window asks."_s,
        u"HOST:PORT"_s);
    const QCommandLineOption screenshot(
        u"screenshot"_s,
        u"Connect, save a picture of the window when it shows the cluster at work, and end."_s,
        u"FILE.png"_s);
    const QCommandLineOption screenshotWhen(
        u"screenshot-when"_s,
        u"Take it when at least so many coroutines are done."_s,
        u"NUMBER"_s,
        u"1"_s);
    parser.addOptions({scheduler, screenshot, screenshotWhen});
    if (common.parse(QCoreApplication::arguments().mid(1)))
        return std::nullopt;
    if (!parser.positionalArguments().isEmpty())
        throw UsageError(u"unknown argument %1"_s.arg(parser.positionalArguments().constFirst()));

    Options options;
    if (parser.isSet(scheduler) || qEnvironmentVariableIsSet("ASYNCORO_SCHEDULER"))
        options.scheduler = common.scheduler().toString();
    const bool namesFile = parser.isSet(u"secret-file"_s);
    options.secretFile = namesFile ? parser.value(u"secret-file"_s) : qEnvironmentVariable("ASYNCORO_SECRET_FILE");
    const Secret secret = common.secret(); // a file that cannot be used is told now
    if (options.secretFile.isEmpty())
        options.secret = QString::fromUtf8(secret.key());
    options.tlsFiles = common.tlsFiles();
    static_cast<void>(options.tlsFiles.read()); // so are these
    options.screenshotWhen = common.number(u"screenshot-when"_s, 0, std::numeric_limits<int>::max());
    if (parser.isSet(screenshot)) {
        options.screenshot = writableFile(parser.value(screenshot));
        if (options.scheduler.isEmpty())
            throw UsageError(u"--screenshot needs --scheduler"_s);
    }
    return options;
}
