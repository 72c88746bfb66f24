// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "remotecoro_p.h"

#include "networkcore_p.h"
#include "wire/errortypes_p.h"

namespace Asyncoro::Detail {

RemoteCoro::RemoteCoro(std::shared_ptr<PeerLink> link, quint64 id, const QString &name)
    : CoroData(id)
    , m_link(std::move(link))
    , m_location(m_link->location())
    , m_process(m_link->incarnation())
{
    setName(name);
}

template<typename Work>
bool RemoteCoro::post(Work work)
{
    if (state() != CoroState::Running)
        return false;
    if (m_link->core()->isOnOwnThread()) {
        work(*m_link);
        return m_link->state() != PeerLink::State::Lost;
    }
    m_link->core()->post([link = m_link, work = std::move(work)]() mutable { work(*link); });
    return true;
}

bool RemoteCoro::send(Message &&message)
{
    // The notice of an end is not refused: nobody would send it again.
    const bool refusable = message.metaType() != QMetaType::fromType<ExitNotice>();
    if (m_link->core()->isOnOwnThread()) {
        if (refusable && m_link->isFullFor(id()))
            return false;
        return post([&](PeerLink &link) { link.send(id(), message); });
    }
    PostedMessage posted(m_link, std::move(message));
    if (refusable && posted.isTooMuch())
        return false;
    return post([refusable, coro = id(), posted = std::move(posted)](PeerLink &link) {
        if (refusable)
            link.send(coro, posted);
        else
            link.send(coro, posted.message());
    });
}

Task<> RemoteCoro::deliver(Message message, QDeadlineTimer deadline)
{
    if (!m_link->core()->isOnOwnThread())
        throw Error(QStringLiteral("deliver() to a coroutine of another process works on the thread of the PeerNetwork only"));
    co_await m_link->deliver(id(), std::move(message), deadline);
}

void RemoteCoro::terminate()
{
    post([coro = id()](PeerLink &link) {
        link.send(FrameKind::Terminate, 1, [&](QCborStreamWriter &writer) { writer.append(coro); });
    });
}

bool RemoteCoro::resumeWith(Message &&value)
{
    return post([coro = id(), value = std::move(value)](PeerLink &link) {
        link.send(FrameKind::Resume, 2, [&](QCborStreamWriter &writer) {
            writer.append(coro);
            encodeValue(writer, value, *link.core());
        });
    });
}

bool RemoteCoro::throwInto(std::exception_ptr exception)
{
    return post([coro = id(), exception = std::move(exception)](PeerLink &link) {
        link.send(FrameKind::Throw, 3, [&](QCborStreamWriter &writer) {
            writer.append(coro);
            writer.append(QStringView(errorType(exception)));
            writer.append(QStringView(textForPeer(exception)));
        });
    });
}

void RemoteCoro::tie(FrameKind kind, const CoroPointer &other)
{
    post([kind, coro = id(), handle = QVariant::fromValue(Coro<>(other))](PeerLink &link) {
        link.send(kind, 2, [&](QCborStreamWriter &writer) {
            writer.append(coro);
            encodeValue(writer, handle, *link.core());
        });
    });
}

void RemoteCoro::removeLink(const CoroPointer &other)
{
    // Whichever handle of this coroutine the two were linked by.
    post([coro = id(), other](PeerLink &link) {
        for (const CoroPointer &same : link.allWatched(coro))
            static_cast<RemoteCoro *>(same.data())->CoroData::removeLink(other);
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
    CoroData::setEndObserved(); // where it ran, its failure was reported; here only to who asks
    announceEnd(state, std::move(error));
}

} // namespace Asyncoro::Detail
