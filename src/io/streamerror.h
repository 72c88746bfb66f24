// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <Asyncoro/Error>

#include <QByteArray>

namespace Asyncoro {

/** A stream of bytes failed or was closed. The message says which operation, on what and why. */
class ASYNCORO_IO_EXPORT StreamError : public Error
{
public:
    /** The message is made of these: "recv(), 127.0.0.1:80: the socket was closed". `subject` may be empty. */
    StreamError(const QString &operation, const QString &subject, const QString &reason);
    explicit StreamError(const QString &message);
    ~StreamError() override;

    /** The operation that failed: "recv()". Empty if it was no single one. */
    [[nodiscard]] QString operation() const { return m_operation; }

private:
    QString m_operation;
};

/** The other end has ended its stream in an orderly way before all that was asked for had come. */
class ASYNCORO_IO_EXPORT EndOfStream : public Error
{
public:
    EndOfStream(const QByteArray &partial, const QString &message);
    ~EndOfStream() override;

    /**
     * What did come, the length of a message included; taken out of the stream. Empty if the stream ended between two
     * operations, which is how most conversations end.
     */
    [[nodiscard]] QByteArray partial() const { return m_partial; }

private:
    QByteArray m_partial;
};

/** A message is longer than its receiver accepts, or than the framing can tell. */
class ASYNCORO_IO_EXPORT MessageTooLong : public Error
{
public:
    using Error::Error;
    ~MessageTooLong() override;
};

} // namespace Asyncoro
