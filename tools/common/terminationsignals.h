// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <functional>
#include <memory>

namespace Asyncoro::Tools {

class TerminationSignalsPrivate;

/**
 * Lets a program without a window end in order: while there is one (there can be one at a time), SIGINT, SIGTERM and
 * SIGHUP no longer end the process but call a function, from the event loop of the thread that made this.
 *
 *     const TerminationSignals signals([](int) { QCoreApplication::quit(); });
 *
 * A second signal ends the process at once; if a second function is given it is called, and the third signal ends the
 * process. This works even if the event loop no longer runs. A SIGHUP that is ignored, as under nohup, stays so.
 */
class TerminationSignals
{
public:
    /** Takes the number of the signal. */
    using Function = std::function<void(int signal)>;

    explicit TerminationSignals(Function first, Function second = {});
    ~TerminationSignals();
    TerminationSignals(const TerminationSignals &) = delete;
    TerminationSignals &operator=(const TerminationSignals &) = delete;

private:
    std::unique_ptr<TerminationSignalsPrivate> d;
};

} // namespace Asyncoro::Tools
