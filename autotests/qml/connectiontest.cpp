// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/tlstest.h"

#include <Asyncoro/Cluster>

#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

using namespace Asyncoro::Qml;
using namespace Qt::StringLiterals;
using State = Cluster::State;

/** A Cluster and a real scheduler: each state of the connection, as it comes about. */
class ConnectionTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void connectsAndSeesNodes()
    {
        const Scheduler scheduler;
        QVERIFY(!scheduler.address.isEmpty());
        Cluster cluster;
        cluster.setScheduler(scheduler.address);
        cluster.setSecret(SecretText);
        cluster.open();
        QCOMPARE(cluster.state(), State::Connecting);
        QTRY_COMPARE(cluster.state(), State::Connected);
        QTRY_VERIFY(cluster.hasStatus());
        QCOMPARE(cluster.nodes()->count(), 0);
        QVERIFY(cluster.stateText().endsWith(u"The cluster has no nodes yet."));

        const QTemporaryDir folder;
        const auto node = start(u"discoro-node"_s,
                                {u"--scheduler"_s, scheduler.address, u"--name"_s, u"first"_s, u"--cpus"_s, u"1"_s,
                                 u"--work-dir"_s, folder.path()});
        QTRY_COMPARE(cluster.nodes()->count(), 1);
        QCOMPARE(cluster.nodes()->index(0).data(NodeModel::NameRole), u"first"_s);
        QTRY_VERIFY(cluster.history()->count() > 1);

        cluster.close();
        QCOMPARE(cluster.state(), State::NotConnected);
        QCOMPARE(cluster.nodes()->count(), 1); // what was known
    }

    void losesAndFindsTheScheduler()
    {
        auto scheduler = std::make_unique<Scheduler>();
        const QString address = scheduler->address;
        Cluster cluster;
        cluster.setScheduler(address);
        cluster.setSecret(SecretText);
        cluster.open();
        QTRY_VERIFY(cluster.hasStatus());

        scheduler.reset();
        QTRY_COMPARE(cluster.state(), State::Lost);
        const QString text = cluster.stateText();
        QVERIFY2(text.startsWith(u"The connection to %1 was lost"_s.arg(address)), qPrintable(text));
        QVERIFY(cluster.hasStatus());

        scheduler = std::make_unique<Scheduler>(address.section(u':', -1));
        QCOMPARE(scheduler->address, address);
        QTRY_COMPARE_WITH_TIMEOUT(cluster.state(), State::Connected, 20'000);
    }

    void isToldWhenThereIsNoScheduler()
    {
        Cluster cluster;
        cluster.setScheduler(u"127.0.0.1:1"_s);
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Lost);
        const QRegularExpression text(u"^The scheduler 127.0.0.1:1 cannot be reached: [^:]*refused\\. The next attempt"_s);
        QVERIFY2(text.match(cluster.stateText()).hasMatch(), qPrintable(cluster.stateText()));
        QTRY_VERIFY(cluster.stateText().contains(u"The next attempt comes in 1 s"));
        QTRY_VERIFY(cluster.stateText().contains(u"The next attempt comes in 2 s")); // each waits longer than the last
    }

    void isRefusedWithAWrongSecret()
    {
        const Scheduler scheduler;
        Cluster cluster;
        cluster.setScheduler(scheduler.address);
        cluster.setSecret(u"not the secret"_s);
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Refused);
        QCOMPARE(cluster.stateText(), u"%1 refused this program: it has another secret."_s.arg(scheduler.address));

        cluster.setSecret(SecretText);
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Connected);
    }

    void connectsWithTls()
    {
        const TlsTest::Certificates certificates;
        const Scheduler scheduler(u"0"_s,
                                  {u"--certificate"_s, certificates.pem(u"server"_s), u"--key"_s,
                                   certificates.key(u"server"_s), u"--authority"_s, certificates.pem(u"ca"_s)});
        Cluster cluster;
        cluster.setScheduler(scheduler.address);
        cluster.setSecret(SecretText);
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Refused);
        QVERIFY2(cluster.stateText().contains(u"uses TLS, and this process has no certificate"),
                 qPrintable(cluster.stateText()));

        cluster.setCertificateFile(certificates.pem(u"foreign"_s));
        cluster.setKeyFile(certificates.key(u"foreign"_s));
        cluster.setAuthorityFile(certificates.pem(u"ca"_s));
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Refused);
        QVERIFY2(cluster.stateText().contains(u"it does not accept the certificate of this side"),
                 qPrintable(cluster.stateText()));

        cluster.setCertificateFile(certificates.pem(u"client"_s));
        cluster.open();
        QCOMPARE(cluster.state(), State::NotConnected);
        QVERIFY2(cluster.stateText().contains(u"does not belong to the first certificate of"),
                 qPrintable(cluster.stateText()));
        cluster.setKeyFile(certificates.key(u"client"_s));
        cluster.open();
        QTRY_COMPARE(cluster.state(), State::Connected);
    }

    void forgetsAnotherCluster()
    {
        const Scheduler first;
        const Scheduler second;
        Cluster cluster;
        cluster.setScheduler(first.address);
        cluster.setSecret(SecretText);
        cluster.open();
        QTRY_VERIFY(cluster.history()->count() > 0);
        cluster.setScheduler(second.address);
        cluster.open();
        QVERIFY(!cluster.hasStatus());
        QCOMPARE(cluster.history()->count(), 0);
        QTRY_COMPARE(cluster.state(), State::Connected);
    }

private:
    static constexpr auto SecretText = "the secret of this test"_L1;

    struct EndProcess {
        void operator()(QProcess *process) const
        {
            process->terminate();
            if (!process->waitForFinished(5000))
                process->kill();
            delete process;
        }
    };
    using Process = std::unique_ptr<QProcess, EndProcess>;

    static Process start(const QString &program, const QStringList &arguments)
    {
        Process process(new QProcess);
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(u"ASYNCORO_SECRET"_s, SecretText);
        environment.remove(u"ASYNCORO_SECRET_FILE"_s);
        process->setProcessEnvironment(environment);
        process->setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process->start(program, arguments);
        return process;
    }

    /** A process that ends with this. */
    struct Scheduler {
        explicit Scheduler(const QString &port = u"0"_s, const QStringList &more = {})
            : process(start(u"discoro-scheduler"_s, QStringList{u"--address"_s, u"127.0.0.1"_s, u"--port"_s, port} + more))
        {
            while (!process->canReadLine() && process->waitForReadyRead(10'000)) { }
            const QString line = QString::fromUtf8(process->readLine()).trimmed();
            if (line.startsWith(u"listening "))
                address = line.section(u' ', 1);
        }

        Process process;
        QString address;
    };
};

QTEST_GUILESS_MAIN(ConnectionTest)
#include "connectiontest.moc"
