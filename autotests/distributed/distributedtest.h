// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/PeerNetwork>

#include <QRegularExpression>
#include <QTest>

namespace DistributedTest {

using namespace Asyncoro;
using namespace std::chrono_literals;

inline std::unique_ptr<PeerNetwork> makeNetwork(const QString &address = QStringLiteral("127.0.0.1"), quint16 port = 0)
{
    return std::make_unique<PeerNetwork>(PeerNetwork::Options{.address = address, .port = port, .secret = Secret("s3cret")});
}

/** Every warning fails the test from here on, unless it is expected: nothing may be logged that says nothing. */
inline void failOnWarnings()
{
    QTest::failOnWarning(QRegularExpression(QStringLiteral(".")));
}

inline void expectWarning(const QString &pattern)
{
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression(pattern));
}

/**
 * The text of the E that `work` throws, which is a function, a task or a coroutine; what happens instead, in <brackets>,
 * otherwise.
 */
template<typename E, typename Work>
QString failureOf(Work &&work)
{
    try {
        if constexpr (std::is_invocable_v<Work>)
            static_cast<void>(work());
        else
            waitFor(std::forward<Work>(work), 20s);
    } catch (const E &e) {
        return e.message();
    } catch (...) {
        return u'<' + errorText(std::current_exception()) + u'>';
    }
    return QStringLiteral("<no failure>");
}

/** Runs every coroutine that is ready, in its turn, so that those started before now wait. */
inline void letOthersRun()
{
    waitFor(spawn([]() -> Task<> { co_return; }));
}

inline Task<> waitForever()
{
    co_await sleep(QDeadlineTimer::Forever);
}

inline Task<int> add(int a, int b)
{
    co_return a + b;
}

/** Gives the first so many messages, as texts. */
inline Task<QStringList> collect(int count)
{
    QStringList all;
    while (all.size() < count)
        all << (co_await receive()).toString();
    co_return all;
}

/** Sets a flag when a coroutine's frame is destroyed. */
struct AtEnd {
    explicit AtEnd(bool &value)
        : flag(value)
    {
    }
    ~AtEnd() { flag = true; }
    AtEnd(const AtEnd &) = delete;
    AtEnd &operator=(const AtEnd &) = delete;

    bool &flag;
};

} // namespace DistributedTest
