// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "moment_p.h"

#include <array>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>

class QSocketNotifier;

namespace Asyncoro::Detail {

class WakeUp;

/**
 * The socket notifiers of one thread, and the epoll instance that watches their descriptors.
 *
 * The kernel learns of changed interest as late as possible, and often never:
 * - Changes are collected, and applied once before each wait.
 * - A write notifier that is new beside others is first looked at with poll(), one call for all such descriptors. Most
 *   can be written to: they are served without epoll having heard of them, and are mostly disabled again by then, as
 *   QTcpSocket does with its buffer once that is empty.
 * - A descriptor without any notifier left stays where it is: mostly it is closed next, which ends the watch too. If
 *   it is not, its next event does.
 *
 * The latter means that the kernel may have dropped a descriptor, or another file may have its number by now, when it
 * gets a notifier again: hence Descriptor::doubtful. If the file itself is still open by another number (it was
 * duplicated, or a child process has it), epoll goes on to report it under the old one, and there is no call to stop
 * that; then the generation in the event is not that of the descriptor, or it cannot be removed, and the epoll instance
 * is replaced.
 */
class EpollSet
{
public:
    explicit EpollSet(WakeUp &wakeUp);
    ~EpollSet();
    EpollSet(const EpollSet &) = delete;
    EpollSet &operator=(const EpollSet &) = delete;

    void add(QSocketNotifier *notifier);
    void remove(QSocketNotifier *notifier);

    /** Applies what has changed. To be called before wait(). May disable notifiers of descriptors that are none. */
    void applyChanges();

    /**
     * Waits until a notifier can be activated or there is a wake-up; at most until then, and not at all if some can
     * already. These may be the only ones found if `servesRestNext`, which promises that this is called again.
     */
    void wait(Moment until, bool servesRestNext);
    /** The same regardless of notifiers. */
    void waitForWakeUp(Moment until);

    /** Whether there is something to activate. */
    [[nodiscard]] bool isReady() const { return !m_ready.empty(); }
    /** Activates all that were found ready. May be called from within, where it goes on. Gives how many. */
    int activateReady();

    /** In a child process after fork(): lets go of what is shared with the parent. */
    void renew();

private:
    using Kinds = quint8; // one bit for each QSocketNotifier::Type

    struct Descriptor {
        std::array<QSocketNotifier *, 3> notifiers{}; // by QSocketNotifier::Type; not owning
        quint32 watched = 0; // what epoll has been told, 0 if it does not watch
        quint32 generation = 0; // counts how often it was added to epoll
        Kinds ready = 0; // to be activated
        bool queued = false; // is in m_ready
        bool changed = false; // is in m_changed
        bool doubtful = false; // it had no notifier for a while: see above
        bool probed = false; // its write notifier has had its chance without epoll
        bool alwaysReady = false; // is in m_alwaysReady: epoll refuses it

        [[nodiscard]] quint32 interest() const;
        [[nodiscard]] Kinds kinds(quint32 events) const;
    };

    void makeEpoll();
    void markChanged(int fd);
    void markReady(int fd, Kinds kinds);
    void apply(int fd);
    void probe();
    void watch(int fd);
    void disableInvalid(int fd, int error);
    void markAlwaysReady();
    [[nodiscard]] int waitForEpoll(Moment until);
    [[nodiscard]] bool take(const epoll_event &event);

    WakeUp &m_wakeUp;
    int m_epoll = -1;
    bool m_outdated = false; // the epoll instance reports what it must not
    bool m_skippedWait = false;
    bool m_numbersAreReused = false; // the last doubtful descriptor was a new file: likely, so is the next one

    std::vector<Descriptor> m_descriptors; // by number
    std::vector<int> m_changed;
    std::vector<int> m_ready;
    std::size_t m_firstReady = 0;
    std::vector<int> m_alwaysReady;
    std::vector<pollfd> m_probes;
    std::array<epoll_event, 256> m_events;
};

} // namespace Asyncoro::Detail
