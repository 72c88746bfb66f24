// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A coroutine sorts its messages by categories and receives them by urgency, not in the order in which they came.

#include <Asyncoro/MessageCategories>

#include <QCoreApplication>
#include <QTextStream>

using namespace Asyncoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

Task<> office()
{
    QTextStream out(stdout);
    MessageCategories post;
    post.add([](const Message &message) {
        return message.toString().endsWith("!") ? std::optional("urgent") : std::nullopt;
    });
    const auto bills = post.add([](const Message &message) {
        return message.typeId() == QMetaType::Double ? std::optional("bill") : std::nullopt;
    });

    out << "urgent: " << (co_await post.receive("urgent")).toString() << Qt::endl;
    out << "urgent: " << (co_await post.receive("urgent")).toString() << Qt::endl;
    try {
        co_await post.receive("urgent", 100ms);
    } catch (const TimedOut &) {
        out << "nothing else is urgent" << Qt::endl;
    }

    out << "to pay: " << (co_await post.receive("bill")).toDouble() << Qt::endl;
    post.remove(bills); // from now on a bill is a message like any other
    Coro<>::self().send(99.5);

    for (int i = 0; i < 3; ++i)
        out << "other: " << (co_await post.receiveOther()).toString() << Qt::endl;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Coro<> clerk = spawn(office);
    clerk.send(u"good morning"_s);
    clerk.send(12.5);
    clerk.send(u"the roof leaks!"_s);
    clerk.send(u"lunch is at noon"_s);
    clerk.send(u"the printer burns!"_s);
    return Asyncoro::exec();
}
