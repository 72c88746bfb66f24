// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The programs of docs/primer.md, and that they do what it says.

#include <Asyncoro/Coro>
#include <Asyncoro/Future>
#include <Asyncoro/Signal>
#include <Asyncoro/SignalStream>
#include <Asyncoro/ThreadPool>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAll>

#include <QSignalSpy>
#include <QTest>
#include <QTimer>

#include <memory>

using namespace Asyncoro;
using namespace std::chrono_literals;

class Sensor : public QObject
{
    Q_OBJECT

public:
    void open() { QTimer::singleShot(1ms, this, &Sensor::opened); }
    void measure()
    {
        if (!silent)
            QTimer::singleShot(1ms, this, [this] { Q_EMIT measured(++m_value); });
    }

    bool silent = false;

Q_SIGNALS:
    void opened();
    void measured(double value);

private:
    double m_value = 0;
};

class Button : public QObject
{
    Q_OBJECT

Q_SIGNALS:
    void clicked();
};

class SlotAverage : public QObject
{
    Q_OBJECT

public:
    explicit SlotAverage(Sensor *sensor)
        : m_sensor(sensor)
    {
        connect(sensor, &Sensor::opened, this, &SlotAverage::next);
        connect(sensor, &Sensor::measured, this, &SlotAverage::add);
        connect(&m_timer, &QTimer::timeout, this, &SlotAverage::failed);
        m_timer.start(2s);
        sensor->open();
    }

Q_SIGNALS:
    void finished(double average);
    void failed();

private:
    void next() { m_sensor->measure(); }
    void add(double value)
    {
        m_sum += value;
        if (++m_count < 3)
            return next();
        m_timer.stop();
        Q_EMIT finished(m_sum / 3);
    }

    Sensor *m_sensor;
    QTimer m_timer;
    double m_sum = 0;
    int m_count = 0;
};

Task<double> average(Sensor *sensor)
{
    sensor->open();
    co_await signal(sensor, &Sensor::opened);
    double sum = 0;
    for (int n = 0; n < 3; ++n) {
        sensor->measure();
        sum += co_await signal(sensor, &Sensor::measured);
    }
    co_return sum / 3;
}

Task<double> warmest(Sensor *left, Sensor *right)
{
    const auto [a, b] = co_await whenAll(average(left), average(right));
    co_return std::max(a, b);
}

class Panel : public QObject
{
    Q_OBJECT

public:
    Panel(Button *button, Sensor *sensor)
        : m_sensor(sensor)
    {
        connect(button, &Button::clicked, this, [this] { spawn(&Panel::show, this); });
    }

    QString text() const { return m_text; }

private:
    Task<> show()
    {
        setText("measuring ...");
        try {
            setText(QString::number(co_await withTimeout(2s, average(m_sensor))));
        } catch (const TimedOut &) {
            setText("no answer");
        } catch (const Destroyed &) {
            setText("the sensor is gone");
        }
    }

    void setText(const QString &text) { m_text = text; }

    Sensor *m_sensor;
    QString m_text;
};

class Recorder : public QObject
{
    Q_OBJECT

public:
    Task<> record(Sensor *sensor)
    {
        SignalStream values(sensor, &Sensor::measured);
        for (;;)
            m_values << co_await values.next();
    }

    QList<double> m_values;
};

Task<double> logger()
{
    double sum = 0;
    for (int n = 0; n < 3; ++n)
        sum += co_await receive<double>();
    co_return sum;
}

Task<> sampler(Sensor *sensor, Coro<> log)
{
    for (;;) {
        log.send(co_await average(sensor));
        co_await sleep(10ms);
    }
}

Task<double> twoSensors(Sensor *left, Sensor *right)
{
    const Coro<double> log = spawn(logger);
    const Coro<> first = spawn(sampler, left, log);
    const Coro<> second = spawn(sampler, right, log);
    const double sum = co_await log; // waits for its value
    first.terminate();
    second.terminate();
    co_return sum;
}

int countPrimes(int limit)
{
    int count = 0;
    for (int n = 2; n < limit; ++n) {
        bool isPrime = true;
        for (int k = 2; k * k <= n && isPrime; ++k)
            isPrime = n % k != 0;
        count += isPrime;
    }
    return count;
}

Task<QString> report()
{
    const int count = co_await runInPool(countPrimes, 10'000);
    co_return QString("there are %1 primes").arg(count);
}

class PrimerTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void slotsAndCoroutineGiveTheSame()
    {
        Sensor first;
        SlotAverage slotAverage(&first);
        QSignalSpy finished(&slotAverage, &SlotAverage::finished);
        QVERIFY(finished.wait());
        QCOMPARE(finished.first().first().toDouble(), 2.0);

        Sensor second;
        QCOMPARE(waitFor(average(&second)), 2.0);
    }

    void panelShowsTheValue()
    {
        Sensor sensor;
        Button button;
        Panel panel(&button, &sensor);
        Q_EMIT button.clicked();
        QTRY_COMPARE(panel.text(), "measuring ...");
        QTRY_COMPARE(panel.text(), "2");
    }

    void panelShowsThatTheSensorIsSilent()
    {
        Sensor sensor;
        sensor.silent = true;
        Button button;
        Panel panel(&button, &sensor);
        Q_EMIT button.clicked();
        QTRY_COMPARE(panel.text(), "no answer");
    }

    void panelShowsThatTheSensorIsGone()
    {
        auto sensor = std::make_unique<Sensor>();
        sensor->silent = true;
        Button button;
        Panel panel(&button, sensor.get());
        Q_EMIT button.clicked();
        QTRY_COMPARE(panel.text(), "measuring ...");
        sensor.reset();
        QTRY_COMPARE(panel.text(), "the sensor is gone");
    }

    void panelMayGoMeanwhile()
    {
        Sensor sensor;
        Button button;
        auto panel = std::make_unique<Panel>(&button, &sensor);
        Q_EMIT button.clicked();
        QTRY_COMPARE(panel->text(), "measuring ...");
        panel.reset();
        QCOMPARE(Asyncoro::exec(), 0); // nothing is left that waits
    }

    void averagesAtTheSameTime()
    {
        Sensor left;
        Sensor right;
        right.measure(); // its values are one ahead, or it is the same
        const double value = waitFor(warmest(&left, &right));
        QVERIFY(value >= 2);
    }

    void streamLosesNothing()
    {
        Sensor sensor;
        Recorder recorder;
        const Coro<> coro = spawn(&Recorder::record, &recorder, &sensor);
        waitFor(spawn([]() -> Task<> { co_await yield(); })); // it listens
        for (int n = 1; n <= 100; ++n)
            Q_EMIT sensor.measured(n);
        QTRY_COMPARE(recorder.m_values.size(), 100);
    }

    void coroutinesSendMessages()
    {
        Sensor left;
        Sensor right;
        QVERIFY(waitFor(twoSensors(&left, &right)) > 0);
        QCOMPARE(Asyncoro::exec(), 0);
    }

    void poolComputes()
    {
        QCOMPARE(waitFor(report()), "there are 1229 primes");
    }

    void futureForOtherCode()
    {
        Sensor sensor;
        const QFuture<double> future = toFuture(average(&sensor));
        QTRY_VERIFY(future.isFinished());
        QCOMPARE(future.result(), 2.0);
    }
};

QTEST_GUILESS_MAIN(PrimerTest)

#include "primertest.moc"
