// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A chat room: a server passes on to all what one of them says. One client says goodbye, one fails in the middle of it;
// the server learns of both from ExitNotice, the message that monitor() asks for.

#include <Asyncoro/Coro>
#include <Asyncoro/WhenAny>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

struct Join { Coro<> client; };
struct Line {
    Coro<> from;
    QString text;
};

Task<> room()
{
    QList<Coro<>> members;
    const auto tellAll = [&members](const Coro<> &who, const QString &what) {
        for (const Coro<> &client : std::as_const(members))
            client.send(who.name() + what);
    };
    do {
        const Message message = co_await receive();
        if (message.canConvert<Join>()) {
            members << message.value<Join>().client;
            members.last().monitor(Coro<>::self());
            tellAll(members.last(), " has joined");
        } else if (message.canConvert<Line>()) {
            tellAll(message.value<Line>().from, ": " + message.value<Line>().text);
        } else if (message.canConvert<ExitNotice>()) {
            const auto notice = message.value<ExitNotice>();
            members.removeOne(notice.coro());
            const bool failed = notice.state() == CoroState::Failed;
            tellAll(notice.coro(), failed ? " was lost: " + notice.error() : QString(" has left"));
        }
    } while (!members.isEmpty());
}

Task<> listener(QString name)
{
    for (;;)
        std::printf("%-6s | %s\n", qPrintable(name), qPrintable(co_await receive<QString>()));
}

Task<> talker(Coro<> room, QStringList lines)
{
    for (const QString &text : lines) {
        co_await sleep(100ms);
        if (text.isEmpty())
            throw Error("the line is dead");
        room.send(Line{Coro<>::self(), text});
    }
    co_await sleep(50ms); // to hear what is passed on
}

Task<> client(Coro<> room, QString name, QStringList lines)
{
    Coro<>::self().setName(name);
    room.send(Join{Coro<>::self()});
    co_await whenAny(listener(name), talker(room, lines)); // both with the mailbox of this coroutine
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Coro<> hall = spawn(room);
    spawn(client, hall, "Ada", QStringList{"hello", "is anybody here?", "well ...", "goodbye"});
    spawn(client, hall, "Grace", QStringList{"hello Ada"});
    spawn(client, hall, "Linus", QStringList{"hi", ""});
    return Asyncoro::exec();
}
