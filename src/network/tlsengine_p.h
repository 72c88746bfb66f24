// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "tlsconfiguration_p.h"
#include "tlssession.h"

#include <exception>

namespace Asyncoro::Detail {

/** A stream of bytes both ways that never waits. */
class ByteTransport
{
public:
    enum Result : qint64 {
        NotNow = 0, ///< nothing has come
        End = -1, ///< of what the peer sends
        Failed = -2,
    };

    virtual ~ByteTransport() = default;
    /** Gives how many bytes there were, at most `size`, or a Result. */
    [[nodiscard]] virtual qint64 read(char *to, qint64 size) = 0;
    /** Gives how many of the bytes it took, at least one, or Failed. */
    [[nodiscard]] virtual qint64 write(const char *from, qint64 size) = 0;
};

/**
 * TLS over another stream of bytes: what is read and written here goes encrypted through that one.
 *
 * One for each connection, on the thread of that. It never waits either: where it gives NotNow, whoever uses it tries
 * again once the transport has more. A stream that has failed stays so.
 */
class TlsEngine final : public ByteTransport
{
public:
    using Role = TlsConfigurationData::Role;

    /**
     * `transport` must live as long. A client checks the certificate of the peer against `serverName`, a name or an
     * address; `peer` is what errors call the other side. Throws TlsError for a configuration that does not do.
     */
    TlsEngine(ByteTransport &transport, const TlsConfiguration &configuration, Role role, const QString &serverName,
              const Location &peer);
    ~TlsEngine() override;
    TlsEngine(const TlsEngine &) = delete;
    TlsEngine &operator=(const TlsEngine &) = delete;

    enum class Progress : quint8 { Done, WantsMore, Failed };
    /** Goes on with the handshake as far as it can. */
    [[nodiscard]] Progress handshake();

    [[nodiscard]] bool isOpen() const { return m_stage == Stage::Open; }
    /** Whether the peer has marked the end of what it sends. */
    [[nodiscard]] bool isEnded() const { return m_ended; }

    [[nodiscard]] qint64 read(char *to, qint64 size) override;
    [[nodiscard]] qint64 write(const char *from, qint64 size) override;
    /** How many messages of TLS itself there were since the last call, both ways, beyond those of the handshake. */
    [[nodiscard]] int takeMessages() { return std::exchange(m_messages, 0); }
    /** Marks the end of what this side sends: NotNow, Failed, or something positive. */
    [[nodiscard]] qint64 writeEnd();
    /** Lets the stream fail because of what the peer does; `text` says what. */
    void fail(TlsError::Reason reason, const QString &text);

    /**
     * Why it has failed; null if it has not, or the transport has: that one knows why. `operation` is what the error
     * names.
     */
    [[nodiscard]] std::exception_ptr failure(const QString &operation) const;

    [[nodiscard]] TlsSession session() const;

    // What OpenSSL calls
    static int onVerified(int ok, X509_STORE_CTX *store);
    static void onCertificateRequest(const SSL *ssl) { of(ssl)->m_askedForCertificate = true; }
    static int onNewSession(SSL *ssl, SSL_SESSION *session);
    static void onStep(const SSL *ssl, int what, int);

private:
    enum class Stage : quint8 { Handshake, Open, Broken };

    static TlsEngine *of(const SSL *ssl) { return static_cast<TlsEngine *>(SSL_get_app_data(ssl)); }
    [[nodiscard]] static BIO_METHOD *bioMethod();
    void setServerName(const QString &serverName, quint16 port);
    void tellThatThisIsTls();
    [[nodiscard]] qint64 settle(int result);
    [[nodiscard]] qint64 settleWrite(int result);
    [[nodiscard]] std::pair<TlsError::Reason, QString> explain(unsigned long error) const;
    [[nodiscard]] std::pair<TlsError::Reason, QString> explainCertificate() const;

    ByteTransport &m_transport;
    const QExplicitlySharedDataPointer<TlsConfigurationData> m_configuration;
    const Role m_role;
    QString m_serverName; // of the client's wish
    QString m_sessionKey;
    const Location m_peer;
    SslPointer m_ssl;
    Stage m_stage = Stage::Handshake;
    bool m_askedForCertificate = false; // by the server
    bool m_ended = false; // by the peer, with the mark of the end
    int m_messages = 0; // since somebody asked
    int m_certificateProblem = X509_V_OK; // the first that is not accepted
    QString m_problematic; // which certificate has it
    QString m_text; // of the failure; empty if there is none here
    TlsError::Reason m_reason = TlsError::Reason::Damaged;
};

/** What it is about, for a certificate that is not good: X509_V_ERR_... as a reason. */
[[nodiscard]] TlsError::Reason certificateReason(int problem);

} // namespace Asyncoro::Detail
