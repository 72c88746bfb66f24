// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "messagecategories.h"

#include <algorithm>
#include <utility>

namespace Asyncoro {

MessageCategories::Id MessageCategories::add(Function function)
{
    m_functions.push_back({++m_last, std::move(function)});
    return m_last;
}

bool MessageCategories::remove(Id id)
{
    return std::erase_if(m_functions, [id](const Entry &entry) { return entry.id == id; }) > 0;
}

Task<Message> MessageCategories::receive(QString category, QDeadlineTimer deadline)
{
    return receiveAs(std::move(category), deadline);
}

Task<Message> MessageCategories::receiveOther(QDeadlineTimer deadline)
{
    return receiveAs(std::nullopt, deadline);
}

Task<Message> MessageCategories::receiveAs(std::optional<QString> category, QDeadlineTimer deadline)
{
    if (!m_owner)
        m_owner = Coro<>::self();
    if (m_owner != Coro<>::self()) {
        throw Error(QStringLiteral("MessageCategories: %1 cannot receive the messages of %2")
                        .arg(Coro<>::self().name(), m_owner.name()));
    }
    sortOthersAgain();
    for (;;) {
        if (std::optional<Message> message = take(category))
            co_return std::move(*message);
        sort(co_await Asyncoro::receive(deadline), 0);
    }
}

std::optional<Message> MessageCategories::take(const std::optional<QString> &category)
{
    if (!category)
        return m_others.isEmpty() ? std::nullopt : std::optional(m_others.dequeue().message);
    const auto queue = m_sorted.find(*category);
    if (queue == m_sorted.end())
        return std::nullopt;
    Message message = queue->dequeue();
    if (queue->isEmpty())
        m_sorted.erase(queue);
    return message;
}

// `seen`: the last function that has seen it.
void MessageCategories::sort(Message message, Id seen)
{
    const auto keepWithout = [&] { m_others.enqueue({std::move(message), m_last}); };
    try {
        // By index and id: a function may add and remove some, itself included.
        for (Id before = m_last + 1; before > seen + 1;) {
            const auto next = std::ranges::find_if(m_functions.rbegin(), m_functions.rend(),
                                                   [before](const Entry &entry) { return entry.id < before; });
            if (next == m_functions.rend() || next->id <= seen)
                break;
            before = next->id;
            const Function function = next->function;
            if (const std::optional<QString> category = function(message)) {
                m_sorted[*category].enqueue(std::move(message));
                return;
            }
        }
    } catch (...) {
        keepWithout();
        throw;
    }
    keepWithout();
}

void MessageCategories::sortOthersAgain()
{
    if (std::ranges::all_of(m_others, [this](const Other &other) { return other.seen == m_last; }))
        return;
    QQueue<Other> others = std::exchange(m_others, {});
    while (!others.isEmpty()) {
        Other other = others.dequeue();
        try {
            sort(std::move(other.message), other.seen);
        } catch (...) {
            m_others += others; // the rest, as it was
            throw;
        }
    }
}

} // namespace Asyncoro
