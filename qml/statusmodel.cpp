// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "statusmodel.h"

#include "format_p.h"

#include <algorithm>

namespace Asyncoro::Qml {

namespace {

/** Appends a number to identities that were there before. */
template<typename Rows>
QSet<QString> makeUnique(Rows &rows)
{
    QSet<QString> identities;
    identities.reserve(rows.size());
    for (auto &row : rows) {
        const QString wanted = row.identity;
        for (int number = 2; identities.contains(row.identity); ++number)
            row.identity = wanted + u'#' + QString::number(number);
        identities.insert(row.identity);
    }
    return identities;
}

} // namespace

StatusModel::StatusModel(std::initializer_list<const char *> roles, QObject *parent)
    : QAbstractListModel(parent)
{
    int role = Qt::UserRole;
    for (const char *name : roles)
        m_roleNames.insert(role++, name);
}

QString StatusModel::limitText() const
{
    return count() < m_total ? tr("Showing %1 of %2").arg(numberText(count()), numberText(m_total)) : QString();
}

int StatusModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant StatusModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    return m_rows.at(index.row()).values.value(role == Qt::DisplayRole ? 0 : role - Qt::UserRole);
}

void StatusModel::setRows(QList<Row> rows, qint64 total)
{
    const int countBefore = count();
    const qint64 totalBefore = std::exchange(m_total, total);

    removeAllBut(makeUnique(rows));
    for (int position = 0; position < rows.size(); ++position) {
        if (position >= m_rows.size()) {
            beginInsertRows({}, position, int(rows.size()) - 1);
            std::move(rows.begin() + position, rows.end(), std::back_inserter(m_rows));
            endInsertRows();
            break;
        }
        placeRow(position, rows[position]);
    }

    if (count() != countBefore || m_total != totalBefore)
        Q_EMIT countChanged();
}

void StatusModel::removeAllBut(const QSet<QString> &identities)
{
    for (int last = count() - 1; last >= 0; --last) {
        int first = last + 1;
        while (first > 0 && !identities.contains(m_rows.at(first - 1).identity))
            --first;
        if (first > last)
            continue;
        beginRemoveRows({}, first, last);
        m_rows.remove(first, last - first + 1);
        endRemoveRows();
        last = first;
    }
}

/** The rows before `position` are as they should be. */
void StatusModel::placeRow(int position, Row &row)
{
    const auto begin = m_rows.cbegin() + position;
    const auto isSame = [&](const Row &other) { return other.identity == row.identity; };
    const auto found = std::find_if(begin, m_rows.cend(), isSame);
    if (found == m_rows.cend()) {
        beginInsertRows({}, position, position);
        m_rows.insert(position, std::move(row));
        endInsertRows();
        return;
    }
    if (found != begin) {
        const int from = int(found - m_rows.cbegin());
        beginMoveRows({}, from, from, {}, position);
        m_rows.move(from, position);
        endMoveRows();
    }
    changeRow(position, row);
}

void StatusModel::changeRow(int position, Row &row)
{
    QVariantList &values = m_rows[position].values;
    QList<int> roles;
    for (int i = 0; i < values.size(); ++i) {
        if (values.at(i) != row.values.at(i))
            roles.append(Qt::UserRole + i);
    }
    if (roles.isEmpty())
        return;
    if (roles.constFirst() == Qt::UserRole)
        roles.append(Qt::DisplayRole);
    values = std::move(row.values);
    Q_EMIT dataChanged(index(position), index(position), roles);
}

} // namespace Asyncoro::Qml
