// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

void save(QString text);

void close()
{
    spawn(save, QString("text"));
}

// expect: spawn(): the function must return a Task
