// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the system does with a file while the thread goes on.

#include "asyncfile_p.h"
#include "filering_p.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace Asyncoro::Detail {

// The system does in the background what is left of the first of the queue. False if a thread has to. With the mutex.
bool FileData::request(const Operation &operation)
{
    FileRing *const ring = m_handle.isLocal() ? FileRing::ofThisThread() : nullptr;
    if (!ring)
        return false;
    if (operation->isRead())
        return requestRead(*ring, operation);
    return operation->kind == Kind::Write && !m_handle.appends() && requestWrite(*ring, operation);
}

bool FileData::requestRead(FileRing &ring, const Operation &operation)
{
    const qint64 had = m_progress.ahead.size();
    const qint64 size = sizeOfPiece(*operation, had, sizeOfRest(*operation, m_progress));
    if (had + size > FileRing::MaxSize)
        return false;
    const auto bytes = std::make_shared<QByteArray>(std::exchange(m_progress.ahead, {}));
    bytes->resizeForOverwrite(had + size);
    const bool isRequested = ring.submit({.kind = FileRequest::Kind::Read,
                                          .descriptor = m_handle.descriptor(),
                                          .bytes = bytes->data() + had,
                                          .size = size,
                                          .position = m_progress.position + had,
                                          .done = [self = shared_from_this(), operation, bytes, had](qint64 result) {
                                              bytes->truncate(had + std::max<qint64>(result, 0));
                                              self->requestDone(operation, result, std::move(*bytes));
                                          }});
    if (!isRequested) {
        bytes->truncate(had);
        m_progress.ahead = std::move(*bytes);
    }
    return isRequested;
}

bool FileData::requestWrite(FileRing &ring, const Operation &operation)
{
    m_progress.ahead.clear();
    return operation->bytes.size() <= FileRing::MaxSize
        && ring.submit({.kind = FileRequest::Kind::Write,
                        .descriptor = m_handle.descriptor(),
                        .bytes = const_cast<char *>(operation->bytes.constData()),
                        .size = operation->bytes.size(),
                        .position = m_progress.position,
                        .done = [self = shared_from_this(), operation](qint64 result) {
                            self->requestDone(operation, result, {});
                        }});
}

// On the thread that has asked for it; `ahead` is then read ahead.
void FileData::requestDone(const Operation &operation, qint64 result, QByteArray &&ahead)
{
    CoroPointer waiting;
    {
        const QMutexLocker lock(&m_mutex);
        m_progress.ahead = std::move(ahead);
        const bool isOver = operation->state == State::Over;
        const Requested requested = isOver ? Requested::All : takeRequested(*operation, result);
        if (requested == Requested::All)
            waiting = endFirst(*operation, true);
        else if (requested == Requested::Nothing || !request(operation))
            startFirst(); // a thread does the rest
    }
    if (waiting)
        static_cast<LocalCoro *>(waiting.data())->completeWait(operation->wait);
}

// With the mutex.
FileData::Requested FileData::takeRequested(FileOperation &operation, qint64 result)
{
    if (result == -EAGAIN || result == -EINTR || result == -ECANCELED) // that is of the ring, not of the file
        return Requested::Nothing;
    if (result < 0) {
        operation.error = {int(-result), std::generic_category()};
        return Requested::All;
    }
    if (operation.kind == Kind::Write) {
        m_progress.position += result;
        operation.bytes.remove(0, result);
        return operation.bytes.isEmpty() ? Requested::All : Requested::Part;
    }
    if (performAtOnce(operation) || performWithoutBlocking(operation))
        return Requested::All;
    if (result > 0)
        return Requested::Part;
    operation.ended = true;
    give(operation, m_progress, std::exchange(m_progress.ahead, {}), operation.number);
    return Requested::All;
}

} // namespace Asyncoro::Detail
