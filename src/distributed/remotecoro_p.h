// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "peerlink_p.h"

namespace Asyncoro::Detail {

/** A coroutine of another process. */
class RemoteCoro final : public CoroData
{
public:
    RemoteCoro(std::shared_ptr<PeerLink> link, quint64 id, const QString &name);

    [[nodiscard]] const std::shared_ptr<PeerLink> &link() const { return m_link; }

    [[nodiscard]] Location location() const override { return m_location; }
    [[nodiscard]] QByteArray process() const override { return m_process; }
    [[nodiscard]] bool isLocal() const override { return false; }
    bool send(Message &&message) override;
    Task<> deliver(Message message, QDeadlineTimer deadline) override;
    void terminate() override;
    void setDaemon(bool) override { } // exec() does not wait for it anyway
    [[nodiscard]] Carrier *carrier() override { return m_link.get(); }
    bool resumeWith(Message &&value) override;
    bool throwInto(std::exception_ptr exception) override;
    void linkTo(const CoroPointer &other) override { tie(FrameKind::Link, other); }
    void unlinkFrom(const CoroPointer &other) override { tie(FrameKind::Unlink, other); }
    void observe(const CoroPointer &other) override { tie(FrameKind::Monitor, other); }
    void removeLink(const CoroPointer &other) override;
    /** Where it ran they are to know that, too, though its end may have been told without being asked. */
    void setEndObserved() override
    {
        CoroData::setEndObserved();
        watchEnd();
    }
    [[nodiscard]] QVariant result() const override { return m_result; }
    [[nodiscard]] void *resultInPlace() override { return nullptr; }

    /** It has ended over there, or cannot be reached any more. The first call counts; they do not overlap. */
    void setEnded(CoroState state, const QVariant &result, std::exception_ptr error);

protected:
    void watchEnd() override;

private:
    /** Ties this coroutine to the end of `other`, in its own process. */
    void tie(FrameKind kind, const CoroPointer &other);
    /** Runs `work` on the network's thread; false if the coroutine is known to have ended, or to be out of reach. */
    template<typename Work>
    bool post(Work work);

    const std::shared_ptr<PeerLink> m_link;
    const Location m_location;
    const QByteArray m_process;
    QVariant m_result; // written before the state
    std::atomic<bool> m_watched = false;
};

} // namespace Asyncoro::Detail
