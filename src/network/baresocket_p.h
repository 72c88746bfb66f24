// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncserver.h"

#include <QSocketNotifier>

#include <chrono>

struct sockaddr_storage;

namespace Asyncoro::Detail {

class SocketData;

// While the process is out of descriptors. Others than our connections may give some back.
inline constexpr std::chrono::milliseconds RetryAccepting{100};
inline constexpr std::chrono::seconds AcceptWarningInterval{60};

/** Takes a connection out of the queue of a listening descriptor; -1 if that fails, for the reason in errno. */
int acceptDescriptor(int listening, sockaddr_storage *peer = nullptr);

enum class NotAccepted : quint8 {
    NoneThere,
    ClientGone, ///< or it was interrupted; the next one may be there
    NotListening, ///< somebody else has closed the descriptor
    OutOfResources,
};
/** What errno means after acceptDescriptor(). */
NotAccepted whyNotAccepted(int error);

/**
 * The same of a TCP connection. Without a descriptor if that fails; without the peer where bytes cannot be read and
 * written directly.
 */
ConnectedDescriptor acceptConnection(int listening);
/** The same of a descriptor that exists. Without the peer if it is not that of a TCP connection, too. */
ConnectedDescriptor connectionOf(qintptr descriptor);

/**
 * The descriptor of a connection that was accepted or adopted and has no QTcpSocket yet, and its notifier for bytes to
 * read, which is disabled at first. Most connections of a server never need more: to make a QTcpSocket takes eight
 * system calls, and half of the memory of a connection.
 */
class BareSocket final : public QSocketNotifier
{
public:
    /** Takes over the descriptor. */
    BareSocket(SocketData *data, ConnectedDescriptor connection);
    /** Closes it. */
    ~BareSocket() override;

    [[nodiscard]] bool isOpen() const { return m_connection.descriptor != -1; }
    [[nodiscard]] const QHostAddress &peerAddress() const { return m_connection.peerAddress; }
    [[nodiscard]] quint16 peerPort() const { return m_connection.peerPort; }
    [[nodiscard]] Location local() const;

    /** May be called by what the notifier has called. */
    void close();
    /** Gives the descriptor away. */
    [[nodiscard]] qintptr take();

protected:
    bool event(QEvent *event) override;

private:
    SocketData *const m_data; // owns this
    ConnectedDescriptor m_connection;
};

} // namespace Asyncoro::Detail
