// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#pragma once

#include <Asyncoro/Task>

#include <QElapsedTimer>
#include <QMap>
#include <QString>

// What a job finds out about a file; its properties travel from server to client.
struct Statistics {
    Q_GADGET
    Q_PROPERTY(QByteArray sha256 MEMBER sha256)
    Q_PROPERTY(qint64 lines MEMBER lines)
    Q_PROPERTY(qint64 words MEMBER words)
    Q_PROPERTY(qint64 bytes MEMBER bytes)
    Q_PROPERTY(QString node MEMBER node)

public:
    QByteArray sha256; // hexadecimal
    qint64 lines = 0;
    qint64 words = 0;
    qint64 bytes = 0;
    QString node; // where it was computed
};

// Collects the results, shows progress on stderr while they come and prints a table at the end.
class Report
{
public:
    explicit Report(qsizetype total);

    void addFile(const QString &path, const Statistics &statistics);
    void addFailure(const QString &path, const QString &reason);
    qsizetype failures() const { return m_failures.size(); }

    Asyncoro::Task<> showProgress(); // until terminated
    void print(bool all) const;

private:
    QString progressLine() const;

    const qsizetype m_total;
    QElapsedTimer m_timer;
    QMap<QString, Statistics> m_files;
    QMap<QString, QString> m_failures;
    QMap<QString, int> m_filesOfNode;
};
