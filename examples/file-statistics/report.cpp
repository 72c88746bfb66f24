// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#include "report.h"

#include <Asyncoro/Sleep>

#include <QTextStream>

#include <cstdio>
#include <unistd.h>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype RowsPrinted = 30;
constexpr qsizetype FailuresPrinted = 20;

// A name can have any character: those that would spoil the table are shown as \n and the like.
QString printable(const QString &text)
{
    QString result;
    for (const QChar c : text) {
        if (c == '\n')
            result += "\\n";
        else if (c.isPrint())
            result += c;
        else
            result += "\\x" + QString::number(c.unicode(), 16);
    }
    return result;
}

QString row(const QString &lines, const QString &words, const QString &bytes, const QString &hash, const QString &node,
            const QString &name)
{
    const QString counts = QString("%1 %2 %3").arg(lines, 10).arg(words, 10).arg(bytes, 12);
    return counts + QString("  %1  %2  %3").arg(hash, -16).arg(node, -8).arg(name);
}

} // namespace

Report::Report(qsizetype total)
    : m_total(total)
{
    m_timer.start();
}

void Report::addFile(const QString &path, const Statistics &statistics)
{
    m_files.insert(path, statistics);
    ++m_filesOfNode[statistics.node];
}

void Report::addFailure(const QString &path, const QString &reason)
{
    m_failures.insert(path, reason);
}

QString Report::progressLine() const
{
    const qsizetype done = m_files.size() + m_failures.size();
    const double seconds = std::max<double>(double(m_timer.elapsed()), 1) / 1000;
    QString line = QString("%1/%2 files, %3/s").arg(done).arg(m_total).arg(double(done) / seconds, 0, 'f', 0);
    for (auto it = m_filesOfNode.cbegin(); it != m_filesOfNode.cend(); ++it)
        line += QString(", %1: %2").arg(it.key()).arg(it.value());
    if (!m_failures.isEmpty())
        line += QString(", %1 failed").arg(m_failures.size());
    return line;
}

Task<> Report::showProgress()
{
    const bool terminal = isatty(fileno(stderr));
    QTextStream err(stderr);
    for (;;) {
        co_await sleep(terminal ? 100ms : 1000ms);
        if (terminal)
            err << '\r' << progressLine() << "\033[K" << Qt::flush;
        else
            err << progressLine() << Qt::endl;
    }
}

void Report::print(bool all) const
{
    QTextStream(stderr) << (isatty(fileno(stderr)) ? "\r\033[K" : "") << progressLine() << Qt::endl;

    QTextStream out(stdout);
    out << row("lines", "words", "bytes", "sha256", "node", "file") << '\n';
    qsizetype rows = 0;
    Statistics total;
    for (auto it = m_files.cbegin(); it != m_files.cend(); ++it) {
        total.lines += it->lines;
        total.words += it->words;
        total.bytes += it->bytes;
        if (all || ++rows <= RowsPrinted)
            out << row(QString::number(it->lines), QString::number(it->words), QString::number(it->bytes),
                       it->sha256.left(16), it->node, printable(it.key()))
                << '\n';
    }
    if (!all && rows > RowsPrinted)
        out << QString("... and %1 more files (--all prints them)\n").arg(rows - RowsPrinted);
    out << row(QString::number(total.lines), QString::number(total.words), QString::number(total.bytes), "total", "",
               QString("%1 files, all hashes agree with ours").arg(m_files.size()))
        << Qt::endl;

    QTextStream err(stderr);
    qsizetype shown = 0;
    for (auto it = m_failures.cbegin(); it != m_failures.cend() && shown < FailuresPrinted; ++it, ++shown)
        err << "failed: " << printable(it.key()) << ": " << printable(it.value()) << '\n';
    if (m_failures.size() > shown)
        err << QString("... and %1 more failed\n").arg(m_failures.size() - shown);
}
