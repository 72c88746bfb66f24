// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

/** discoro-dashboard's command line: each mistake is one clear line, and an exit status that is not 0. */
class DashboardOptionsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void helps()
    {
        const Result result = run({QStringLiteral("--help")});
        QCOMPARE(result.status, 0);
        for (const char *option : {"--scheduler", "--secret-file", "--screenshot", "--screenshot-when",
                                   "ASYNCORO_SECRET_FILE", "--certificate", "--key", "--authority", "ASYNCORO_KEY"})
            QVERIFY2(result.output.contains(option), option);
        QCOMPARE(run({QStringLiteral("--version")}).status, 0);
    }

    void refuses_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("error");
        const auto row = [](const char *name, const QStringList &arguments, const char *error) {
            QTest::newRow(name) << arguments << QString::fromUtf8(error);
        };
        row("argument", {QStringLiteral("server")}, "unknown argument server (see discoro-dashboard --help)");
        row("address", {QStringLiteral("--scheduler"), QStringLiteral("server:http")}, "--scheduler takes HOST:PORT, not \"server:http\" (see discoro-dashboard --help)");
        row("secret file", {QStringLiteral("--secret-file"), QStringLiteral("/none")}, "cannot read the secret from /none: No such file or directory");
        row("no key",
            {QStringLiteral("--certificate"), QStringLiteral("a.pem"), QStringLiteral("--authority"), QStringLiteral("b.pem")},
            "TLS takes a certificate, its key and an authority; missing: its key (--key FILE or ASYNCORO_KEY)");
        row("no scheduler", {QStringLiteral("--screenshot"), QStringLiteral("a.png")}, "--screenshot needs --scheduler (see discoro-dashboard --help)");
        row("no folder", {QStringLiteral("--scheduler"), QStringLiteral("localhost:1"), QStringLiteral("--screenshot"), QStringLiteral("/none/a.png")},
            "cannot write the screenshot \"/none/a.png\"");
        row("no number", {QStringLiteral("--screenshot-when"), QStringLiteral("many")}, "--screenshot-when takes a number from 0 to 2147483647, not \"many\" (see discoro-dashboard --help)");
    }

    void refuses()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QString, error);
        const Result result = run(arguments);
        QVERIFY(result.status > 0);
        QCOMPARE(QString::fromUtf8(result.errors).trimmed(), QStringLiteral("discoro-dashboard: ") + error);
    }

private:
    struct Result {
        int status;
        QByteArray output;
        QByteArray errors;
    };

    Result run(const QStringList &arguments)
    {
        QProcess process;
        process.start(QStringLiteral("discoro-dashboard"), arguments);
        if (!process.waitForFinished() || process.exitStatus() != QProcess::NormalExit)
            return {-1, {}, process.errorString().toUtf8()};
        return {process.exitCode(), process.readAllStandardOutput(), process.readAllStandardError()};
    }
};

QTEST_GUILESS_MAIN(DashboardOptionsTest)
#include "dashboardoptionstest.moc"
