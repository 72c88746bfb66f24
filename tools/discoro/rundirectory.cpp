// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "rundirectory.h"

#include "common/commonoptions.h"

#include <QDir>
#include <QFile>
#include <QRandomGenerator>

#include <array>

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;

namespace {

QString parentFolder()
{
    for (const char *variable : {"ASYNCORO_RUN_DIR", "XDG_RUNTIME_DIR"}) {
        if (const QString folder = qEnvironmentVariable(variable); !folder.isEmpty())
            return folder;
    }
    return QDir::tempPath();
}

QByteArray makeSecret()
{
    std::array<quint32, 8> numbers{};
    QRandomGenerator::system()->fillRange(numbers.data(), qsizetype(numbers.size()));
    return QByteArray(reinterpret_cast<const char *>(numbers.data()), sizeof numbers).toHex();
}

} // namespace

RunDirectory::RunDirectory()
    : m_directory(parentFolder() + u"/discoro-local.XXXXXX"_s)
{
    if (!m_directory.isValid())
        throw Error(u"cannot make a folder for this run in %1: %2"_s.arg(parentFolder(), m_directory.errorString()));
    QFile secret(secretFile());
    const QByteArray content = makeSecret() + '\n';
    if (!secret.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner)
        || secret.write(content) != content.size() || !secret.flush() || !QDir().mkpath(logFolder()))
        throw Error(u"cannot write to %1: %2"_s.arg(m_directory.path(), secret.errorString()));
}

RunDirectory::~RunDirectory()
{
    if (m_directory.autoRemove()) {
        if (!m_directory.remove())
            printError(u"cannot remove all of %1"_s.arg(m_directory.path()));
        return;
    }
    const QDir directory(m_directory.path());
    for (const QFileInfo &entry : directory.entryInfoList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot)) {
        if (entry.filePath() == logFolder())
            continue;
        if (!(entry.isDir() ? QDir(entry.filePath()).removeRecursively() : QFile::remove(entry.filePath())))
            printError(u"cannot remove all of %1"_s.arg(entry.filePath()));
    }
}

QString RunDirectory::secretFile() const
{
    return m_directory.filePath(u"secret"_s);
}

QString RunDirectory::logFolder() const
{
    return m_directory.filePath(u"logs"_s);
}

QString RunDirectory::logFile(const QString &process) const
{
    return logFolder() + u'/' + process + u".log"_s;
}

QString RunDirectory::workFolder(const QString &process) const
{
    const QString folder = m_directory.filePath(process);
    if (!QDir().mkpath(folder))
        throw Error(u"cannot make the folder %1"_s.arg(folder));
    return folder;
}

} // namespace Asyncoro::Tools
