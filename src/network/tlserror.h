// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "socketerror.h"

namespace Asyncoro {

/**
 * A connection could not be made secure, or is not any more. The message says with whom, why and what to do. A time
 * limit that passes is no TlsError but TimedOut; a connection that is reset is an ordinary SocketError.
 */
class ASYNCORO_NETWORK_EXPORT TlsError : public SocketError
{
public:
    enum class Reason : quint8 {
        // The certificate of the peer; these can be accepted, see TlsConfiguration::accept()
        CertificateExpired,
        CertificateNotYetValid,
        SelfSigned, ///< its certificate is signed by itself, and not trusted
        UnknownIssuer, ///< the chain of its certificates leads to none that is trusted
        WrongHostName, ///< the certificate is for other names
        BadCertificate, ///< anything else: revoked, not for this purpose, too weak
        // These cannot
        NoPeerCertificate, ///< it has shown none, and has to

        // What the peer says of this side
        CertificateRequired, ///< it wants a certificate, and this side has none
        RefusedByPeer, ///< it does not accept the certificate of this side, or what this side is

        // No agreement
        NoCommonVersion,
        NoCommonCipher,
        NoCommonProtocol, ///< of those that are named by TlsConfiguration::setApplicationProtocols()

        // The stream of bytes
        NotTls, ///< the peer speaks something else
        ClosedByPeer, ///< during the handshake
        Truncated, ///< the stream ended without the mark of its end: bytes may be missing. Can be accepted, too
        Damaged, ///< what came is no valid TLS

        // What this side was given
        UnreadableFile, ///< a certificate or key
        KeyMismatch, ///< the key belongs to another certificate
        BadConfiguration, ///< anything else
    };

    /** For a connection; the message is made of these. `peer` may be invalid. */
    TlsError(Reason reason, const QString &operation, const Location &peer, const QString &text);
    /** For what belongs to no connection, such as a configuration. */
    TlsError(Reason reason, const QString &message);
    ~TlsError() override;

    [[nodiscard]] Reason reason() const { return m_reason; }

private:
    Reason m_reason;
};

} // namespace Asyncoro
