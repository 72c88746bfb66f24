// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Two coroutines subscribe to a channel: one adds up the numbers that come, the other one multiplies them, until the
// end is announced.

#include <Asyncoro/Channel>

#include <QCoreApplication>
#include <QRandomGenerator>
#include <QTextStream>

using namespace Asyncoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

using Operation = double (*)(double, double);

Task<> calculate(Channel numbers, QString name, double result, Operation operation)
{
    numbers.subscribe(Coro<>::self());
    for (;;) {
        const Message message = co_await receive();
        if (message == u"end"_s)
            break;
        result = operation(result, message.toDouble());
    }
    numbers.unsubscribe(Coro<>::self());
    QTextStream(stdout) << name << ": " << result << Qt::endl;
}

Task<> sender(Channel numbers)
{
    // The first one waits until both are there; from then on nobody has to wait.
    const int reached = co_await numbers.deliver(1.5, 2);
    QTextStream(stdout) << "the first number reached " << reached << " coroutines" << Qt::endl;
    for (int i = 0; i < 9; ++i) {
        numbers.send(1 + QRandomGenerator::global()->generateDouble());
        co_await sleep(50ms);
    }
    numbers.send(u"end"_s);
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Channel numbers("numbers");
    spawn(sender, numbers);
    spawn(calculate, numbers, "sum", 0, [](double a, double b) { return a + b; });
    spawn(calculate, numbers, "product", 1, [](double a, double b) { return a * b; });
    return Asyncoro::exec();
}
