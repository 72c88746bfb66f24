// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sha256_p.h"

#include <Asyncoro/Error>

#include <openssl/evp.h>

namespace Asyncoro::Detail {

namespace {

void check(bool done)
{
    if (!done)
        throw Error(QStringLiteral("OpenSSL has no SHA-256"));
}

} // namespace

void Sha256::Free::operator()(evp_md_ctx_st *context) const
{
    EVP_MD_CTX_free(context);
}

Sha256::Sha256()
    : m_context(EVP_MD_CTX_new())
{
    reset();
}

Sha256::Sha256(const Sha256 &other)
    : m_context(EVP_MD_CTX_new())
{
    check(m_context && EVP_MD_CTX_copy_ex(m_context.get(), other.m_context.get()) == 1);
}

Sha256::~Sha256() = default;

void Sha256::add(QByteArrayView bytes)
{
    check(EVP_DigestUpdate(m_context.get(), bytes.constData(), size_t(bytes.size())) == 1);
}

QByteArray Sha256::result() const
{
    const Sha256 copy(*this);
    QByteArray digest(Size, Qt::Uninitialized);
    check(EVP_DigestFinal_ex(copy.m_context.get(), reinterpret_cast<unsigned char *>(digest.data()), nullptr) == 1);
    return digest;
}

void Sha256::reset()
{
    check(m_context && EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr) == 1);
}

} // namespace Asyncoro::Detail
