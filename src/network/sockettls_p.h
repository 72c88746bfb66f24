// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncsocket_p.h"
#include "tlsengine_p.h"

namespace Asyncoro::Detail {

/**
 * TLS over the connection of a SocketData, which owns this: what that sends goes through here first, and what it
 * receives last.
 */
class SocketTls final : private ByteTransport
{
public:
    /** `unread` is what has been read from the connection already. Throws TlsError. */
    SocketTls(SocketData &socket, const TlsConfiguration &configuration, TlsEngine::Role role,
              const QString &serverName, const QByteArray &unread);
    ~SocketTls() override;

    /** Goes on with the handshake; true once it is over, well or not. */
    [[nodiscard]] bool shake();
    [[nodiscard]] bool isShaking() const { return m_shaking; }
    [[nodiscard]] bool isOpen() const { return m_engine.isOpen(); }
    [[nodiscard]] bool isBroken() const { return !m_shaking && !isOpen(); }
    [[nodiscard]] bool isReadEnded() const { return m_engine.isEnded(); }
    /** Who waits for the end of the handshake. */
    void setWaiting(ExternalWait *waiting) { m_waiting = waiting; }
    [[nodiscard]] ExternalWait *takeWaiting() { return std::exchange(m_waiting, nullptr); }

    /** As of StreamData. */
    [[nodiscard]] qint64 readSome(char *to, qint64 maxSize);
    void writeAll(QByteArrayView header, QByteArrayView bytes);
    /** Tells the peer that nothing more comes. */
    void endWriting();
    /**
     * Whether something cannot be sent for now: a message of TLS itself has come in part, and the rest of it has to
     * come first.
     */
    [[nodiscard]] bool isHolding() const { return !m_held.isEmpty() || m_holdsEnd; }
    [[nodiscard]] qint64 held() const { return m_held.size(); }
    /** Something has come: perhaps that can be sent now. */
    void sendHeld();

    /** What has come from the connection, for later. */
    void keep(const QByteArray &encrypted) { m_unread += encrypted; }
    /** Why it has failed; null if it has not, or the connection has. */
    [[nodiscard]] std::exception_ptr failure(const char *operation) const;
    [[nodiscard]] TlsSession session() const { return m_engine.session(); }

private:
    qint64 read(char *to, qint64 size) override;
    qint64 write(const char *from, qint64 size) override;
    void send(QByteArrayView bytes);
    [[nodiscard]] qint64 encrypt(QByteArrayView bytes);
    void limitAnswers();
    [[nodiscard]] qint64 share();
    void flush();

    SocketData &m_socket;
    ExternalWait *m_waiting = nullptr; // not owning
    QByteArray m_unread; // comes before what the connection has
    QByteArray m_unsent; // encrypted; empty but within a call
    QByteArray m_held; // not encrypted; goes before what is sent from now on
    qint64 m_share; // of what has come, that is read at a time
    qint64 m_answers = 0; // bytes that TLS itself has sent since nothing was unsent
    TlsEngine m_engine;
    bool m_tookAll = false; // of its last share
    bool m_isSuspect = false; // sends more messages of TLS itself than anybody needs
    bool m_holdsEnd = false; // the mark of the end goes after m_held
    bool m_shaking = true;
    bool m_inHandshake = false; // in this very moment
    bool m_lost = false; // the connection, meanwhile
};

} // namespace Asyncoro::Detail
