// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>

#include <memory>

struct evp_md_ctx_st;

namespace Asyncoro::Detail {

/** SHA-256 by OpenSSL, which uses what the processor has for it: QCryptographicHash may not. */
class Sha256
{
public:
    static constexpr qsizetype Size = 32;

    Sha256();
    ~Sha256();
    Sha256(const Sha256 &other);
    Sha256 &operator=(const Sha256 &) = delete;

    void add(QByteArrayView bytes);
    /** Of what was added so far; more can be added. */
    [[nodiscard]] QByteArray result() const;
    /** Begins anew. */
    void reset();

private:
    struct Free {
        void operator()(evp_md_ctx_st *context) const;
    };
    using Context = std::unique_ptr<evp_md_ctx_st, Free>;

    Context m_context;
};

} // namespace Asyncoro::Detail
