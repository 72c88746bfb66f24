// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/framepool.h"

#include <array>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ASYNCORO_FRAMES_FROM_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ASYNCORO_FRAMES_FROM_HEAP
#endif
#endif

namespace Asyncoro::Detail {

#ifdef ASYNCORO_FRAMES_FROM_HEAP

void *allocateFrame(std::size_t size)
{
    return ::operator new(size);
}

void freeFrame(void *frame, std::size_t size) noexcept
{
    ::operator delete(frame, size);
}

#else

namespace {

constexpr std::size_t Granularity = 64;
constexpr std::size_t ClassCount = 16; // up to 1 KiB; larger frames are rare and go to the heap
constexpr std::size_t MaxFreePerClass = 4096; // what a burst leaves behind is bounded

struct FreeBlock {
    FreeBlock *next;
};

struct FreeList {
    FreeBlock *first = nullptr;
    std::size_t count = 0;
};

// Trivially destructible, so that frames may still be freed while the thread's other thread-local objects are
// destroyed: the cleaner below empties the lists and closes them.
struct Pool {
    std::array<FreeList, ClassCount> lists{};
    bool opened = false;
    bool closed = false;
};

// initial-exec: reached without a call, even from a shared library.
[[gnu::tls_model("initial-exec")]] constinit thread_local Pool pool;

struct PoolCleaner {
    ~PoolCleaner()
    {
        pool.closed = true;
        for (std::size_t i = 0; i < ClassCount; ++i) {
            while (FreeBlock *block = pool.lists[i].first) {
                pool.lists[i].first = block->next;
                ::operator delete(block, (i + 1) * Granularity);
            }
        }
    }
};

void openPool()
{
    static thread_local PoolCleaner cleaner;
    pool.opened = true;
}

} // namespace

void *allocateFrame(std::size_t size)
{
    const std::size_t index = (size - 1) / Granularity;
    if (index >= ClassCount)
        return ::operator new(size);
    FreeList &list = pool.lists[index];
    if (FreeBlock *block = list.first) {
        list.first = block->next;
        --list.count;
        return block;
    }
    return ::operator new((index + 1) * Granularity);
}

void freeFrame(void *frame, std::size_t size) noexcept
{
    const std::size_t index = (size - 1) / Granularity;
    if (index >= ClassCount) {
        ::operator delete(frame, size);
        return;
    }
    if (!pool.opened)
        openPool();
    FreeList &list = pool.lists[index];
    if (pool.closed || list.count >= MaxFreePerClass) {
        ::operator delete(frame, (index + 1) * Granularity);
        return;
    }
    auto *block = static_cast<FreeBlock *>(frame);
    block->next = list.first;
    list.first = block;
    ++list.count;
}

#endif

} // namespace Asyncoro::Detail
