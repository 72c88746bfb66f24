// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// file-statistics FOLDER...: for every regular file in the folders a job on some server of a cluster reads the file
// from here, computes its SHA-256 and counts its lines, words and bytes. The hashes are checked against our own.

#include "report.h"

#include <Asyncoro/Discoro>
#include <Asyncoro/Event>
#include <Asyncoro/EventDispatcher>

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDirIterator>
#include <QFile>

using namespace Asyncoro;

constexpr int FilesAtOnce = 64; // shared and asked for; the servers take one each

// Counts as `wc` does: a line is what a line break ends, a word what white space does not.
class Counter
{
public:
    void add(const QByteArray &bytes)
    {
        m_hash.addData(bytes);
        m_statistics.bytes += bytes.size();
        for (const char c : bytes) {
            const bool space = c == ' ' || (c >= '\t' && c <= '\r');
            m_statistics.lines += c == '\n';
            m_statistics.words += !space && !m_inWord;
            m_inWord = !space;
        }
    }

    Statistics statistics()
    {
        m_statistics.sha256 = m_hash.result().toHex();
        return m_statistics;
    }

private:
    Statistics m_statistics;
    QCryptographicHash m_hash{QCryptographicHash::Sha256};
    bool m_inWord = false;
};

// Runs on a server; the file's content comes from the client, piece by piece.
Task<Statistics> fileStatistics(SharedFile file)
{
    Counter counter;
    SharedFileReader reader(Discoro::network(), file);
    for (QByteArray bytes = co_await reader.read(); !bytes.isEmpty(); bytes = co_await reader.read())
        counter.add(bytes);
    Statistics statistics = counter.statistics();
    statistics.node = Discoro::nodeName();
    co_return statistics;
}
DISCORO_FUNCTION(fileStatistics)

// Here, to compare with.
Task<QByteArray> localHash(QString path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw Error("cannot read " + path + ": " + file.errorString());
    QCryptographicHash hash(QCryptographicHash::Sha256);
    while (!file.atEnd()) {
        hash.addData(file.read(SharedFileReader::PieceSize));
        co_await yield();
    }
    co_return hash.result().toHex();
}

Task<> examine(Discoro::Computation &computation, QString path, Report &report)
{
    try {
        SharedFile file(Discoro::network(), path);
        const Statistics statistics = co_await computation.runResult(fileStatistics, file);
        file.unshare();
        if (statistics.sha256 != co_await localHash(path))
            throw Error("the hash of " + statistics.node + " differs from ours");
        report.addFile(path, statistics);
    } catch (const PeerLost &) {
        throw; // the scheduler is gone
    } catch (const Error &e) {
        report.addFailure(path, e.message());
    }
}

// One of several that share the list of files.
Task<> examineFiles(Discoro::Computation &computation, QStringList &paths, Report &report)
{
    while (!paths.isEmpty())
        co_await examine(computation, paths.takeFirst(), report);
}

QStringList regularFilesIn(const QStringList &folders)
{
    QStringList paths;
    for (const QString &folder : folders) {
        QDirIterator it(folder, QDir::Files | QDir::Hidden | QDir::NoSymLinks, QDirIterator::Subdirectories);
        while (it.hasNext())
            paths << it.next();
    }
    paths.sort();
    return paths;
}

Task<> client()
{
    QStringList folders = QCoreApplication::arguments().mid(1);
    const bool all = folders.removeAll("--all") > 0;
    if (folders.isEmpty())
        throw Error("usage: file-statistics [--all] FOLDER...");
    for (const QString &folder : std::as_const(folders)) {
        if (!QDir(folder).exists())
            throw Error("there is no folder " + folder);
    }
    QStringList paths = regularFilesIn(folders);

    Discoro::Computation computation({fileStatistics});
    co_await computation.schedule();

    Report report(paths.size());
    const Coro<> progress = spawn(&Report::showProgress, &report);
    QList<Coro<>> workers;
    for (int i = 0; i < FilesAtOnce; ++i)
        workers << spawn(examineFiles, std::ref(computation), std::ref(paths), std::ref(report));
    for (const Coro<> &worker : std::as_const(workers))
        co_await worker;
    progress.terminate();
    co_await computation.close();
    report.print(all);
    if (report.failures() > 0)
        throw Error(QString::number(report.failures()) + " of the files failed");
}

int main(int argc, char **argv)
{
    EventDispatcher::install(); // of the client, and of the servers that run the same program
    QCoreApplication app(argc, argv);
    return Discoro::exec(client);
}
