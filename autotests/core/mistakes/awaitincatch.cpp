// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

Task<> send(QString text);
Task<> report(QString problem);

Task<> sendOrReport(QString text)
{
    try {
        co_await send(text);
    } catch (const Error &error) {
        co_await report(error.message());
    }
}

// expect: await expressions are not permitted in handlers
