// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "benchmark.h"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <vector>

// What the files programs share: the files that they read, and how a figure is told.
namespace Benchmark {

constexpr int64_t LargeSize = 256 * 1024 * 1024;
constexpr int64_t Piece = 64 * 1024;
constexpr int64_t Page = 4096;
constexpr int AtOnce = 16; // how many coroutines or requests where several are under way

// A folder for the time of the measurement, in TMPDIR.
class Folder
{
public:
    Folder()
    {
        std::string path = std::filesystem::temp_directory_path() / "asyncoro-io-XXXXXX";
        if (!mkdtemp(path.data())) {
            fail("cannot make a folder");
        }
        m_path = path;
    }
    ~Folder() { std::filesystem::remove_all(m_path); }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;

    // A file of LargeSize bytes, in the page cache, or not.
    std::string large(bool cached = true) const
    {
        const std::string path = m_path / "large";
        const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const std::string piece(Piece, 'x');
        for (int64_t done = 0; done < LargeSize; done += Piece) {
            if (write(file, piece.data(), piece.size()) != Piece) {
                fail("cannot write a file");
            }
        }
        if (!cached) {
            fdatasync(file);
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        }
        close(file);
        return path;
    }

    // So many files of one page.
    std::vector<std::string> small(int count) const
    {
        const std::string page(Page, 'x');
        std::vector<std::string> paths;
        for (int i = 0; i < count; ++i) {
            paths.push_back(m_path / std::to_string(i));
            const int file = open(paths.back().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            if (write(file, page.data(), page.size()) != Page) {
                fail("cannot write a file");
            }
            close(file);
        }
        return paths;
    }

private:
    std::filesystem::path m_path;
};

// Positions of pages in the large file, the same in each program.
class Positions
{
public:
    int64_t next() { return int64_t((m_state = m_state * 6364136223846793005 + 1442695040888963407) >> 33)
            % (LargeSize / Page) * Page; }

private:
    uint64_t m_state = 1;
};

// From its making until told(): microseconds for each of `count`, on the clock and of processor time.
class Stopwatch
{
public:
    void tell(const std::string &name, int64_t count) const
    {
        print(name, (now() - m_start) / double(count) * 1e6, "us");
        print(name + "-cpu", (cpuTime() - m_startCpu) / double(count) * 1e6, "us");
    }

private:
    const double m_start = now();
    const double m_startCpu = cpuTime();
};

} // namespace Benchmark
