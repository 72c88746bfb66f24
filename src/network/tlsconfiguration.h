// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "tlserror.h"

#include <QExplicitlySharedDataPointer>
#include <QList>
#include <QSsl>

class QSslCertificate;
class QSslKey;

namespace Asyncoro {

namespace Detail {

class TlsConfigurationData;

} // namespace Detail

/**
 * What this side of secure connections shows, and what it asks of the other one. The defaults are those of a client:
 * the server must show a certificate for its name, from an authority that the system trusts, and speak TLS 1.2 or 1.3.
 *
 * Copies share what is expensive, and with it the sessions: a client that connects again with a copy, to the same name
 * and port, resumes its session, as do the clients of a server; this spares both most of the work. So make one and keep
 * it. A copy that is changed is on its own from then on. Copies may be used on several threads.
 *
 * What it cannot do: revocation lists, OCSP and pre-shared keys; and the cipher suites are those that OpenSSL is
 * configured for on this system.
 */
class ASYNCORO_NETWORK_EXPORT TlsConfiguration
{
public:
    enum class ClientCertificate : quint8 {
        NotAsked,
        Asked, ///< a client without one is served, one with a bad one is not
        Required,
    };

    TlsConfiguration();
    TlsConfiguration(const TlsConfiguration &other);
    TlsConfiguration(TlsConfiguration &&other) noexcept;
    TlsConfiguration &operator=(const TlsConfiguration &other);
    TlsConfiguration &operator=(TlsConfiguration &&other) noexcept;
    ~TlsConfiguration();

    /**
     * Shows this certificate; a server needs one. `certificateFile` has it in PEM, followed by those between it and the
     * authority if there are any, `keyFile` its key, which may be encrypted by `passPhrase`.
     *
     * A server may be given several: each client is shown the first that is for the name the client asks for (SNI), or
     * the first one. Throws TlsError if a file cannot be read, or the key belongs to another certificate.
     */
    void addIdentity(const QString &certificateFile, const QString &keyFile, const QByteArray &passPhrase = {});
    /** The same with what is read already; the chain begins with the certificate itself. */
    void addIdentity(const QList<QSslCertificate> &chain, const QSslKey &key);

    /**
     * Trusts these certificates, and no others: authorities, or those of the peers themselves. `file` has them in PEM.
     * Throws TlsError if it cannot be read or has none.
     */
    void trustOnly(const QString &file);
    void trustOnly(const QList<QSslCertificate> &certificates);

    /** What a server wants of its clients. */
    void setClientCertificate(ClientCertificate wanted);

    /**
     * The protocols that are spoken inside, such as "h2" and "http/1.1" (ALPN), best first. The server chooses: its
     * best that the client has, too; if there is none, the handshake fails. See TlsSession::applicationProtocol().
     * Throws TlsError if a name is empty or longer than 255 bytes.
     */
    void setApplicationProtocols(const QList<QByteArray> &names);

    /** QSsl::TlsV1_2 or QSsl::TlsV1_3; throws TlsError for others. */
    void setMinimumVersion(QSsl::SslProtocol version);

    /**
     * Goes on in spite of these, which is dangerous: whoever is between both sides can read and change everything. Only
     * for the reasons that say of themselves that they can be accepted; throws TlsError for others.
     */
    void accept(const QList<TlsError::Reason> &problems);

    /**
     * All of it, to hand on to another process over a way that nobody else can read: the keys are in it, and not
     * encrypted. fromBytes() throws TlsError if the bytes are none that toBytes() gave.
     */
    [[nodiscard]] QByteArray toBytes() const;
    [[nodiscard]] static TlsConfiguration fromBytes(const QByteArray &bytes);

private:
    friend class Detail::TlsConfigurationData;
    Detail::TlsConfigurationData &changed();

    QExplicitlySharedDataPointer<Detail::TlsConfigurationData> m_data;
};

} // namespace Asyncoro
