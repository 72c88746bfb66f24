// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A shop that answers requests out of a store. The store fails now and then; the supervisor starts it again, and the
// shop with it, as that relies on what it has got from the store. When it happens too often, the supervisor gives up
// and says why.

#include <Asyncoro/Supervisor>

#include <QCoreApplication>
#include <QTextStream>

using namespace Asyncoro;
using namespace std::chrono_literals;

void say(const QString &text)
{
    QTextStream(stdout) << text << Qt::endl;
}

Task<> store()
{
    say("store: opens");
    Coro<>::self().registerName("store");
    for (int left = 3; left > 0; --left) {
        const auto customer = co_await receive<Coro<>>();
        customer.send(left);
    }
    throw Error("the shelves have collapsed");
}

Task<> shop()
{
    say("shop: opens");
    const Coro<> store = co_await Coro<>::locate("store", 1s);
    for (;;) {
        co_await sleep(20ms);
        store.send(Coro<>::self());
        const int left = co_await receive<int>();
        say(QString("shop: sold one of %1").arg(left));
    }
}

Task<> business()
{
    Supervisor supervisor(Supervisor::Strategy::RestForOne, {.restarts = 2, .period = 10s});
    supervisor.add("store", store);
    supervisor.add("shop", shop);
    try {
        co_await supervisor.run();
    } catch (const SupervisorGaveUp &error) {
        say(error.message());
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    spawn(business);
    return Asyncoro::exec();
}
