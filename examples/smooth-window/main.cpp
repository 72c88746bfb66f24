// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A window that is drawn as often as the display can show it, by the same thread that runs 100,000 busy coroutines.
//   smooth-window [--seconds N]     ends by itself after N seconds, and prints what the window shows

#include <Asyncoro/Coro>

#include <QElapsedTimer>
#include <QGuiApplication>
#include <QPainter>
#include <QRasterWindow>
#include <QTimer>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

class Window : public QRasterWindow
{
public:
    QString figures() const
    {
        const double seconds = m_time.elapsed() / 1000.0;
        return QString("%1 frames a second, longest gap %2 ms, %3 million steps of the coroutines")
            .arg(m_frames / seconds, 0, 'f', 1)
            .arg(m_longest / 1e6, 0, 'f', 1)
            .arg(m_steps / 1e6, 0, 'f', 1);
    }

    Task<> work(int n)
    {
        for (quint32 x = n;; co_await yield()) {
            for (int i = 0; i < 1000; ++i)
                x = x * 1664525 + 1013904223;
            m_color = x;
            ++m_steps;
        }
    }

protected:
    void paintEvent(QPaintEvent *) override
    {
        if (!m_time.isValid())
            m_time.start();
        const qint64 now = m_time.nsecsElapsed();
        m_longest = std::max(m_longest, now - m_last);
        m_last = now;
        QPainter painter(this);
        painter.fillRect(0, 0, width(), height(), Qt::white);
        painter.fillRect(int(++m_frames * 4 % width()), height() / 2, 40, 40, QColor::fromRgb(m_color));
        painter.drawText(20, 40, figures());
        update(); // the next frame when the display is ready for it
    }

private:
    QElapsedTimer m_time; // from the first frame on
    qint64 m_last = 0;
    qint64 m_longest = 0; // between two frames, in nanoseconds
    qint64 m_frames = 0;
    qint64 m_steps = 0;
    quint32 m_color = 0;
};

int main(int argc, char **argv)
{
    QGuiApplication app(argc, argv);
    Window window;
    window.resize(700, 200);
    for (int n = 0; n < 100'000; ++n)
        spawn(&Window::work, &window, n); // ends with the window
    window.show();
    if (argc == 3 && app.arguments().at(1) == "--seconds")
        QTimer::singleShot(std::chrono::seconds(app.arguments().at(2).toInt()), &app, &QCoreApplication::quit);
    const int status = Asyncoro::exec();
    std::printf("%s\n", qPrintable(window.figures()));
    return status;
}
