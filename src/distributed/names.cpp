// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "names_p.h"

#include "networkcore_p.h"

#include <Asyncoro/Scope>

#include <QSet>

namespace Asyncoro {

namespace Detail {

namespace {

QString textOf(QMetaType type)
{
    return QString::fromLatin1(type.name());
}

template<typename Handle>
bool is(const QString &type)
{
    return type == textOf(QMetaType::fromType<Handle>());
}

template<typename Handle>
QVariant orNothing(const Handle &handle)
{
    return handle ? QVariant::fromValue(handle) : QVariant();
}

[[noreturn]] void throwUnknown(const QString &type)
{
    throw Error(QStringLiteral("nothing of type %1 is known by a name").arg(type));
}

/** A search for a name in all processes: who finds it first sets `found`. */
struct Search {
    const std::shared_ptr<NetworkCore> core;
    const QString type;
    const QString name;
    QVariant found;
    Event done;

    void finish(const QVariant &handle)
    {
        if (!handle.isValid() || found.isValid())
            return;
        found = handle;
        done.set();
    }
};

Task<> searchHere(Search &search)
{
    search.finish(co_await locateHere(*search.core, search.type, search.name, QDeadlineTimer::Forever));
}

Task<> searchAt(Search &search, std::shared_ptr<PeerLink> link)
{
    try {
        search.finish(co_await link->call(LocateFunction, {search.type, search.name}));
    } catch (const Error &) { // lost, or without such a function: others may know
    }
}

/** Asks each process once, those that are connected as well as those that come. */
Task<> searchEverywhere(Search &search, Scope &scope)
{
    QSet<std::shared_ptr<PeerLink>> asked;
    while (!search.core->isClosed()) {
        for (const std::shared_ptr<PeerLink> &link : search.core->connectedLinks()) {
            if (!asked.contains(link))
                scope.spawn(searchAt, std::ref(search), link);
            asked.insert(link);
        }
        co_await search.core->news().wait();
    }
    throw PeerLost(search.core->location(), QStringLiteral("this process has left the network"));
}

} // namespace

Task<QVariant> findHere(NetworkCore &core, QString type, QString name)
{
    if (is<Coro<>>(type))
        co_return orNothing(Coro<>::find(name));
    if (is<Channel>(type))
        co_return orNothing(Channel::find(name));
    if (is<Rci<>>(type))
        co_return orNothing(core.findOffer(name));
    throwUnknown(type);
}

Task<QVariant> locateHere(NetworkCore &core, QString type, QString name, QDeadlineTimer deadline)
{
    const auto guard = core.shared_from_this();
    if (is<Coro<>>(type))
        co_return QVariant::fromValue(co_await Coro<>::locate(name, deadline));
    if (is<Channel>(type))
        co_return QVariant::fromValue(co_await Channel::locate(name, deadline));
    if (!is<Rci<>>(type))
        throwUnknown(type);
    while (!core.isClosed()) {
        if (const Rci<> rci = core.findOffer(name))
            co_return QVariant::fromValue(rci);
        co_await core.news().wait(deadline);
    }
    throw PeerLost(core.location(), QStringLiteral("this process has left the network"));
}

} // namespace Detail

Task<QVariant> PeerNetwork::findNamed(CorePointer core, Location location, QMetaType type, QString name)
{
    const auto link = co_await core->reach(std::move(location), QDeadlineTimer::Forever);
    if (link)
        co_return co_await link->call(Detail::FindFunction, {Detail::textOf(type), name});
    co_return co_await Detail::findHere(*core, Detail::textOf(type), name);
}

Task<QVariant> PeerNetwork::locateNamed(CorePointer core, Location location, QMetaType type, QString name, QDeadlineTimer deadline)
{
    try {
        const auto link = co_await core->reach(location, deadline);
        if (link)
            co_return co_await link->call(Detail::LocateFunction, {Detail::textOf(type), name}, {}, deadline);
        co_return co_await Detail::locateHere(*core, Detail::textOf(type), name, deadline);
    } catch (const TimedOut &) {
        throw TimedOut(QStringLiteral("locate(\"%1\") at %2").arg(name, location.toString()));
    }
}

Task<QVariant> PeerNetwork::locateAnywhere(CorePointer core, QMetaType type, QString name, QDeadlineTimer deadline)
{
    Detail::Search search{std::move(core), Detail::textOf(type), std::move(name), {}, {}};
    search.finish(co_await Detail::findHere(*search.core, search.type, search.name));
    if (!search.found.isValid()) {
        co_await withScope([&](Scope &scope) -> Task<> {
            scope.spawn(Detail::searchHere, std::ref(search));
            scope.spawn(Detail::searchEverywhere, std::ref(search), std::ref(scope));
            try {
                co_await search.done.wait(deadline);
            } catch (const TimedOut &) {
                throw TimedOut(QStringLiteral("locate(\"%1\")").arg(search.name));
            }
            scope.terminateChildren();
        });
    }
    co_return search.found;
}

} // namespace Asyncoro
