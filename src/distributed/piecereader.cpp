// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "piecereader_p.h"

#include "filerefused.h"
#include "filedigest_p.h"

namespace Asyncoro::Detail {

namespace {

Task<Result<QVariantList>> outcomeOf(Task<QVariantList> call)
{
    co_return co_await asResult(std::move(call));
}

} // namespace

PieceReader::PieceReader(NetworkReference network, Source source, Window window)
    : m_network(std::move(network))
    , m_source(std::move(source))
    , m_window(window)
{
}

PieceReader::~PieceReader()
{
    for (const auto &asking : m_asking)
        asking.terminate();
}

template<typename... A>
Task<QVariantList> PieceReader::call(const QString &function, A... arguments) const
{
    return std::visit([&](const auto &owner) { return m_network.call<QVariantList>(owner, function, std::move(arguments)...); },
                      m_source.owner);
}

/** A file of no bytes is asked for one: it may be there or not. */
void PieceReader::ask()
{
    const bool first = m_asking.empty() && m_asked == 0;
    const qint64 size = std::min(m_window.pieceSize, std::max<qint64>(m_source.size - m_asked, first ? 1 : 0));
    auto piece = call(QStringLiteral("asyncoro.file.read"), m_source.key, m_asked, size);
    m_asking.push_back(spawn(outcomeOf(std::move(piece))));
    m_asking.back().setDaemon();
    m_asked += size;
}

Task<QByteArray> PieceReader::read()
{
    if (m_atEnd)
        co_return {};
    if (m_asked == 0)
        ask();
    while (m_asked < m_source.size && qsizetype(m_asking.size()) < m_window.pieces)
        ask();
    if (m_asking.empty()) {
        m_atEnd = true;
        co_return {};
    }
    const Coro<Result<QVariantList>> next = m_asking.front();
    const QVariantList piece = (co_await next.finish()).value();
    m_asking.pop_front();
    if (piece.size() != 3)
        throw WireError(QStringLiteral("malformed piece of %1").arg(m_source.name));
    checkVersion(piece[0]);
    const QByteArray bytes = piece[2].toByteArray();
    const qint64 expected = std::min(m_window.pieceSize, m_source.size - m_position);
    m_position += bytes.size();
    m_atEnd = m_position == m_source.size;
    if (bytes.size() != expected || piece[1].toBool() != m_atEnd)
        throwChanged();
    co_return bytes;
}

Task<QByteArray> PieceReader::digest(qint64 size)
{
    const auto answer = co_await call(QStringLiteral("asyncoro.file.digest"), m_source.key, size);
    if (answer.size() != 2 || answer[1].toByteArray().size() != FileDigest::Size)
        throw WireError(QStringLiteral("malformed digest of %1").arg(m_source.name));
    checkVersion(answer[0]);
    co_return answer[1].toByteArray();
}

void PieceReader::checkVersion(const QVariant &version)
{
    if (m_version.isEmpty())
        m_version = version.toString();
    else if (version.toString() != m_version)
        throwChanged();
}

void PieceReader::throwChanged() const
{
    throw FileRefused(FileRefused::Reason::Changed, m_source.name,
                      QStringLiteral("%1 has changed while it was read").arg(m_source.name));
}

} // namespace Asyncoro::Detail
