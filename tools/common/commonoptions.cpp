// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "commonoptions.h"

#include <Asyncoro/Discovery>

#include <QCoreApplication>
#include <QLoggingCategory>
#include <QSysInfo>

#include <cstdio>

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;

UsageError::~UsageError() = default;

namespace {

constexpr int ErrorStatus = 1;
constexpr int UsageErrorStatus = 2;

void print(FILE *stream, const QString &text)
{
    const QByteArray bytes = text.toUtf8();
    std::fwrite(bytes.constData(), 1, std::size_t(bytes.size()), stream);
    std::fflush(stream);
}

} // namespace

void printError(const QString &message)
{
    print(stderr, QCoreApplication::applicationName() + u": "_s + message + u'\n');
}

void printLine(const QString &line)
{
    print(stdout, line + u'\n');
}

int runTool(const QString &name, const std::function<int()> &tool)
{
    QCoreApplication::setApplicationName(name);
    QCoreApplication::setApplicationVersion(QStringLiteral(ASYNCORO_VERSION));
    qSetMessagePattern(u"%{appname}: %{message}"_s);
    QLoggingCategory::setFilterRules(u"*.debug=false"_s);
    try {
        return tool();
    } catch (const UsageError &error) {
        printError(error.message() + u" (see "_s + QCoreApplication::applicationName() + u" --help)"_s);
        return UsageErrorStatus;
    } catch (const std::exception &) {
        printError(errorText(std::current_exception()));
        return ErrorStatus;
    }
}

CommonOptions::CommonOptions(Options options, Help help, quint16 port)
    : m_help(std::move(help))
{
    if (options & Address) {
        m_parser.addOption({u"address"_s, u"Listen at this address of this machine; 0.0.0.0 or :: for all."_s,
                            u"ADDRESS"_s, u"127.0.0.1"_s});
        m_parser.addOption(
            {u"port"_s, u"Listen at this port; 0 for any that is free."_s, u"PORT"_s, QString::number(port)});
    }
    if (options & Scheduler) {
        m_parser.addOption(
            {u"scheduler"_s,
             u"Where the scheduler listens. Else what ASYNCORO_SCHEDULER says, else %1 127.0.0.1:%2."_s
                 .arg(options & Discovery ? u"one that is found in the network, or"_s : u"at"_s)
                 .arg(DefaultPort),
             u"HOST:PORT"_s});
    }
    if (options & Discovery) {
        m_parser.addOption(
            {u"no-discovery"_s,
             u"Neither look for others in the network nor be found there. ASYNCORO_DISCOVERY=off says the same; it may "
             "also name another UDP port than %1."_s.arg(Asyncoro::Discovery::DefaultPort)});
    }
    if (options & SecretFile) {
        m_parser.addOption(
            {u"secret-file"_s,
             u"Read the cluster's secret from this file. Else from the file that ASYNCORO_SECRET_FILE names, else "
             "from ASYNCORO_SECRET."_s,
             u"FILE"_s});
    }
    if (options & Tls) {
        m_parser.addOption(
            {u"certificate"_s,
             u"Use TLS, and show this certificate (PEM). TLS takes this and the next two, or, in their place, "
             "ASYNCORO_CERTIFICATE, ASYNCORO_KEY and ASYNCORO_AUTHORITY; all processes of a cluster need it."_s,
             u"FILE"_s});
        m_parser.addOption({u"key"_s, u"The key of the certificate (PEM, not encrypted)."_s, u"FILE"_s});
        m_parser.addOption(
            {u"authority"_s,
             u"The certificate of the authority that has signed those of all processes of the cluster (PEM)."_s,
             u"FILE"_s});
    }
    if (options & Name)
        m_parser.addOption({u"name"_s, u"What people call it."_s, u"NAME"_s, QSysInfo::machineHostName()});
}

std::optional<int> CommonOptions::parse(const QStringList &arguments)
{
    // the last in the help
    m_parser.addOption({u"verbose"_s, u"Say what happens."_s});
    m_parser.addOption({u"version"_s, u"Print the version."_s});
    m_parser.addOption({{u"h"_s, u"help"_s}, u"Print this help."_s});

    if (!m_parser.parse(QStringList{QCoreApplication::applicationName()} + arguments)) {
        QString error = m_parser.errorText();
        if (error.endsWith(u'.'))
            error.chop(1);
        throw UsageError(error.left(1).toLower() + error.mid(1));
    }
    if (m_parser.isSet(u"help"_s)) {
        print(stdout, helpText());
        return 0;
    }
    if (m_parser.isSet(u"version"_s)) {
        printLine(QCoreApplication::applicationName() + u' ' + QCoreApplication::applicationVersion());
        return 0;
    }
    if (isVerbose()) {
        qSetMessagePattern(u"%{time hh:mm:ss.zzz} %{appname}: %{message}"_s);
        QLoggingCategory::setFilterRules(u"*.debug=false\nasyncoro*.debug=true"_s);
    }
    return {};
}

QString CommonOptions::helpText() const
{
    // after Qt's own first line, which has the path of the program in it
    const QString options = m_parser.helpText().section(u'\n', 1);
    QString text =
        u"Usage: %1 %2\n%3\n%4"_s.arg(QCoreApplication::applicationName(), m_help.usage, m_help.description, options);
    if (!m_help.examples.isEmpty())
        text += u"\nExamples:\n  "_s + QString(m_help.examples).replace(u'\n', u"\n  "_s) + u'\n';
    return text;
}

bool CommonOptions::isVerbose() const
{
    return m_parser.isSet(u"verbose"_s);
}

int CommonOptions::number(const QString &option, int least, int most) const
{
    const QString text = m_parser.value(option);
    bool ok = false;
    const int number = text.toInt(&ok);
    if (!ok || number < least || number > most)
        throw UsageError(u"--%1 takes a number from %2 to %3, not \"%4\""_s.arg(option).arg(least).arg(most).arg(text));
    return number;
}

QString CommonOptions::address() const
{
    return m_parser.value(u"address"_s);
}

quint16 CommonOptions::port() const
{
    return quint16(number(u"port"_s, 0, 65535));
}

Location CommonOptions::scheduler() const
{
    return givenScheduler().value_or(Location(u"127.0.0.1"_s, DefaultPort));
}

std::optional<Location> CommonOptions::givenScheduler() const
{
    const bool given = m_parser.isSet(u"scheduler"_s);
    if (!given && !qEnvironmentVariableIsSet("ASYNCORO_SCHEDULER"))
        return {};
    const QString text = given ? m_parser.value(u"scheduler"_s) : qEnvironmentVariable("ASYNCORO_SCHEDULER");
    const Location location = Location::fromString(text, DefaultPort);
    if (!location.isValid())
        throw UsageError(
            u"%1 takes HOST:PORT, not \"%2\""_s.arg(given ? u"--scheduler"_s : u"ASYNCORO_SCHEDULER"_s, text));
    return location;
}

std::optional<quint16> CommonOptions::discoveryPort() const
{
    return m_parser.isSet(u"no-discovery"_s) ? std::nullopt : Asyncoro::Discovery::portFromEnvironment();
}

QString CommonOptions::name() const
{
    const QString name = m_parser.value(u"name"_s);
    if (name.isEmpty())
        throw UsageError(u"--name takes a name"_s);
    return name;
}

Secret CommonOptions::secret() const
{
    if (m_parser.isSet(u"secret-file"_s))
        return Secret::fromFile(m_parser.value(u"secret-file"_s));
    return Secret::fromEnvironment();
}

TlsFiles CommonOptions::tlsFiles() const
{
    TlsFiles files = TlsFiles::fromEnvironment();
    for (const auto &[option, file] : {std::pair(u"certificate"_s, &files.certificate), std::pair(u"key"_s, &files.key),
                                       std::pair(u"authority"_s, &files.authority)}) {
        if (m_parser.isSet(option))
            *file = m_parser.value(option);
    }
    return files;
}

} // namespace Asyncoro::Tools
