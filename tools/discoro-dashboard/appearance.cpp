// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "appearance.h"

#include <QApplication>
#include <QIcon>
#include <QQuickStyle>
#include <QStyle>
#include <QStyleFactory>

void chooseStyle()
{
    if (qEnvironmentVariableIsEmpty("QT_QUICK_CONTROLS_STYLE"))
        QQuickStyle::setStyle(QStringLiteral("org.kde.desktop"));
    QQuickStyle::setFallbackStyle(QStringLiteral("Fusion"));
}

void chooseIconsAndWidgetStyle()
{
    QIcon::setFallbackThemeName(QStringLiteral("breeze"));
    if (QIcon::themeName().isEmpty() || QIcon::themeName() == u"hicolor")
        QIcon::setThemeName(QStringLiteral("breeze"));

    // org.kde.desktop draws with the widget style. Without a desktop that is Fusion.
    const bool ownChoice = !qEnvironmentVariableIsEmpty("QT_STYLE_OVERRIDE");
    const bool desktop = !qEnvironmentVariableIsEmpty("XDG_CURRENT_DESKTOP");
    if (!ownChoice && !desktop && QStyleFactory::keys().contains(u"Breeze", Qt::CaseInsensitive))
        QApplication::setStyle(QStringLiteral("breeze"));
}
