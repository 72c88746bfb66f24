// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/EventDispatcher>
#include <Asyncoro/ResumeOn>

#include <QAbstractEventDispatcher>
#include <QGuiApplication>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>
#include <QThread>
#include <QWindow>

using namespace Asyncoro;

namespace {

Task<QByteArray> ask(quint16 port, QByteArray question)
{
    if (!QAbstractEventDispatcher::instance()->inherits("Asyncoro::Detail::LinuxEventDispatcher"))
        throw Error(QStringLiteral("not on the event dispatcher that was installed"));
    AsyncSocket socket;
    co_await socket.connect(QStringLiteral("127.0.0.1"), port);
    co_await socket.sendAll(question);
    co_return co_await socket.recvAll(question.size());
}

/** Sends back what comes in. */
class EchoServer : public QTcpServer
{
public:
    EchoServer()
    {
        connect(this, &QTcpServer::newConnection, this, [this] {
            QTcpSocket *socket = nextPendingConnection();
            connect(socket, &QTcpSocket::readyRead, socket, [socket] { socket->write(socket->readAll()); });
            connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
        });
        if (!listen(QHostAddress::LocalHost))
            qFatal("cannot listen");
    }
};

/** A window that counts how often it was asked to draw itself. */
class Window : public QWindow
{
public:
    int updates = 0;

protected:
    bool event(QEvent *event) override
    {
        if (event->type() == QEvent::UpdateRequest) {
            ++updates;
            requestUpdate();
        }
        return QWindow::event(event);
    }
};

} // namespace

/** A program with windows keeps its platform's dispatcher, and has its sockets on a thread with ours. */
class IoThreadTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void windowAndSocketsSideBySide()
    {
        EchoServer server;
        Window window;
        window.resize(100, 100);
        window.show();
        window.requestUpdate();

        QThread io;
        EventDispatcher::install(&io); // before it is started
        io.start();

        QAbstractEventDispatcher *ofPlatform = QAbstractEventDispatcher::instance();
        QVERIFY(io.eventDispatcher() != ofPlatform);
        QVERIFY(!ofPlatform->inherits("Asyncoro::Detail::LinuxEventDispatcher"));

        int answered = 0;
        const auto client = [&](int number) -> Task<> {
            const QByteArray question = QByteArray::number(number);
            const QByteArray answer = co_await resumeOn(&io, ask, server.serverPort(), question);
            const bool isBack = QThread::currentThread() == window.thread();
            answered += isBack && answer == question;
        };
        for (int number = 1000; number < 1100; ++number)
            spawn(client, number);
        QTRY_COMPARE_WITH_TIMEOUT(answered, 100, 60'000);
        QTRY_VERIFY(window.updates > 3);

        io.quit();
        io.wait();
    }
};

QTEST_MAIN(IoThreadTest)

#include "iothreadtest.moc"
