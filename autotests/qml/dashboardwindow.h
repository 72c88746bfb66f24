// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Cluster>

#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickWindow>

/** The dashboard's own window over a cluster that the test makes up. Any warning from QML is a failure. */
class DashboardWindow
{
public:
    DashboardWindow();

    /** The style and icons of the dashboard; called in main(), before and after the application is made. */
    static void prepareApplication();
    static void finishApplication();

    /** Whether the window is there and has drawn itself. */
    [[nodiscard]] bool isShown();

    /** The first item with this objectName, also inside delegates and dialogs; null if there is none. */
    [[nodiscard]] QQuickItem *find(const char *name) const;
    [[nodiscard]] QList<QQuickItem *> findAll(const char *name) const;
    /** The texts of all visible items with this objectName. */
    [[nodiscard]] QStringList texts(const char *name) const;
    [[nodiscard]] QString text(const char *name) const;
    /** Whether there is such an item and it can be seen. */
    [[nodiscard]] bool sees(const char *name) const;
    /** Whether some visible label or text field under this item has the text. */
    [[nodiscard]] static bool says(const QQuickItem *item, const QString &text);
    [[nodiscard]] QObject *action(const char *name) const;

    Asyncoro::Qml::Cluster cluster;
    QQmlApplicationEngine engine;
    QQuickWindow *window = nullptr;
};
