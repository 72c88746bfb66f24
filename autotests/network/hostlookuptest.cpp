// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networktest.h"
#include "waitmatrix.h"

#include <Asyncoro/HostLookup>

#include <QSet>
#include <QTest>

#include <condition_variable>
#include <mutex>

#include <dlfcn.h>
#include <netdb.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

/** The names in .slow for which the system may answer. */
class Answered
{
public:
    void add(const QByteArray &name)
    {
        const std::scoped_lock lock(m_mutex);
        m_names.insert(name);
        m_changed.notify_all();
    }
    void waitFor(const QByteArray &name)
    {
        std::unique_lock lock(m_mutex);
        m_changed.wait(lock, [&] { return m_names.contains(name); });
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    QSet<QByteArray> m_names;
};
Answered answered;

} // namespace

// In place of the system's, for Qt too.
extern "C" Q_DECL_EXPORT int getaddrinfo(const char *name, const char *service, const addrinfo *hints,
                                         addrinfo **result)
{
    static const auto next = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    if (!QByteArrayView(name).endsWith(".slow"))
        return next(name, service, hints, result);
    answered.waitFor(name);
    return next("127.0.0.1", service, hints, result);
}

namespace {

/** Looks up a name. */
struct WaitForLookUp {
    QString name;

    WaitForLookUp()
    {
        static int count = 0;
        name = QStringLiteral("name%1.slow").arg(++count); // QHostInfo remembers what it was told
    }
    ~WaitForLookUp() { complete(); } // QHostInfo's thread may still ask
    Task<> wait(QDeadlineTimer deadline) { co_await lookUp(name, deadline); }
    void complete() { answered.add(name.toLatin1()); }
    void verify(bool, WaitMatrix::Outcome) { }

    static constexpr bool CompletesAtOnce = false;
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled; // the event loop did not know yet
};

} // namespace

class HostLookupTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForLookUp>(); }
    void waits() { WaitMatrix::run<WaitForLookUp>(); }

    void givesAddresses()
    {
        const QList<QHostAddress> addresses = run(lookUp(QStringLiteral("localhost")));
        QVERIFY(!addresses.isEmpty());
        for (const QHostAddress &address : addresses)
            QVERIFY(address.isLoopback());
    }

    void anAddressIsItsOwn()
    {
        for (const QString &text : {QStringLiteral("192.0.2.7"), QStringLiteral("::1")})
            QCOMPARE(run(lookUp(text, 0s)), QList({QHostAddress(text)}));
    }

    void saysWhatWasNotFound()
    {
        for (const QString &name : {QStringLiteral("no.such.invalid"), QString()}) {
            try {
                run(lookUp(name));
                QFAIL("found");
            } catch (const HostNotFound &e) {
                QCOMPARE(e.code(), QAbstractSocket::HostNotFoundError);
                QCOMPARE(e.operation(), "lookUp()");
                QVERIFY2(e.message().startsWith(QStringLiteral("lookUp(), \"%1\": ").arg(name)), e.what());
                QVERIFY2(!e.message().contains(u"Unknown"), e.what());
            }
        }
    }

    void theOtherWayRound()
    {
        QVERIFY(!run(reverseLookUp(QHostAddress(QHostAddress::LocalHost))).isEmpty());
        try {
            run(reverseLookUp(QHostAddress(QStringLiteral("192.0.2.77"))));
            QFAIL("that address is for documentation only");
        } catch (const HostNotFound &e) {
            QVERIFY2(e.message().contains(u"192.0.2.77"), e.what());
        }
    }

    void manyAtOnce()
    {
        int found = 0;
        QList<Coro<>> coros;
        for (int i = 0; i < 200; ++i) {
            coros << spawn([&found]() -> Task<> {
                found += !(co_await lookUp(QStringLiteral("localhost"))).isEmpty();
            });
        }
        for (int i = 0; i < 200; i += 2)
            coros.at(i).terminate();
        for (int i = 1; i < 200; i += 2)
            waitFor(coros.at(i));
        QCOMPARE(found, 100);
    }
};

QTEST_GUILESS_MAIN(HostLookupTest)

#include "hostlookuptest.moc"
