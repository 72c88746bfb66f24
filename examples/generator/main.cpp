// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A list that lies on a server comes page by page. A generator hides that: it asks for the next page when the values of the
// one before are used up, and for none that nobody wants.

#include <Asyncoro/AsyncGenerator>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<QStringList> askForPage(int page) // as if from a network
{
    co_await sleep(200ms);
    std::printf("  (page %d has come)\n", page);
    static const QStringList rivers{"Amur", "Danube", "Elbe", "Ganges", "Indus", "Jordan", "Loire", "Mekong", "Nile", "Rhine"};
    co_return rivers.mid(3 * page, 3);
}

AsyncGenerator<QString> allRivers()
{
    for (int page = 0;; ++page) {
        const QStringList names = co_await askForPage(page);
        if (names.isEmpty())
            co_return;
        for (const QString &name : names)
            co_yield name;
    }
}

AsyncGenerator<QString> longer(AsyncGenerator<QString> names, int length)
{
    while (const std::optional<QString> name = co_await names.next())
        if (name->size() > length)
            co_yield *name;
}

Task<> printSome()
{
    AsyncGenerator<QString> rivers = longer(allRivers(), 4);
    while (const std::optional<QString> name = co_await rivers.next()) {
        std::printf("%s\n", qPrintable(*name));
        if (*name > "J")
            co_return; // both generators end here; the rest is not asked for
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    spawn(printSome);
    return Asyncoro::exec();
}
