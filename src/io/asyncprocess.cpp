// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncprocess.h"

#include "asyncprocess_p.h"

namespace Asyncoro {

namespace Detail {

namespace {

// How much of an output is read before anybody asks for it.
constexpr qint64 ReadAhead = 256 * 1024;
// How many unwritten bytes let a further one wait to be written.
constexpr qint64 WriteLimit = 1024 * 1024;

} // namespace

// --- ProcessStream ---

QByteArray ProcessStream::take(qint64 size)
{
    if (size >= bytes.size())
        return std::exchange(bytes, {});
    QByteArray taken = bytes.first(size);
    bytes.remove(0, size); // moves no bytes but the start
    return taken;
}

// --- ProcessData ---

ProcessData::ProcessData()
    : m_owned(std::make_unique<OwnedProcess>())
    , m_errorText(QStringLiteral("the process was not started"))
    , m_inputErrorText(m_errorText)
{
    QProcess *const wrapped = &m_owned->process;
    connect(wrapped, &QProcess::readyReadStandardOutput, this,
            [this] { onReadyRead(output, QProcess::StandardOutput); });
    connect(wrapped, &QProcess::readyReadStandardError, this, [this] { onReadyRead(error, QProcess::StandardError); });
    connect(wrapped, &QProcess::bytesWritten, this, [this] { settleWriters(); });
    connect(wrapped, &QProcess::started, this, [this] { onStarted(); });
    connect(wrapped, &QProcess::errorOccurred, this, [this](auto code) { onError(code); });
    connect(wrapped, &QProcess::finished, this, [this](int code, auto status) { onFinished(code, status); });
}

ProcessData::~ProcessData()
{
    m_owned->process.disconnect(this);
    for (ProcessStream *const stream : {&output, &error}) {
        if (stream->notifier)
            stream->notifier->disconnect(this);
    }
    fail(QProcess::UnknownError, QStringLiteral("the AsyncProcess was destroyed"));
    OwnedProcess::dispose(std::move(m_owned), m_program, timeToEnd);
}

QString ProcessData::subject(const char *operation) const
{
    const QString name = QString::fromLatin1(operation);
    return m_program.isEmpty() ? name : name + QStringLiteral(", ") + m_program;
}

std::exception_ptr ProcessData::failure(const char *operation, const QString &text) const
{
    return std::make_exception_ptr(ProcessError(m_errorCode, subject(operation) + QStringLiteral(": ") + text));
}

std::exception_ptr ProcessData::failure(const char *operation) const
{
    return failure(operation, m_errorText);
}

std::exception_ptr ProcessData::tooLong(const char *operation, qint64 maxSize) const
{
    return std::make_exception_ptr(
        MessageTooLong(QStringLiteral("%1: it writes more than %2 bytes").arg(subject(operation)).arg(maxSize)));
}

void ProcessData::start(const QString &program, const QStringList &arguments)
{
    m_program = program;
    m_state = State::Starting;
    m_inputErrorText.clear();
    m_owned->start(program, arguments, endsWithParent);
    if (m_state != State::Starting)
        return;
    if (inputIsElsewhere || process().inputChannelMode() != QProcess::ManagedInputChannel || !process().isWritable())
        m_inputErrorText = QStringLiteral("its input is not captured");
}

// Whoever waits now, waits in vain.
void ProcessData::fail(QProcess::ProcessError code, const QString &text)
{
    m_state = State::Failed;
    m_errorCode = code;
    m_errorText = m_inputErrorText = text;
    if (ProcessStartAwaiter *const starting = std::exchange(m_starting, nullptr)) {
        starting->fail(failure(starting->operationName()));
    }
    settleAll();
}

void ProcessData::onStarted()
{
    if (m_state != State::Starting)
        return;
    m_state = State::Running;

    QList<ProcessStream *> captured;
    const QProcess::ProcessChannelMode mode = process().processChannelMode();
    if (!outputIsElsewhere && mode != QProcess::ForwardedChannels && mode != QProcess::ForwardedOutputChannel)
        captured.append(&output);
    if (mode == QProcess::SeparateChannels || mode == QProcess::ForwardedOutputChannel)
        captured.append(&error);
    for (ProcessStream *const stream : {&output, &error}) {
        if (!captured.contains(stream))
            onStreamEnded(*stream);
    }

    // QProcess tells neither the end of an output, nor does it ever leave bytes in the pipe. Its notifiers do: one for
    // each captured output, and a last one for the end of the process.
    QList<QSocketNotifier *> notifiers = process().findChildren<QSocketNotifier *>(Qt::FindDirectChildrenOnly);
    notifiers.removeIf([](const QSocketNotifier *notifier) { return notifier->type() != QSocketNotifier::Read; });
    if (notifiers.size() == captured.size() + 1) {
        for (qsizetype i = 0; i < captured.size(); ++i) {
            ProcessStream *const stream = captured.at(i);
            stream->notifier = notifiers.at(i);
            connect(stream->notifier, &QObject::destroyed, this, [this, stream] { onStreamEnded(*stream); });
        }
    }

    if (ProcessStartAwaiter *const starting = std::exchange(m_starting, nullptr))
        starting->complete();
}

void ProcessData::onError(QProcess::ProcessError code)
{
    if (code == QProcess::FailedToStart) {
        m_owned->setNeverRun();
        if (m_state == State::Starting) // not given up before
            fail(code, QStringLiteral("it cannot be started: ") + process().errorString());
    } else if (code == QProcess::WriteError && m_inputErrorText.isEmpty()) {
        m_errorCode = code;
        m_inputErrorText = QStringLiteral("it does not read its input any more");
        settleWriters();
    }
}

void ProcessData::onFinished(int code, QProcess::ExitStatus status)
{
    static_cast<void>(m_owned->isGone());
    if (!isStarted())
        return;
    m_state = State::Ended;
    // QProcess gives the number of the signal as the code of a crash.
    m_status = status == QProcess::CrashExit ? ExitStatus::killed(code) : ExitStatus::exited(code);
    m_errorCode = QProcess::WriteError;
    m_inputErrorText = QStringLiteral("the process has ended");
    output.ended = error.ended = true;
    settleAll();
}

void ProcessData::onReadyRead(ProcessStream &stream, QProcess::ProcessChannel channel)
{
    const QByteArray more
        = channel == QProcess::StandardOutput ? process().readAllStandardOutput() : process().readAllStandardError();
    if (stream.bytes.isEmpty())
        stream.bytes = more;
    else
        stream.bytes += more;
    settleReaders(stream);
    settleFinishWaiters();
}

void ProcessData::onStreamEnded(ProcessStream &stream)
{
    stream.ended = true;
    settleReaders(stream);
}

void ProcessData::settleAll()
{
    settleReaders(output);
    settleReaders(error);
    settleWriters();
    settleFinishWaiters();
}

void ProcessData::settleFinishWaiters()
{
    if (m_finishWaiters.isEmpty())
        return;
    auto *waiter = static_cast<ProcessFinishAwaiter *>(m_finishWaiters.first());
    while (waiter) {
        auto *const next = static_cast<ProcessFinishAwaiter *>(m_finishWaiters.after(waiter));
        if (waiter->settle()) {
            waiter->unlink();
            waiter->complete();
        }
        waiter = next;
    }
    throttle(output);
    throttle(error);
}

void ProcessData::settleReaders(ProcessStream &stream)
{
    while (auto *reader = static_cast<ProcessReadAwaiter *>(stream.readers.first())) {
        if (!reader->read())
            break;
        reader->unlink();
        reader->complete();
    }
    throttle(stream);
}

// Whoever waits for bytes has not found enough, and whoever waits for the end must not hold it up.
void ProcessData::throttle(ProcessStream &stream) const
{
    if (stream.notifier) {
        const bool wanted = !stream.readers.isEmpty() || !m_finishWaiters.isEmpty();
        stream.notifier->setEnabled(wanted || stream.bytes.size() < ReadAhead);
    }
}

void ProcessData::settleWriters()
{
    while (auto *writer = static_cast<ProcessWriteAwaiter *>(m_writers.first())) {
        if (!writer->write())
            break;
        writer->unlink();
        writer->complete();
    }
}

void ProcessData::closeInput()
{
    if (!m_inputErrorText.isEmpty())
        return;
    m_errorCode = QProcess::UnknownError;
    m_inputErrorText = QStringLiteral("its input was closed");
    process().closeWriteChannel();
    settleWriters();
}

void ProcessData::writeFirst(const QByteArray &bytes)
{
    if (m_state == State::Ended || bytes.isEmpty())
        return;
    if (!m_inputErrorText.isEmpty())
        std::rethrow_exception(failure("communicate()", m_inputErrorText));
    process().write(bytes);
}

// --- awaiters ---

ProcessSuspension::~ProcessSuspension() = default;

ProcessStartAwaiter::ProcessStartAwaiter(ProcessData *data, const QString &program, const QStringList &arguments,
                                         const QDeadlineTimer &deadline)
    : ProcessSuspension(data, "start()", deadline)
    , m_program(program)
    , m_arguments(arguments)
{
}

bool ProcessStartAwaiter::start()
{
    if (m_data->m_state != ProcessData::State::NotStarted) {
        setFailed(m_data->failure(operationName(),
                                  QStringLiteral("%1 cannot be started: one was before").arg(m_program)));
        return false;
    }
    m_data->start(m_program, m_arguments);
    if (m_data->m_state == ProcessData::State::Starting) {
        m_data->m_starting = this;
        return true;
    }
    if (m_data->m_state == ProcessData::State::Failed)
        setFailed(m_data->failure(operationName()));
    return false;
}

void ProcessStartAwaiter::abandon() noexcept
{
    m_data->m_starting = nullptr;
    m_data->fail(QProcess::FailedToStart, QStringLiteral("the start was given up"));
    m_data->owned().demand(OwnedProcess::Demand::Die);
}

ProcessReadAwaiter::ProcessReadAwaiter(ProcessData *data, ProcessStream &stream, Kind kind, const char *operation,
                                       qint64 maxSize, const QDeadlineTimer &deadline)
    : ProcessSuspension(data, operation, deadline)
    , m_stream(stream)
    , m_kind(kind)
    , m_maxSize(kind == Kind::All ? maxSize : std::max<qint64>(maxSize, 1))
{
}

bool ProcessReadAwaiter::start()
{
    if (m_stream.readers.isEmpty() && read()) {
        m_data->throttle(m_stream);
        return false;
    }
    m_stream.readers.append(this);
    m_data->throttle(m_stream);
    return true;
}

void ProcessReadAwaiter::abandon() noexcept
{
    unlink();
    m_data->settleReaders(m_stream); // the next one may want less
}

// True if it has what it wants, or is done by a failure.
bool ProcessReadAwaiter::read()
{
    if (!m_data->isStarted()) {
        setFailed(m_data->failure(operationName()));
        return true;
    }
    const qint64 available = m_stream.bytes.size();
    if (m_kind == Kind::Line) {
        const qint64 lineBreak = m_stream.bytes.indexOf('\n', m_searched);
        m_searched = available;
        if (lineBreak >= 0 || available >= m_maxSize) {
            m_bytes = m_stream.take(std::min(lineBreak >= 0 ? lineBreak + 1 : available, m_maxSize));
            return true;
        }
    } else if (m_kind == Kind::Some && available > 0) {
        m_bytes = m_stream.take(m_maxSize);
        return true;
    } else if (m_kind == Kind::All && available > m_maxSize) {
        setFailed(m_data->tooLong(operationName(), m_maxSize));
        return true;
    }
    if (m_stream.ended)
        m_bytes = m_stream.take(available);
    return m_stream.ended;
}

ProcessWriteAwaiter::ProcessWriteAwaiter(ProcessData *data, const QByteArray &bytes, const QDeadlineTimer &deadline)
    : ProcessSuspension(data, "write()", deadline)
    , m_bytes(bytes)
{
}

bool ProcessWriteAwaiter::start()
{
    if (m_data->m_writers.isEmpty() && write())
        return false;
    m_data->m_writers.append(this);
    return true;
}

// True if it is done, be it by a failure.
bool ProcessWriteAwaiter::write()
{
    if (!m_data->m_inputErrorText.isEmpty()) {
        setFailed(m_data->failure(operationName(), m_data->m_inputErrorText));
        return true;
    }
    if (m_data->process().bytesToWrite() > WriteLimit)
        return false;
    m_data->process().write(m_bytes);
    return true;
}

ProcessFinishAwaiter::ProcessFinishAwaiter(ProcessData *data, const QDeadlineTimer &deadline)
    : ProcessSuspension(data, "finished()", deadline)
{
}

ProcessFinishAwaiter::ProcessFinishAwaiter(ProcessData *data, ProcessResult *result, qint64 maxSize,
                                           const QDeadlineTimer &deadline)
    : ProcessSuspension(data, "communicate()", deadline)
    , m_result(result)
    , m_maxSize(maxSize)
{
}

// True if there is nothing more to wait for, be it by a failure. The process may be gone when the coroutine resumes.
bool ProcessFinishAwaiter::settle()
{
    QByteArray &output = m_data->output.bytes;
    QByteArray &error = m_data->error.bytes;
    if (!m_data->isStarted()) {
        setFailed(m_data->failure(operationName()));
        return true;
    }
    if (m_result && std::max(output.size(), error.size()) > m_maxSize) {
        setFailed(m_data->tooLong(operationName(), m_maxSize));
        return true;
    }
    if (m_data->m_state != ProcessData::State::Ended)
        return false;
    m_status = m_data->m_status;
    if (m_result)
        *m_result = {std::exchange(output, {}), std::exchange(error, {}), m_status};
    return true;
}

bool ProcessFinishAwaiter::start()
{
    if (settle())
        return false;
    m_data->m_finishWaiters.append(this);
    m_data->throttle(m_data->output);
    m_data->throttle(m_data->error);
    return true;
}

void ProcessFinishAwaiter::abandon() noexcept
{
    unlink();
    m_data->throttle(m_data->output);
    m_data->throttle(m_data->error);
}

namespace {

// Not a member of AsyncProcess, which may be moved meanwhile. Begins only when it is awaited.
Task<ProcessResult> communicate(QPointer<ProcessData> data, QByteArray input, qint64 maxSize, QDeadlineTimer deadline)
{
    if (!data)
        throw ProcessError(QProcess::UnknownError, QStringLiteral("communicate(): the AsyncProcess was destroyed"));
    data->writeFirst(std::exchange(input, {}));
    data->closeInput();
    ProcessResult result;
    co_await ProcessFinishAwaiter(data, &result, maxSize, deadline);
    co_return result;
}

} // namespace
} // namespace Detail

// --- AsyncProcess ---

using Detail::ProcessReadAwaiter;

AsyncProcess::AsyncProcess()
    : m_data(std::make_unique<Detail::ProcessData>())
{
}

AsyncProcess::~AsyncProcess() = default;
AsyncProcess::AsyncProcess(AsyncProcess &&other) noexcept = default;
AsyncProcess &AsyncProcess::operator=(AsyncProcess &&other) noexcept = default;

QProcess *AsyncProcess::process() const
{
    return &m_data->process();
}

void AsyncProcess::setEndsWithParent(bool ends)
{
    m_data->endsWithParent = ends;
}

void AsyncProcess::setOwnGroup(bool own)
{
    m_data->owned().ownGroup = own;
}

void AsyncProcess::setTimeToEnd(std::chrono::milliseconds time)
{
    m_data->timeToEnd = time;
}

Detail::ProcessStartAwaiter AsyncProcess::start(const QString &program, const QStringList &arguments,
                                                QDeadlineTimer deadline)
{
    return {m_data.get(), program, arguments, deadline};
}

Detail::ProcessWriteAwaiter AsyncProcess::write(const QByteArray &data, QDeadlineTimer deadline)
{
    return {m_data.get(), data, deadline};
}

void AsyncProcess::closeInput()
{
    m_data->closeInput();
}

ProcessReadAwaiter AsyncProcess::read(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->output, ProcessReadAwaiter::Kind::Some, "read()", maxSize, deadline};
}

ProcessReadAwaiter AsyncProcess::readLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->output, ProcessReadAwaiter::Kind::Line, "readLine()", maxSize, deadline};
}

ProcessReadAwaiter AsyncProcess::readAll(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->output, ProcessReadAwaiter::Kind::All, "readAll()", maxSize, deadline};
}

ProcessReadAwaiter AsyncProcess::readError(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->error, ProcessReadAwaiter::Kind::Some, "readError()", maxSize, deadline};
}

ProcessReadAwaiter AsyncProcess::readErrorLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->error, ProcessReadAwaiter::Kind::Line, "readErrorLine()", maxSize, deadline};
}

ProcessReadAwaiter AsyncProcess::readErrorAll(qint64 maxSize, QDeadlineTimer deadline)
{
    return {m_data.get(), m_data->error, ProcessReadAwaiter::Kind::All, "readErrorAll()", maxSize, deadline};
}

Detail::ProcessFinishAwaiter AsyncProcess::finished(QDeadlineTimer deadline)
{
    return {m_data.get(), deadline};
}

Task<ProcessResult> AsyncProcess::communicate(QByteArray input, qint64 maxSize, QDeadlineTimer deadline)
{
    return Detail::communicate(m_data.get(), std::move(input), maxSize, deadline);
}

void AsyncProcess::terminate()
{
    m_data->owned().demand(Detail::OwnedProcess::Demand::End);
}

void AsyncProcess::kill()
{
    m_data->owned().demand(Detail::OwnedProcess::Demand::Die);
}

bool AsyncProcess::isRunning() const
{
    return m_data->owned().isRunning();
}

qint64 AsyncProcess::processId() const
{
    return m_data->owned().id;
}

} // namespace Asyncoro
