// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The files figures with a bare io_uring whose eventfd is in an epoll set, as it would be below an event loop: no
// coroutine, no Qt. All requests that are ready are submitted by one call.

#include "files.h"

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <functional>

using namespace Benchmark;

namespace {

class Ring
{
public:
    using Done = std::function<void(int)>;

    Ring()
    {
        if (io_uring_queue_init(256, &m_ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN) != 0) {
            std::fprintf(stderr, "the kernel has no io_uring for us\n");
            std::exit(NotThere);
        }
        m_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        io_uring_register_eventfd(&m_ring, m_event);
        m_epoll = epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        epoll_ctl(m_epoll, EPOLL_CTL_ADD, m_event, &event);
    }
    ~Ring()
    {
        io_uring_queue_exit(&m_ring);
        close(m_event);
        close(m_epoll);
    }
    Ring(const Ring &) = delete;
    Ring &operator=(const Ring &) = delete;

    // prepare() is one of io_uring_prep_...(), with its arguments behind the entry.
    template<typename Prepare, typename... Arguments>
    void request(Done &done, Prepare prepare, Arguments... arguments)
    {
        io_uring_sqe *const entry = io_uring_get_sqe(&m_ring);
        prepare(entry, arguments...);
        io_uring_sqe_set_data(entry, &done);
        ++m_pending;
    }

    // Until nothing is under way.
    void loop()
    {
        while (m_pending > 0) {
            io_uring_submit(&m_ring);
            epoll_event event{};
            epoll_wait(m_epoll, &event, 1, -1);
            uint64_t ignored = 0;
            if (read(m_event, &ignored, sizeof(ignored)) < 0) {
                continue;
            }
            io_uring_cqe *entry = nullptr;
            while (io_uring_peek_cqe(&m_ring, &entry) == 0) {
                Done &done = *reinterpret_cast<Done *>(entry->user_data);
                const int result = entry->res;
                io_uring_cqe_seen(&m_ring, entry);
                --m_pending;
                done(result);
            }
        }
    }

private:
    io_uring m_ring{};
    int m_event = -1;
    int m_epoll = -1;
    int m_pending = 0;
};

void sequential(int)
{
    const Folder folder;
    const int file = open(folder.large().c_str(), O_RDONLY | O_CLOEXEC);
    Ring ring;
    std::vector<char> buffer(Piece);
    int64_t sum = 0;
    const Stopwatch watch;
    Ring::Done done = [&](int got) {
        sum += got;
        if (sum < LargeSize) {
            ring.request(done, io_uring_prep_read, file, buffer.data(), unsigned(Piece), uint64_t(sum));
        }
    };
    done(0);
    ring.loop();
    if (sum != LargeSize) {
        fail("bytes are missing");
    }
    watch.tell("sequential", LargeSize / Piece);
    close(file);
}

// `prepare` is io_uring_prep_read or _write.
template<typename Prepare>
void pages(const char *name, int count, int atOnce, bool cached, Prepare prepare)
{
    const Folder folder;
    const int file = open(folder.large(cached).c_str(), O_RDWR | O_CLOEXEC);
    Ring ring;
    Positions positions;
    int left = count;
    std::vector<std::vector<char>> buffers(static_cast<size_t>(atOnce), std::vector<char>(Page));
    std::vector<Ring::Done> dones(static_cast<size_t>(atOnce));
    const Stopwatch watch;
    for (size_t i = 0; i < size_t(atOnce); ++i) {
        dones[i] = [&, i](int got) {
            if (got != Page) {
                fail("bytes are missing");
            }
            if (left-- > 0) {
                ring.request(dones[i], prepare, file, buffers[i].data(), unsigned(Page),
                             uint64_t(positions.next()));
            }
        };
        dones[i](Page);
    }
    ring.loop();
    watch.tell(name, count);
    close(file);
}

void random(int count)
{
    pages("random", count, 1, true, io_uring_prep_read);
}

void cold(int count)
{
    pages("cold", count, AtOnce, false, io_uring_prep_read);
}

void write(int count)
{
    pages("write", count, AtOnce, true, io_uring_prep_write);
}

// Opens, reads, closes one file after the other.
void smallFiles(const char *name, int count, int atOnce)
{
    const Folder folder;
    const std::vector<std::string> paths = folder.small(count);
    Ring ring;
    size_t next = 0;
    struct Reader {
        std::vector<char> buffer = std::vector<char>(Page + 1);
        int file = -1;
        int step = 0;
        Ring::Done done;
    };
    std::vector<Reader> readers(static_cast<size_t>(atOnce));
    const Stopwatch watch;
    for (Reader &reader : readers) {
        reader.done = [&](int result) {
            if (result < 0) {
                fail("an operation failed");
            }
            const int step = reader.step;
            reader.step = (step + 1) % 3;
            if (step == 0 && next == paths.size()) {
                return;
            }
            if (step == 0) {
                ring.request(reader.done, io_uring_prep_openat, AT_FDCWD, paths[next++].c_str(), O_RDONLY | O_CLOEXEC,
                             0);
            } else if (step == 1) {
                reader.file = result;
                ring.request(reader.done, io_uring_prep_read, reader.file, reader.buffer.data(), unsigned(Page + 1),
                             uint64_t(0));
            } else {
                ring.request(reader.done, io_uring_prep_close, reader.file);
            }
        };
        reader.done(0);
    }
    ring.loop();
    watch.tell(name, count);
}

void small(int count)
{
    smallFiles("small", count, 1);
}

void smallAtOnce(int count)
{
    smallFiles("small-at-once", count, AtOnce);
}

} // namespace

int main(int argc, char **argv)
{
    return run(argc, argv,
               {{"sequential", sequential, 0},
                {"random", random, 20000},
                {"cold", cold, 4000},
                {"small", small, 1000},
                {"small-at-once", smallAtOnce, 1000},
                {"write", write, 4000}});
}
