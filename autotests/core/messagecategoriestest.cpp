// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "waitmatrix.h"

#include <Asyncoro/MessageCategories>

#include <QTest>

using namespace Asyncoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const QString Even = u"even"_s;
const QString Text = u"text"_s;

std::optional<QString> even(const Message &message)
{
    return message.metaType() == QMetaType::fromType<int>() && message.toInt() % 2 == 0 ? std::optional(Even) : std::nullopt;
}

std::optional<QString> text(const Message &message)
{
    return message.metaType() == QMetaType::fromType<QString>() ? std::optional(Text) : std::nullopt;
}

template<typename... Messages>
void sendToSelf(Messages... messages)
{
    (Coro<>::self().send(messages), ...);
}

/** Runs a test function as a coroutine. */
template<typename Body>
void runAsCoro(Body body)
{
    waitFor(spawn(std::move(body)));
}

struct WaitForCategory {
    // Of the coroutine, which the matrix makes, not of the fixture.
    std::unique_ptr<MessageCategories> categories = std::make_unique<MessageCategories>();
    Coro<> waiting;
    bool early = false;

    Task<> wait(QDeadlineTimer deadline)
    {
        categories->add(even);
        waiting = Coro<>::self();
        if (early)
            waiting.send(2);
        waiting.send(1);
        QCOMPARE(co_await categories->receive(Even, deadline), Message(2));
    }
    void complete()
    {
        early = true;
        waiting.send(2);
    }
    void verify(bool, WaitMatrix::Outcome) { }
};

} // namespace

class MessageCategoriesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void H06_givesTheNextOfACategoryAndKeepsTheRest()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            categories.add(even);
            categories.add(text);
            sendToSelf(1, u"a"_s, 2, 3, u"b"_s, 4);
            QCOMPARE(co_await categories.receive(Even), Message(2));
            QCOMPARE(co_await categories.receive(Text), Message(u"a"_s));
            QCOMPARE(co_await categories.receiveOther(), Message(1));
            QCOMPARE(co_await categories.receiveOther(), Message(3));
            QCOMPARE(co_await categories.receive(Text), Message(u"b"_s));
            QCOMPARE(co_await categories.receive(Even), Message(4));
            sendToSelf(6);
            QCOMPARE(co_await categories.receive(Even), Message(6));
        });
    }

    void H06_theNewestFunctionIsAskedFirst()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            QStringList asked;
            const auto add = [&](const QString &name, bool knows) {
                return categories.add([&asked, name, knows](const Message &) {
                    asked << name;
                    return knows ? std::optional(name) : std::nullopt;
                });
            };
            add(u"first"_s, true);
            const auto second = add(u"second"_s, true);
            add(u"third"_s, false);
            sendToSelf(1);
            QCOMPARE(co_await categories.receive(u"second"_s), Message(1));
            QCOMPARE(asked, QStringList({u"third"_s, u"second"_s}));
            QVERIFY(categories.remove(second));
            QVERIFY(!categories.remove(second));
            sendToSelf(2);
            QCOMPARE(co_await categories.receive(u"first"_s), Message(2));
        });
    }

    void H06_aFunctionSeesAMessageAtMostOnce()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            QList<int> seen;
            categories.add([&](const Message &message) {
                seen << message.toInt();
                return even(message);
            });
            sendToSelf(1, 3, 2);
            QCOMPARE(co_await categories.receive(Even), Message(2));
            // A later one sees those without category.
            QList<int> seenLater;
            categories.add([&](const Message &message) {
                seenLater << message.toInt();
                return message == Message(3) ? std::optional(u"three"_s) : std::nullopt;
            });
            sendToSelf(4);
            QCOMPARE(co_await categories.receive(u"three"_s), Message(3));
            QCOMPARE(co_await categories.receiveOther(), Message(1));
            QCOMPARE(co_await categories.receive(Even), Message(4));
            QCOMPARE(seen, QList<int>({1, 3, 2, 4}));
            QCOMPARE(seenLater, QList<int>({1, 3, 4}));
        });
    }

    void H06_categoriesOutliveTheirFunction()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            const auto id = categories.add(even);
            sendToSelf(2, 1);
            QCOMPARE(co_await categories.receiveOther(), Message(1));
            categories.remove(id);
            sendToSelf(4);
            QCOMPARE(co_await categories.receiveOther(), Message(4));
            QCOMPARE(co_await categories.receive(Even), Message(2));
        });
    }

    void H06_aFunctionMayRemoveItself()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            categories.add(even);
            MessageCategories::Id id = 0;
            id = categories.add([&](const Message &) -> std::optional<QString> {
                categories.remove(id);
                return std::nullopt;
            });
            sendToSelf(2);
            QCOMPARE(co_await categories.receive(Even), Message(2));
        });
    }

    void H06_aMessageWhoseFunctionFailsIsKept()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            categories.add([](const Message &message) -> std::optional<QString> {
                if (message == Message(1))
                    throw Error(u"not this one"_s);
                return even(message);
            });
            sendToSelf(1, 2);
            QString error;
            try {
                co_await categories.receive(Even);
            } catch (const Error &e) {
                error = e.message();
            }
            QCOMPARE(error, u"not this one"_s);
            QCOMPARE(co_await categories.receive(Even), Message(2));
            QCOMPARE(co_await categories.receiveOther(), Message(1));
        });
    }

    void H06_pollingGivesWhatIsThere()
    {
        runAsCoro([]() -> Task<> {
            MessageCategories categories;
            categories.add(even);
            sendToSelf(1, 3, 2);
            QCOMPARE(co_await categories.receive(Even, 0ms), Message(2));
            bool timedOut = false;
            try {
                co_await categories.receive(Even, 0ms);
            } catch (const TimedOut &) {
                timedOut = true;
            }
            QVERIFY(timedOut);
            QCOMPARE(co_await categories.receiveOther(0ms), Message(1));
        });
    }

    void H06_belongsToOneCoroutine()
    {
        MessageCategories categories;
        const auto receiveEven = [&]() -> Task<Message> { co_return co_await categories.receive(Even); };
        categories.add(even);
        const auto owner = spawn(receiveEven);
        const auto other = spawn(receiveEven);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(other));
        owner.send(2);
        QCOMPARE(waitFor(owner), Message(2));
    }

    void H06_receiveWaits_data() { WaitMatrix::addRows<WaitForCategory>(); }
    void H06_receiveWaits() { WaitMatrix::run<WaitForCategory>(); }
};

QTEST_GUILESS_MAIN(MessageCategoriesTest)
#include "messagecategoriestest.moc"
