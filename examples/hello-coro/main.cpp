// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A server coroutine and three clients that send it messages, all on one thread.

#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QTextStream>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> server()
{
    QTextStream out(stdout);
    for (;;)
        out << "server got: " << co_await receive<QString>() << Qt::endl;
}

Task<> client(Coro<> server, int id)
{
    for (int n = 1; n <= 3; ++n) {
        co_await sleep(id * 100ms);
        server.send(QString("message %1 of client %2").arg(n).arg(id));
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Coro<> receiver = spawn(server);
    receiver.setDaemon(); // the program does not wait for it
    for (int id = 1; id <= 3; ++id)
        spawn(client, receiver, id);
    return Asyncoro::exec(); // until the clients have ended
}
