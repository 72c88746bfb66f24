// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "common/commonoptions.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <stdexcept>

using namespace Asyncoro;
using namespace Asyncoro::Tools;
using namespace Qt::StringLiterals;

class CommonOptionsTest : public QObject
{
    Q_OBJECT

    static constexpr CommonOptions::Options All =
        CommonOptions::Address | CommonOptions::Scheduler | CommonOptions::SecretFile | CommonOptions::Name
        | CommonOptions::Discovery | CommonOptions::Tls;

    static QString errorOf(const std::function<void()> &operation)
    {
        try {
            operation();
        } catch (const Error &error) {
            return error.message();
        }
        return u"no error"_s;
    }

    static QString writeSecret(const QTemporaryDir &folder, const QByteArray &content)
    {
        const QString name = folder.filePath(u"secret"_s);
        QFile::remove(name);
        QFile file(name);
        if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner)
            || file.write(content) != content.size())
            qFatal("cannot write the secret");
        return name;
    }

private Q_SLOTS:
    void init()
    {
        for (const char *variable :
             {"ASYNCORO_SCHEDULER", "ASYNCORO_SECRET", "ASYNCORO_SECRET_FILE", "ASYNCORO_DISCOVERY",
              "ASYNCORO_CERTIFICATE", "ASYNCORO_KEY", "ASYNCORO_AUTHORITY"})
            qunsetenv(variable);
    }

    void hasDefaults()
    {
        CommonOptions options(All, {}, 4711);
        QVERIFY(!options.parse({}));
        QCOMPARE(options.address(), u"127.0.0.1"_s);
        QCOMPARE(options.port(), 4711);
        QCOMPARE(options.scheduler(), Location(u"127.0.0.1"_s, CommonOptions::DefaultPort));
        QVERIFY(!options.name().isEmpty());
        QVERIFY(options.secret().isEmpty());
        QVERIFY(!options.tls());
        QVERIFY(!options.isVerbose());
    }

    void readsOptions()
    {
        CommonOptions options(All, {});
        QVERIFY(!options.parse({u"--address"_s, u"::"_s, u"--port=12"_s, u"--scheduler"_s, u"example.org:13"_s,
                                u"--name"_s, u"Jo"_s, u"file"_s}));
        QCOMPARE(options.address(), u"::"_s);
        QCOMPARE(options.port(), 12);
        QCOMPARE(options.scheduler(), Location(u"example.org"_s, 13));
        QCOMPARE(options.name(), u"Jo"_s);
        QCOMPARE(options.parser().positionalArguments(), QStringList{u"file"_s});
    }

    void discoveryIsOnUnlessSwitchedOff()
    {
        CommonOptions on(All, {});
        QVERIFY(!on.parse({}));
        QCOMPARE(on.discoveryPort(), quint16(51350));
        QVERIFY(!on.givenScheduler());
        qputenv("ASYNCORO_DISCOVERY", "4711");
        QCOMPARE(on.discoveryPort(), quint16(4711));
        CommonOptions off(All, {});
        QVERIFY(!off.parse({u"--no-discovery"_s}));
        QCOMPARE(off.discoveryPort(), std::nullopt);
        qputenv("ASYNCORO_DISCOVERY", "off");
        QCOMPARE(on.discoveryPort(), std::nullopt);
        for (const char *wrong : {"0", "on", "65536", "-1"}) {
            qputenv("ASYNCORO_DISCOVERY", wrong);
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(on.discoveryPort()));
        }
    }

    void schedulerFromTheEnvironment()
    {
        qputenv("ASYNCORO_SCHEDULER", "example.org");
        CommonOptions options(All, {});
        QVERIFY(!options.parse({}));
        QCOMPARE(options.scheduler(), Location(u"example.org"_s, CommonOptions::DefaultPort));
        qputenv("ASYNCORO_SCHEDULER", "example.org:port");
        QCOMPARE(errorOf([&] { static_cast<void>(options.scheduler()); }),
                 u"ASYNCORO_SCHEDULER takes HOST:PORT, not \"example.org:port\""_s);
    }

    void secretFromTheFirstPlaceThatIsGiven()
    {
        const QTemporaryDir one;
        const QTemporaryDir other;
        CommonOptions fromEnvironment(All, {});
        QVERIFY(!fromEnvironment.parse({}));
        qputenv("ASYNCORO_SECRET", "text");
        QCOMPARE(fromEnvironment.secret().key(), "text");
        qputenv("ASYNCORO_SECRET_FILE", writeSecret(one, "one\n").toUtf8());
        QCOMPARE(fromEnvironment.secret().key(), "one");

        CommonOptions options(All, {});
        QVERIFY(!options.parse({u"--secret-file"_s, writeSecret(other, "other\n")}));
        QCOMPARE(options.secret().key(), "other");
    }

    void refusesASecretThatIsNone()
    {
        const QTemporaryDir folder;
        const QString file = writeSecret(folder, " \n");
        CommonOptions options(All, {});
        QVERIFY(!options.parse({u"--secret-file"_s, file}));
        QVERIFY(errorOf([&] { static_cast<void>(options.secret()); }).contains(u"is empty"_s));
        QVERIFY(QFile::remove(file));
        QVERIFY(
            errorOf([&] { static_cast<void>(options.secret()); }).startsWith(u"cannot read the secret from "_s + file));
    }

    // What these files may be is tested by tls.py.
    void filesOfTlsFromTheFirstPlaceThatIsGiven()
    {
        qputenv("ASYNCORO_CERTIFICATE", "environment.pem");
        qputenv("ASYNCORO_AUTHORITY", "authority.pem");
        CommonOptions options(All, {});
        QVERIFY(!options.parse({u"--certificate"_s, u"option.pem"_s, u"--key"_s, u"option.key"_s}));
        QCOMPARE(options.tlsFiles(), (TlsFiles{u"option.pem"_s, u"option.key"_s, u"authority.pem"_s}));
        CommonOptions none(All, {});
        QVERIFY(!none.parse({}));
        QCOMPARE(none.tlsFiles(), (TlsFiles{u"environment.pem"_s, {}, u"authority.pem"_s}));
        QVERIFY(errorOf([&] { static_cast<void>(none.tls()); })
                    .endsWith(u"missing: its key (--key FILE or ASYNCORO_KEY)"_s));
    }

    void refusesWrongUsage_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("error");
        QTest::newRow("unknown") << QStringList{u"--color"_s} << "unknown option 'color'";
        QTest::newRow("without value") << QStringList{u"--port"_s} << "missing value after '--port'";
        QTest::newRow("port") << QStringList{u"--port"_s, u"http"_s}
                              << "--port takes a number from 0 to 65535, not \"http\"";
        QTest::newRow("large port") << QStringList{u"--port"_s, u"65536"_s}
                                    << "--port takes a number from 0 to 65535, not \"65536\"";
        QTest::newRow("scheduler") << QStringList{u"--scheduler"_s, u"a:b"_s}
                                   << "--scheduler takes HOST:PORT, not \"a:b\"";
        QTest::newRow("name") << QStringList{u"--name"_s, QString()} << "--name takes a name";
    }
    void refusesWrongUsage()
    {
        QFETCH(QStringList, arguments);
        const QString error = errorOf([&] {
            CommonOptions options(All, {});
            QVERIFY(!options.parse(arguments));
            static_cast<void>(options.port());
            static_cast<void>(options.scheduler());
            static_cast<void>(options.name());
        });
        QTEST(error, "error");
    }

    void errorsBecomeTheExitStatus()
    {
        QCOMPARE(runTool(u"test"_s, [] { return 3; }), 3);
        QCOMPARE(runTool(u"test"_s, []() -> int { throw Error(u"failed"_s); }), 1);
        QCOMPARE(runTool(u"test"_s, []() -> int { throw std::runtime_error("failed"); }), 1);
        QCOMPARE(runTool(u"test"_s, []() -> int { throw UsageError(u"wrong"_s); }), 2);
        QCOMPARE(runTool(u"test"_s, [] { return CommonOptions(All, {}).parse({u"--help"_s}).value_or(4); }), 0);
        QCOMPARE(runTool(u"test"_s, [] { return CommonOptions(All, {}).parse({u"--version"_s}).value_or(4); }), 0);
    }
};

QTEST_GUILESS_MAIN(CommonOptionsTest)
#include "commonoptionstest.moc"
