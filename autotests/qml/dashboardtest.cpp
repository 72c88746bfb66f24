// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dashboardwindow.h"
#include "recording.h"

#include <QAccessible>
#include <QApplication>
#include <QRegularExpression>
#include <QSignalSpy>
#include <QTest>

using namespace Asyncoro::Qml;
using namespace Qt::StringLiterals;
using State = Cluster::State;

/** The dashboard's window in each state of the connection, without a graphics system. */
class DashboardTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void neverConnected()
    {
        DashboardWindow dashboard;
        QVERIFY(dashboard.isShown());
        QVERIFY(dashboard.sees("placeholder"));
        QCOMPARE(dashboard.text("placeholder"), u"Not connected"_s);
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"Connect to a scheduler to see its nodes"_s));
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"Connect…"_s));
        QVERIFY(!dashboard.sees("content"));
        QVERIFY(!dashboard.sees("banner"));
        QVERIFY(!dashboard.sees("busy"));
        QVERIFY(!dashboard.action("disconnectAction")->property("enabled").toBool());
    }

    void cannotConnect()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::NotConnected, u"The secret file /etc/secret cannot be read"_s);
        QVERIFY(dashboard.isShown());
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"The secret file /etc/secret cannot be read."_s));
    }

    void connecting()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connecting);
        QVERIFY(dashboard.isShown());
        QCOMPARE(dashboard.text("placeholder"), u"Connecting…"_s);
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"Connecting to 127.0.0.1:51350…"_s));
        QVERIFY(!DashboardWindow::says(dashboard.find("placeholder"), u"Connect…"_s));
        QVERIFY(dashboard.sees("busy"));
        QVERIFY(dashboard.action("disconnectAction")->property("enabled").toBool());
    }

    void connectedAndEmpty()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setSecretFile(u"/etc/asyncoro/secret"_s);
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording().status);
        QVERIFY(dashboard.isShown());
        QCOMPARE(dashboard.text("placeholder"), u"No nodes yet"_s);
        QCOMPARE(dashboard.text("command"), u"discoro-node --scheduler 127.0.0.1:51350 --secret-file /etc/asyncoro/secret"_s);
        QVERIFY(dashboard.sees("command"));
        QVERIFY(!dashboard.sees("content"));
        QCOMPARE(dashboard.text("connection"), u"Connected to 127.0.0.1:51350. The cluster has no nodes yet."_s);
    }

    void atWork()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording::atWork(2, 2, 3).status);
        QVERIFY(dashboard.isShown());
        QVERIFY(dashboard.sees("content"));
        QVERIFY(!dashboard.sees("banner"));
        QVERIFY(!dashboard.sees("placeholder"));
        QCOMPARE(dashboard.text("summary"), u"2 nodes, 4 servers, 12 coroutines running, 50 waiting"_s);
        QCOMPARE(dashboard.text("connection"), u"Connected to 127.0.0.1:51350."_s);
        QCOMPARE(cells(dashboard, "nodeTable", "cell-name"), (QStringList{u"node-1"_s, u"node-2"_s}));
        QCOMPARE(cells(dashboard, "nodeTable", "cell-state"), (QStringList{u"Ready"_s, u"Ready"_s}));
        QCOMPARE(cells(dashboard, "nodeTable", "cell-done"), (QStringList{u"200"_s, u"200"_s}));
        QCOMPARE(cells(dashboard, "nodeTable", "cell-cpuLoad"), (QStringList{u"50 %"_s, u"50 %"_s}));
        QCOMPARE(cells(dashboard, "serverTable", "cell-server").size(), 4);
        QCOMPARE(cells(dashboard, "computationTable", "cell-name"), QStringList{u"file-statistics"_s});
        QCOMPARE(cells(dashboard, "jobTable", "cell-function").value(0), u"statistics"_s);
        QCOMPARE(cells(dashboard, "jobTable", "cell-arguments").value(0), u"\"src/core/file-1.cpp\""_s);
        QCOMPARE(cells(dashboard, "jobTable", "cell-server").value(0), u"10.0.0.1:40000"_s);
        QCOMPARE(cells(dashboard, "jobTable", "cell-durationText").value(0), u"2.0 s"_s);
        QCOMPARE(dashboard.text("value"), u"0"_s); // the rate
        QVERIFY(dashboard.texts("value").contains(u"400"_s)); // done
    }

    void followsTheCluster()
    {
        Recording recording = Recording::atWork(2, 2, 3);
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(recording.status);
        QVERIFY(dashboard.isShown());

        recording.status.nodes[1].state = Recording::NodeStatus::State::Lost;
        for (auto &server : recording.status.nodes[1].servers) {
            server.state = Recording::ServerStatus::State::Lost;
            server.failed = std::exchange(server.running, 0);
            server.jobs.clear();
        }
        recording.advance(1000, 30);
        dashboard.cluster.setStatus(recording.status);
        QTRY_COMPARE(cells(dashboard, "nodeTable", "cell-state"), (QStringList{u"Ready"_s, u"Lost"_s}));
        QCOMPARE(cells(dashboard, "serverTable", "cell-state"), (QStringList{u"Ready"_s, u"Ready"_s, u"Lost"_s, u"Lost"_s}));
        QTRY_COMPARE(cells(dashboard, "jobTable", "cell-function").size(), 6);
        QVERIFY(dashboard.texts("value").contains(u"430"_s)); // done
        QCOMPARE(dashboard.text("summary"), u"1 node, 1 lost node, 2 servers, 6 coroutines running, 50 waiting"_s);
        QTRY_COMPARE(dashboard.text("value"), u"36"_s); // the rate: 30 done and 6 failed in a second
    }

    void stale()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setStatus(Recording::atWork(1, 1, 1).status);
        dashboard.cluster.setState(State::Stale);
        QVERIFY(dashboard.isShown());
        QTRY_VERIFY(dashboard.sees("banner"));
        QVERIFY(dashboard.text("banner").startsWith(u"Nothing was heard from 127.0.0.1:51350 for "_s));
        QVERIFY(dashboard.sees("content"));
        QVERIFY(dashboard.find("content")->opacity() < 1);
        QVERIFY(!dashboard.sees("connection"));
    }

    void lost()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording::atWork(2, 1, 1).status);
        QVERIFY(dashboard.isShown());
        dashboard.cluster.setState(State::Lost, u"the remote host closed the connection"_s, QDateTime::currentDateTimeUtc().addSecs(30));
        QTRY_VERIFY(dashboard.sees("banner"));
        const auto isRight = [&] {
            static const QRegularExpression text(
                u"^The connection to 127\\.0\\.0\\.1:51350 was lost: the remote host closed the connection\\. The next attempt comes in [1-3]\\d s\\.$"_s);
            return text.match(dashboard.text("banner")).hasMatch();
        };
        QVERIFY2(isRight(), qPrintable(dashboard.text("banner")));
        const QString before = dashboard.text("banner");
        QTRY_VERIFY(dashboard.text("banner") != before); // it counts down
        QVERIFY2(isRight(), qPrintable(dashboard.text("banner")));
        QTRY_VERIFY(DashboardWindow::says(dashboard.find("banner"), u"Try now"_s));
        QCOMPARE(cells(dashboard, "nodeTable", "cell-name").size(), 2); // the last data
        QVERIFY(dashboard.find("content")->opacity() < 1);
    }

    void lostBeforeAnyStatus()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Lost, u"connection refused"_s, QDateTime::currentDateTimeUtc().addSecs(30));
        QVERIFY(dashboard.isShown());
        QCOMPARE(dashboard.text("placeholder"), u"The scheduler cannot be reached"_s);
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"connection refused. The next attempt comes in "_s));
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"Try now"_s));
    }

    void refused()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Refused, u"the secret is wrong"_s);
        QVERIFY(dashboard.isShown());
        QCOMPARE(dashboard.text("placeholder"), u"The connection was refused"_s);
        QVERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"127.0.0.1:51350 refused this program: the secret is wrong."_s));
        QVERIFY(!dashboard.action("disconnectAction")->property("enabled").toBool());

        dashboard.cluster.setStatus(Recording::atWork(1, 1, 1).status); // refused when it came back
        QTRY_VERIFY(dashboard.sees("banner"));
        QTRY_VERIFY(DashboardWindow::says(dashboard.find("banner"), u"Connect…"_s));
    }

    void withoutOpenGl()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording::atWork(1, 1, 1).status);
        QVERIFY(dashboard.isShown());
        QVERIFY(dashboard.sees("noGraph"));
        QVERIFY(dashboard.text("noGraph").startsWith(u"The graph needs OpenGL"_s));
        QVERIFY(dashboard.sees("table"));
        QVERIFY(!dashboard.find("rateChart")->property("lines").value<QQuickItem *>());
        QTRY_VERIFY(dashboard.cluster.history()->count() > 0);
        QTRY_VERIFY(dashboard.find("table")->findChild<QQuickItem *>() || !dashboard.find("table")->childItems().isEmpty());
    }

    void overTheCap()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording::atWork(60, 1, 100).status);
        QVERIFY(dashboard.isShown());
        QVERIFY(DashboardWindow::says(dashboard.find("jobTable"), u"Showing 1,000 of 6,000"_s));
        QVERIFY(cells(dashboard, "jobTable", "cell-function").size() < 100); // only those in sight are made
    }

    void sortsByHeader()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        Recording recording = Recording::atWork(3, 1, 1);
        recording.status.nodes[1].servers[0].done = 5000;
        dashboard.cluster.setStatus(recording.status);
        QVERIFY(dashboard.isShown());
        QQuickItem *table = dashboard.find("nodeTable");
        QQuickItem *header = inside(table, u"header-done"_s).value(0);
        QVERIFY(header);
        const auto shown = [&] {
            QStringList names;
            const auto *list = qvariant_cast<QQuickItem *>(table->property("view"));
            for (int row = 0; row < 3; ++row) {
                QQuickItem *item = nullptr;
                QMetaObject::invokeMethod(const_cast<QQuickItem *>(list), "itemAtIndex", Q_RETURN_ARG(QQuickItem *, item), Q_ARG(int, row));
                names.append(item ? inside(item, u"cell-name"_s).value(0)->property("text").toString() : QString());
            }
            return names;
        };
        click(dashboard, header);
        click(dashboard, header); // descending
        QTRY_COMPARE(shown().value(0), u"node-2"_s);
        click(dashboard, header);
        QTRY_COMPARE(shown(), (QStringList{u"node-1"_s, u"node-2"_s, u"node-3"_s}));
    }

    void selectionSurvivesUpdates()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        Recording recording = Recording::atWork(1, 2, 3);
        dashboard.cluster.setStatus(recording.status);
        QVERIFY(dashboard.isShown());
        auto *list = qvariant_cast<QQuickItem *>(dashboard.find("jobTable")->property("view"));
        list->forceActiveFocus();
        QCOMPARE(list->property("currentIndex"), 0);
        QTest::keyClick(dashboard.window, Qt::Key_Down);
        QTest::keyClick(dashboard.window, Qt::Key_Down);
        QCOMPARE(list->property("currentIndex"), 2);
        Recording::endJob(recording.status.nodes[0].servers[0], 0);
        recording.advance(500, 1);
        dashboard.cluster.setStatus(recording.status);
        QTRY_COMPARE(list->property("currentIndex"), 1); // the same coroutine
        QVERIFY(list->hasActiveFocus());
    }

    void keys()
    {
        DashboardWindow dashboard;
        QVERIFY(dashboard.isShown());
        QSignalSpy quit(&dashboard.engine, &QQmlEngine::quit);
        QTest::keyClick(dashboard.window, Qt::Key_Q, Qt::ControlModifier);
        QTRY_COMPARE(quit.size(), 1);

        dashboard.cluster.setScheduler(u"127.0.0.1:1"_s);
        QTest::keyClick(dashboard.window, Qt::Key_F5);
        QTRY_VERIFY(dashboard.cluster.state() != State::NotConnected);
        dashboard.cluster.close();

        QTest::keyClick(dashboard.window, Qt::Key_O, Qt::ControlModifier);
        QTRY_VERIFY(dashboard.sees("address"));
        QTRY_VERIFY(dashboard.find("address")->hasActiveFocus());
    }

    void connectsByDialog()
    {
        DashboardWindow dashboard;
        QVERIFY(dashboard.isShown());
        QTest::keyClick(dashboard.window, Qt::Key_O, Qt::ControlModifier);
        QTRY_VERIFY(dashboard.sees("address"));
        QTRY_COMPARE(dashboard.text("address"), u"127.0.0.1:51350"_s);

        dashboard.find("address")->setProperty("text", u"no address:"_s);
        QVERIFY(DashboardWindow::says(dashboard.find("hint"), u"host:port"_s));
        QTest::keyClick(dashboard.window, Qt::Key_Return); // nothing happens
        QCOMPARE(dashboard.cluster.scheduler(), u"127.0.0.1:51350"_s);

        dashboard.find("address")->setProperty("text", u"localhost:1"_s);
        dashboard.find("secretFile")->setProperty("text", u"/none/secret"_s);
        dashboard.find("certificateFile")->setProperty("text", u"/none/certificate"_s);
        dashboard.find("keyFile")->setProperty("text", u"/none/key"_s);
        dashboard.find("authorityFile")->setProperty("text", u"/none/authority"_s);
        QTest::keyClick(dashboard.window, Qt::Key_Return);
        QTRY_COMPARE(dashboard.cluster.scheduler(), u"localhost:1"_s);
        QCOMPARE(dashboard.cluster.state(), State::NotConnected);
        QTRY_VERIFY(DashboardWindow::says(dashboard.find("placeholder"), u"Cannot read the secret from /none/secret"_s));
        QCOMPARE(dashboard.cluster.certificateFile(), u"/none/certificate"_s);
        QCOMPARE(dashboard.cluster.keyFile(), u"/none/key"_s);
        QCOMPARE(dashboard.cluster.authorityFile(), u"/none/authority"_s);
    }

    void speaks()
    {
        QAccessible::setActive(true);
        DashboardWindow dashboard;
        dashboard.cluster.setState(State::Connected);
        dashboard.cluster.setStatus(Recording::atWork(2, 1, 1).status);
        QVERIFY(dashboard.isShown());
        QTRY_VERIFY(dashboard.cluster.history()->count() > 0);
        QTRY_COMPARE(spoken(dashboard.find("rateChart")), u"Finished per second: finished 0 now; highest 0 in the last 10 s"_s);
        QCOMPARE(spoken(qvariant_cast<QQuickItem *>(dashboard.find("nodeTable")->property("view"))), u"Nodes"_s);
        QVERIFY(spoken(inside(dashboard.find("nodeTable"), u"row"_s).value(0)).startsWith(u"Node node-1, State Ready, Servers 1"_s));
        QCOMPARE(spoken(dashboard.find("doneCard")), u"Done: 200"_s);
        QCOMPARE(spoken(dashboard.find("connection")), u"Connected to 127.0.0.1:51350."_s);
        QAccessible::setActive(false);
    }

private:
    static QList<QQuickItem *> inside(QQuickItem *item, const QString &name)
    {
        QList<QQuickItem *> found;
        const QList<QQuickItem *> children = item->childItems();
        for (QQuickItem *child : children) {
            if (child->objectName() == name)
                found.append(child);
            found.append(inside(child, name));
        }
        return found;
    }

    static QStringList cells(const DashboardWindow &dashboard, const char *table, const char *cell)
    {
        QList<QQuickItem *> items = inside(dashboard.find(table), QString::fromLatin1(cell));
        items.removeIf([](const QQuickItem *item) { return !item->isVisible(); });
        std::ranges::sort(items, {}, [](const QQuickItem *item) { return item->mapToScene({}).y(); });
        QStringList texts;
        for (const QQuickItem *item : std::as_const(items))
            texts.append(item->property("text").toString());
        return texts;
    }

    static void click(const DashboardWindow &dashboard, const QQuickItem *item)
    {
        const QPointF center = item->mapToScene({item->width() / 2, item->height() / 2});
        QTest::mouseClick(dashboard.window, Qt::LeftButton, {}, center.toPoint());
    }

    static QString spoken(QObject *object)
    {
        QAccessibleInterface *interface = object ? QAccessible::queryAccessibleInterface(object) : nullptr;
        return interface ? interface->text(QAccessible::Name) : QString();
    }
};

int main(int argc, char **argv)
{
    DashboardWindow::prepareApplication();
    QApplication application(argc, argv);
    DashboardWindow::finishApplication();
    DashboardTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "dashboardtest.moc"
