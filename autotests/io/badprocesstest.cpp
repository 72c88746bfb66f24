// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Every operation of a process's streams against another end that behaves badly; each is also given up while it waits.
// The other end is this test itself: see heldprocess.cpp.

#include <Asyncoro/AsyncPipe>

#include "iotest.h"
#include "waiter.h"

#include <QCoreApplication>
#include <QDir>
#include <QTest>

#include <cstddef>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype Megabyte = 1024 * 1024;

/** What comes at all comes within this time. */
QDeadlineTimer patience()
{
    return QDeadlineTimer(60s);
}

/** Lets the event loop see what has come. */
void lookAround()
{
    for (int i = 0; i < 5; ++i) {
        QCoreApplication::processEvents();
        letOthersRun();
    }
}

/** The descriptors of this process. */
qsizetype descriptorCount()
{
    return QDir("/proc/self/fd").entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot).size();
}

/** A descriptor that is closed with this object. */
class End
{
public:
    End() = default;
    explicit End(int descriptor)
        : m_descriptor(descriptor)
    {
    }
    End(End &&other) noexcept
        : m_descriptor(std::exchange(other.m_descriptor, -1))
    {
    }
    End &operator=(End &&other) noexcept
    {
        std::swap(m_descriptor, other.m_descriptor);
        return *this;
    }
    ~End() { close(); }

    [[nodiscard]] int descriptor() const { return m_descriptor; }
    void close()
    {
        if (const int descriptor = std::exchange(m_descriptor, -1); descriptor >= 0)
            ::close(descriptor);
    }

    void send(const QByteArray &bytes, bool oneByOne = false)
    {
        for (qsizetype i = 0; oneByOne && i < bytes.size(); ++i) {
            QCOMPARE(::write(m_descriptor, bytes.constData() + i, 1), 1);
            lookAround();
        }
        if (!oneByOne)
            QCOMPARE(::write(m_descriptor, bytes.constData(), size_t(bytes.size())), bytes.size());
    }

    /** Sends as much of it as goes while nobody reads it but the event loop; gives how much. */
    qsizetype flood(const QByteArray &bytes)
    {
        constexpr int Attempts = 20;
        qsizetype sent = 0;
        for (int attempt = 0; attempt < Attempts && sent < bytes.size();) {
            const ssize_t count = ::write(m_descriptor, bytes.constData() + sent, size_t(bytes.size() - sent));
            if (count > 0) {
                sent += count;
                attempt = 0;
            } else {
                ++attempt;
                lookAround();
            }
        }
        return sent;
    }

    /** Receives so many bytes; fewer at the end of the stream. */
    QByteArray receive(qsizetype size)
    {
        const QDeadlineTimer deadline = patience();
        QByteArray bytes;
        while (bytes.size() < size && !deadline.hasExpired()) {
            QByteArray more(std::min(size - bytes.size(), Megabyte), Qt::Uninitialized);
            const ssize_t count = ::read(m_descriptor, more.data(), size_t(more.size()));
            if (count == 0)
                return bytes;
            if (count > 0)
                bytes += more.first(count);
            else
                lookAround();
        }
        return bytes;
    }

private:
    int m_descriptor = -1;
};

/** Where processes come with their descriptors. */
class Reception
{
public:
    Reception()
        : m_name("asyncoro-test-" + QByteArray::number(QCoreApplication::applicationPid()))
        , m_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(m_name, address.sun_path + 1);
        const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + size_t(m_name.size()));
        if (::bind(m_socket.descriptor(), reinterpret_cast<sockaddr *>(&address), size) != 0
            || ::listen(m_socket.descriptor(), 10) != 0)
            qFatal("no local socket");
    }

    [[nodiscard]] QString name() const { return m_name; }

    struct Guest {
        pid_t process = 0;
        End connection;
        End input;
        End output;
        End error;
    };

    /** The next one; it blocks. */
    Guest receive()
    {
        Guest guest;
        pollfd poller{m_socket.descriptor(), POLLIN, 0};
        if (::poll(&poller, 1, int(patience().remainingTime())) != 1)
            qFatal("no process has come");
        guest.connection = End(::accept4(m_socket.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
        ucred credentials{};
        socklen_t size = sizeof credentials;
        ::getsockopt(guest.connection.descriptor(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
        guest.process = credentials.pid;

        int descriptors[3] = {-1, -1, -1};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
        char byte = 0;
        iovec bytes{&byte, 1};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(guest.connection.descriptor(), &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
            qFatal("the process has sent no descriptors");
        memcpy(descriptors, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptors);
        for (const int descriptor : descriptors)
            ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
        guest.input = End(descriptors[0]);
        guest.output = End(descriptors[1]);
        guest.error = End(descriptors[2]);
        if (::read(guest.connection.descriptor(), &byte, 1) != 1)
            qFatal("the process has ended");
        return guest;
    }

private:
    const QByteArray m_name;
    End m_socket;
};

/** A process, or a chain of two, that runs, and the other ends of its streams. */
template<typename Subject>
class Held
{
public:
    explicit Held(Reception &reception)
    {
        const QString program = QCoreApplication::applicationDirPath() + "/io_heldprocess";
        if constexpr (std::is_same_v<Subject, AsyncPipe>) {
            subject.add(program, {reception.name()});
            subject.add(program, {reception.name()});
            run(subject.start());
            m_guests.push_back(reception.receive());
            m_guests.push_back(reception.receive());
            if (m_guests.front().process != subject.process(0).processId())
                std::swap(m_guests.front(), m_guests.back());
        } else {
            run(subject.start(program, {reception.name()}));
            m_guests.push_back(reception.receive());
        }
    }

    Subject subject;

    End &input() { return m_guests.front().input; }
    End &output() { return m_guests.back().output; }
    End &error() { return m_guests.back().error; }

    void closeStreams()
    {
        for (Reception::Guest &guest : m_guests) {
            guest.input.close();
            guest.output.close();
            guest.error.close();
        }
    }
    void end()
    {
        closeStreams();
        for (Reception::Guest &guest : m_guests)
            guest.connection.close();
    }
    /** Its streams stay open, as if others had them, too. */
    void kill()
    {
        for (const Reception::Guest &guest : m_guests)
            ::kill(guest.process, SIGKILL);
    }

    Task<std::vector<ExitStatus>> finished(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        if constexpr (std::is_same_v<Subject, AsyncPipe>)
            co_return co_await subject.finished(deadline);
        else
            co_return std::vector<ExitStatus>{co_await subject.finished(deadline)};
    }

    struct Result {
        QByteArray output;
        QByteArray error;
        std::vector<ExitStatus> statuses;
    };
    Task<Result> communicate(QByteArray bytes, QDeadlineTimer deadline)
    {
        auto result = co_await subject.communicate(bytes, AsyncProcess::DefaultMaxSize, deadline);
        if constexpr (std::is_same_v<Subject, AsyncPipe>)
            co_return {result.output, result.error, result.statuses};
        else
            co_return {result.output, result.error, {result.status}};
    }

    [[nodiscard]] std::vector<ExitStatus> each(const ExitStatus &status) const
    {
        return std::vector<ExitStatus>(m_guests.size(), status);
    }

private:
    std::vector<Reception::Guest> m_guests;
};

enum class Operation : quint8 {
    Read,
    ReadLine,
    ReadAll,
    ReadError,
    ReadErrorLine,
    ReadErrorAll,
    Write,
    Finished,
    Communicate,
};
enum class Peer : quint8 { Stalls, ClosesHalfWay, OneByteAtATime, Floods, IsKilled };

constexpr bool isOfError(Operation operation)
{
    return operation == Operation::ReadError || operation == Operation::ReadErrorLine
        || operation == Operation::ReadErrorAll;
}

constexpr bool isToTheEnd(Operation operation)
{
    return operation == Operation::ReadAll || operation == Operation::ReadErrorAll;
}

template<typename Subject>
Task<QByteArray> receive(Subject &subject, Operation operation, QDeadlineTimer deadline)
{
    switch (operation) {
    case Operation::Read:
        co_return co_await subject.read(65536, deadline);
    case Operation::ReadLine:
        co_return co_await subject.readLine(65536, deadline);
    case Operation::ReadAll:
        co_return co_await subject.readAll(AsyncProcess::DefaultMaxSize, deadline);
    case Operation::ReadError:
        co_return co_await subject.readError(65536, deadline);
    case Operation::ReadErrorLine:
        co_return co_await subject.readErrorLine(65536, deadline);
    default:
        if constexpr (requires { subject.readErrorAll(AsyncProcess::DefaultMaxSize, deadline); })
            co_return co_await subject.readErrorAll(AsyncProcess::DefaultMaxSize, deadline);
    }
    co_return {};
}

template<typename Subject>
Task<> write(Subject &subject, QByteArray bytes, QDeadlineTimer deadline)
{
    co_await subject.write(bytes, deadline);
}

template<typename Subject>
QByteArray receiveRest(Subject &subject, bool ofError)
{
    QByteArray all;
    for (;;) {
        const QByteArray bytes =
            run(receive(subject, ofError ? Operation::ReadError : Operation::Read, patience()));
        if (bytes.isEmpty())
            return all;
        all += bytes;
    }
}

QDeadlineTimer deadlineOf(Waiter waiter)
{
    return waiter == Waiter::TimesOut ? QDeadlineTimer(50ms) : patience();
}

/** Lines in which a gap or a repetition shows. */
QByteArray manyLines()
{
    QByteArray lines;
    for (int i = 0; lines.size() < Megabyte; ++i)
        lines += "line " + QByteArray::number(i) + '\n';
    return lines;
}

template<typename Subject>
void tryReading(Held<Subject> &held, Operation operation, Peer peer, Waiter waiter)
{
    const bool toTheEnd = isToTheEnd(operation);
    const bool atOnce = operation == Operation::Read || operation == Operation::ReadError; // any byte is enough
    const QByteArray unit = atOnce ? "x" : "a line\n";
    const QByteArray half = unit.first(unit.size() / 2);
    const QByteArray rest = unit.sliced(half.size());
    End &end = isOfError(operation) ? held.error() : held.output();
    const auto start = [&](QDeadlineTimer deadline) {
        return spawn([&held, operation, deadline] { return receive(held.subject, operation, deadline); });
    };

    Coro<QByteArray> waiting = start(deadlineOf(waiter));
    letOthersRun();
    end.send(half, peer == Peer::OneByteAtATime);
    lookAround();
    giveUp(waiting, waiter);
    if (waiter != Waiter::Waits)
        waiting = start(patience());

    switch (peer) {
    case Peer::Stalls:
    case Peer::OneByteAtATime:
        end.send(rest, peer == Peer::OneByteAtATime);
        if (toTheEnd)
            end.close();
        QCOMPARE(waitFor(waiting), unit);
        break;
    case Peer::ClosesHalfWay:
        end.close();
        QCOMPARE(waitFor(waiting), half);
        break;
    case Peer::IsKilled:
        held.kill();
        QCOMPARE(waitFor(waiting), half);
        break;
    case Peer::Floods: {
        const QByteArray lines = manyLines();
        end.send(rest);
        const qsizetype sent = end.flood(lines);
        QVERIFY(sent > 65536);
        QByteArray received;
        if (!toTheEnd)
            received = waitFor(waiting);
        while (!toTheEnd && received.size() < sent / 2)
            received += run(receive(held.subject, operation, patience()));
        end.close();
        received += toTheEnd ? waitFor(waiting) : receiveRest(held.subject, isOfError(operation));
        QCOMPARE(received, unit + lines.first(sent));
        break;
    }
    }
    if (peer == Peer::ClosesHalfWay || peer == Peer::IsKilled || toTheEnd)
        QCOMPARE(run(receive(held.subject, operation, patience())), ""); // and so it stays
}

template<typename Subject>
void tryWriting(Held<Subject> &held, Peer peer, Waiter waiter)
{
    const QByteArray first = pattern(4 * Megabyte); // which makes the next one wait
    const QByteArray lines = manyLines();
    QByteArray expected = first;
    const auto start = [&](const QByteArray &bytes, QDeadlineTimer deadline) {
        return spawn([&held, bytes, deadline] { return write(held.subject, bytes, deadline); });
    };
    run(held.subject.write(first));
    Coro<> waiting = start("second", deadlineOf(waiter));
    lookAround();
    giveUp(waiting, waiter);
    if (waiter == Waiter::Waits) {
        expected += "second";
    } else {
        waiting = start("third", patience());
        lookAround();
        expected += "third";
    }

    qsizetype flood = 0;
    switch (peer) {
    case Peer::Floods:
        flood = held.output().flood(lines);
        QVERIFY(flood > 65536);
        [[fallthrough]];
    case Peer::Stalls:
        QCOMPARE(held.input().receive(expected.size()), expected);
        waitFor(waiting);
        break;
    case Peer::OneByteAtATime:
        for (qsizetype i = 0; i < 200; ++i) {
            QCOMPARE(held.input().receive(1), expected.sliced(i, 1));
            lookAround();
        }
        QVERIFY(waiting.isRunning());
        QCOMPARE(held.input().receive(expected.size() - 200), expected.sliced(200));
        waitFor(waiting);
        break;
    case Peer::ClosesHalfWay:
    case Peer::IsKilled:
        QCOMPARE(held.input().receive(Megabyte), expected.first(Megabyte));
        QVERIFY(waiting.isRunning());
        if (peer == Peer::IsKilled)
            held.kill();
        else
            held.input().close();
        QVERIFY_THROWS_EXCEPTION(ProcessError, waitFor(waiting));
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(held.subject.write("fourth")));
        return;
    }
    held.subject.closeInput();
    QCOMPARE(held.input().receive(1), "");
    held.output().close();
    QCOMPARE(receiveRest(held.subject, false), lines.first(flood));
}

template<typename Subject>
void tryFinished(Held<Subject> &held, Peer peer, Waiter waiter)
{
    const auto start = [&](QDeadlineTimer deadline) {
        return spawn([&held, deadline] { return held.finished(deadline); });
    };
    Coro<std::vector<ExitStatus>> waiting = start(deadlineOf(waiter));
    QByteArray sent = "half";
    held.output().send(sent);
    lookAround();
    giveUp(waiting, waiter);
    if (waiter != Waiter::Waits)
        waiting = start(patience());
    lookAround();

    const QByteArray lines = manyLines();
    switch (peer) {
    case Peer::Stalls:
    case Peer::IsKilled:
        break;
    case Peer::ClosesHalfWay:
        held.closeStreams();
        lookAround();
        break;
    case Peer::OneByteAtATime:
        held.output().send(lines.first(50), true);
        sent += lines.first(50);
        break;
    case Peer::Floods:
        QCOMPARE(held.output().flood(lines), lines.size()); // all of it is kept
        sent += lines;
        break;
    }
    QVERIFY(waiting.isRunning());
    if (peer == Peer::IsKilled)
        held.kill();
    else
        held.end();
    QCOMPARE(waitFor(waiting), held.each(peer == Peer::IsKilled ? ExitStatus::killed(SIGKILL) : ExitStatus()));
    QCOMPARE(receiveRest(held.subject, false), sent);
}

template<typename Subject>
void tryCommunicating(Held<Subject> &held, Peer peer, Waiter waiter)
{
    const QByteArray input = pattern(2 * Megabyte);
    const QByteArray lines = manyLines();
    const QDeadlineTimer deadline = deadlineOf(waiter);
    const auto waiting = spawn([&held, input, deadline] { return held.communicate(input, deadline); });
    QByteArray output = "out";
    QByteArray error = "err";
    lookAround();
    held.output().send(output);
    held.error().send(error);
    QCOMPARE(held.input().receive(Megabyte), input.first(Megabyte));
    lookAround();
    giveUp(waiting, waiter);

    switch (peer) {
    case Peer::Stalls:
    case Peer::IsKilled:
        break;
    case Peer::ClosesHalfWay:
        held.closeStreams();
        lookAround();
        break;
    case Peer::OneByteAtATime:
        for (qsizetype i = 0; i < 200; ++i) {
            QCOMPARE(held.input().receive(1), input.sliced(Megabyte + i, 1));
            held.output().send(lines.sliced(i, 1));
            lookAround();
        }
        output += lines.first(200);
        QCOMPARE(held.input().receive(Megabyte), input.sliced(Megabyte + 200)); // with its end
        break;
    case Peer::Floods:
        output += lines.first(held.output().flood(lines));
        error += lines.first(held.error().flood(lines));
        break;
    }
    QCOMPARE(waiting.isRunning(), waiter == Waiter::Waits);
    if (peer == Peer::IsKilled)
        held.kill();
    else
        held.end();
    const auto statuses = held.each(peer == Peer::IsKilled ? ExitStatus::killed(SIGKILL) : ExitStatus());
    if (waiter == Waiter::Waits) {
        const auto result = waitFor(waiting);
        QCOMPARE(result.output, output);
        QCOMPARE(result.error, error);
        QCOMPARE(result.statuses, statuses);
    } else {
        QCOMPARE(receiveRest(held.subject, false), output);
        QCOMPARE(receiveRest(held.subject, true), error);
        QCOMPARE(run(held.finished(patience())), statuses);
    }
}

template<typename Subject>
void tryOut(Reception &reception, Operation operation, Peer peer, Waiter waiter)
{
    Held<Subject> held(reception);
    switch (operation) {
    case Operation::Write:
        tryWriting(held, peer, waiter);
        break;
    case Operation::Finished:
        tryFinished(held, peer, waiter);
        break;
    case Operation::Communicate:
        tryCommunicating(held, peer, waiter);
        break;
    default:
        tryReading(held, operation, peer, waiter);
    }
    if (peer == Peer::IsKilled)
        QCOMPARE(run(held.finished(patience())), held.each(ExitStatus::killed(SIGKILL)));
}

} // namespace

class BadProcessTest : public QObject
{
    Q_OBJECT

private:
    std::optional<Reception> m_reception;
    qsizetype m_descriptors = 0;

    static void addRows(bool withErrorAll)
    {
        QTest::addColumn<Operation>("operation");
        QTest::addColumn<Peer>("peer");
        QTest::addColumn<Waiter>("waiter");
        constexpr std::pair<const char *, Operation> Operations[] = {
            {"read", Operation::Read}, {"readLine", Operation::ReadLine},
            {"readAll", Operation::ReadAll}, {"readError", Operation::ReadError},
            {"readErrorLine", Operation::ReadErrorLine}, {"readErrorAll", Operation::ReadErrorAll},
            {"write", Operation::Write}, {"finished", Operation::Finished},
            {"communicate", Operation::Communicate},
        };
        constexpr std::pair<const char *, Peer> Peers[] = {
            {"stalls", Peer::Stalls}, {"closes half-way", Peer::ClosesHalfWay},
            {"one byte at a time", Peer::OneByteAtATime}, {"floods", Peer::Floods}, {"is killed", Peer::IsKilled},
        };
        constexpr std::pair<const char *, Waiter> Waiters[] = {
            {"", Waiter::Waits}, {", cancelled", Waiter::IsCancelled}, {", timed out", Waiter::TimesOut},
        };
        for (const auto &[operationName, operation] : Operations) {
            if (operation == Operation::ReadErrorAll && !withErrorAll)
                continue;
            for (const auto &[peerName, peer] : Peers) {
                for (const auto &[waiterName, waiter] : Waiters)
                    QTest::addRow("%s, %s%s", operationName, peerName, waiterName) << operation << peer << waiter;
            }
        }
    }

    template<typename Subject>
    void tryRow()
    {
        QFETCH(const Operation, operation);
        QFETCH(const Peer, peer);
        QFETCH(const Waiter, waiter);
        tryOut<Subject>(*m_reception, operation, peer, waiter);
    }

private Q_SLOTS:
    void initTestCase()
    {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1); // orphans come to us, so that none goes unnoticed
        ::signal(SIGPIPE, SIG_IGN);
        m_reception.emplace();
        // What Qt opens for its first process stays open.
        tryOut<AsyncProcess>(*m_reception, Operation::Finished, Peer::Stalls, Waiter::Waits);
        cleanupProcesses();
        m_descriptors = descriptorCount();
    }

    void cleanup()
    {
        cleanupProcesses();
        QTRY_COMPARE_WITH_TIMEOUT(descriptorCount(), m_descriptors, 20'000);
    }

    void F06_process_data() { addRows(true); }
    void F06_process() { tryRow<AsyncProcess>(); }
    void F06_pipe_data() { addRows(false); }
    void F06_pipe() { tryRow<AsyncPipe>(); }

private:
    static void cleanupProcesses()
    {
        QTRY_VERIFY_WITH_TIMEOUT(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, 20'000);
    }
};

QTEST_GUILESS_MAIN(BadProcessTest)
#include "badprocesstest.moc"
