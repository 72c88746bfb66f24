// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <QByteArray>
#include <QList>
#include <QSsl>
#include <QSslCertificate>
#include <QString>

namespace Asyncoro {

namespace Detail {

class TlsEngine;

} // namespace Detail

/** What the two sides of a secure connection have agreed on: AsyncSocket::tlsSession() gives it. */
class ASYNCORO_NETWORK_EXPORT TlsSession
{
public:
    /** Whether there is one: not while the connection is plain. */
    [[nodiscard]] bool isValid() const { return m_protocol != QSsl::UnknownProtocol; }

    /** QSsl::TlsV1_2 or QSsl::TlsV1_3. */
    [[nodiscard]] QSsl::SslProtocol protocol() const { return m_protocol; }
    /** The cipher suite, such as "TLS_AES_256_GCM_SHA384". */
    [[nodiscard]] QString cipher() const { return m_cipher; }
    /** What is spoken inside, such as "h2" (ALPN); empty if nothing was agreed on. */
    [[nodiscard]] QByteArray applicationProtocol() const { return m_applicationProtocol; }
    /** The name that the client asked for; empty if it was an address, or the client did not say. */
    [[nodiscard]] QString serverName() const { return m_serverName; }
    /** The certificate of the peer; null if it has shown none. Some who resume a session do not have the chain. */
    [[nodiscard]] QSslCertificate peerCertificate() const { return m_peerChain.value(0); }
    /** The same, and those between it and the authority that it has shown. */
    [[nodiscard]] QList<QSslCertificate> peerChain() const { return m_peerChain; }
    /**
     * 32 bytes that the two ends of this very connection have in common, and nobody else: who puts them under a proof
     * of something besides, such as a password, has proved it to this connection, and nobody between can pass that on
     * (the channel binding "tls-exporter", RFC 9266). Empty if the other side's TLS 1.2 is too old for that.
     */
    [[nodiscard]] QByteArray channelBinding() const { return m_channelBinding; }
    /** Whether an earlier session was resumed. */
    [[nodiscard]] bool isResumed() const { return m_resumed; }

private:
    friend class Detail::TlsEngine;
    QSsl::SslProtocol m_protocol = QSsl::UnknownProtocol;
    bool m_resumed = false;
    QString m_cipher;
    QByteArray m_applicationProtocol;
    QString m_serverName;
    QList<QSslCertificate> m_peerChain;
    QByteArray m_channelBinding;
};

} // namespace Asyncoro
