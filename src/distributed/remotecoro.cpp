// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "remotecoro_p.h"

#include "networkcore_p.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcRemote, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

RemoteCoro::RemoteCoro(std::shared_ptr<PeerLink> link, quint64 id, const QString &name)
    : CoroData(id)
    , m_link(std::move(link))
    , m_location(m_link->location())
{
    setName(name);
}

bool RemoteCoro::send(Message &&message)
{
    if (state() != CoroState::Running)
        return false;
    NetworkCore &core = *m_link->core();
    if (!core.isOnOwnThread()) {
        core.post([self = CoroPointer(this), text = std::move(message)]() mutable { self->send(std::move(text)); });
        return true;
    }
    const auto write = [&](const Message &text) {
        m_link->send(FrameKind::Send, 2, [&](QCborStreamWriter &writer) {
            writer.append(id());
            encodeValue(writer, text, core);
        });
    };
    if (message.metaType() != QMetaType::fromType<ExitNotice>()) {
        if (m_link->isFullFor(id()))
            return false;
        write(message);
    } else {
        // Sent where a coroutine ends, which must not fail because its value cannot be sent.
        const auto notice = message.value<ExitNotice>();
        try {
            write(message);
        } catch (...) {
            const QString reason = errorText(std::current_exception());
            qCWarning(lcRemote).noquote() << "the value of" << notice.coro().name() << "was not sent:" << reason;
            write(Message::fromValue(ExitNotice(notice.coro(), notice.state(), {}, notice.error())));
        }
    }
    return m_link->state() != PeerLink::State::Lost;
}

Task<> RemoteCoro::deliver(Message message, QDeadlineTimer deadline)
{
    if (!m_link->core()->isOnOwnThread())
        throw Error(QStringLiteral("deliver() to a coroutine of another process works on the thread of the PeerNetwork only"));
    co_await m_link->deliver(id(), std::move(message), deadline);
}

void RemoteCoro::terminate()
{
    if (state() != CoroState::Running)
        return;
    m_link->core()->post([link = m_link, coro = id()] {
        link->send(FrameKind::Terminate, 1, [&](QCborStreamWriter &writer) { writer.append(coro); });
    });
}

void RemoteCoro::watchEnd()
{
    if (m_watched.exchange(true))
        return;
    // Where the network ends before it gets to this, nobody else would end the wait.
    struct Request {
        const CoroPointer coro;
        const std::shared_ptr<PeerLink> link;
        bool done = false;

        void run()
        {
            done = true;
            link->watch(coro->id(), coro);
        }
        ~Request()
        {
            if (!done) {
                const PeerLost lost(coro->location(), QStringLiteral("this process has left the network"));
                static_cast<RemoteCoro *>(coro.data())->setEnded(CoroState::Lost, {}, std::make_exception_ptr(lost));
            }
        }
    };
    const auto request = std::make_shared<Request>(CoroPointer(this), m_link);
    m_link->core()->post([request] { request->run(); });
}

void RemoteCoro::setEnded(CoroState state, const QVariant &result, std::exception_ptr error)
{
    if (CoroData::state() != CoroState::Running)
        return;
    m_result = result;
    setEndObserved(); // where it ran, its failure was reported; here only to who asks
    announceEnd(state, std::move(error));
}

} // namespace Asyncoro::Detail
