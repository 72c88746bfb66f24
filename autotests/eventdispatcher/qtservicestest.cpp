// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QEventLoop>
#include <QFutureWatcher>
#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QProcess>
#include <QSemaphore>
#include <QSignalSpy>
#include <QSocketNotifier>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>
#include <QtConcurrentRun>

#ifdef TEST_DBUS
#include <QDBusConnection>
#include <QDBusInterface>
#include <QDBusReply>
#include <QStandardPaths>
#endif

#include <csignal>

#include <pthread.h>
#include <sys/wait.h>

using namespace DispatcherTest;
using namespace Qt::StringLiterals;

namespace {

int signalPipe = -1;

/** Answers every request with its own path. */
class WebServer : public QTcpServer
{
public:
    WebServer()
    {
        connect(this, &QTcpServer::newConnection, this, [this] {
            QTcpSocket *socket = nextPendingConnection();
            connect(socket, &QTcpSocket::readyRead, socket, [socket] {
                while (socket->canReadLine()) {
                    const QByteArray line = socket->readLine();
                    if (line.startsWith("GET "))
                        socket->setProperty("path", line.split(' ')[1]);
                    if (line == "\r\n") {
                        const QByteArray path = socket->property("path").toByteArray();
                        const QByteArray size = QByteArray::number(path.size());
                        socket->write("HTTP/1.1 200 OK\r\nContent-Length: " + size + "\r\n\r\n" + path);
                    }
                }
            });
            connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
        });
        if (!listen(QHostAddress::LocalHost))
            qFatal("cannot listen");
    }
};

#ifdef TEST_DBUS
/** A bus of the test's own. */
class Bus
{
public:
    Bus()
    {
        m_process.start(u"dbus-daemon"_s, {u"--session"_s, u"--nofork"_s, u"--print-address"_s});
        while (!m_process.canReadLine() && m_process.waitForReadyRead()) { }
        m_address = QString::fromLatin1(m_process.readLine().trimmed());
    }
    ~Bus()
    {
        m_process.kill();
        m_process.waitForFinished();
    }
    QString address() const { return m_address; }

private:
    QProcess m_process;
    QString m_address;
};

class Service : public QObject
{
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.asyncoro.Test")

public Q_SLOTS:
    Q_SCRIPTABLE int twice(int number)
    {
        Q_EMIT asked(number);
        return 2 * number;
    }

Q_SIGNALS:
    Q_SCRIPTABLE void asked(int number);
};

class Listener : public QObject
{
    Q_OBJECT

public:
    QList<int> numbers;

public Q_SLOTS:
    void asked(int number) { numbers += number; }
};
#endif

} // namespace

/** Services of Qt, and of the system, that need an event loop. qtclassestest.cpp has sockets and processes. */
class QtServicesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    void networkAccessManager()
    {
        run([] {
            WebServer server;
            QNetworkAccessManager manager;
            manager.setProxy(QNetworkProxy::NoProxy);
            constexpr int Count = 40;
            int finished = 0;
            QEventLoop loop;
            for (int i = 0; i < Count; ++i) {
                const QString path = u"/%1"_s.arg(i);
                QNetworkReply *reply
                    = manager.get(QNetworkRequest(QUrl(u"http://127.0.0.1:%1%2"_s.arg(server.serverPort()).arg(path))));
                connect(reply, &QNetworkReply::finished, reply, [&, reply, path] {
                    QCOMPARE(reply->error(), QNetworkReply::NoError);
                    QCOMPARE(reply->readAll(), path.toLatin1());
                    reply->deleteLater();
                    if (++finished == Count)
                        loop.quit();
                });
            }
            loop.exec();
            QCOMPARE(finished, Count);
        });
    }

    void concurrentRuns()
    {
        run([] {
            constexpr int Count = 200;
            QEventLoop loop;
            int sum = 0;
            int finished = 0;
            QObject context;
            for (int i = 0; i < Count; ++i) {
                QtConcurrent::run([i] { return i; }).then(&context, [&](int value) {
                    sum += value;
                    if (++finished == Count)
                        loop.quit();
                });
            }
            loop.exec();
            QCOMPARE(sum, Count * (Count - 1) / 2);
        });
    }

    void databasesInThreads()
    {
        if (!QSqlDatabase::isDriverAvailable(u"QSQLITE"_s))
            QSKIP("this Qt has no SQLite");
        run([] {
            const QString name = u"in %1"_s.arg(quintptr(QThread::currentThreadId()));
            {
                QSqlDatabase database = QSqlDatabase::addDatabase(u"QSQLITE"_s, name);
                database.setDatabaseName(u":memory:"_s);
                QVERIFY(database.open());
                QSqlQuery query(database);
                QVERIFY(query.exec(u"CREATE TABLE t (n INTEGER)"_s));
                QEventLoop loop;
                QTimer timer;
                int count = 0;
                timer.callOnTimeout([&] {
                    QVERIFY(query.exec(u"INSERT INTO t VALUES (%1)"_s.arg(++count)));
                    if (count == 10)
                        loop.quit();
                });
                timer.start(0);
                loop.exec();
                QVERIFY(query.exec(u"SELECT SUM(n) FROM t"_s) && query.next());
                QCOMPARE(query.value(0).toInt(), 55);
            }
            QSqlDatabase::removeDatabase(name);
        });
    }

    // The way of Qt's documentation to have signals of the system as signals of Qt.
    void signalsOfTheSystemOverAPipe()
    {
        run([] {
            Pair pair;
            signalPipe = pair.b.fd();
            struct sigaction action{};
            action.sa_handler = [](int number) {
                const char byte = char(number);
                [[maybe_unused]] const ssize_t written = ::write(signalPipe, &byte, 1);
            };
            struct sigaction before{};
            ::sigaction(SIGUSR2, &action, &before);
            int received = 0;
            QEventLoop loop;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            connect(&notifier, &QSocketNotifier::activated, &loop, [&] {
                received += int(readAll(pair.a.fd()));
                received < 50 ? void(::pthread_kill(::pthread_self(), SIGUSR2)) : loop.quit();
            });
            Beside other([self = ::pthread_self()] {
                QThread::msleep(5); // it sleeps by then, most often
                ::pthread_kill(self, SIGUSR2);
            });
            loop.exec();
            QCOMPARE(received, 50);
            ::sigaction(SIGUSR2, &before, nullptr);
        });
    }

    // Children that nobody waits for but QProcess, with SIGCHLD blocked or not, and one that a test reaps by itself.
    void childProcesses()
    {
        run([] {
            QEventLoop loop;
            QProcess process;
            QStringList states;
            connect(&process, &QProcess::stateChanged, &loop, [&](QProcess::ProcessState state) {
                states += QString::number(state);
            });
            connect(&process, &QProcess::finished, &loop, &QEventLoop::quit);
            const pid_t own = ::fork();
            if (own == 0)
                ::_exit(42);
            process.start(u"sh"_s, {u"-c"_s, u"cat; exit 3"_s});
            process.write("text");
            process.closeWriteChannel();
            loop.exec();
            QCOMPARE(process.exitCode(), 3);
            QCOMPARE(process.readAll(), "text");
            QCOMPARE(states, QStringList({u"1"_s, u"2"_s, u"0"_s}));
            int status = 0;
            QCOMPARE(::waitpid(own, &status, 0), own); // it is not QProcess's to reap
            QCOMPARE(WEXITSTATUS(status), 42);
            QCOMPARE(::waitpid(-1, &status, WNOHANG), -1); // no zombie
        });
    }

    void dbus()
    {
#ifdef TEST_DBUS
        if (QStandardPaths::findExecutable(u"dbus-daemon"_s).isEmpty())
            QSKIP("there is no dbus-daemon");
        run([] {
            const Bus bus;
            QVERIFY(!bus.address().isEmpty());
            {
                Service service;
                QDBusConnection server = QDBusConnection::connectToBus(bus.address(), u"server"_s);
                QVERIFY(server.isConnected());
                QVERIFY(server.registerObject(u"/test"_s, &service, QDBusConnection::ExportScriptableContents));
                QVERIFY(server.registerService(u"org.asyncoro.Test"_s));

                QDBusConnection client = QDBusConnection::connectToBus(bus.address(), u"client"_s);
                Listener listener;
                const QString name = u"org.asyncoro.Test"_s; // of the service, and of its interface
                QVERIFY(client.connect(name, u"/test"_s, name, u"asked"_s, &listener, SLOT(asked(int))));
                QEventLoop loop;
                int answered = 0;
                for (int i = 0; i < 20; ++i) {
                    QDBusMessage call = QDBusMessage::createMethodCall(name, u"/test"_s, name, u"twice"_s);
                    call << i;
                    auto *watcher = new QDBusPendingCallWatcher(client.asyncCall(call), &loop);
                    connect(watcher, &QDBusPendingCallWatcher::finished, &loop, [&, i, watcher] {
                        const QDBusPendingReply<int> reply = *watcher;
                        QVERIFY2(reply.isValid(), qPrintable(reply.error().message()));
                        QCOMPARE(reply.value(), 2 * i);
                        if (++answered == 20)
                            loop.quit();
                    });
                }
                loop.exec();
                processUntil([&] { return listener.numbers.size() == 20; });
            }
            QDBusConnection::disconnectFromBus(u"client"_s);
            QDBusConnection::disconnectFromBus(u"server"_s);
        });
#else
        QSKIP("built without Qt D-Bus");
#endif
    }
};

QTEST_GUILESS_MAIN(QtServicesTest)

#include "qtservicestest.moc"
