// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// discoro: the command line of a cluster. `discoro COMMAND --help` explains each command.

#include "localcommand.h"
#include "statuscommand.h"

#include "common/commonoptions.h"

#include <Asyncoro/EventDispatcher>

#include <QCoreApplication>

using namespace Asyncoro::Tools;
using namespace Qt::StringLiterals;

namespace {

struct Command {
    QString name;
    int (*run)(const QStringList &arguments);
    QString summary;
};

const QList<Command> &commands()
{
    static const QList<Command> list{
        {u"local"_s, runLocalCommand, u"run a program on a cluster of its own, on this machine"_s},
        {u"status"_s, runStatusCommand, u"print what a cluster does"_s},
    };
    return list;
}

int printHelp()
{
    QString text = u"Usage: discoro COMMAND [ARGUMENT...]\n"
                   "Runs programs on a cluster and shows what it does.\n\n"
                   "Commands:\n"_s;
    for (const Command &command : commands())
        text += u"  %1  %2\n"_s.arg(command.name, -8).arg(command.summary);
    text += u"  help      print this, or the help of a command\n\n"
            "Examples:\n"
            "  discoro local -- ./my-program\n"
            "  discoro status --scheduler example.org:51350 --secret-file ~/.cluster-secret\n"
            "  discoro help local"_s;
    printLine(text);
    return 0;
}

int run(QStringList arguments)
{
    if (arguments.isEmpty())
        throw UsageError(u"which command?"_s);
    QString name = arguments.takeFirst();
    if (name == u"help"_s || name == u"--help"_s || name == u"-h"_s) {
        if (arguments.isEmpty())
            return printHelp();
        name = arguments.first();
        arguments = {u"--help"_s};
    } else if (name == u"--version"_s) {
        printLine(u"discoro "_s + QCoreApplication::applicationVersion());
        return 0;
    }
    for (const Command &command : commands()) {
        if (command.name == name) {
            QCoreApplication::setApplicationName(u"discoro "_s + name); // for help and errors
            return command.run(arguments);
        }
    }
    throw UsageError(u"there is no command \"%1\""_s.arg(name));
}

} // namespace

int main(int argc, char **argv)
{
    Asyncoro::EventDispatcher::install();
    const QCoreApplication application(argc, argv);
    return runTool(u"discoro"_s, [] { return run(QCoreApplication::arguments().mid(1)); });
}
