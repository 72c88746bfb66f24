// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "distributedtest.h"
#include "rawpeer.h"

namespace DistributedTest {

/** A peer that can go on with its session over another connection, and counts as it has to. */
class ResumingPeer : public RawPeer
{
public:
    ResumingPeer() { ours.flags = Hello::Resumes; }

    Task<> begin(Location location)
    {
        const SessionAnswer answer = co_await introduce(location);
        if (answer.verdict != Verdict::Accepted)
            throw Error(QStringLiteral("refused"));
        request.session = answer.session;
    }

    /** Another connection for the session. */
    Task<SessionAnswer> resume(Location location)
    {
        socket = AsyncSocket();
        ours.nonce = Detail::randomBytes(Hello::NonceSize);
        co_return co_await introduce(location);
    }

    Task<Frame> next()
    {
        Frame frame = co_await receiveFrame();
        request.received += quint64(frame.bytes.size());
        co_return frame;
    }
};

inline QByteArray call(int number, int argument)
{
    return frameOf(FrameKind::Call, QCborArray{number, QStringLiteral("add"), QCborArray{argument, 1}, false});
}

inline void expect(bool condition, const char *what)
{
    if (!condition)
        throw Error(QString::fromLatin1(what));
}

} // namespace DistributedTest
