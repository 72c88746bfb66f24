// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Linked into a program, this puts its main thread on our event dispatcher, whatever its main() looks like.

#include <Asyncoro/LinuxEventDispatcher>

#include <QCoreApplication>

#include <cstdio>
#include <cstdlib>

namespace {

using Asyncoro::LinuxEventDispatcher;

[[maybe_unused]] const bool installed = LinuxEventDispatcher::install();

void check()
{
    if (!qobject_cast<LinuxEventDispatcher *>(QAbstractEventDispatcher::instance())) {
        std::fputs("the application does not run on LinuxEventDispatcher\n", stderr);
        std::abort();
    }
}

} // namespace

Q_COREAPP_STARTUP_FUNCTION(check)
