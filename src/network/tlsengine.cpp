// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlsengine_p.h"

#include <QHostAddress>
#include <QUrl>

#include <algorithm>
#include <limits>
#include <string_view>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace Asyncoro::Detail {

namespace {

ByteTransport *transportOf(BIO *bio)
{
    return static_cast<ByteTransport *>(BIO_get_data(bio));
}

int limited(qint64 size)
{
    return int(std::min<qint64>(size, std::numeric_limits<int>::max()));
}

int readBio(BIO *bio, char *to, int size)
{
    BIO_clear_retry_flags(bio);
    const qint64 result = transportOf(bio)->read(to, size);
    if (result == ByteTransport::NotNow)
        BIO_set_retry_read(bio);
    if (result == ByteTransport::End)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return result > 0 ? int(result) : -1;
}

int writeBio(BIO *bio, const char *from, int size)
{
    BIO_clear_retry_flags(bio);
    const qint64 result = transportOf(bio)->write(from, size);
    return result > 0 ? int(result) : -1;
}

long controlBio(BIO *bio, int command, long, void *)
{
    switch (command) {
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    case BIO_CTRL_FLUSH:
        return 1;
    default:
        return 0;
    }
}

QString nameOf(X509 *certificate)
{
    const BioPointer bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char *text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return QString::fromUtf8(text, size);
}

QSslCertificate toQt(X509 *certificate)
{
    unsigned char *der = nullptr;
    const int size = i2d_X509(certificate, &der);
    const QSslCertificate converted(QByteArray::fromRawData(reinterpret_cast<char *>(der), std::max(size, 0)),
                                    QSsl::Der);
    OPENSSL_free(der);
    return converted;
}

} // namespace

TlsEngine::TlsEngine(ByteTransport &transport, const TlsConfiguration &configuration, Role role,
                     const QString &serverName, const Location &peer)
    : m_transport(transport)
    , m_configuration(TlsConfigurationData::of(configuration))
    , m_role(role)
    , m_peer(peer)
    , m_ssl(m_configuration->makeSsl(role))
{
    SSL_set_app_data(m_ssl.get(), this);
    BIO *const bio = BIO_new(bioMethod());
    if (!bio)
        throw std::bad_alloc();
    BIO_set_data(bio, &m_transport);
    BIO_set_init(bio, 1);
    SSL_set_bio(m_ssl.get(), bio, bio);
    if (role == Role::Server) {
        SSL_set_accept_state(m_ssl.get());
    } else {
        setServerName(serverName, peer.port());
        SSL_set_connect_state(m_ssl.get());
    }
}

TlsEngine::~TlsEngine()
{
    // Without this, OpenSSL takes the session for one that must not be resumed. Nothing is sent.
    if (m_stage == Stage::Open)
        SSL_set_shutdown(m_ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

BIO_METHOD *TlsEngine::bioMethod()
{
    static BIO_METHOD *const method = [] {
        BIO_METHOD *const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "Asyncoro");
        if (!made)
            throw std::bad_alloc();
        BIO_meth_set_read(made, readBio);
        BIO_meth_set_write(made, writeBio);
        BIO_meth_set_ctrl(made, controlBio);
        return made;
    }();
    return method;
}

void TlsEngine::setServerName(const QString &serverName, quint16 port)
{
    QHostAddress address;
    const bool isAddress = address.setAddress(serverName);
    QByteArray name;
    if (isAddress) {
        address.setScopeId({});
        name = address.toString().toLatin1();
    } else {
        name = QUrl::toAce(serverName);
        if (name.endsWith('.')) // which is no part of it, RFC 6066
            name.chop(1);
    }
    if (name.isEmpty())
        throw TlsError(TlsError::Reason::BadConfiguration,
                       QStringLiteral("\"%1\" is no name of a host; give startTls() the one that the certificate of "
                                      "the server is for")
                           .arg(serverName));
    X509_VERIFY_PARAM *const verify = SSL_get0_param(m_ssl.get());
    ERR_clear_error();
    bool isSet = false; // if not, a certificate for any name would do
    if (isAddress) {
        isSet = X509_VERIFY_PARAM_set1_ip_asc(verify, name.constData()) == 1;
    } else {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        isSet = X509_VERIFY_PARAM_set1_host(verify, name.constData(), std::size_t(name.size())) == 1
            && SSL_set_tlsext_host_name(m_ssl.get(), name.constData()) == 1;
    }
    if (!isSet)
        throw TlsError(TlsError::Reason::BadConfiguration,
                       QStringLiteral("OpenSSL cannot check certificates for the name \"%1\": %2")
                           .arg(serverName, openSslText()));
    m_serverName = QString::fromLatin1(name);
    m_sessionKey = QStringLiteral("%1:%2").arg(m_serverName).arg(port);
    if (const SessionPointer session = m_configuration->takeSession(m_sessionKey))
        SSL_set_session(m_ssl.get(), session.get());
    ERR_clear_error();
}

// --- what OpenSSL calls ---

int TlsEngine::onVerified(int ok, X509_STORE_CTX *store)
{
    if (ok)
        return 1;
    auto *ssl = static_cast<SSL *>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsEngine *const engine = of(ssl);
    const int problem = X509_STORE_CTX_get_error(store);
    if (engine->m_configuration->accepts(certificateReason(problem)))
        return 1;
    engine->m_certificateProblem = problem;
    if (X509 *const certificate = X509_STORE_CTX_get_current_cert(store))
        engine->m_problematic = nameOf(certificate);
    return 0;
}

int TlsEngine::onNewSession(SSL *ssl, SSL_SESSION *session)
{
    TlsEngine *const engine = of(ssl);
    if (!SSL_SESSION_is_resumable(session))
        return 0;
    engine->m_configuration->keepSession(engine->m_sessionKey, SessionPointer(session));
    return 1; // it is ours now
}

// For each message of TLS itself, not for data.
void TlsEngine::onStep(const SSL *ssl, int what, int)
{
    TlsEngine *const engine = of(ssl);
    if ((what & SSL_CB_LOOP) && engine->m_stage == Stage::Open)
        ++engine->m_messages;
}

// --- the stream ---

TlsEngine::Progress TlsEngine::handshake()
{
    if (m_stage == Stage::Handshake) {
        ERR_clear_error();
        const qint64 result = settle(SSL_do_handshake(m_ssl.get()));
        if (result == NotNow)
            return Progress::WantsMore;
        if (result > 0)
            m_stage = Stage::Open;
        else if (m_role == Role::Server && m_reason == TlsError::Reason::NotTls)
            tellThatThisIsTls();
    }
    return m_stage == Stage::Open ? Progress::Done : Progress::Failed;
}

// OpenSSL says nothing to a client that does not speak TLS. So that it can know why the connection ends, it gets the
// alert "protocol version" (RFC 8446, section 6).
void TlsEngine::tellThatThisIsTls()
{
    constexpr char Alert[] = {0x15, 3, 1, 0, 2, 2, 70};
    [[maybe_unused]] const qint64 written = m_transport.write(Alert, sizeof Alert); // if it does not come, no matter
}

qint64 TlsEngine::read(char *to, qint64 size)
{
    if (m_ended)
        return End;
    if (m_stage != Stage::Open)
        return Failed;
    ERR_clear_error();
    return settle(SSL_read(m_ssl.get(), to, limited(size)));
}

qint64 TlsEngine::write(const char *from, qint64 size)
{
    if (m_stage != Stage::Open)
        return Failed;
    ERR_clear_error();
    return settleWrite(SSL_write(m_ssl.get(), from, limited(size)));
}

qint64 TlsEngine::writeEnd()
{
    if (m_stage != Stage::Open)
        return Failed;
    ERR_clear_error();
    if (SSL_in_init(m_ssl.get())) {
        if (const qint64 result = settleWrite(SSL_do_handshake(m_ssl.get())); result <= 0)
            return result;
    }
    if ((SSL_get_shutdown(m_ssl.get()) & SSL_SENT_SHUTDOWN) == 0)
        SSL_shutdown(m_ssl.get()); // writes, and does not wait for the end of the other side
    ERR_clear_error();
    return 1;
}

void TlsEngine::fail(TlsError::Reason reason, const QString &text)
{
    m_reason = reason;
    m_text = text;
    m_stage = Stage::Broken;
}

// OpenSSL reads, too, before it writes: the rest of a message of TLS itself, of which a part has come.
qint64 TlsEngine::settleWrite(int result)
{
    const qint64 outcome = settle(result);
    if (outcome != End)
        return outcome;
    fail(TlsError::Reason::Truncated,
         QStringLiteral("it has ended its stream within a message of TLS, without which nothing can be sent to it"));
    return Failed;
}

// What the last call of OpenSSL came to, which gave `result`.
qint64 TlsEngine::settle(int result)
{
    if (result > 0)
        return result;
    switch (SSL_get_error(m_ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
        return NotNow;
    case SSL_ERROR_ZERO_RETURN:
        if (m_stage == Stage::Handshake) {
            std::tie(m_reason, m_text) = explain(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_UNEXPECTED_EOF_WHILE_READING));
            break;
        }
        m_ended = true;
        return End;
    case SSL_ERROR_SSL:
        std::tie(m_reason, m_text) = explain(ERR_peek_error()); // the first in the list is the cause
        break;
    default: // the transport
        break;
    }
    ERR_clear_error();
    m_stage = Stage::Broken;
    return Failed;
}

namespace {

QByteArray channelBindingOf(SSL *ssl)
{
    if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) // RFC 9266, section 4.2
        return {};
    constexpr std::string_view Label = "EXPORTER-Channel-Binding";
    QByteArray bytes(32, Qt::Uninitialized);
    auto *const data = reinterpret_cast<unsigned char *>(bytes.data());
    if (SSL_export_keying_material(ssl, data, size_t(bytes.size()), Label.data(), Label.size(), nullptr, 0, 1) != 1)
        return {};
    return bytes;
}

} // namespace

TlsSession TlsEngine::session() const
{
    TlsSession session;
    if (m_stage != Stage::Open)
        return session;
    SSL *const ssl = m_ssl.get();
    session.m_protocol = SSL_version(ssl) == TLS1_3_VERSION ? QSsl::TlsV1_3 : QSsl::TlsV1_2;
    session.m_cipher = QString::fromLatin1(SSL_get_cipher_name(ssl));
    const unsigned char *protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    session.m_applicationProtocol = QByteArray(reinterpret_cast<const char *>(protocol), size);
    if (m_role == Role::Server)
        session.m_serverName = QString::fromUtf8(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    else
        session.m_serverName = m_serverName;
    session.m_resumed = SSL_session_reused(ssl) == 1;
    session.m_channelBinding = channelBindingOf(ssl);
    if (X509 *const certificate = SSL_get0_peer_certificate(ssl))
        session.m_peerChain.append(toQt(certificate));
    if (STACK_OF(X509) *const chain = SSL_get_peer_cert_chain(ssl)) {
        // That of a client begins with the certificate itself, that of a server does not.
        for (int i = m_role == Role::Client ? 1 : 0; i < sk_X509_num(chain); ++i)
            session.m_peerChain.append(toQt(sk_X509_value(chain, i)));
    }
    return session;
}

} // namespace Asyncoro::Detail
