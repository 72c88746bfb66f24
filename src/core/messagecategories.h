// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"

#include <QHash>
#include <QQueue>

#include <functional>
#include <optional>
#include <vector>

namespace Asyncoro {

/**
 * Sorts the messages of one coroutine by categories that functions find out, and receives them by category.
 *
 * It belongs to the coroutine that calls receive() first, in whose frame it usually lies. What it has taken out of the
 * mailbox and not given yet is lost when it is destroyed.
 */
class ASYNCORO_CORE_EXPORT MessageCategories
{
public:
    /** Gives the category of a message; nothing if this function does not know. */
    using Function = std::function<std::optional<QString>(const Message &)>;
    /** Names a function that was added, for remove(). */
    using Id = quint64;

    MessageCategories() = default;
    MessageCategories(const MessageCategories &) = delete;
    MessageCategories &operator=(const MessageCategories &) = delete;

    /**
     * Adds a function, which is asked before those that were added earlier. It sees each message at most once, and none
     * that has a category already; but it does see those without one that still wait in vain.
     */
    Id add(Function function);

    /** Messages keep the categories that it has given them. @return false if there is no such function. */
    bool remove(Id id);

    /**
     * Gives the next message of the category, and keeps the others until they are asked for.
     *
     * Completes without suspending if there is one, or if the deadline is in the past. Resumes on the same thread. Only one
     * coroutine may call it: the Error of another one says so. Throws TimedOut if the deadline passes first, and whatever a
     * function throws, whose message then counts as one without category. Cancelling takes no message.
     */
    Task<Message> receive(QString category, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** The same for the next message for which none of the functions has a category. */
    Task<Message> receiveOther(QDeadlineTimer deadline = QDeadlineTimer::Forever);

private:
    struct Entry {
        Id id;
        Function function;
    };
    // One without category, and how many functions have been added when it was last looked at.
    struct Other {
        Message message;
        Id seen;
    };

    Task<Message> receiveAs(std::optional<QString> category, QDeadlineTimer deadline);
    void sort(Message message, Id seen);
    void sortOthersAgain();
    std::optional<Message> take(const std::optional<QString> &category);

    std::vector<Entry> m_functions; // the newest last
    QHash<QString, QQueue<Message>> m_sorted;
    QQueue<Other> m_others;
    Id m_last = 0;
    Coro<> m_owner;
};

} // namespace Asyncoro
