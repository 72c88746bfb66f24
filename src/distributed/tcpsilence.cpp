// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tcpsilence_p.h"

#ifdef Q_OS_LINUX
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

namespace Asyncoro::Detail {

#ifdef Q_OS_LINUX
// What tcp(7) tells as TCP_INFO. A probe of a full receiver does not count as unacknowledged.
std::chrono::milliseconds tcpSilence(qintptr descriptor)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    const bool isLate = ::getsockopt(int(descriptor), IPPROTO_TCP, TCP_INFO, &info, &size) == 0
        && info.tcpi_unacked > 0 && info.tcpi_retransmits > 0;
    return std::chrono::milliseconds(isLate ? info.tcpi_last_ack_recv : 0);
}
#else
std::chrono::milliseconds tcpSilence(qintptr)
{
    return {};
}
#endif

} // namespace Asyncoro::Detail
