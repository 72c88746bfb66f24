// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncprocess.h"

#include <QObject>
#include <QPointer>
#include <QSocketNotifier>

namespace Asyncoro::Detail {

/** A process, with its group if it leads one. All of it is killed when this is destroyed. */
class OwnedProcess
{
public:
    enum class Demand : quint8 { End, Die };

    OwnedProcess() = default;
    ~OwnedProcess();
    OwnedProcess(const OwnedProcess &) = delete;
    OwnedProcess &operator=(const OwnedProcess &) = delete;

    /** Ends it in the background, and destroys it then. */
    static void dispose(std::unique_ptr<OwnedProcess> owned, const QString &program, std::chrono::milliseconds time);

    void start(const QString &program, const QStringList &arguments, bool endsWithParent);
    /** It could not be started. */
    void setNeverRun();
    void demand(Demand demand);
    [[nodiscard]] bool isRunning() const { return process.state() != QProcess::NotRunning; }
    /** Whether neither the process nor anybody of its group is left. */
    [[nodiscard]] bool isGone();

    QProcess process;
    qint64 id = 0;
    bool ownGroup = true;

private:
    bool m_groupIsGone = true; // once so, its number may be given to another one
};

/** One of a process's outputs. */
struct ProcessStream {
    IntrusiveList<ProcessSuspension> readers; // ProcessReadAwaiters
    QByteArray bytes; // read from the process, and not by a reader yet
    QPointer<QSocketNotifier> notifier; // QProcess's, to let the process wait
    bool ended = false;

    [[nodiscard]] QByteArray take(qint64 size);
};

/** What an AsyncProcess points to. Stays where it is when that is moved. */
class ProcessData final : public QObject
{
public:
    ProcessData();
    ~ProcessData() override;

    enum class State : quint8 {
        NotStarted,
        Starting,
        Running,
        Ended,
        Failed, ///< it could not be started, or that was given up
    };

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] OwnedProcess &owned() const { return *m_owned; }
    [[nodiscard]] QProcess &process() const { return m_owned->process; }

    void closeInput();
    void writeFirst(const QByteArray &bytes);

    ProcessStream output;
    ProcessStream error;
    std::chrono::milliseconds timeToEnd{5000};
    bool endsWithParent = false;
    bool inputIsElsewhere = false; // it comes from another process
    bool outputIsElsewhere = false; // it goes to another process

private:
    friend class ProcessStartAwaiter;
    friend class ProcessReadAwaiter;
    friend class ProcessWriteAwaiter;
    friend class ProcessFinishAwaiter;

    void start(const QString &program, const QStringList &arguments);
    void fail(QProcess::ProcessError code, const QString &text);
    void onStarted();
    void onError(QProcess::ProcessError code);
    void onFinished(int code, QProcess::ExitStatus status);
    void onReadyRead(ProcessStream &stream, QProcess::ProcessChannel channel);
    void onStreamEnded(ProcessStream &stream);

    [[nodiscard]] bool isStarted() const { return m_state >= State::Starting && m_state <= State::Ended; }
    [[nodiscard]] QString subject(const char *operation) const;
    [[nodiscard]] std::exception_ptr failure(const char *operation, const QString &text) const;
    [[nodiscard]] std::exception_ptr failure(const char *operation) const;
    [[nodiscard]] std::exception_ptr tooLong(const char *operation, qint64 maxSize) const;
    void settleReaders(ProcessStream &stream);
    void settleFinishWaiters();
    void settleWriters();
    void throttle(ProcessStream &stream) const;
    void settleAll();

    std::unique_ptr<OwnedProcess> m_owned;
    IntrusiveList<ProcessSuspension> m_writers; // ProcessWriteAwaiters
    IntrusiveList<ProcessSuspension> m_finishWaiters; // ProcessFinishAwaiters
    ProcessStartAwaiter *m_starting = nullptr; // not owning: it waits
    QString m_program;
    QString m_errorText; // why it does not run, and has not ended
    QString m_inputErrorText; // why nothing can be written; empty if it can
    QProcess::ProcessError m_errorCode = QProcess::UnknownError;
    ExitStatus m_status;
    State m_state = State::NotStarted;
};

} // namespace Asyncoro::Detail
