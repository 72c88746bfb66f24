// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlsconfiguration.h"

#include "tlsconfiguration_p.h"
#include "tlsengine_p.h"

#include <QFile>
#include <QSslCertificate>
#include <QSslKey>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace Asyncoro {

using Reason = TlsError::Reason;

namespace Detail {

namespace {

constexpr int MaxSessions = 1000;
constexpr int ReadAheadSize = 64 * 1024; // several records by one system call
constexpr unsigned char SessionContext[] = "asyncoro";

BioPointer bioOf(const QByteArray &bytes)
{
    return BioPointer(BIO_new_mem_buf(bytes.constData(), int(bytes.size())));
}

QByteArray contentsOf(const QString &fileName, const char *what)
{
    QFile file(fileName);
    if (!file.open(QIODevice::ReadOnly))
        throw TlsError(Reason::UnreadableFile,
                       QStringLiteral("cannot read the %1 in %2: %3")
                           .arg(QLatin1StringView(what), fileName, file.errorString()));
    return file.readAll();
}

/** All certificates that are there in PEM. */
X509List certificatesIn(const QByteArray &pem, const QString &source)
{
    X509List list;
    const BioPointer bio = bioOf(pem);
    ERR_clear_error();
    while (X509Pointer certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
        list.append(std::move(certificate));
    const bool isEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const QString text = openSslText();
    if (!isEnd)
        throw TlsError(Reason::UnreadableFile, QStringLiteral("%1 has a damaged certificate: %2").arg(source, text));
    if (list.isEmpty())
        throw TlsError(Reason::UnreadableFile,
                       QStringLiteral("%1 has no certificate in PEM: a line -----BEGIN CERTIFICATE----- and what "
                                      "follows")
                           .arg(source));
    return list;
}

X509List certificatesOf(const QList<QSslCertificate> &certificates)
{
    QByteArray pem;
    for (const QSslCertificate &certificate : certificates)
        pem += certificate.toPem();
    return certificatesIn(pem, QStringLiteral("the list of certificates"));
}

int givePassPhrase(char *to, int size, int, void *data)
{
    const auto *phrase = static_cast<const QByteArray *>(data);
    if (phrase->size() > size)
        return -1;
    std::copy(phrase->begin(), phrase->end(), to);
    return int(phrase->size());
}

KeyPointer keyIn(const QByteArray &pem, const QByteArray &passPhrase, const QString &source)
{
    const BioPointer bio = bioOf(pem);
    ERR_clear_error();
    KeyPointer key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, givePassPhrase, const_cast<QByteArray *>(&passPhrase)));
    if (key)
        return key;
    const QString text = openSslText();
    if (pem.contains("ENCRYPTED"))
        throw TlsError(Reason::UnreadableFile,
                       QStringLiteral("%1 is encrypted, and %2: %3")
                           .arg(source,
                                passPhrase.isEmpty() ? QStringLiteral("no pass phrase was given (openssl pkey -in %1 "
                                                                      "prints it decrypted)")
                                                           .arg(source)
                                                     : QStringLiteral("this is not its pass phrase"),
                                text));
    throw TlsError(Reason::UnreadableFile,
                   QStringLiteral("%1 has no private key in PEM, a line -----BEGIN PRIVATE KEY----- and what follows: "
                                  "%2")
                       .arg(source, text));
}

TlsIdentity makeIdentity(X509List chain, KeyPointer key, const QString &certificateSource, const QString &keySource)
{
    if (X509_check_private_key(chain.first(), key.get()) != 1) {
        ERR_clear_error();
        throw TlsError(Reason::KeyMismatch,
                       QStringLiteral("%1 does not belong to the first certificate of %2: give the key that it was "
                                      "made with")
                           .arg(keySource, certificateSource));
    }
    return {.chain = std::move(chain), .key = {key.release(), Freed<EVP_PKEY_free>()}};
}

[[noreturn]] void failInternally(const char *what)
{
    throw TlsError(Reason::BadConfiguration,
                   QStringLiteral("OpenSSL cannot %1: %2").arg(QLatin1StringView(what), openSslText()));
}

} // namespace

QString openSslText()
{
    QString text;
    while (const unsigned long error = ERR_get_error()) {
        const char *const reason = ERR_reason_error_string(error);
        if (!text.isEmpty())
            text += QStringLiteral("; ");
        text += reason ? QString::fromUtf8(reason) : QStringLiteral("error %1").arg(error, 0, 16);
    }
    return text.isEmpty() ? QStringLiteral("it does not say why") : text;
}

// --- TlsIdentity ---

bool TlsIdentity::applyTo(SSL *ssl) const
{
    const std::unique_ptr<STACK_OF(X509), Freed<[](STACK_OF(X509) *stack) { sk_X509_free(stack); }>> others(
        sk_X509_new_null());
    for (auto it = chain.begin() + 1; others && it != chain.end(); ++it)
        sk_X509_push(others.get(), it->get());
    return others && SSL_use_cert_and_key(ssl, chain.first(), key.get(), others.get(), 1) == 1;
}

bool TlsIdentity::isFor(const char *serverName) const
{
    return X509_check_host(chain.first(), serverName, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

// --- TlsConfigurationData ---

SslPointer TlsConfigurationData::makeSsl(Role role)
{
    const QMutexLocker locker(&m_mutex);
    ContextPointer &context = role == Role::Client ? m_client : m_server;
    ERR_clear_error();
    if (!context)
        context = makeContext(role);
    SslPointer ssl(SSL_new(context.get()));
    if (!ssl)
        failInternally("begin a connection");
    return ssl;
}

ContextPointer TlsConfigurationData::makeContext(Role role) const
{
    const bool isServer = role == Role::Server;
    if (isServer && m_settings.identities.empty())
        throw TlsError(Reason::BadConfiguration,
                       QStringLiteral("a TLS server needs a certificate: give its configuration one by addIdentity()"));
    ContextPointer context(SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), m_settings.minimumVersion) != 1)
        failInternally("set up TLS");
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (accepts(Reason::Truncated))
        SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_default_read_buffer_len(context.get(), ReadAheadSize);
    SSL_CTX_set_info_callback(context.get(), TlsEngine::onStep);
    setUpTrust(context.get());
    SSL_CTX_set_cert_cb(context.get(), chooseIdentity, const_cast<TlsConfigurationData *>(this));
    if (isServer) {
        setUpServer(context.get());
        return context;
    }
    const QByteArray &protocols = m_settings.protocols;
    if (!protocols.isEmpty()
        && SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char *>(protocols.constData()),
                                   unsigned(protocols.size()))
            != 0)
        failInternally("offer the protocols");
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, TlsEngine::onVerified);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), TlsEngine::onNewSession);
    return context;
}

void TlsConfigurationData::setUpServer(SSL_CTX *context) const
{
    if (!m_settings.protocols.isEmpty())
        SSL_CTX_set_alpn_select_cb(context, chooseProtocol, const_cast<TlsConfigurationData *>(this));
    int verify = SSL_VERIFY_NONE;
    if (m_settings.clientCertificate != TlsConfiguration::ClientCertificate::NotAsked)
        verify = SSL_VERIFY_PEER;
    if (m_settings.clientCertificate == TlsConfiguration::ClientCertificate::Required)
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, verify, TlsEngine::onVerified);
    for (const std::shared_ptr<X509> &authority : m_settings.trusted)
        SSL_CTX_add_client_CA(context, authority.get());
    // Sessions are kept by the clients, in tickets; nothing here grows with their number.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, SessionContext, sizeof SessionContext);
}

void TlsConfigurationData::setUpTrust(SSL_CTX *context) const
{
    if (m_settings.trustsSystem) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            failInternally("read the certificates that the system trusts");
        return;
    }
    X509_STORE *const store = SSL_CTX_get_cert_store(context);
    for (const std::shared_ptr<X509> &certificate : m_settings.trusted) {
        if (X509_STORE_add_cert(store, certificate.get()) != 1)
            failInternally("trust a certificate");
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); // they need not be signed by themselves
}

// Called by a server once it knows what name the client asks for, and by a client that is asked for a certificate.
int TlsConfigurationData::chooseIdentity(SSL *ssl, void *data)
{
    const auto &identities = static_cast<TlsConfigurationData *>(data)->m_settings.identities;
    if (!SSL_is_server(ssl))
        TlsEngine::onCertificateRequest(ssl);
    if (identities.empty())
        return 1;
    const TlsIdentity *chosen = &identities.front();
    if (const char *const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name); name && SSL_is_server(ssl)) {
        for (const TlsIdentity &identity : identities) {
            if (identity.isFor(name)) {
                chosen = &identity;
                break;
            }
        }
    }
    return chosen->applyTo(ssl) ? 1 : 0;
}

int TlsConfigurationData::chooseProtocol(SSL *, const unsigned char **chosen, unsigned char *chosenSize,
                                         const unsigned char *offered, unsigned int offeredSize, void *data)
{
    const QByteArray &ours = static_cast<TlsConfigurationData *>(data)->m_settings.protocols;
    const int outcome
        = SSL_select_next_proto(const_cast<unsigned char **>(chosen), chosenSize,
                                reinterpret_cast<const unsigned char *>(ours.constData()), unsigned(ours.size()),
                                offered, offeredSize);
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void TlsConfigurationData::keepSession(const QString &server, SessionPointer session)
{
    const QMutexLocker locker(&m_mutex);
    if (m_sessions.size() >= MaxSessions && !m_sessions.contains(server))
        m_sessions.erase(m_sessions.begin());
    m_sessions.insert(server, {session.release(), Freed<SSL_SESSION_free>()});
}

// Taken out: a session of TLS 1.3 should be resumed only once, or an onlooker could tell that it is the same client.
SessionPointer TlsConfigurationData::takeSession(const QString &server)
{
    const QMutexLocker locker(&m_mutex);
    const std::shared_ptr<SSL_SESSION> session = m_sessions.value(server);
    if (!session)
        return {};
    if (SSL_SESSION_get_protocol_version(session.get()) >= TLS1_3_VERSION)
        m_sessions.remove(server);
    SSL_SESSION_up_ref(session.get());
    return SessionPointer(session.get());
}

} // namespace Detail

// --- TlsConfiguration ---

TlsConfiguration::TlsConfiguration()
    : m_data(new Detail::TlsConfigurationData)
{
}

TlsConfiguration::TlsConfiguration(const TlsConfiguration &other) = default;
TlsConfiguration::TlsConfiguration(TlsConfiguration &&other) noexcept = default;
TlsConfiguration &TlsConfiguration::operator=(const TlsConfiguration &other) = default;
TlsConfiguration &TlsConfiguration::operator=(TlsConfiguration &&other) noexcept = default;
TlsConfiguration::~TlsConfiguration() = default;

Detail::TlsConfigurationData &TlsConfiguration::changed()
{
    // Also where nobody shares it: connections may have been made with what it was.
    m_data = new Detail::TlsConfigurationData(*m_data);
    return *m_data;
}

void TlsConfiguration::addIdentity(const QString &certificateFile, const QString &keyFile, const QByteArray &passPhrase)
{
    auto identity = Detail::makeIdentity(
        Detail::certificatesIn(Detail::contentsOf(certificateFile, "certificate"), certificateFile),
        Detail::keyIn(Detail::contentsOf(keyFile, "key"), passPhrase, keyFile), certificateFile, keyFile);
    changed().m_settings.identities.push_back(std::move(identity));
}

void TlsConfiguration::addIdentity(const QList<QSslCertificate> &chain, const QSslKey &key)
{
    const QString keySource = QStringLiteral("the key");
    auto identity = Detail::makeIdentity(Detail::certificatesOf(chain), Detail::keyIn(key.toPem(), {}, keySource),
                                         QStringLiteral("the chain"), keySource);
    changed().m_settings.identities.push_back(std::move(identity));
}

void TlsConfiguration::trustOnly(const QString &file)
{
    auto trusted = Detail::certificatesIn(Detail::contentsOf(file, "certificates to trust"), file);
    changed().trust(std::move(trusted));
}

void TlsConfiguration::trustOnly(const QList<QSslCertificate> &certificates)
{
    auto trusted = Detail::certificatesOf(certificates);
    changed().trust(std::move(trusted));
}

void TlsConfiguration::setClientCertificate(ClientCertificate wanted)
{
    changed().m_settings.clientCertificate = wanted;
}

void TlsConfiguration::setApplicationProtocols(const QList<QByteArray> &names)
{
    QByteArray protocols;
    for (const QByteArray &name : names) {
        if (name.isEmpty() || name.size() > 255)
            throw TlsError(Reason::BadConfiguration,
                           QStringLiteral("the name of an application protocol has 1 to 255 bytes, not %1: \"%2\"")
                               .arg(name.size())
                               .arg(QString::fromUtf8(name.left(50))));
        protocols += char(name.size());
        protocols += name;
    }
    changed().m_settings.protocols = protocols;
}

void TlsConfiguration::setMinimumVersion(QSsl::SslProtocol version)
{
    if (version != QSsl::TlsV1_2 && version != QSsl::TlsV1_3)
        throw TlsError(Reason::BadConfiguration,
                       QStringLiteral("the minimum version is QSsl::TlsV1_2 or QSsl::TlsV1_3; others are not "
                                      "supported"));
    changed().m_settings.minimumVersion = version == QSsl::TlsV1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

void TlsConfiguration::accept(const QList<TlsError::Reason> &problems)
{
    for (const Reason problem : problems) {
        if (problem > Reason::BadCertificate && problem != Reason::Truncated)
            throw TlsError(Reason::BadConfiguration,
                           QStringLiteral("only problems of the peer's certificate and Truncated can be accepted"));
    }
    changed().m_settings.accepted = problems;
}

} // namespace Asyncoro
