// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "codec_p.h"

namespace Asyncoro::Detail {

/** Counts what a value has while it is written or read: a few bytes from a peer must not take all the memory. */
class ValueSize
{
public:
    enum class Use { Write, Read };

    static constexpr int MaxDepth = 64; // of a value, which takes up to two levels of CBOR for each
    static constexpr int MaxParts = 8'000'000; // of a value: a byte in a frame may become many in memory

    explicit ValueSize(Use use)
        : m_use(use)
    {
    }

    void addPart()
    {
        if (++m_parts > MaxParts)
            fail(QStringLiteral("a value of more than %1 parts").arg(MaxParts));
    }

    [[nodiscard]] int parts() const { return m_parts; }

    /** A part of the value, for as long as it is written or read. */
    class Part
    {
    public:
        explicit Part(ValueSize &size)
            : m_size(size)
        {
            size.addPart();
            if (size.m_depth == MaxDepth)
                size.fail(QStringLiteral("a value that is nested more than %1 deep").arg(MaxDepth));
            ++size.m_depth;
        }
        ~Part() { --m_size.m_depth; }
        Part(const Part &) = delete;
        Part &operator=(const Part &) = delete;

    private:
        ValueSize &m_size;
    };

private:
    /** What is sent is the sender's fault; what is read was never written by this library. */
    [[noreturn]] void fail(const QString &what) const
    {
        if (m_use == Use::Read)
            malformed(what);
        throw WireError(what + QStringLiteral(" cannot be sent to another process"));
    }

    const Use m_use;
    int m_depth = 0;
    int m_parts = 0;
};

} // namespace Asyncoro::Detail
