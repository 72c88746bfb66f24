// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The discoro figures with Asyncoro. Called as: discoro local --nodes 1 --servers 2 -- discoro-ours [JOBS [ONE_BY_ONE]]

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/Discoro>

#include <QCoreApplication>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace Asyncoro;
using namespace Benchmark;

namespace {

Task<int> job(int n)
{
    co_return n + 1;
}
DISCORO_FUNCTION(job)

Task<> runJobs(Discoro::Computation &computation, const char *name, int count)
{
    QList<int> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0);
    const double start = now();
    const QList<int> results = co_await computation.runResults(job, numbers);
    const double time = now() - start;
    if (!std::ranges::equal(results, numbers, {}, [](int result) { return result - 1; })) {
        fail("wrong results");
    }
    if (name) {
        print(name, count / time, "jobs/s");
    }
}

Task<> runOneByOne(Discoro::Computation &computation, int count)
{
    std::vector<double> times;
    for (int i = 0; i < count; ++i) {
        const double start = now();
        if (co_await computation.runResult(job, i) != i + 1) {
            fail("wrong result");
        }
        times.push_back(now() - start);
    }
    const auto median = times.begin() + std::ptrdiff_t(times.size() / 2);
    std::ranges::nth_element(times, median);
    print("latency", *median * 1e6, "us");
}

// How often the work is done.
int argument(qsizetype index, int otherwise)
{
    const QStringList arguments = QCoreApplication::arguments();
    return index < arguments.size() ? arguments[index].toInt() : otherwise;
}

Task<> client()
{
    Discoro::Computation computation({job});
    co_await computation.schedule();
    co_await runJobs(computation, nullptr, 100); // warm up: both servers run now
    co_await runJobs(computation, "jobs", argument(1, 5000));
    co_await runOneByOne(computation, argument(2, 300));
    co_await computation.close();
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    return Discoro::exec(client);
}
