// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <QtTypes>

#include <chrono>

namespace Asyncoro::Detail {

/** How long this process waits for others, and for how many. A test may change it while there is no network. */
struct PeerLimits {
    std::chrono::milliseconds handshake{10'000}; // for connection and handshake
    std::chrono::milliseconds nextAddress{250}; // before another address of a host is tried as well
    std::chrono::milliseconds retry{1'000}; // between attempts to connect again
    std::chrono::milliseconds hungUp{25}; // at most twice this before the second attempt to connect, then longer each time
    std::chrono::milliseconds ping{5'000}; // of silence, after which a sign of life is asked for
    std::chrono::milliseconds silence{15'000}; // after which a peer is lost
    // At a time, of connections that have proved nothing yet; and of those from one address.
    qsizetype handshakes = 256;
    qsizetype handshakesOfAddress = 128;
    // Bytes of messages of one peer that mailboxes have no room for. Who stops when it is told has 64 MiB under way, which may
    // be very small messages, that take more here.
    qint64 unread = 1024 * 1024 * 1024;
    qint64 mailbox = 64 * 1024 * 1024; // bytes of messages of peers in one mailbox that has no limit of its own, roughly
    qint64 ended = 32 * 1024 * 1024; // bytes of coroutines that have ended and may still be asked for, with their values
    std::size_t targets = 65'536; // of one frame, in which a few bytes each make much work; docs/wire-format.md has it, too
    qsizetype started = 100'000; // coroutines that run and one peer has started; four times as many of all peers, also past ones
    // Bytes for one peer that does not take what it asked for; and as many of its calls that wait, and of their values.
    qint64 unsent = 512 * 1024 * 1024;
};

ASYNCORO_DISTRIBUTED_EXPORT PeerLimits &peerLimits();

} // namespace Asyncoro::Detail
