// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Linked into a program, this puts its main thread on our event dispatcher, whatever its main() looks like; where that
// has one application object after the other, the first one.

#include <Asyncoro/EventDispatcher>

#include <QAbstractEventDispatcher>
#include <QCoreApplication>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

[[maybe_unused]] const bool installed = Asyncoro::EventDispatcher::install();

void check()
{
    static bool isChecked = false;
    if (std::exchange(isChecked, true))
        return;
    if (!QAbstractEventDispatcher::instance()->inherits("Asyncoro::Detail::LinuxEventDispatcher")) {
        std::fputs("the application does not run on EventDispatcher\n", stderr);
        std::abort();
    }
}

} // namespace

Q_COREAPP_STARTUP_FUNCTION(check)
