// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QDir>
#include <QFile>
#include <QString>
#include <QTemporaryDir>

namespace IoTest {

/** A folder for the files of a test, which is removed with it. */
class TestFolder
{
protected:
    [[nodiscard]] QString folder() const { return m_folder.path(); }
    QString newPath() { return m_folder.filePath(QStringLiteral("file-%1").arg(++m_number)); }
    QString newFolder()
    {
        const QString path = newPath();
        if (!QDir().mkpath(path))
            qFatal("no folder");
        return path;
    }
    QString newFile(const QByteArray &content)
    {
        const QString path = newPath();
        put(path, content);
        return path;
    }

    static void put(const QString &path, const QByteArray &content)
    {
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
            qFatal("no file");
    }
    static QByteArray contentOf(const QString &path)
    {
        QFile file(path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : "no such file";
    }

    /** Of all that lies in it. */
    static QStringList names(const QString &folder)
    {
        return QDir(folder).entryList(QDir::AllEntries | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot,
                                      QDir::Name);
    }

private:
    QTemporaryDir m_folder;
    int m_number = 0;
};

} // namespace IoTest
