// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/tlsawaiter.h"

#include <QHash>
#include <QMutex>
#include <QSharedData>

#include <memory>
#include <vector>

#include <openssl/ssl.h>

namespace Asyncoro::Detail {

/** Frees what OpenSSL made. */
template<auto Function>
struct Freed {
    template<typename T>
    void operator()(T *object) const
    {
        Function(object);
    }
};

using BioPointer = std::unique_ptr<BIO, Freed<BIO_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using SessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using SslPointer = std::unique_ptr<SSL, Freed<SSL_free>>;
using X509Pointer = std::unique_ptr<X509, Freed<X509_free>>;

/** Some certificates; copies share them. */
class X509List
{
public:
    void append(X509Pointer certificate) { m_certificates.emplace_back(certificate.release(), Freed<X509_free>()); }
    [[nodiscard]] bool isEmpty() const { return m_certificates.empty(); }
    [[nodiscard]] X509 *first() const { return m_certificates.front().get(); }
    [[nodiscard]] auto begin() const { return m_certificates.begin(); }
    [[nodiscard]] auto end() const { return m_certificates.end(); }

private:
    std::vector<std::shared_ptr<X509>> m_certificates;
};

struct TlsIdentity {
    X509List chain; // the certificate itself first
    std::shared_ptr<EVP_PKEY> key;

    /** What `ssl` shows from now on. */
    [[nodiscard]] bool applyTo(SSL *ssl) const;
    [[nodiscard]] bool isFor(const char *serverName) const;
};

/** What a TlsConfiguration points to: the settings, and what is made of them when they are first used. Thread-safe. */
class TlsConfigurationData final : public QSharedData
{
public:
    TlsConfigurationData() = default;
    /** Copies the settings. */
    TlsConfigurationData(const TlsConfigurationData &other)
        : QSharedData()
        , m_settings(other.m_settings)
    {
    }
    TlsConfigurationData &operator=(const TlsConfigurationData &) = delete;

    [[nodiscard]] static const QExplicitlySharedDataPointer<TlsConfigurationData> &of(const TlsConfiguration &of)
    {
        return of.m_data;
    }

    using Role = TlsAwaiter::Role;

    /** A new one, ready for a handshake. Throws TlsError. `role` decides what the settings mean. */
    [[nodiscard]] SslPointer makeSsl(Role role);

    [[nodiscard]] bool accepts(TlsError::Reason problem) const { return m_settings.accepted.contains(problem); }
    [[nodiscard]] bool hasIdentity() const { return !m_settings.identities.empty(); }

    /** Sessions that a client can resume, by name and port of the server. */
    void keepSession(const QString &server, SessionPointer session);
    [[nodiscard]] SessionPointer takeSession(const QString &server);

private:
    friend class Asyncoro::TlsConfiguration;

    void trust(X509List certificates)
    {
        m_settings.trusted = std::move(certificates);
        m_settings.trustsSystem = false;
    }

    struct Settings {
        std::vector<TlsIdentity> identities;
        X509List trusted;
        bool trustsSystem = true;
        TlsConfiguration::ClientCertificate clientCertificate = TlsConfiguration::ClientCertificate::NotAsked;
        QByteArray protocols; // as they go over the wire: each after its length
        int minimumVersion = TLS1_2_VERSION;
        QList<TlsError::Reason> accepted;
    };

    [[nodiscard]] ContextPointer makeContext(Role role) const;
    void setUpServer(SSL_CTX *context) const;
    void setUpTrust(SSL_CTX *context) const;

    static int chooseIdentity(SSL *ssl, void *data);
    static int chooseProtocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosenSize,
                              const unsigned char *offered, unsigned int offeredSize, void *data);

    Settings m_settings;
    QMutex m_mutex; // guards what follows
    ContextPointer m_client;
    ContextPointer m_server;
    QHash<QString, std::shared_ptr<SSL_SESSION>> m_sessions;
};

/** Why OpenSSL has just failed, in its words; empties its list of errors. */
[[nodiscard]] QString openSslText();

} // namespace Asyncoro::Detail
