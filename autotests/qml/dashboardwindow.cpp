// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dashboardwindow.h"

#include "appearance.h"

#include <QTest>

namespace {

void collect(QQuickItem *item, const QString &name, QList<QQuickItem *> &found)
{
    if (item->objectName() == name)
        found.append(item);
    const QList<QQuickItem *> children = item->childItems();
    for (QQuickItem *child : children)
        collect(child, name, found);
}

} // namespace

DashboardWindow::DashboardWindow()
{
    QTest::failOnWarning(QRegularExpression(QStringLiteral("\\.qml")));
    cluster.setScheduler(QStringLiteral("127.0.0.1:51350"));
    engine.setInitialProperties({{QStringLiteral("cluster"), QVariant::fromValue(&cluster)}});
    engine.load(QUrl::fromLocalFile(QStringLiteral(DASHBOARD_DIR "/Main.qml")));
    if (!engine.rootObjects().isEmpty())
        window = qobject_cast<QQuickWindow *>(engine.rootObjects().constFirst());
}

void DashboardWindow::prepareApplication()
{
    chooseStyle();
}

void DashboardWindow::finishApplication()
{
    chooseIconsAndWidgetStyle();
}

bool DashboardWindow::isShown()
{
    return window && QTest::qWaitForWindowExposed(window) && !window->grabWindow().isNull();
}

QList<QQuickItem *> DashboardWindow::findAll(const char *name) const
{
    QList<QQuickItem *> found;
    collect(window->contentItem(), QString::fromLatin1(name), found);
    return found;
}

QQuickItem *DashboardWindow::find(const char *name) const
{
    return findAll(name).value(0);
}

QStringList DashboardWindow::texts(const char *name) const
{
    QStringList texts;
    for (const QQuickItem *item : findAll(name)) {
        if (item->isVisible())
            texts.append(item->property("text").toString());
    }
    return texts;
}

QString DashboardWindow::text(const char *name) const
{
    return texts(name).value(0);
}

bool DashboardWindow::sees(const char *name) const
{
    const QQuickItem *item = find(name);
    return item && item->isVisible() && item->width() > 0 && item->height() > 0;
}

bool DashboardWindow::says(const QQuickItem *item, const QString &text)
{
    if (item && item->isVisible() && item->property("text").toString().contains(text))
        return true;
    const QList<QQuickItem *> children = item ? item->childItems() : QList<QQuickItem *>();
    return std::ranges::any_of(children, [&](const QQuickItem *child) { return says(child, text); });
}

QObject *DashboardWindow::action(const char *name) const
{
    return window->findChild<QObject *>(QString::fromLatin1(name));
}
