// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dashboardwindow.h"
#include "recording.h"
#include "screenshot.h"

#include <QApplication>
#include <QSGRendererInterface>
#include <QSet>
#include <QSettings>
#include <QTest>

#include <cmath>
#include <cstdlib>
#include <unistd.h>
#include <vector>

using namespace Asyncoro::Qml;
using namespace Qt::StringLiterals;

/** The window as it is drawn with OpenGL. The pictures stay in the build folder, for people to look at. */
class ScreenshotTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void drawsGraphs()
    {
        DashboardWindow dashboard;
        fill(dashboard.cluster);
        QVERIFY(dashboard.isShown());
        QCOMPARE(dashboard.window->rendererInterface()->graphicsApi(), QSGRendererInterface::OpenGL);
        QVERIFY(!dashboard.sees("noGraph"));
        for (const char *name : {"rateChart", "loadChart"}) {
            auto *lines = dashboard.find(name)->property("lines").value<QQuickItem *>();
            QVERIFY2(lines, name);
            // The lines and what they fill, besides the scale behind.
            QTRY_VERIFY2(coloursOf(dashboard, lines) > 3, name);
        }
    }

    void savesThePicture_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<Cluster::State>("state");
        QTest::newRow("connected") << u"dashboard.png"_s << Cluster::State::Connected;
        QTest::newRow("lost") << u"dashboard-lost.png"_s << Cluster::State::Lost;
    }

    void savesThePicture()
    {
        QFETCH(QString, name);
        QFETCH(Cluster::State, state);
        const QString file = QStringLiteral(PICTURES_DIR) + u'/' + name;
        QFile::remove(file);
        DashboardWindow dashboard;
        fill(dashboard.cluster);
        QVERIFY(dashboard.isShown());
        if (state == Cluster::State::Lost) {
            dashboard.cluster.setState(state, u"the remote host closed the connection"_s, QDateTime::currentDateTimeUtc().addSecs(5));
            QTest::qWait(500);
            QVERIFY(dashboard.window->grabWindow().save(file));
            return;
        }
        Screenshot screenshot(&dashboard.cluster, dashboard.window, file, 100);
        QCOMPARE(QApplication::exec(), EXIT_SUCCESS);
        const QImage picture(file);
        QCOMPARE(picture.size(), dashboard.window->size());
    }

    void failsWithoutCluster()
    {
        DashboardWindow dashboard;
        dashboard.cluster.setState(Cluster::State::Refused, u"the secret is wrong"_s);
        Screenshot screenshot(&dashboard.cluster, dashboard.window, u"/none/none.png"_s, 1);
        QCOMPARE(QApplication::exec(), EXIT_FAILURE);
    }

    void showsEachState_data()
    {
        QTest::addColumn<Cluster::State>("state");
        QTest::addColumn<QString>("error");
        QTest::newRow("never-connected") << Cluster::State::NotConnected << QString();
        QTest::newRow("empty") << Cluster::State::Connected << QString();
        QTest::newRow("dialog") << Cluster::State::NotConnected << QString();
        QTest::newRow("refused") << Cluster::State::Refused << u"the secret is wrong"_s;
    }

    void showsEachState()
    {
        QFETCH(Cluster::State, state);
        QFETCH(QString, error);
        DashboardWindow dashboard;
        dashboard.cluster.setState(state, error);
        if (state == Cluster::State::Connected)
            dashboard.cluster.setStatus(Recording().status);
        QVERIFY(dashboard.isShown());
        if (QLatin1StringView(QTest::currentDataTag()) == "dialog"_L1)
            QVERIFY(QMetaObject::invokeMethod(dashboard.action("connectAction"), "trigger"));
        QTest::qWait(500);
        const QString file = QStringLiteral(PICTURES_DIR "/dashboard-%1.png").arg(QLatin1StringView(QTest::currentDataTag()));
        QVERIFY(dashboard.window->grabWindow().save(file));
    }

private:
    static void fill(Cluster &cluster)
    {
        Recording recording = Recording::atWork(2, 2, 2);
        recording.status.waiting = 2310;
        recording.addUp();
        const QDateTime now = QDateTime::currentDateTimeUtc();
        for (int i = 0; i < 50; ++i) {
            cluster.history()->append({
                .time = now.addMSecs((i - 50) * HistoryModel::Interval.count()),
                .rate = 300 + 80 * std::sin(i / 3.0) + 3 * i,
                .running = 8,
                .waiting = 3000 - 10.0 * i,
                .cpu = 0.6 + 0.2 * std::sin(i / 5.0),
            });
        }
        cluster.setStatus(recording.status);
        recording.advance(1000, 415);
        cluster.setStatus(recording.status);
        cluster.setState(Cluster::State::Connected);
    }

    static qsizetype coloursOf(const DashboardWindow &dashboard, const QQuickItem *item)
    {
        const QImage picture = dashboard.window->grabWindow();
        const QRect area = item->mapRectToScene({0, 0, item->width(), item->height()}).toRect();
        QSet<QRgb> colours;
        for (int x = area.left(); x < area.right(); x += 2) {
            for (int y = area.top(); y < area.bottom(); y += 2)
                colours.insert(picture.pixel(x, y));
        }
        return colours.size();
    }
};

int main(int argc, char **argv)
{
    // Again, with an X server of its own.
    if (const QByteArray script = qgetenv("ASYNCORO_WITH_XVFB"); !script.isEmpty()) {
        qunsetenv("ASYNCORO_WITH_XVFB");
        std::vector<const char *> command{"bash", script.constData()};
        command.insert(command.end(), argv, argv + argc + 1);
        ::execvp(command[0], const_cast<char **>(command.data()));
        return EXIT_FAILURE;
    }
    DashboardWindow::prepareApplication();
    QApplication application(argc, argv);
    DashboardWindow::finishApplication();
    ScreenshotTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "screenshottest.moc"
