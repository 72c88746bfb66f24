// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QDateTime>
#include <QString>

#include <chrono>

// Values in words, for people. Private to the QML module.

namespace Asyncoro::Qml {

/** "0.4 s", "12 s", "3 min 5 s", "2 h 10 min". Never negative. */
[[nodiscard]] QString durationText(std::chrono::milliseconds duration);

/** "5.1 of 15.6 GiB"; empty where the total is not known. */
[[nodiscard]] QString usageText(qint64 used, qint64 total);

/** "1,204" */
[[nodiscard]] QString numberText(qint64 number);

/** 0 to 1; -1 where the total is not known. */
[[nodiscard]] double usedFraction(qint64 used, qint64 total);

/** How much later `moment` is than `start`; 0 where one of them is not known. */
[[nodiscard]] std::chrono::milliseconds elapsed(const QDateTime &start, const QDateTime &moment);

} // namespace Asyncoro::Qml
