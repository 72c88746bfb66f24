// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Error>
#include <Asyncoro/Location>
#include <Asyncoro/Secret>
#include <Asyncoro/TlsFiles>

#include <QCommandLineParser>

#include <functional>
#include <optional>

namespace Asyncoro::Tools {

/** The command line is wrong. */
class UsageError : public Error
{
public:
    using Error::Error;
    ~UsageError() override;
};

/** Writes the line "discoro-node: message", with the name of this program, to stderr. */
void printError(const QString &message);
/** Writes a line to stdout, at once. */
void printLine(const QString &line);

/**
 * Runs the main part of a program, and gives its exit status: what it returns, or 1 after an error and 2 after wrong
 * usage, which are printed in one line. There must be a QCoreApplication; `name` becomes its name.
 */
int runTool(const QString &name, const std::function<int()> &tool);

/** The options that all programs have, those of CommonOption that a program chooses, and its own. */
class CommonOptions
{
public:
    enum CommonOption {
        NoOption = 0,
        Address = 1, ///< --address and --port, where to listen
        Scheduler = 2, ///< --scheduler, where it listens; else what ASYNCORO_SCHEDULER says, else this machine
        SecretFile = 4, ///< --secret-file, as secret() says
        Name = 8, ///< --name; else that of the machine
        Discovery = 16, ///< --no-discovery; see discoveryPort()
        Tls = 32, ///< --certificate, --key and --authority, as tlsFiles() says
    };
    Q_DECLARE_FLAGS(Options, CommonOption)

    static constexpr quint16 DefaultPort = 51350; ///< the scheduler's

    struct Help {
        QString usage; ///< the first line without the program's name, such as "[options] -- PROGRAM [ARGUMENT...]"
        QString description;
        QString examples; ///< one a line
    };

    /** `port` is what --port is when it is not given. */
    CommonOptions(Options options, Help help, quint16 port = 0);

    /** To add options and arguments of the program's own, and to ask for them. */
    [[nodiscard]] QCommandLineParser &parser() { return m_parser; }

    /**
     * Reads the command line without the program's name. Throws UsageError.
     *
     * @return the exit status if the program is to end at once, after --help and --version.
     */
    [[nodiscard]] std::optional<int> parse(const QStringList &arguments);

    [[nodiscard]] bool isVerbose() const;
    /** The value of an option that is a whole number in this range; throws UsageError. */
    [[nodiscard]] int number(const QString &option, int least, int most) const;

    // these throw UsageError, too
    [[nodiscard]] QString address() const;
    [[nodiscard]] quint16 port() const;
    [[nodiscard]] Location scheduler() const;
    /** What --scheduler or ASYNCORO_SCHEDULER says, if either does. */
    [[nodiscard]] std::optional<Location> givenScheduler() const;
    /** The UDP port for discovery, from ASYNCORO_DISCOVERY; nothing if that, or --no-discovery, switches it off. */
    [[nodiscard]] std::optional<quint16> discoveryPort() const;
    [[nodiscard]] QString name() const;

    /**
     * From --secret-file, else from the file that ASYNCORO_SECRET_FILE names, else from ASYNCORO_SECRET, else none.
     * Throws an Error if a file cannot be read, is empty, or may be read by other users.
     */
    [[nodiscard]] Secret secret() const;

    /** Each from its option, else from the variable ASYNCORO_CERTIFICATE, ASYNCORO_KEY or ASYNCORO_AUTHORITY. */
    [[nodiscard]] TlsFiles tlsFiles() const;
    /** What these files have in them, if they are given. Throws as TlsFiles::read(). */
    [[nodiscard]] std::optional<TlsConfiguration> tls() const { return tlsFiles().read(); }

private:
    [[nodiscard]] QString helpText() const;

    QCommandLineParser m_parser;
    Help m_help;
};

Q_DECLARE_OPERATORS_FOR_FLAGS(CommonOptions::Options)

} // namespace Asyncoro::Tools
