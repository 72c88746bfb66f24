// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <QMetaType>
#include <QString>

#include <optional>

namespace Asyncoro {

/** How a process ended: it exited with a code, or a signal killed it. */
class ASYNCORO_IO_EXPORT ExitStatus
{
    Q_GADGET

public:
    /** Exited with code 0. */
    ExitStatus() = default;
    [[nodiscard]] static ExitStatus exited(int code) { return {code, false}; }
    [[nodiscard]] static ExitStatus killed(int signal) { return {signal, true}; }

    /** Whether it exited with code 0. */
    [[nodiscard]] bool isSuccess() const { return !m_killed && m_number == 0; }
    /** The code that it exited with; none if it was killed. */
    [[nodiscard]] std::optional<int> code() const { return m_killed ? std::nullopt : std::optional(m_number); }
    /** The signal that killed it; none if it exited. */
    [[nodiscard]] std::optional<int> signal() const { return m_killed ? std::optional(m_number) : std::nullopt; }

    /** One number for both, as a shell tells it: the code, or 128 and the signal. */
    [[nodiscard]] int shellStatus() const { return m_killed ? 128 + m_number : m_number; }
    /** For people, without a subject: "ended with status 1", "was killed by signal 9 (Killed)". */
    [[nodiscard]] QString text() const;

    friend bool operator==(const ExitStatus &, const ExitStatus &) = default;

private:
    ExitStatus(int number, bool killed)
        : m_number(number)
        , m_killed(killed)
    {
    }

    int m_number = 0;
    bool m_killed = false;
};

} // namespace Asyncoro
