// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncpipe.h"

#include "asyncprocess_p.h"

#include <Asyncoro/WhenAll>

#include <algorithm>
#include <deque>

namespace Asyncoro {

namespace {

using Detail::ProcessData;

[[noreturn]] void throwEmpty(const char *operation)
{
    throw ProcessError(QProcess::UnknownError,
                       QStringLiteral("AsyncPipe::%1: there is no process in it").arg(QLatin1StringView(operation)));
}

[[noreturn]] void throwDestroyed(const char *operation)
{
    throw ProcessError(QProcess::UnknownError,
                       QStringLiteral("%1: the AsyncPipe was destroyed").arg(QLatin1StringView(operation)));
}

// What follows works with the processes' data, not with the AsyncPipe, which may be moved meanwhile.

struct Start {
    QPointer<ProcessData> process;
    QString program;
    QStringList arguments;
};

Task<> startAll(std::vector<Start> starts, QDeadlineTimer deadline)
{
    try {
        for (const Start &start : starts) {
            if (!start.process)
                throwDestroyed("start()");
            co_await Detail::ProcessStartAwaiter(start.process, start.program, start.arguments, deadline);
        }
    } catch (...) {
        for (const Start &start : starts) {
            if (start.process && start.process->owned().isRunning())
                start.process->owned().demand(Detail::OwnedProcess::Demand::End);
        }
        throw;
    }
}

// Each begins only when it has its turn: the process may be gone by then.

Task<ExitStatus> finish(QPointer<ProcessData> process, QDeadlineTimer deadline)
{
    if (!process)
        throwDestroyed("finished()");
    co_return co_await Detail::ProcessFinishAwaiter(process, deadline);
}

Task<ExitStatus> finish(QPointer<ProcessData> process, ProcessResult *result, qint64 maxSize, QDeadlineTimer deadline)
{
    if (!process)
        throwDestroyed("communicate()");
    co_return co_await Detail::ProcessFinishAwaiter(process, result, maxSize, deadline);
}

Task<std::vector<ExitStatus>> finishAll(std::vector<QPointer<ProcessData>> processes, QDeadlineTimer deadline)
{
    std::vector<Task<ExitStatus>> ends;
    for (const QPointer<ProcessData> &process : processes)
        ends.push_back(finish(process, deadline));
    co_return co_await whenAll(std::move(ends));
}

Task<PipeResult> communicateAll(std::vector<Start> starts, bool started, QByteArray input, qint64 maxSize,
                                QDeadlineTimer deadline)
{
    if (!started)
        co_await startAll(starts, deadline);
    if (std::ranges::any_of(starts, [](const Start &start) { return !start.process; }))
        throwDestroyed("communicate()");
    starts.front().process->writeFirst(std::exchange(input, {}));
    starts.front().process->closeInput();

    std::deque<ProcessResult> results;
    std::vector<Task<ExitStatus>> ends;
    for (const Start &start : starts)
        ends.push_back(finish(start.process, &results.emplace_back(), maxSize, deadline));
    PipeResult all;
    try {
        all.statuses = co_await whenAll(std::move(ends));
    } catch (...) { // those that have ended have given their output already
        for (size_t i = 0; i < starts.size(); ++i) {
            if (ProcessData *const process = starts[i].process) {
                process->output.bytes.prepend(results[i].output);
                process->error.bytes.prepend(results[i].error);
            }
        }
        throw;
    }
    all.output = std::move(results.back().output);
    for (const ProcessResult &result : results)
        all.error += result.error;
    co_return all;
}

} // namespace

AsyncPipe::AsyncPipe() = default;
AsyncPipe::~AsyncPipe() = default;
AsyncPipe::AsyncPipe(AsyncPipe &&other) noexcept = default;
AsyncPipe &AsyncPipe::operator=(AsyncPipe &&other) noexcept = default;

AsyncProcess &AsyncPipe::add(const QString &program, const QStringList &arguments)
{
    if (m_started)
        throw ProcessError(QProcess::UnknownError,
                           QStringLiteral("AsyncPipe::add(), %1: the others were started already").arg(program));
    AsyncProcess process;
    if (!m_members.empty()) {
        AsyncProcess &before = m_members.back().process;
        if (before.process()->processChannelMode() == QProcess::SeparateChannels)
            before.process()->setProcessChannelMode(QProcess::ForwardedErrorChannel);
        before.process()->setStandardOutputProcess(process.process());
        before.m_data->outputIsElsewhere = true;
        process.m_data->inputIsElsewhere = true;
    }
    m_members.push_back({.process = std::move(process), .program = program, .arguments = arguments});
    return m_members.back().process;
}

AsyncProcess &AsyncPipe::process(qsizetype index)
{
    if (index < 0 || index >= size())
        throwEmpty("process()");
    return m_members[size_t(index)].process;
}

AsyncProcess &AsyncPipe::first(const char *operation)
{
    if (m_members.empty())
        throwEmpty(operation);
    return m_members.front().process;
}

AsyncProcess &AsyncPipe::last(const char *operation)
{
    if (m_members.empty())
        throwEmpty(operation);
    return m_members.back().process;
}

Task<> AsyncPipe::start(QDeadlineTimer deadline)
{
    first("start()");
    m_started = true;
    std::vector<Start> starts;
    for (const Member &member : m_members)
        starts.push_back({member.process.m_data.get(), member.program, member.arguments});
    return startAll(std::move(starts), deadline);
}

Detail::ProcessWriteAwaiter AsyncPipe::write(const QByteArray &data, QDeadlineTimer deadline)
{
    return first("write()").write(data, deadline);
}

void AsyncPipe::closeInput()
{
    first("closeInput()").closeInput();
}

Detail::ProcessReadAwaiter AsyncPipe::read(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("read()").read(maxSize, deadline);
}

Detail::ProcessReadAwaiter AsyncPipe::readLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("readLine()").readLine(maxSize, deadline);
}

Detail::ProcessReadAwaiter AsyncPipe::readAll(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("readAll()").readAll(maxSize, deadline);
}

Detail::ProcessReadAwaiter AsyncPipe::readError(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("readError()").readError(maxSize, deadline);
}

Detail::ProcessReadAwaiter AsyncPipe::readErrorLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("readErrorLine()").readErrorLine(maxSize, deadline);
}

Detail::ProcessReadAwaiter AsyncPipe::readErrorAll(qint64 maxSize, QDeadlineTimer deadline)
{
    return last("readErrorAll()").readErrorAll(maxSize, deadline);
}

Task<std::vector<ExitStatus>> AsyncPipe::finished(QDeadlineTimer deadline)
{
    first("finished()");
    std::vector<QPointer<ProcessData>> processes;
    for (const Member &member : m_members)
        processes.emplace_back(member.process.m_data.get());
    return finishAll(std::move(processes), deadline);
}

Task<PipeResult> AsyncPipe::communicate(QByteArray input, qint64 maxSize, QDeadlineTimer deadline)
{
    first("communicate()");
    std::vector<Start> starts;
    for (const Member &member : m_members)
        starts.push_back({member.process.m_data.get(), member.program, member.arguments});
    return communicateAll(std::move(starts), std::exchange(m_started, true), std::move(input), maxSize,
                          deadline);
}

void AsyncPipe::terminate()
{
    for (Member &member : m_members)
        member.process.terminate();
}

void AsyncPipe::kill()
{
    for (Member &member : m_members)
        member.process.kill();
}

bool AsyncPipe::isRunning() const
{
    return std::ranges::any_of(m_members, [](const Member &member) { return member.process.isRunning(); });
}

} // namespace Asyncoro
