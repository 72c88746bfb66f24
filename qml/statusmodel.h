// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqml_export.h"

#include <Asyncoro/ClusterStatus>

#include <QAbstractListModel>
#include <QList>
#include <QVariant>
#include <qqmlregistration.h>

namespace Asyncoro::Qml {

/**
 * A list of things that have an identity: the base of the models over a cluster's status.
 *
 * A new status changes rows in place and never resets the model, so selection and scroll position survive. The number
 * of rows is bounded; limitText says so in words where it matters.
 */
class ASYNCORO_QML_EXPORT StatusModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("a base class")
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(qint64 total READ total NOTIFY countChanged)
    Q_PROPERTY(QString limitText READ limitText NOTIFY countChanged)

public:
    [[nodiscard]] int count() const { return int(m_rows.size()); }
    /** How many there are, shown or not. */
    [[nodiscard]] qint64 total() const { return m_total; }
    /** "Showing 1,000 of 5,204"; empty when all are shown. */
    [[nodiscard]] QString limitText() const;

    virtual void setStatus(const Discoro::ClusterStatus &status) = 0;

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override { return m_roleNames; }

Q_SIGNALS:
    void countChanged();

protected:
    struct Row {
        QString identity;
        QVariantList values; ///< by role, in the order of the names given to the constructor
    };

    /** The first role is Qt::UserRole. Qt::DisplayRole gives the same. */
    StatusModel(std::initializer_list<const char *> roles, QObject *parent);

    /**
     * Makes the rows those given: removes, inserts, moves and changes what differs. `total` counts those beyond the
     * limit too. Rows with the same identity are told apart by their order.
     */
    void setRows(QList<Row> rows, qint64 total);

private:
    void removeAllBut(const QSet<QString> &identities);
    void placeRow(int position, Row &row);
    void changeRow(int position, Row &row);

    QHash<int, QByteArray> m_roleNames;
    QList<Row> m_rows;
    qint64 m_total = 0;
};

} // namespace Asyncoro::Qml
