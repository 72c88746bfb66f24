// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqml_export.h"

#include <QSortFilterProxyModel>
#include <qqmlregistration.h>

namespace Asyncoro::Qml {

/** Sorts the rows of a model by a role, and keeps those that contain a text in any of their roles. */
class ASYNCORO_QML_EXPORT SortFilterModel : public QSortFilterProxyModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    /** The name of a role; empty keeps the order of the source. */
    Q_PROPERTY(QString sortedBy READ sortedBy WRITE setSortedBy NOTIFY sortedByChanged)
    Q_PROPERTY(bool descending READ descending WRITE setDescending NOTIFY descendingChanged)
    Q_PROPERTY(QString filterText READ filterText WRITE setFilterText NOTIFY filterTextChanged)

public:
    explicit SortFilterModel(QObject *parent = nullptr);

    [[nodiscard]] int count() const { return rowCount(); }

    [[nodiscard]] QString sortedBy() const { return m_sortedBy; }
    void setSortedBy(const QString &roleName);

    [[nodiscard]] bool descending() const { return m_descending; }
    void setDescending(bool descending);

    [[nodiscard]] QString filterText() const { return m_filterText; }
    void setFilterText(const QString &text);

    void setSourceModel(QAbstractItemModel *model) override;

Q_SIGNALS:
    void countChanged();
    void sortedByChanged();
    void descendingChanged();
    void filterTextChanged();

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex &parent) const override;

private:
    void applySorting();

    QString m_sortedBy;
    bool m_descending = false;
    QString m_filterText;
};

} // namespace Asyncoro::Qml
