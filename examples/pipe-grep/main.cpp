// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Sends a file through grep, a child process, and prints the matching lines as they come: one coroutine feeds the
// process while another one reads from it. Neither blocks, and a file of any size takes little memory.
//
//   pipe-grep PATTERN FILE

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncProcess>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> printLines(AsyncProcess &process)
{
    for (int n = 1;; ++n) {
        const QByteArray line = co_await process.readLine();
        if (line.isEmpty())
            break;
        std::printf("match %d: %s", n, line.constData());
        std::fflush(stdout);
    }
}

Task<> grep(QString pattern, QString path)
{
    AsyncFile file;
    co_await file.open(path);
    AsyncProcess process;
    process.process()->setProcessChannelMode(QProcess::ForwardedErrorChannel); // what grep complains of is not for us
    co_await process.start("grep", {"--line-buffered", "-e", pattern});

    const Coro<> printer = spawn(printLines, std::ref(process));
    for (;;) {
        const QByteArray chunk = co_await file.read();
        if (chunk.isEmpty())
            break;
        co_await process.write(chunk);
    }
    process.closeInput();
    co_await printer;
    std::printf("grep %s\n", qPrintable((co_await process.finished()).text()));
} // had anything failed, grep would be ended here

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc != 3) {
        std::fputs("usage: pipe-grep PATTERN FILE\n", stderr);
        return 2;
    }
    spawn(grep, app.arguments().at(1), app.arguments().at(2));
    return Asyncoro::exec();
}
