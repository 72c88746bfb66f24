// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A function of this program runs for each number of a list on the servers of a cluster:
//
//   discoro local -- cluster-map

#include <Asyncoro/Discoro>

#include <QCoreApplication>
#include <QTextStream>

#include <cmath>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<double> compute(double n)
{
    co_await sleep(1s);
    co_return std::sqrt(n);
}
DISCORO_FUNCTION(compute)

Task<> client()
{
    Discoro::Computation computation({compute});
    co_await computation.schedule();
    const QList<double> roots = co_await computation.runResults(compute, QList<double>{1, 4, 9});
    for (double root : roots)
        QTextStream(stdout) << root << '\n';
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    return Discoro::exec(client);
}
