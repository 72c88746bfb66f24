// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sortfiltermodel.h"

#include <algorithm>

namespace Asyncoro::Qml {

SortFilterModel::SortFilterModel(QObject *parent)
    : QSortFilterProxyModel(parent)
{
    setSortCaseSensitivity(Qt::CaseInsensitive);
    setSortLocaleAware(true);
    connect(this, &QAbstractItemModel::rowsInserted, this, &SortFilterModel::countChanged);
    connect(this, &QAbstractItemModel::rowsRemoved, this, &SortFilterModel::countChanged);
    connect(this, &QAbstractItemModel::modelReset, this, &SortFilterModel::countChanged);
}

void SortFilterModel::setSortedBy(const QString &roleName)
{
    if (m_sortedBy == roleName)
        return;
    m_sortedBy = roleName;
    applySorting();
    Q_EMIT sortedByChanged();
}

void SortFilterModel::setDescending(bool descending)
{
    if (m_descending == descending)
        return;
    m_descending = descending;
    applySorting();
    Q_EMIT descendingChanged();
}

void SortFilterModel::setFilterText(const QString &text)
{
    if (m_filterText == text)
        return;
    m_filterText = text;
    invalidateRowsFilter();
    Q_EMIT filterTextChanged();
}

void SortFilterModel::setSourceModel(QAbstractItemModel *model)
{
    QSortFilterProxyModel::setSourceModel(model);
    applySorting();
}

bool SortFilterModel::filterAcceptsRow(int row, const QModelIndex &parent) const
{
    if (m_filterText.isEmpty())
        return true;
    const QModelIndex index = sourceModel()->index(row, 0, parent);
    const QList<int> roles = roleNames().keys();
    return std::ranges::any_of(roles, [&](int role) {
        return index.data(role).toString().contains(m_filterText, Qt::CaseInsensitive);
    });
}

void SortFilterModel::applySorting()
{
    const int role = m_sortedBy.isEmpty() ? -1 : roleNames().key(m_sortedBy.toUtf8(), -1);
    if (role >= 0)
        setSortRole(role);
    // Without a role, descending would mean the source's order reversed.
    sort(role >= 0 ? 0 : -1, role >= 0 && m_descending ? Qt::DescendingOrder : Qt::AscendingOrder);
}

} // namespace Asyncoro::Qml
