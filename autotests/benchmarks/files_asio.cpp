// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The files figures with Boost.Asio's coroutines and files, which need io_uring. Opening and closing block.

#define BOOST_ASIO_HAS_IO_URING
#define BOOST_ASIO_DISABLE_EPOLL // its files and its epoll do not go together

#include "files.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/random_access_file.hpp>
#include <boost/asio/read_at.hpp>
#include <boost/asio/stream_file.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write_at.hpp>

using namespace Benchmark;
namespace asio = boost::asio;

namespace {

using Executor = asio::io_context::executor_type;
using Task = asio::awaitable<void, Executor>;
constexpr asio::use_awaitable_t<Executor> awaitable;
using StreamFile = asio::basic_stream_file<Executor>;
using RandomAccessFile = asio::basic_random_access_file<Executor>;

Task readPieces(asio::io_context &context, std::string path, int64_t &sum)
{
    StreamFile file(context, path, StreamFile::read_only);
    std::vector<char> buffer(Piece);
    while (sum < LargeSize) {
        sum += int64_t(co_await file.async_read_some(asio::buffer(buffer), awaitable));
    }
}

void sequential(int)
{
    const Folder folder;
    asio::io_context context(1);
    int64_t sum = 0;
    asio::co_spawn(context, readPieces(context, folder.large(), sum), asio::detached);
    const Stopwatch watch;
    context.run();
    if (sum != LargeSize) {
        fail("bytes are missing");
    }
    watch.tell("sequential", LargeSize / Piece);
}

Task readPages(asio::io_context &context, std::string path, Positions &positions, int &left)
{
    RandomAccessFile file(context, path, RandomAccessFile::read_only);
    std::vector<char> buffer(Page);
    while (left-- > 0) {
        co_await asio::async_read_at(file, uint64_t(positions.next()), asio::buffer(buffer), awaitable);
    }
}

Task writePages(asio::io_context &context, std::string path, Positions &positions, int &left)
{
    RandomAccessFile file(context, path, RandomAccessFile::read_write);
    const std::vector<char> page(Page, 'y');
    while (left-- > 0) {
        co_await asio::async_write_at(file, uint64_t(positions.next()), asio::buffer(page), awaitable);
    }
}

// As readPages() or writePages() does, `atOnce` of it at the same time.
template<typename Work>
void pages(const char *name, int count, int atOnce, bool cached, Work work)
{
    const Folder folder;
    const std::string path = folder.large(cached);
    asio::io_context context(1);
    Positions positions;
    int left = count;
    const Stopwatch watch;
    for (int i = 0; i < atOnce; ++i) {
        asio::co_spawn(context, work(context, path, positions, left), asio::detached);
    }
    context.run();
    watch.tell(name, count);
}

void random(int count)
{
    pages("random", count, 1, true, readPages);
}

void cold(int count)
{
    pages("cold", count, AtOnce, false, readPages);
}

void write(int count)
{
    pages("write", count, AtOnce, true, writePages);
}

Task readSmall(asio::io_context &context, const std::vector<std::string> &paths, size_t &next)
{
    std::vector<char> buffer(Page);
    while (next < paths.size()) {
        StreamFile file(context, paths[next++], StreamFile::read_only);
        if (co_await file.async_read_some(asio::buffer(buffer), awaitable) != size_t(Page)) {
            fail("bytes are missing");
        }
    }
}

void smallFiles(const char *name, int count, int atOnce)
{
    const Folder folder;
    const std::vector<std::string> paths = folder.small(count);
    asio::io_context context(1);
    size_t next = 0;
    const Stopwatch watch;
    for (int i = 0; i < atOnce; ++i) {
        asio::co_spawn(context, readSmall(context, paths, next), asio::detached);
    }
    context.run();
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
