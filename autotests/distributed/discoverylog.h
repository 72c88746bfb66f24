// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QLoggingCategory>
#include <QStringList>

/** What is logged in the category asyncoro.discovery, which goes on to be shown. */
namespace DistributedTest::DiscoveryLog {

inline QStringList lines;
inline QtMessageHandler nextHandler = nullptr;

/** From here on lines are kept, until restore(). */
inline void keep()
{
    nextHandler = qInstallMessageHandler([](QtMsgType type, const QMessageLogContext &context, const QString &text) {
        if (qstrcmp(context.category, "asyncoro.discovery") == 0)
            lines.append(text);
        nextHandler(type, context, text);
    });
}

inline void restore()
{
    qInstallMessageHandler(nextHandler);
}

/** How many lines contain `text`. */
inline qsizetype count(const QString &text)
{
    return lines.filter(text).size();
}

} // namespace DistributedTest::DiscoveryLog
