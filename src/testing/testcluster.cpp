// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "testcluster.h"

#include <Asyncoro/Node>
#include <Asyncoro/PeerNetwork>

#include <QTemporaryDir>

#include <map>

namespace Asyncoro {

class TestClusterPrivate
{
public:
    struct Member {
        // The network first: it outlives the node, unless it is cut.
        std::unique_ptr<PeerNetwork> network = std::make_unique<PeerNetwork>();
        std::unique_ptr<Discoro::Node> node;
    };

    QTemporaryDir folder;
    std::unique_ptr<PeerNetwork> network = std::make_unique<PeerNetwork>();
    std::unique_ptr<Discoro::Scheduler> scheduler = std::make_unique<Discoro::Scheduler>(*network);
    std::map<QString, Member> nodes;
};

TestCluster::TestCluster()
    : d(std::make_unique<TestClusterPrivate>())
{
}

TestCluster::~TestCluster()
{
    d->nodes.clear();
    endScheduler();
}

Location TestCluster::location() const
{
    return d->network->location();
}

Discoro::ClusterStatus TestCluster::status() const
{
    return d->scheduler->status();
}

QString TestCluster::folder() const
{
    return d->folder.path();
}

void TestCluster::startNode(const QString &name, int cpus)
{
    TestClusterPrivate::Member &member = d->nodes[name];
    Discoro::Node::Options options;
    options.scheduler = location();
    options.name = name;
    options.cpus = cpus;
    options.workFolder = d->folder.filePath(QStringLiteral("node-") + name);
    member.node = std::make_unique<Discoro::Node>(*member.network, options);
}

void TestCluster::cutNode(const QString &name)
{
    TestClusterPrivate::Member &member = d->nodes.at(name);
    member.network.reset();
    member.node.reset();
}

void TestCluster::endScheduler()
{
    d->scheduler.reset();
    d->network.reset();
}

void TestCluster::run(const std::function<Task<>(Discoro::Computation &)> &body, const QList<Discoro::Component> &components,
                      QDeadlineTimer deadline)
{
    waitFor(spawn([&]() -> Task<> {
        Discoro::Computation computation(components);
        co_await computation.schedule(location());
        co_await body(computation);
        co_await computation.close();
    }), deadline);
}

int Testing::exec(const std::function<int()> &test)
{
    return Discoro::Detail::isServer() ? Discoro::Detail::runServer() : test();
}

} // namespace Asyncoro
