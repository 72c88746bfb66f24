// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Starts a coroutine that awaits a task; ends 0 if the task's value arrived.

#include <Asyncoro/Coro>
#include <Asyncoro/Task>

#include <QCoreApplication>

using namespace Asyncoro;

Task<int> answer()
{
    co_return 42;
}

Task<> ask(int *result)
{
    *result = co_await answer();
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    int result = 0;
    spawn(ask, &result);
    const int status = Asyncoro::exec();
    return status == 0 && result == 42 ? 0 : 1;
}
