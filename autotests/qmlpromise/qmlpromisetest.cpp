// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>
#include <Asyncoro/QmlPromise>

#include <QQmlComponent>
#include <QQmlContext>
#include <QQmlEngine>
#include <QTest>

using namespace Asyncoro;
using namespace std::chrono_literals;

/** What a program would offer to QML. */
class Loader : public QObject
{
    Q_OBJECT

public:
    Q_INVOKABLE QJSValue add(int a, int b)
    {
        return toPromise(this, spawn([](int x, int y) -> Task<int> {
            co_await sleep(1ms);
            co_return x + y;
        }, a, b));
    }
    Q_INVOKABLE QJSValue list()
    {
        return toPromise(this, []() -> Task<QStringList> {
            co_await yield();
            co_return QStringList{QStringLiteral("a"), QStringLiteral("b")};
        }());
    }
    Q_INVOKABLE QJSValue nothing()
    {
        return toPromise(this, []() -> Task<> { co_return; }());
    }
    Q_INVOKABLE QJSValue fail()
    {
        return toPromise(this, []() -> Task<int> {
            co_await yield();
            throw Error(QStringLiteral("no such file"));
        }());
    }
    Q_INVOKABLE QJSValue wait()
    {
        waiting = spawn([]() -> Task<int> { co_return co_await receive<int>(); });
        return toPromise(this, waiting);
    }

    Coro<int> waiting;
};

class QmlPromiseTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void resolvesWithTheValue_data()
    {
        QTest::addColumn<QString>("call");
        QTest::addColumn<QString>("seen");
        QTest::newRow("number") << "loader.add(1, 2).then(v => seen = 'value ' + (v + 1))" << "value 4";
        QTest::newRow("list") << "loader.list().then(v => seen = v.length + v[1])" << "2b";
        QTest::newRow("nothing") << "loader.nothing().then(v => seen = typeof v)" << "undefined";
        QTest::newRow("chain") << "loader.add(1, 2).then(v => loader.add(v, 10)).then(v => seen = v)" << "13";
        QTest::newRow("error") << "loader.fail().then(v => seen = v).catch(e => seen = e instanceof Error && e.message)"
                               << "no such file";
    }
    void resolvesWithTheValue()
    {
        QFETCH(const QString, call);
        QFETCH(const QString, seen);
        QJSEngine engine;
        Loader loader;
        offer(engine, loader);
        const QJSValue result = engine.evaluate(call);
        QVERIFY2(!result.isError(), qPrintable(result.toString()));
        QTRY_COMPARE(engine.globalObject().property(QStringLiteral("seen")).toString(), seen);
    }

    void isARealPromise()
    {
        QJSEngine engine;
        Loader loader;
        offer(engine, loader);
        QVERIFY(engine.evaluate(QStringLiteral("loader.nothing() instanceof Promise")).toBool());
        engine.evaluate(
            QStringLiteral("Promise.all([loader.add(1, 1), loader.add(2, 2)]).then(v => seen = v[0] + v[1])"));
        QTRY_COMPARE(engine.globalObject().property(QStringLiteral("seen")).toInt(), 6);
    }

    void aTerminatedCoroutineRejects()
    {
        QJSEngine engine;
        Loader loader;
        offer(engine, loader);
        engine.evaluate(QStringLiteral("loader.wait().catch(e => seen = e.message)"));
        loader.waiting.terminate();
        QTRY_VERIFY(engine.globalObject().property(QStringLiteral("seen")).toString().contains(
            QLatin1StringView("was terminated")));
    }

    void theEngineMayBeDestroyedMeanwhile()
    {
        Loader loader;
        {
            QJSEngine engine;
            offer(engine, loader);
            engine.evaluate(QStringLiteral("loader.wait().then(v => seen = v)"));
            QTest::qWait(0);
        }
        QCOMPARE(loader.waiting.state(), CoroState::Running);
        loader.waiting.send(1);
        QCOMPARE(waitFor(loader.waiting), 1);
        QTest::qWait(0);
    }

    void theObjectMayBeDestroyedMeanwhile()
    {
        QJSEngine engine;
        auto loader = std::make_unique<Loader>();
        offer(engine, *loader);
        engine.evaluate(QStringLiteral("loader.wait().then(v => seen = v)"));
        const Coro<int> waiting = loader->waiting;
        loader.reset();
        waiting.send(8);
        QTRY_COMPARE(engine.globalObject().property(QStringLiteral("seen")).toInt(), 8);
    }

    void anObjectWithoutAnEngineIsAnError()
    {
        Loader loader;
        QVERIFY_THROWS_EXCEPTION(Error, loader.nothing());
        QJSEngine engine;
        QVERIFY(toPromise(&engine, []() -> Task<> { co_return; }()).isObject());
    }

    void inAQmlComponent()
    {
        QQmlEngine engine;
        Loader loader;
        engine.rootContext()->setContextProperty(QStringLiteral("loader"), &loader);
        QQmlComponent component(&engine);
        component.setData(R"(
            import QtQml
            QtObject {
                property int sum: 0
                property string problem
                Component.onCompleted: {
                    loader.add(20, 22).then(value => sum = value)
                    loader.fail().catch(error => problem = error.message)
                }
            })",
                          QUrl());
        const std::unique_ptr<QObject> object(component.create());
        QVERIFY2(object, qPrintable(component.errorString()));
        QTRY_COMPARE(object->property("sum").toInt(), 42);
        QTRY_COMPARE(object->property("problem").toString(), QStringLiteral("no such file"));
    }

private:
    static void offer(QJSEngine &engine, Loader &loader)
    {
        QJSEngine::setObjectOwnership(&loader, QJSEngine::CppOwnership);
        engine.globalObject().setProperty(QStringLiteral("loader"), engine.newQObject(&loader));
        engine.globalObject().setProperty(QStringLiteral("seen"), QJSValue());
    }
};

QTEST_GUILESS_MAIN(QmlPromiseTest)
#include "qmlpromisetest.moc"
