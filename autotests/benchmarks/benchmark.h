// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

// What the benchmark programs share. It needs neither Qt nor Asyncoro, so that a peer carries nothing of ours.
namespace Benchmark {

// Seconds on a clock that only goes forward.
inline double now()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

// Seconds of processor time that this process has used, in user space and in the kernel.
inline double cpuTime()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &time) {
        return double(time.tv_sec) + double(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Bytes of memory that this process holds now.
inline double residentBytes()
{
    long total = 0;
    long resident = 0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &total, &resident) != 2) {
            resident = 0;
        }
        std::fclose(file);
    }
    return double(resident) * double(sysconf(_SC_PAGESIZE));
}

// Lets this process open as many files as the system allows it to.
inline void raiseFileLimit()
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// The line that run.py reads.
inline void print(std::string_view name, double value, std::string_view unit)
{
    std::printf("%.*s %.6g %.*s\n", int(name.size()), name.data(), value, int(unit.size()), unit.data());
    std::fflush(stdout);
}

[[noreturn]] inline void fail(const char *message)
{
    std::fprintf(stderr, "%s\n", message);
    std::exit(1);
}

// One figure of a program: its name, the function that measures it, and how often the work is done.
struct Figure {
    std::string_view name;
    void (*measure)(int count);
    int count;
};

// What a program ends with that does not have the figure it was asked for; run.py shows that as "-".
constexpr int NotThere = 77;

// main() of a program called as: PROGRAM FIGURE [COUNT]
inline int run(int argc, char **argv, std::initializer_list<Figure> figures)
{
    for (const Figure &figure : figures) {
        if (argc > 1 && figure.name == argv[1]) {
            figure.measure(argc > 2 ? std::atoi(argv[2]) : figure.count);
            return 0;
        }
    }
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FIGURE [COUNT]\n", argv[0]);
        return 2;
    }
    std::fprintf(stderr, "%s has no figure %s\n", program_invocation_short_name, argv[1]);
    return NotThere;
}

} // namespace Benchmark
