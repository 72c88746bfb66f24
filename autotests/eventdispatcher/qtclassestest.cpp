// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QDir>
#include <QEventLoop>
#include <QFile>
#include <QFileSystemWatcher>
#include <QFutureWatcher>
#include <QHostInfo>
#include <QLocalServer>
#include <QLocalSocket>
#include <QProcess>
#include <QSignalSpy>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QThreadPool>
#include <QTimer>
#include <QUdpSocket>

using namespace DispatcherTest;
using namespace Qt::StringLiterals;

namespace {

/** Sends back what comes in. */
class EchoServer : public QTcpServer
{
public:
    EchoServer()
    {
        connect(this, &QTcpServer::newConnection, this, [this] {
            while (QTcpSocket *socket = nextPendingConnection()) {
                connect(socket, &QTcpSocket::readyRead, socket, [socket] { socket->write(socket->readAll()); });
                connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            }
        });
        if (!listen(QHostAddress::LocalHost))
            qFatal("cannot listen");
    }
};

QByteArray pattern(qsizetype size, int seed)
{
    QByteArray bytes(size, Qt::Uninitialized);
    for (qsizetype i = 0; i < size; ++i)
        bytes[i] = char((i * 7919 + seed) >> 3);
    return bytes;
}

} // namespace

/** Classes of Qt that live on the event loop. */
class QtClassesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    void tcpEcho()
    {
        run([] {
            constexpr int Clients = 30;
            constexpr int Messages = 30;
            EchoServer server;
            QEventLoop loop;
            int finished = 0;
            std::vector<std::unique_ptr<QTcpSocket>> clients;
            for (int c = 0; c < Clients; ++c) {
                auto *socket = clients.emplace_back(new QTcpSocket).get();
                auto message = std::make_shared<QByteArray>();
                auto answer = std::make_shared<QByteArray>();
                auto sent = std::make_shared<int>(0);
                const auto sendNext = [=] {
                    *message = pattern(1 + *sent * *sent * 20, c);
                    answer->clear();
                    ++*sent;
                    socket->write(*message);
                };
                connect(socket, &QTcpSocket::connected, socket, sendNext);
                connect(socket, &QTcpSocket::readyRead, socket, [=, &finished, &loop] {
                    answer->append(socket->readAll());
                    if (answer->size() < message->size())
                        return;
                    QCOMPARE(*answer, *message);
                    if (*sent < Messages)
                        sendNext();
                    else
                        socket->disconnectFromHost();
                });
                connect(socket, &QTcpSocket::disconnected, socket, [&finished, &loop] {
                    if (++finished == Clients)
                        loop.quit();
                });
                socket->connectToHost(server.serverAddress(), server.serverPort());
            }
            loop.exec();
            QCOMPARE(finished, Clients);
        });
    }

    void tcpStreamWithFlowControl()
    {
        run([] {
            constexpr qsizetype Size = 16'000'000;
            EchoServer server;
            QTcpSocket socket;
            socket.setReadBufferSize(50'000); // switches its read notifier off and on
            const QByteArray data = pattern(Size, 1);
            QByteArray received;
            QEventLoop loop;
            connect(&socket, &QTcpSocket::connected, &socket, [&] { socket.write(data); });
            connect(&socket, &QTcpSocket::readyRead, &socket, [&] {
                received += socket.readAll();
                if (received.size() == Size)
                    loop.quit();
            });
            socket.connectToHost(server.serverAddress(), server.serverPort());
            loop.exec();
            QVERIFY(received == data);
        });
    }

    void tcpConnectionsComeAndGo()
    {
        run([] {
            EchoServer server;
            for (int i = 0; i < 100; ++i) {
                QTcpSocket socket;
                QSignalSpy ready(&socket, &QTcpSocket::readyRead);
                socket.connectToHost(server.serverAddress(), server.serverPort());
                socket.write("x");
                QVERIFY(ready.wait(10'000));
                QCOMPARE(socket.readAll(), "x");
                i % 2 ? socket.abort() : socket.close();
            }
        });
    }

    void tcpConnectionRefused()
    {
        run([] {
            quint16 port = 0;
            {
                const EchoServer server;
                port = server.serverPort();
            }
            QTcpSocket socket;
            QSignalSpy failed(&socket, &QTcpSocket::errorOccurred);
            socket.connectToHost(QHostAddress::LocalHost, port);
            QVERIFY(!failed.isEmpty() || failed.wait(10'000));
            QCOMPARE(socket.error(), QTcpSocket::ConnectionRefusedError);
        });
    }

    void waitingFunctionsOfSockets()
    {
        run([] {
            QTcpServer server;
            QVERIFY(server.listen(QHostAddress::LocalHost));
            QTcpSocket client;
            client.connectToHost(server.serverAddress(), server.serverPort());
            QVERIFY(client.waitForConnected(10'000));
            QVERIFY(server.waitForNewConnection(10'000));
            const std::unique_ptr<QTcpSocket> accepted(server.nextPendingConnection());
            client.write("hello");
            QVERIFY(client.waitForBytesWritten(10'000));
            QVERIFY(accepted->waitForReadyRead(10'000));
            QCOMPARE(accepted->readAll(), "hello");
            QSignalSpy ready(&client, &QTcpSocket::readyRead);
            accepted->write("you");
            QVERIFY(ready.wait(10'000));
            QCOMPARE(client.readAll(), "you");
        });
    }

    void udp()
    {
        run([] {
            QUdpSocket receiver;
            QVERIFY(receiver.bind(QHostAddress::LocalHost));
            QSignalSpy ready(&receiver, &QUdpSocket::readyRead);
            QUdpSocket sender;
            for (int i = 0; i < 20; ++i) {
                QCOMPARE(sender.writeDatagram("datagram", receiver.localAddress(), receiver.localPort()), 8);
                if (!receiver.hasPendingDatagrams())
                    QVERIFY(ready.wait(10'000));
                QByteArray data(20, 0);
                QCOMPARE(receiver.readDatagram(data.data(), data.size()), 8);
                ready.clear();
            }
        });
    }

    void localSockets()
    {
        run([] {
            QTemporaryDir folder;
            QLocalServer server;
            QVERIFY(server.listen(folder.filePath(u"socket"_s)));
            QLocalSocket client;
            client.connectToServer(server.fullServerName());
            QTRY_VERIFY(server.hasPendingConnections());
            QLocalSocket *accepted = server.nextPendingConnection();
            QSignalSpy ready(accepted, &QLocalSocket::readyRead);
            client.write("local");
            QVERIFY(ready.wait(10'000));
            QCOMPARE(accepted->readAll(), "local");
            QSignalSpy gone(accepted, &QLocalSocket::disconnected);
            client.disconnectFromServer();
            QVERIFY(!gone.isEmpty() || gone.wait(10'000));
        });
    }

    void hostLookup()
    {
        run([] {
            QEventLoop loop;
            QHostInfo found;
            QObject context;
            QHostInfo::lookupHost(u"localhost"_s, &context, [&](const QHostInfo &info) {
                found = info;
                loop.quit();
            });
            loop.exec();
            QVERIFY(!found.addresses().isEmpty());
        });
    }

    void processes()
    {
        run([] {
            QProcess process;
            QSignalSpy finished(&process, &QProcess::finished);
            process.start(u"cat"_s);
            const QByteArray data = pattern(1'000'000, 3);
            QByteArray output;
            connect(&process, &QProcess::readyReadStandardOutput, &process, [&] {
                output += process.readAllStandardOutput();
                if (output.size() == data.size())
                    process.closeWriteChannel();
            });
            process.write(data);
            QVERIFY(finished.wait(20'000));
            QVERIFY(output == data);
            QCOMPARE(process.exitStatus(), QProcess::NormalExit);
        });
    }

    void manyProcessesAtOnce()
    {
        run([] {
            constexpr int Count = 20;
            std::vector<std::unique_ptr<QProcess>> processes;
            QEventLoop loop;
            int finished = 0;
            for (int i = 0; i < Count; ++i) {
                QProcess *process = processes.emplace_back(new QProcess).get();
                connect(process, &QProcess::finished, process, [&, i](int code) {
                    QCOMPARE(code, i);
                    if (++finished == Count)
                        loop.quit();
                });
                if (i % 2) // forks without exec at first
                    process->setChildProcessModifier([] { ::setsid(); });
                process->start(u"sh"_s, {u"-c"_s, u"exit %1"_s.arg(i)});
            }
            loop.exec();
        });
    }

    void processIsKilled()
    {
        run([] {
            QProcess process;
            QSignalSpy started(&process, &QProcess::started);
            QSignalSpy finished(&process, &QProcess::finished);
            process.start(u"sleep"_s, {u"100"_s});
            QVERIFY(!started.isEmpty() || started.wait(10'000));
            process.kill();
            QVERIFY(finished.wait(10'000));
            QCOMPARE(process.exitStatus(), QProcess::CrashExit);
        });
    }

    void fileSystemWatcher()
    {
        run([] {
            QTemporaryDir folder;
            QFileSystemWatcher watcher({folder.path()});
            QSignalSpy changed(&watcher, &QFileSystemWatcher::directoryChanged);
            QFile file(folder.filePath(u"new"_s));
            QVERIFY(file.open(QIODevice::WriteOnly));
            QVERIFY(changed.wait(10'000));
        });
    }

    void futures()
    {
        run([] {
            QThreadPool pool;
            QPromise<int> promise;
            QFutureWatcher<int> watcher;
            QSignalSpy finished(&watcher, &QFutureWatcher<int>::finished);
            watcher.setFuture(promise.future());
            pool.start([&] {
                promise.start();
                promise.addResult(42);
                promise.finish();
            });
            QVERIFY(finished.wait(10'000));
            QCOMPARE(watcher.result(), 42);
            pool.waitForDone();
        });
    }

    void signalsBetweenThreads()
    {
        run([] {
            const auto thread = makeThread({});
            thread->start();
            {
                auto *there = new QObject;
                there->moveToThread(thread.get());
                QObject here;
                QEventLoop loop;
                int count = 0;
                std::function<void()> ping = [&] {
                    QMetaObject::invokeMethod(there, [&] {
                        QMetaObject::invokeMethod(&here, [&] { ++count < 2000 ? ping() : loop.quit(); }, Qt::QueuedConnection);
                    }, Qt::QueuedConnection);
                };
                ping();
                loop.exec();
                QCOMPARE(count, 2000);
                QMetaObject::invokeMethod(there, [&] { delete there; }, Qt::BlockingQueuedConnection);
            }
            thread->quit();
            thread->wait();
        });
    }
};

QTEST_GUILESS_MAIN(QtClassesTest)

#include "qtclassestest.moc"
