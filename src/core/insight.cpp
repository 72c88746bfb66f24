// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "insight.h"

#include "coroscheduler_p.h"

#include <QFileInfo>
#include <QSemaphore>
#include <QThread>

#include <csignal>
#include <cstdio>
#include <thread>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

namespace Asyncoro {

namespace Detail {

std::atomic<bool> measuring = false;

namespace {

constexpr int AnswerTime = 200; // ms

/** The function without what GCC makes of a coroutine's: "void inner(inner()::_Z5innerv.Frame*)". */
QString functionName(const std::source_location &where)
{
    QString name = QString::fromUtf8(where.function_name());
    if (!name.endsWith(QStringLiteral(".Frame*)")))
        return name;
    qsizetype open = name.size() - 1;
    for (int depth = 0; open > 0; --open) {
        depth += name.at(open) == u')' ? 1 : name.at(open) == u'(' ? -1 : 0;
        if (depth == 0)
            break;
    }
    name.truncate(open);
    if (name.startsWith(QStringLiteral("void ")))
        name.remove(0, 5);
    return name + QStringLiteral("()");
}

QString toText(const std::source_location &where)
{
    if (where.line() == 0)
        return {};
    return QStringLiteral("%1:%2 %3")
        .arg(QFileInfo(QString::fromLocal8Bit(where.file_name())).fileName())
        .arg(where.line())
        .arg(functionName(where));
}

} // namespace

/** Reads coroutines; on their thread, or while that stands still. */
class Insight
{
public:
    static CoroInfo describe(const LocalCoro &coro)
    {
        CoroInfo info;
        info.id = coro.id();
        info.name = coro.name();
        info.startedAt = toText(coro.m_startedAt);
        info.parent = coro.m_parent;
        info.mailboxSize = coro.m_mailbox.size();
        info.isDaemon = coro.m_daemon;
        info.isCancelled = coro.isCancelled();
        info.runTime = std::chrono::nanoseconds(coro.m_runTime);
        info.thread = coro.m_scheduler->threadName();
        if (coro.m_running) {
            info.activity = CoroInfo::Activity::Running;
        } else if (!coro.m_started) {
            info.activity = CoroInfo::Activity::New;
        } else if (coro.m_suspension) {
            info.activity = CoroInfo::Activity::Waiting;
            info.waitsFor = coro.m_suspension->operation();
            for (const PromiseBase *frame = coro.m_suspension->m_frame; frame; frame = frame->caller)
                info.stack << toText(frame->location);
        } else {
            info.activity = CoroInfo::Activity::Ready;
        }
        return info;
    }

    static void describeAll(CoroScheduler &scheduler, QList<CoroInfo> &list)
    {
        for (auto *member = scheduler.m_members.first(); member; member = scheduler.m_members.after(member))
            list << describe(*member->coro);
    }

    /** All threads; adds the names of those that do not answer. */
    static QList<CoroInfo> ask(QStringList &silent)
    {
        struct Answer {
            QSemaphore done;
            QList<CoroInfo> list;
        };
        QList<CoroInfo> all;
        for (const auto &inbox : CoroScheduler::inboxes()) {
            if (currentScheduler && currentScheduler->inbox() == inbox) {
                describeAll(*currentScheduler, all);
                continue;
            }
            const auto answer = std::make_shared<Answer>();
            const bool asked = inbox->post({.kind = Inbox::Request::Call, .coro = {}, .call = [answer] {
                if (currentScheduler) // if not, the thread is ending, and its coroutines have
                    describeAll(*currentScheduler, answer->list);
                answer->done.release();
            }});
            if (!asked)
                continue; // it has just ended
            if (answer->done.tryAcquire(1, AnswerTime))
                all << answer->list;
            else
                silent << inbox->threadName();
        }
        return all;
    }

    static QString report(const QList<CoroInfo> &all, const QStringList &silent)
    {
        QString text = QStringLiteral("%1 coroutines\n").arg(all.size());
        for (const CoroInfo &coro : all)
            text += entry(coro);
        for (const QString &thread : silent)
            text += QStringLiteral("thread %1 does not answer: something blocks it, or computes\n").arg(thread);
        return text;
    }

private:
    static QString entry(const CoroInfo &coro)
    {
        static constexpr const char *Activities[] = {"has not begun", "runs", "is ready", "waits for "};
        QString text = QStringLiteral("%1 ").arg(coro.id, 4);
        if (coro.name != QStringLiteral("coroutine %1").arg(coro.id))
            text += QStringLiteral("\"%1\" ").arg(coro.name);
        text += QLatin1StringView(Activities[int(coro.activity)]) + coro.waitsFor;
        QStringList more;
        if (coro.mailboxSize > 0)
            more << QStringLiteral("%1 messages").arg(coro.mailboxSize);
        if (coro.isDaemon)
            more << QStringLiteral("daemon");
        if (coro.isCancelled)
            more << QStringLiteral("cancelled");
        if (coro.parent != 0)
            more << QStringLiteral("started by %1").arg(coro.parent);
        if (coro.runTime.count() > 0)
            more << QStringLiteral("has run for %1 ms").arg(double(coro.runTime.count()) / 1e6, 0, 'f', 1);
        more << QStringLiteral("thread ") + coro.thread;
        text += QStringLiteral(" (%1)\n").arg(more.join(QStringLiteral(", ")));
        for (const QString &line : coro.stack)
            text += QStringLiteral("        at %1\n").arg(line);
        if (!coro.startedAt.isEmpty())
            text += QStringLiteral("        started at %1\n").arg(coro.startedAt);
        return text;
    }
};

QString LocalCoro::origin() const
{
    const QString where = toText(m_startedAt);
    return where.isEmpty() ? name() : QStringLiteral("%1 (started at %2)").arg(name(), where);
}

} // namespace Detail

QList<CoroInfo> liveCoroutines()
{
    QStringList silent;
    return Detail::Insight::ask(silent);
}

QString coroutineReport()
{
    QStringList silent;
    const QList<CoroInfo> all = Detail::Insight::ask(silent);
    return Detail::Insight::report(all, silent);
}

void setMeasuring(bool measuring)
{
    Detail::measuring = measuring;
}

#ifdef Q_OS_UNIX

static int reportPipe[2] = {-1, -1};

bool reportOnSignal(int signal)
{
    if (reportPipe[0] < 0) {
        if (::pipe(reportPipe) != 0)
            return false;
        std::thread([] {
            char byte;
            while (::read(reportPipe[0], &byte, 1) == 1)
                std::fputs(qUtf8Printable(coroutineReport()), stderr);
        }).detach();
    }
    struct sigaction action{};
    action.sa_handler = [](int) {
        const int error = errno;
        std::ignore = ::write(reportPipe[1], "", 1);
        errno = error;
    };
    action.sa_flags = SA_RESTART;
    return ::sigaction(signal, &action, nullptr) == 0;
}

#else

bool reportOnSignal(int)
{
    return false;
}

#endif

} // namespace Asyncoro

const char *asyncoro_coroutines()
{
    using namespace Asyncoro;
    static QByteArray text;
    QList<CoroInfo> all;
    for (Detail::CoroScheduler *scheduler : Detail::CoroScheduler::schedulersUnlocked())
        Detail::Insight::describeAll(*scheduler, all);
    text = Detail::Insight::report(all, {}).toUtf8();
    return text.constData();
}
