// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "epollset_p.h"

#include "wakeup_p.h"

#include <QCoreApplication>
#include <QEvent>
#include <QSocketNotifier>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr quint64 WakeUpTag = ~quint64(0);

constexpr quint8 ReadKind = 1 << QSocketNotifier::Read;
constexpr quint8 WriteKind = 1 << QSocketNotifier::Write;

// In the order of QSocketNotifier::Type. As with poll(), an error or a hang-up is of interest to all of them.
constexpr std::array<quint32, 3> InterestOf{EPOLLIN, EPOLLOUT, EPOLLPRI};
constexpr const char *KindNames[] = {"Read", "Write", "Exception"};

quint64 tagOf(int fd, quint32 generation)
{
    return quint64(generation) << 32 | quint32(fd);
}

timespec toTimespec(std::chrono::nanoseconds time)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return {.tv_sec = time_t(seconds.count()), .tv_nsec = long((time - seconds).count())};
}

std::chrono::nanoseconds timeUntil(Moment moment)
{
    return moment == AtOnce ? 0ns : std::max<std::chrono::nanoseconds>(moment - now(), 0ns);
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
// -1 with ENOSYS (Linux before 5.11) or EPERM (a sandbox that does not know it) where there is no such call.
int waitPrecisely(int epoll, epoll_event *events, int size, Moment until)
{
    if (until == Never)
        return ::epoll_pwait2(epoll, events, size, nullptr, nullptr);
    const timespec time = toTimespec(timeUntil(until));
    return ::epoll_pwait2(epoll, events, size, &time, nullptr);
}
#else
int waitPrecisely(int, epoll_event *, int, Moment)
{
    errno = ENOSYS;
    return -1;
}
#endif

int waitInMilliseconds(int epoll, epoll_event *events, int size, Moment until)
{
    if (until == Never)
        return ::epoll_wait(epoll, events, size, -1);
    const qint64 time = std::chrono::ceil<std::chrono::milliseconds>(timeUntil(until)).count();
    return ::epoll_wait(epoll, events, size, int(std::min<qint64>(time, INT_MAX)));
}

std::atomic<bool> preciseWaitExists = true;

} // namespace

quint32 EpollSet::Descriptor::interest() const
{
    quint32 events = 0;
    for (std::size_t kind = 0; kind < notifiers.size(); ++kind)
        events |= notifiers[kind] ? InterestOf[kind] : 0;
    return events;
}

EpollSet::Kinds EpollSet::Descriptor::kinds(quint32 events) const
{
    Kinds kinds = 0;
    for (std::size_t kind = 0; kind < notifiers.size(); ++kind) {
        if (notifiers[kind] && (events & (InterestOf[kind] | EPOLLERR | EPOLLHUP)) != 0)
            kinds |= Kinds(1 << kind);
    }
    return kinds;
}

EpollSet::EpollSet(WakeUp &wakeUp)
    : m_wakeUp(wakeUp)
{
    makeEpoll();
}

EpollSet::~EpollSet()
{
    ::close(m_epoll);
}

void EpollSet::makeEpoll()
{
    m_epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = WakeUpTag;
    if (m_epoll < 0 || ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, m_wakeUp.descriptor(), &event) != 0)
        qFatal("EventDispatcher: cannot make an epoll instance: %s", std::strerror(errno));
}

void EpollSet::renew()
{
    ::close(m_epoll);
    makeEpoll();
    m_outdated = false;
    for (std::size_t fd = 0; fd < m_descriptors.size(); ++fd) {
        m_descriptors[fd].watched = 0;
        if (m_descriptors[fd].interest() != 0)
            markChanged(int(fd));
    }
}

void EpollSet::add(QSocketNotifier *notifier)
{
    const int fd = int(notifier->socket());
    if (std::size_t(fd) >= m_descriptors.size())
        m_descriptors.resize(std::size_t(fd) + 1);
    Descriptor &descriptor = m_descriptors[std::size_t(fd)];
    QSocketNotifier *&place = descriptor.notifiers[notifier->type()];
    if (place && place != notifier) {
        qWarning("EventDispatcher: there is another notifier of kind %s for descriptor %d, which this one replaces",
                 KindNames[notifier->type()], fd);
        descriptor.doubtful = true; // perhaps because its descriptor was closed too early
    }
    place = notifier;
    markChanged(fd);
}

void EpollSet::remove(QSocketNotifier *notifier)
{
    const std::size_t fd = std::size_t(notifier->socket());
    if (fd >= m_descriptors.size() || m_descriptors[fd].notifiers[notifier->type()] != notifier)
        return; // replaced by another
    Descriptor &descriptor = m_descriptors[fd];
    descriptor.notifiers[notifier->type()] = nullptr;
    descriptor.ready &= Kinds(~(1 << notifier->type()));
    if (notifier->type() == QSocketNotifier::Write)
        descriptor.probed = false;
    if (descriptor.interest() == 0)
        descriptor.doubtful = true;
    else
        markChanged(int(fd));
}

void EpollSet::markChanged(int fd)
{
    if (!std::exchange(m_descriptors[std::size_t(fd)].changed, true))
        m_changed.push_back(fd);
}

void EpollSet::markReady(int fd, Kinds kinds)
{
    Descriptor &descriptor = m_descriptors[std::size_t(fd)];
    descriptor.ready |= kinds;
    if (kinds != 0 && !std::exchange(descriptor.queued, true))
        m_ready.push_back(fd);
}

void EpollSet::applyChanges()
{
    if (m_changed.empty())
        return;
    for (std::size_t i = 0; i < m_changed.size(); ++i) { // some may be added meanwhile
        m_descriptors[std::size_t(m_changed[i])].changed = false;
        apply(m_changed[i]);
    }
    m_changed.clear();
    if (!m_probes.empty())
        probe();
}

void EpollSet::apply(int fd)
{
    const Descriptor &descriptor = m_descriptors[std::size_t(fd)];
    const quint32 interest = descriptor.interest();
    if (interest == 0)
        return;
    if (!descriptor.doubtful) {
        if (descriptor.alwaysReady || interest == descriptor.watched)
            return;
        if (descriptor.watched != 0 && interest == (descriptor.watched | EPOLLOUT) && !descriptor.probed) {
            m_probes.push_back({.fd = fd, .events = POLLOUT, .revents = 0});
            return;
        }
    }
    watch(fd);
}

void EpollSet::probe()
{
    const bool known = ::poll(m_probes.data(), m_probes.size(), 0) >= 0;
    for (const pollfd &result : m_probes) {
        Descriptor &descriptor = m_descriptors[std::size_t(result.fd)];
        if (known && result.revents != 0 && (result.revents & POLLNVAL) == 0) {
            descriptor.probed = true;
            markReady(result.fd, WriteKind);
            markChanged(result.fd); // if it is still enabled after that, epoll gets it
        } else {
            watch(result.fd);
        }
    }
    m_probes.clear();
}

void EpollSet::watch(int fd)
{
    Descriptor &descriptor = m_descriptors[std::size_t(fd)];
    epoll_event event{};
    event.events = descriptor.interest();
    const auto control = [&](bool adding) {
        if (adding)
            ++descriptor.generation;
        event.data.u64 = tagOf(fd, descriptor.generation);
        const int result = ::epoll_ctl(m_epoll, adding ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
        if (adding && result != 0)
            --descriptor.generation;
        return result;
    };
    bool adding = descriptor.watched == 0 || (descriptor.doubtful && m_numbersAreReused);
    int result = control(adding);
    if (result != 0 && errno == (adding ? EEXIST : ENOENT)) {
        adding = !adding;
        m_numbersAreReused = adding;
        result = control(adding);
    }
    descriptor.doubtful = false;
    descriptor.watched = result == 0 ? event.events : 0;
    if (result != 0 && errno == EPERM) {
        if (!std::exchange(descriptor.alwaysReady, true))
            m_alwaysReady.push_back(fd);
    } else {
        if (std::exchange(descriptor.alwaysReady, false))
            std::erase(m_alwaysReady, fd);
        if (result != 0)
            disableInvalid(fd, errno);
    }
}

void EpollSet::disableInvalid(int fd, int error)
{
    for (int kind = QSocketNotifier::Read; kind <= QSocketNotifier::Exception; ++kind) {
        if (QSocketNotifier *notifier = m_descriptors[std::size_t(fd)].notifiers[std::size_t(kind)]) {
            qWarning("EventDispatcher: cannot watch descriptor %d (%s), disabling its notifier of kind %s", fd,
                     std::strerror(error), KindNames[kind]);
            notifier->setEnabled(false);
        }
    }
}

void EpollSet::markAlwaysReady()
{
    for (std::size_t i = 0; i < m_alwaysReady.size();) {
        const int fd = m_alwaysReady[i];
        Descriptor &descriptor = m_descriptors[std::size_t(fd)];
        if (descriptor.interest() == 0) {
            descriptor.alwaysReady = false;
            m_alwaysReady[i] = m_alwaysReady.back();
            m_alwaysReady.pop_back();
            continue;
        }
        markReady(fd, descriptor.kinds(EPOLLIN | EPOLLOUT));
        ++i;
    }
}

void EpollSet::wait(Moment until, bool servesRestNext)
{
    // Writers were found ready without epoll: they alone make a turn, but not one after the other.
    if (servesRestNext && isReady() && !std::exchange(m_skippedWait, true))
        return;
    m_skippedWait = false;
    markAlwaysReady();
    if (isReady())
        until = AtOnce;
    for (;;) {
        const int count = waitForEpoll(until);
        bool ready = false;
        for (int i = 0; i < count; ++i)
            ready |= take(m_events[std::size_t(i)]);
        if (m_outdated) {
            renew();
            applyChanges();
            ready |= isReady();
        }
        if (ready || count == 0)
            return;
    }
}

// 0 only when the time is over; -1 when interrupted by a signal.
int EpollSet::waitForEpoll(Moment until)
{
    if (preciseWaitExists.load(std::memory_order_relaxed)) {
        const int count = waitPrecisely(m_epoll, m_events.data(), int(m_events.size()), until);
        if (count >= 0 || errno == EINTR)
            return count;
        preciseWaitExists.store(false, std::memory_order_relaxed);
    }
    const int count = waitInMilliseconds(m_epoll, m_events.data(), int(m_events.size()), until);
    if (count < 0 && errno != EINTR)
        qFatal("EventDispatcher: cannot wait for events: %s", std::strerror(errno));
    return count;
}

// Whether it is a reason to end the wait.
bool EpollSet::take(const epoll_event &event)
{
    if (event.data.u64 == WakeUpTag)
        return m_wakeUp.isWoken();
    const int fd = int(quint32(event.data.u64));
    Descriptor &descriptor = m_descriptors[std::size_t(fd)];
    if (quint32(event.data.u64 >> 32) != descriptor.generation) {
        m_outdated = true;
        return false;
    }
    if (descriptor.interest() == 0) {
        if (::epoll_ctl(m_epoll, EPOLL_CTL_DEL, fd, nullptr) != 0)
            m_outdated = true;
        descriptor.watched = 0;
        return false;
    }
    const Kinds kinds = descriptor.kinds(event.events);
    markReady(fd, kinds);
    return kinds != 0;
}

void EpollSet::waitForWakeUp(Moment until)
{
    pollfd wakeUp{.fd = m_wakeUp.descriptor(), .events = POLLIN, .revents = 0};
    for (;;) {
        const timespec time = until == Never ? timespec{} : toTimespec(timeUntil(until));
        const int count = ::ppoll(&wakeUp, 1, until == Never ? nullptr : &time, nullptr);
        if (count > 0)
            m_wakeUp.drain(); // before the question: what is signalled after it makes the descriptor readable again
        if (count == 0 || m_wakeUp.isWoken())
            return;
    }
}

int EpollSet::activateReady()
{
    int activated = 0;
    while (m_firstReady < m_ready.size()) { // handlers change all of this
        Descriptor &descriptor = m_descriptors[std::size_t(m_ready[m_firstReady])];
        if (descriptor.ready == 0) {
            descriptor.queued = false;
            if (++m_firstReady == m_ready.size()) {
                m_ready.clear();
                m_firstReady = 0;
            }
            continue;
        }
        const int kind = std::countr_zero(descriptor.ready);
        descriptor.ready &= Kinds(~(1 << kind));
        QEvent event(QEvent::SockAct);
        QCoreApplication::sendEvent(descriptor.notifiers[std::size_t(kind)], &event);
        ++activated;
    }
    return activated;
}

} // namespace Asyncoro::Detail
