// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArrayView>

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace Asyncoro::Detail {

template<typename Call>
auto retried(Call call)
{
    decltype(call()) result;
    do {
        result = call();
    } while (result == -1 && errno == EINTR);
    return result;
}

/** Owns a descriptor of the operating system. */
class Descriptor
{
public:
    Descriptor() = default;
    explicit Descriptor(int number)
        : m_number(number)
    {
    }
    ~Descriptor()
    {
        if (m_number >= 0)
            ::close(m_number);
    }
    Descriptor(Descriptor &&other) noexcept
        : m_number(std::exchange(other.m_number, -1))
    {
    }
    Descriptor &operator=(Descriptor &&other) noexcept
    {
        std::swap(m_number, other.m_number);
        return *this;
    }

    [[nodiscard]] bool isOpen() const { return m_number >= 0; }
    [[nodiscard]] int number() const { return m_number; }

    /** All zeros if there is none, which is no type of a file. */
    [[nodiscard]] struct stat status() const
    {
        struct stat status{};
        if (::fstat(m_number, &status) != 0)
            status = {};
        return status;
    }

    /** How many bytes it got, less than `size` only at the end; -1 if that fails. */
    [[nodiscard]] qint64 read(char *to, qint64 size, qint64 position) const
    {
        qint64 done = 0;
        while (done < size) {
            const auto more = retried(
                [&] { return ::pread(m_number, to + done, size_t(size - done), off_t(position + done)); });
            if (more <= 0)
                return more == 0 ? done : -1;
            done += more;
        }
        return done;
    }

    [[nodiscard]] bool write(QByteArrayView bytes, qint64 position) const
    {
        for (qsizetype done = 0; done < bytes.size();) {
            const auto more = retried([&] {
                return ::pwrite(m_number, bytes.data() + done, size_t(bytes.size() - done), off_t(position + done));
            });
            if (more <= 0)
                return false;
            done += qsizetype(more);
        }
        return true;
    }

    [[nodiscard]] bool sync() const
    {
        return retried([&] { return ::fsync(m_number); }) == 0;
    }

private:
    int m_number = -1;
};

/** In nanoseconds since 1970. */
inline qint64 modifiedAt(const struct stat &status)
{
#ifdef Q_OS_DARWIN
    const timespec &time = status.st_mtimespec;
#else
    const timespec &time = status.st_mtim;
#endif
    return qint64(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace Asyncoro::Detail
