// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <QQmlComponent>
#include <QQmlEngine>
#include <QTest>

/** A program that knows nothing of Asyncoro and links none of it imports the module. */
class ImportTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void models()
    {
        const std::unique_ptr<QObject> object = create(R"(
            import QtQml
            import org.asyncoro.discoro

            QtObject {
                property Cluster cluster: Cluster { scheduler: "server" }
                property SortFilterModel sorted: SortFilterModel { sourceModel: cluster.nodes; sortedBy: "done" }
                property string text: cluster.state === Cluster.NotConnected ? cluster.stateText : ""
                property string address: cluster.scheduler
                property bool secretCanBeRead: "secret" in cluster
                property int health: Health.Bad
            })");
        QVERIFY(object);
        QCOMPARE(object->property("text"), QStringLiteral("Not connected."));
        QCOMPARE(object->property("address"), QStringLiteral("server:51350"));
        QCOMPARE(object->property("secretCanBeRead"), false);
        QCOMPARE(object->property("health"), 3);
    }

    void openWithoutSchedulerFails()
    {
        const std::unique_ptr<QObject> object = create(R"(
            import QtQml
            import org.asyncoro.discoro

            Cluster { Component.onCompleted: open() })");
        QVERIFY(object);
        QCOMPARE(object->property("error"), QStringLiteral("No scheduler is given."));
    }

private:
    std::unique_ptr<QObject> create(const QByteArray &source)
    {
        m_engine.addImportPath(QStringLiteral(QML_DIR));
        QQmlComponent component(&m_engine);
        component.setData(source, {});
        std::unique_ptr<QObject> object(component.create());
        if (!object)
            qWarning() << component.errors();
        return object;
    }

    QQmlEngine m_engine;
};

QTEST_GUILESS_MAIN(ImportTest)
#include "importtest.moc"
