// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#pragma once

#include <Asyncoro/AsyncServer>
#include <Asyncoro/Coro>

/** Serves files of about 1 MB by HTTP, each slowly, and all at the same time: "/7" is the seventh. */
Asyncoro::Task<> serveFiles(Asyncoro::AsyncServer &server);

/** What is in file number `n`. */
QByteArray fileContent(int n);
