// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlsengine_p.h"

#include <QDateTime>

#include <openssl/err.h>

// What OpenSSL says, in words that say what to do.

namespace Asyncoro::Detail {

using Reason = TlsError::Reason;
using Explained = std::pair<Reason, QString>;

TlsError::Reason certificateReason(int problem)
{
    switch (problem) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return Reason::CertificateExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return Reason::CertificateNotYetValid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return Reason::SelfSigned;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return Reason::UnknownIssuer;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return Reason::WrongHostName;
    default:
        return Reason::BadCertificate;
    }
}

std::exception_ptr TlsEngine::failure(const QString &operation) const
{
    if (m_text.isEmpty())
        return nullptr;
    return std::make_exception_ptr(TlsError(m_reason, operation, m_peer, m_text));
}

Explained TlsEngine::explainCertificate() const
{
    const bool isServer = m_role == Role::Server;
    const Reason reason = certificateReason(m_certificateProblem);
    const QString subject = QStringLiteral("its certificate \"%1\" ").arg(m_problematic);
    switch (reason) {
    case Reason::CertificateExpired:
        return {reason,
                subject
                    + QStringLiteral("has expired: the peer needs a new one, unless the clock of this machine is wrong "
                                     "(it has %1)")
                          .arg(QDateTime::currentDateTimeUtc().toString(Qt::ISODate))};
    case Reason::CertificateNotYetValid:
        return {reason,
                subject
                    + QStringLiteral("is not valid yet: mostly a clock is wrong (that of this machine has %1)")
                          .arg(QDateTime::currentDateTimeUtc().toString(Qt::ISODate))};
    case Reason::SelfSigned:
        return {reason,
                subject
                    + QStringLiteral("is signed by itself, not by an authority: if it is known to be the right one, "
                                     "give that file to TlsConfiguration::trustOnly()")};
    case Reason::UnknownIssuer:
        return {reason,
                subject
                    + QStringLiteral("comes from an authority that is not trusted (%1): either the peer does not show "
                                     "the certificates in between, or that authority has to be given to "
                                     "TlsConfiguration::trustOnly()")
                          .arg(QString::fromLatin1(X509_verify_cert_error_string(m_certificateProblem)))};
    case Reason::WrongHostName:
        return {reason,
                subject
                    + QStringLiteral("is not for \"%1\" but for other names: connect by one of those, or give it to "
                                     "startTls() as the name of the server")
                          .arg(m_serverName)};
    default:
        return {reason,
                subject
                    + QStringLiteral("cannot be accepted %1: %2")
                          .arg(isServer ? QStringLiteral("from a client") : QStringLiteral("from a server"),
                               QString::fromLatin1(X509_verify_cert_error_string(m_certificateProblem)))};
    }
}

Explained TlsEngine::explain(unsigned long error) const
{
    const char *const text = ERR_reason_error_string(error);
    const QString ssl = text ? QString::fromLatin1(text) : QStringLiteral("no reason given");
    const bool early = m_stage == Stage::Handshake && SSL_get_state(m_ssl.get()) <= TLS_ST_CW_CLNT_HELLO;
    const QString withoutOurs = QStringLiteral("it wants a certificate from this side, which has none: give one to "
                                               "TlsConfiguration::addIdentity() (%1)")
                                    .arg(ssl);

    switch (ERR_GET_REASON(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return explainCertificate();
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return {Reason::NoPeerCertificate, QStringLiteral("it has shown no certificate, and has to")};

    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return {Reason::CertificateRequired, withoutOurs};
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        if (m_askedForCertificate && !m_configuration->hasIdentity())
            return {Reason::CertificateRequired, withoutOurs};
        return {Reason::NoCommonCipher,
                QStringLiteral("it has refused: mostly, because there is no cipher suite that both sides have (%1)")
                    .arg(ssl)};
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return {Reason::RefusedByPeer,
                QStringLiteral("it does not accept the certificate of this side (%1): it may not trust the authority "
                               "that issued it, or want another one")
                    .arg(ssl)};
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
        return {Reason::RefusedByPeer,
                QStringLiteral("it does not serve the name \"%1\" (%2)").arg(m_serverName, ssl)};

    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return {Reason::NoCommonVersion,
                QStringLiteral("there is no version of TLS that both sides speak (%1): see "
                               "TlsConfiguration::setMinimumVersion(), or bring the peer up to date")
                    .arg(ssl)};
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
        return {Reason::NoCommonCipher,
                QStringLiteral("there are no cipher suites, groups and kinds of key that both sides have (%1)")
                    .arg(ssl)};
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        return {Reason::NoCommonProtocol,
                QStringLiteral("there is no application protocol that both sides speak (%1): see "
                               "TlsConfiguration::setApplicationProtocols()")
                    .arg(ssl)};

    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        if (m_stage == Stage::Handshake)
            return {Reason::ClosedByPeer,
                    QStringLiteral("it has closed the connection during the handshake; mostly it says why in its log")};
        return {Reason::Truncated,
                QStringLiteral("the connection ended without the mark of the end that TLS has: what came may not be "
                               "all, by accident or because somebody cut it off. For peers that never send it: "
                               "TlsConfiguration::accept({TlsError::Reason::Truncated})")};
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
        return {Reason::NotTls,
                QStringLiteral("it does not speak TLS, but something else (%1): is it the right port, and is there "
                               "something to say before TLS begins?")
                    .arg(ssl)};
    default:
        if (early)
            return {Reason::NotTls, QStringLiteral("what it sent is no beginning of TLS (%1)").arg(ssl)};
        return {Reason::Damaged, QStringLiteral("what came is no valid TLS (%1)").arg(ssl)};
    }
}

} // namespace Asyncoro::Detail
