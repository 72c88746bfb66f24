// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "iotest.h"

#include <Asyncoro/AsyncFile>

#include <QFile>

#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace IoTest {

/** A named pipe; its other end is used by ordinary code, on another thread where that blocks. */
class Fifo
{
public:
    explicit Fifo(const QString &path)
        : m_path(path)
    {
        if (::mkfifo(QFile::encodeName(path).constData(), 0600) != 0)
            qFatal("no named pipe");
    }
    ~Fifo()
    {
        if (m_writer >= 0)
            ::close(m_writer);
    }
    Q_DISABLE_COPY_MOVE(Fifo)

    [[nodiscard]] QString path() const { return m_path; }

    /** Opens `file` for reading and this for writing. */
    void connectTo(AsyncFile &file)
    {
        std::thread other([this] { m_writer = ::open(QFile::encodeName(m_path).constData(), O_WRONLY | O_CLOEXEC); });
        run(file.open(m_path));
        other.join();
    }
    void write(const QByteArray &bytes) const
    {
        if (::write(m_writer, bytes.constData(), size_t(bytes.size())) != bytes.size())
            qFatal("the named pipe takes no bytes");
    }
    void close() { ::close(std::exchange(m_writer, -1)); }

private:
    const QString m_path;
    int m_writer = -1;
};

} // namespace IoTest
