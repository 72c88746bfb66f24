// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// What a Qt program waits for: a signal with a time-out, a timer, a function that blocks, a QFuture.

#include <Asyncoro/Coro>
#include <Asyncoro/Future>
#include <Asyncoro/Signal>
#include <Asyncoro/ThreadPool>
#include <Asyncoro/Timer>

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QFile>
#include <QPromise>
#include <QTextStream>
#include <QTimer>

using namespace Asyncoro;
using namespace std::chrono_literals;

// In a program with windows this would be a QPushButton.
class Button : public QObject
{
    Q_OBJECT

public:
    void click() { Q_EMIT clicked(false); }

Q_SIGNALS:
    void clicked(bool checked);
};

QByteArray hashOf(const QString &fileName)
{
    QFile file(fileName);
    QCryptographicHash hash(QCryptographicHash::Sha256);
    return file.open(QFile::ReadOnly) && hash.addData(&file) ? hash.result().toHex() : QByteArray("unreadable");
}

Task<> story(Button *button)
{
    QTextStream out(stdout);
    out << "Click within a second!" << Qt::endl;
    try {
        co_await signal(button, &Button::clicked, 1s);
        out << "Clicked. Three ticks:" << Qt::endl;
    } catch (const TimedOut &) {
        out << "Nobody did. Three ticks:" << Qt::endl;
    }

    QTimer ticks;
    ticks.start(20ms);
    for (int i = 1; i <= 3; ++i) {
        co_await ticks;
        out << i << Qt::endl;
    }

    out << "This program is " << co_await runInPool(hashOf, QCoreApplication::applicationFilePath()) << Qt::endl;

    QPromise<int> promise; // as QtConcurrent or another library would give it
    promise.start();
    QTimer::singleShot(20ms, qApp, [&promise] {
        promise.addResult(42);
        promise.finish();
    });
    out << "The answer is " << co_await promise.future() << Qt::endl;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    Button button;
    QTimer::singleShot(200ms, &button, &Button::click);
    spawn(story, &button);
    return Asyncoro::exec();
}

#include "main.moc"
