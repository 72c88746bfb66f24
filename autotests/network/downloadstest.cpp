// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Drives the window of examples/downloads. With DOWNLOADS_SCREENSHOTS=FOLDER it saves what the window shows.

#include "../../examples/downloads/server.h"
#include "../../examples/downloads/window.h"

#include <QCryptographicHash>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

using namespace Asyncoro;

namespace {

constexpr int Count = 50;

void screenshot(Window &window, const char *name)
{
    const QString folder = qEnvironmentVariable("DOWNLOADS_SCREENSHOTS");
    if (!folder.isEmpty())
        QVERIFY(window.grab().save(folder + u'/' + QLatin1StringView(name) + ".png"));
}

struct Downloads {
    Downloads()
    {
        server.listen(QHostAddress::LocalHost);
        serving = spawn(serveFiles, std::ref(server));
        QList<QUrl> urls;
        for (int n = 1; n <= Count; ++n)
            urls << QUrl("http://" + server.location().toString() + u'/' + QString::number(n));
        window.emplace(urls, QDir(folder.path()));
        running = window->start();
        window->resize(900, 500);
        window->show();
        button = window->findChild<QPushButton *>();
        status = window->findChild<QLabel *>();
        overall = window->findChildren<QProgressBar *>().last();
        waitFor(spawn([]() -> Task<> { co_return; })); // it waits for the button now
    }
    ~Downloads() { serving.terminate(); }

    QTemporaryDir folder;
    AsyncServer server;
    Coro<> serving;
    std::optional<Window> window;
    Coro<> running;
    QPushButton *button = nullptr;
    QLabel *status = nullptr;
    QProgressBar *overall = nullptr;

    QStringList files() const { return QDir(folder.path()).entryList(QDir::Files); }
};

} // namespace

class DownloadsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void downloadsHashesAndSaves()
    {
        Downloads d;
        int turns = 0; // of the event loop, in which the window reacts
        QTimer timer;
        QObject::connect(&timer, &QTimer::timeout, &timer, [&turns] { ++turns; });
        timer.start(1);
        screenshot(*d.window, "begin");
        d.button->click();
        QTRY_COMPARE_GE_WITH_TIMEOUT(d.overall->value(), d.overall->maximum() / 2, 60'000);
        QCOMPARE(d.button->text(), "Cancel");
        QVERIFY(d.files().size() == Count); // all at once
        screenshot(*d.window, "half");
        QTRY_COMPARE_WITH_TIMEOUT(d.status->text(), "All files are there", 60'000);
        screenshot(*d.window, "done");
        QCOMPARE(d.overall->value(), d.overall->maximum());
        QVERIFY2(turns > 100, qPrintable(QString::number(turns)));

        QCOMPARE(d.files().size(), Count);
        const QList<QProgressBar *> bars = d.window->findChildren<QProgressBar *>();
        for (int n = 1; n <= Count; ++n) {
            QFile file(d.folder.filePath(QString::number(n)));
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QByteArray content = file.readAll();
            QCOMPARE(content, fileContent(n));
            QCOMPARE(bars.at(n - 1)->toolTip(),
                     "SHA-256 " + QCryptographicHash::hash(content, QCryptographicHash::Sha256).toHex());
        }
    }

    void cancels_data()
    {
        QTest::addColumn<int>("percent");
        QTest::newRow("at once") << 0;
        QTest::newRow("half-way") << 50;
        QTest::newRow("when some are complete") << 80;
    }
    void cancels()
    {
        QFETCH(const int, percent);
        Downloads d;
        d.button->click();
        QTRY_COMPARE(d.button->text(), "Cancel");
        QTRY_COMPARE_GE_WITH_TIMEOUT(d.overall->value(), d.overall->maximum() / 100 * percent, 60'000);
        d.button->click();
        QTRY_VERIFY2(d.status->text().startsWith("Cancelled"), qPrintable(d.status->text()));
        if (percent == 50)
            screenshot(*d.window, "cancelled");
        QCOMPARE(d.button->text(), "Download");
        for (const QString &file : d.files())
            QCOMPARE(QFile(d.folder.filePath(file)).size(), fileContent(file.toInt()).size()); // no parts
        QVERIFY(d.files().size() < Count);
        QTest::qWait(50); // and none comes later
        QVERIFY(QDir(d.folder.path()).entryList({"*.part"}).isEmpty());

        if (percent == 50) { // and once more
            d.button->click();
            QTRY_COMPARE_WITH_TIMEOUT(d.status->text(), "All files are there", 60'000);
            QCOMPARE(d.files().size(), Count);
        }
    }

    void isClosedMeanwhile()
    {
        Downloads d;
        d.button->click();
        QTRY_COMPARE_GE_WITH_TIMEOUT(d.overall->value(), d.overall->maximum() / 4, 60'000);
        d.window.reset();
        QTRY_VERIFY(d.running.state() != CoroState::Running);
        QVERIFY(QDir(d.folder.path()).entryList({"*.part"}).isEmpty());
    }

    void saysWhatWentWrong()
    {
        Downloads d;
        d.button->click();
        QTRY_COMPARE_GE_WITH_TIMEOUT(d.overall->value(), d.overall->maximum() / 10, 60'000);
        QDir(d.folder.path()).removeRecursively();
        d.serving.terminate();
        d.server.close();
        d.button->click();
        QTRY_COMPARE(d.button->text(), "Download");
        d.button->click();
        QTRY_VERIFY_WITH_TIMEOUT(d.status->text().contains("efused"), 60'000);
        QCOMPARE(d.button->text(), "Download");
    }
};

QTEST_MAIN(DownloadsTest)

#include "downloadstest.moc"
