// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "terminationsignals.h"

#include <Asyncoro/Error>

#include <QSocketNotifier>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace Asyncoro::Tools {

namespace {

constexpr std::array Signals{SIGINT, SIGTERM, SIGHUP};

// for the signal handler, which can be given nothing
std::atomic<int> s_pipe = -1; // the end that is written to
std::atomic<int> s_left = 0; // how many signals the program takes before it ends at once
static_assert(std::atomic<int>::is_always_lock_free);

void handleSignal(int signal)
{
    const int error = errno;
    if (s_left.fetch_sub(1) > 0) {
        const char number = char(signal);
        [[maybe_unused]] const ssize_t written = write(s_pipe, &number, 1);
    } else {
        std::signal(signal, SIG_DFL);
        raise(signal); // once this handler has returned
    }
    errno = error;
}

} // namespace

class TerminationSignalsPrivate
{
public:
    TerminationSignalsPrivate(TerminationSignals::Function first, TerminationSignals::Function second)
        : m_functions{std::move(first), std::move(second)}
    {
        Q_ASSERT_X(s_pipe < 0, "TerminationSignals", "there can be one at a time");
        if (pipe2(m_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            throw Error(QStringLiteral("cannot handle signals: %1").arg(QString::fromLocal8Bit(std::strerror(errno))));
        m_notifier.setSocket(m_pipe[0]);
        m_notifier.setEnabled(true);
        QObject::connect(&m_notifier, &QSocketNotifier::activated, &m_notifier, [this] { callFunctions(); });

        s_pipe = m_pipe[1];
        s_left = m_functions[1] ? 2 : 1;
        struct sigaction action = {};
        action.sa_handler = handleSignal;
        action.sa_flags = SA_RESTART;
        for (std::size_t i = 0; i < Signals.size(); ++i) {
            sigaction(Signals[i], nullptr, &m_previous[i]);
            if (Signals[i] != SIGHUP || m_previous[i].sa_handler != SIG_IGN)
                sigaction(Signals[i], &action, nullptr);
        }
    }

    ~TerminationSignalsPrivate()
    {
        for (std::size_t i = 0; i < Signals.size(); ++i)
            sigaction(Signals[i], &m_previous[i], nullptr);
        s_pipe = -1;
        close(m_pipe[0]);
        close(m_pipe[1]);
    }

private:
    void callFunctions()
    {
        char signal = 0;
        while (read(m_pipe[0], &signal, 1) == 1) {
            if (const auto &function = m_functions[m_received++])
                function(signal);
        }
    }

    std::array<TerminationSignals::Function, 2> m_functions;
    std::size_t m_received = 0; // no more than there are functions: s_left sees to it
    std::array<int, 2> m_pipe{-1, -1};
    QSocketNotifier m_notifier{QSocketNotifier::Read};
    std::array<struct sigaction, Signals.size()> m_previous{};
};

TerminationSignals::TerminationSignals(Function first, Function second)
    : d(std::make_unique<TerminationSignalsPrivate>(std::move(first), std::move(second)))
{
}

TerminationSignals::~TerminationSignals() = default;

} // namespace Asyncoro::Tools
