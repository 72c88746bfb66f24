// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlsconfiguration.h"

#include "tlsconfiguration_p.h"

#include <QCborArray>
#include <QCborMap>

#include <openssl/x509.h>

// TlsConfiguration::toBytes() and fromBytes(): a CBOR map with certificates and keys in DER.

namespace Asyncoro {

using Reason = TlsError::Reason;

namespace {

constexpr QLatin1StringView AcceptedKey{"accepted"};
constexpr QLatin1StringView ChainKey{"chain"};
constexpr QLatin1StringView ClientCertificateKey{"clientCertificate"};
constexpr QLatin1StringView IdentitiesKey{"identities"};
constexpr QLatin1StringView KeyKey{"key"};
constexpr QLatin1StringView MinimumVersionKey{"minimumVersion"};
constexpr QLatin1StringView ProtocolsKey{"protocols"};
constexpr QLatin1StringView TrustedKey{"trusted"};

[[noreturn]] void refuseBytes()
{
    throw TlsError(Reason::BadConfiguration, QStringLiteral("these bytes are no TLS configuration"));
}

/** What i2d_X509() and the like make of `object`. */
template<typename T>
QByteArray derOf(int (*write)(const T *object, unsigned char **to), const T *object)
{
    unsigned char *bytes = nullptr;
    const int size = write(object, &bytes);
    if (size <= 0)
        throw TlsError(Reason::BadConfiguration,
                       QStringLiteral("OpenSSL cannot write a certificate or key: %1").arg(Detail::openSslText()));
    const QByteArray der(reinterpret_cast<const char *>(bytes), size);
    OPENSSL_clear_free(bytes, std::size_t(size));
    return der;
}

QCborArray toCbor(const Detail::X509List &certificates)
{
    QCborArray array;
    for (const std::shared_ptr<X509> &certificate : certificates)
        array.append(derOf(i2d_X509, static_cast<const X509 *>(certificate.get())));
    return array;
}

Detail::X509List certificatesFrom(const QCborArray &array)
{
    Detail::X509List certificates;
    for (const QCborValue &value : array) {
        const QByteArray der = value.toByteArray();
        const auto *bytes = reinterpret_cast<const unsigned char *>(der.constData());
        Detail::X509Pointer certificate(d2i_X509(nullptr, &bytes, long(der.size())));
        if (!certificate)
            refuseBytes();
        certificates.append(std::move(certificate));
    }
    return certificates;
}

} // namespace

QByteArray TlsConfiguration::toBytes() const
{
    const auto &settings = m_data->m_settings;
    QCborArray identities;
    for (const Detail::TlsIdentity &identity : settings.identities) {
        const QByteArray key = derOf(i2d_PrivateKey, static_cast<const EVP_PKEY *>(identity.key.get()));
        identities.append(QCborMap{{ChainKey, toCbor(identity.chain)}, {KeyKey, key}});
    }
    QCborArray accepted;
    for (const Reason reason : settings.accepted)
        accepted.append(int(reason));
    QCborMap map{{IdentitiesKey, identities},
                 {ClientCertificateKey, int(settings.clientCertificate)},
                 {ProtocolsKey, settings.protocols},
                 {MinimumVersionKey, settings.minimumVersion},
                 {AcceptedKey, accepted}};
    if (!settings.trustsSystem)
        map.insert(TrustedKey, toCbor(settings.trusted));
    return map.toCborValue().toCbor();
}

TlsConfiguration TlsConfiguration::fromBytes(const QByteArray &bytes)
{
    const QCborMap map = QCborValue::fromCbor(bytes).toMap();
    if (!map.contains(IdentitiesKey))
        refuseBytes();
    TlsConfiguration configuration;
    auto &data = configuration.changed();
    for (const QCborValue &value : map.value(IdentitiesKey).toArray()) {
        const QByteArray der = value.toMap().value(KeyKey).toByteArray();
        const auto *keyBytes = reinterpret_cast<const unsigned char *>(der.constData());
        Detail::TlsIdentity identity{
            .chain = certificatesFrom(value.toMap().value(ChainKey).toArray()),
            .key = {d2i_AutoPrivateKey(nullptr, &keyBytes, long(der.size())), Detail::Freed<EVP_PKEY_free>()}};
        if (!identity.key || identity.chain.isEmpty())
            refuseBytes();
        data.m_settings.identities.push_back(std::move(identity));
    }
    if (map.contains(TrustedKey))
        data.trust(certificatesFrom(map.value(TrustedKey).toArray()));
    data.m_settings.clientCertificate = ClientCertificate(map.value(ClientCertificateKey).toInteger());
    data.m_settings.protocols = map.value(ProtocolsKey).toByteArray();
    data.m_settings.minimumVersion = int(map.value(MinimumVersionKey).toInteger());
    for (const QCborValue &reason : map.value(AcceptedKey).toArray())
        data.m_settings.accepted.append(Reason(reason.toInteger()));
    return configuration;
}

} // namespace Asyncoro
