// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A chat by a channel: members send to it and subscribe to it. Its transform, which runs here, makes lines of what they
// send, and drops shouting. A function that is offered hands out the numbers by which members say who they are.
//
//   terminal 1$ chat-channel-server [PORT]               any free port unless told; prints "listening LOCATION"
//   terminal 2$ chat-channel-client NAME LOCATION
//   terminal 3$ chat-channel-window NAME LOCATION        the same as a window

#include "../port.h"

#include <Asyncoro/Channel>
#include <Asyncoro/PeerNetwork>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

class Room
{
public:
    Room() { m_channel.registerName(); }

    /** Lets `client` take part until it ends, and gives the number with which it sends. */
    Task<int> join(QString name, Coro<> client)
    {
        m_names.insert(++m_lastId, name);
        spawn(&Room::accompany, this, m_lastId, client);
        co_return m_lastId;
    }

    Task<QStringList> members() { co_return m_names.values(); }

private:
    Task<> accompany(int id, Coro<> client)
    {
        m_channel.send(QVariantMap{{"from", id}, {"does", "join"}});
        client.monitor(Coro<>::self());
        co_await receive<ExitNotice>(); // also if its process is lost
        m_channel.send(QVariantMap{{"from", id}, {"does", "leave"}});
        m_names.remove(id);
    }

    /** The line that all get of a message. */
    Message toLine(const Message &sent) const
    {
        const QVariantMap message = sent.toMap();
        const QString name = m_names.value(message["from"].toInt());
        const QString deed = message["does"].toString();
        const QString text = message["says"].toString();
        const bool isShouted = text == text.toUpper() && text != text.toLower();
        if (name.isEmpty() || isShouted)
            return {}; // nobody gets it
        if (!deed.isEmpty())
            return name + (deed == "join" ? " has joined" : " has left");
        return name + ": " + text;
    }

    QMap<int, QString> m_names;
    int m_lastId = 0;
    const Channel m_channel{"chat", [this](const QString &, const Message &sent) { return toLine(sent); }};
};

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    try {
        Room room;
        PeerNetwork::Options options;
        options.port = portOf(app.arguments().value(1, "0"));
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        network.offer("chat-join", [&room](QString name, Coro<> client) { return room.join(name, client); });
        network.offer("chat-members", [&room] { return room.members(); });
        std::printf("listening %s\n", qPrintable(network.location().toString()));
        std::fflush(stdout);
        return QCoreApplication::exec(); // until it is interrupted
    } catch (const Error &e) {
        std::fprintf(stderr, "chat-channel-server: %s\n", e.what());
        return 1;
    }
}
