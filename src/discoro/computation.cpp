// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "computation.h"

#include "package_p.h"
#include "process_p.h"
#include "protocol_p.h"
#include "scheduler.h"
#include "schedulersearch.h"

#include <Asyncoro/SocketError>

#include <QCoreApplication>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QTemporaryDir>

Q_LOGGING_CATEGORY(lcComputation, "discoro.computation", QtInfoMsg)

namespace Asyncoro::Discoro {

using namespace std::chrono_literals;

namespace {

constexpr auto HintAfter = 5s; // of waiting for servers
constexpr qsizetype MaxTextLength = 200; // of a job's arguments in status and errors

constexpr auto TimeToFindScheduler = 2s;

/** What ASYNCORO_SCHEDULER says, else what is found, else this machine. */
Task<Location> defaultScheduler()
{
    if (!qEnvironmentVariableIsSet("ASYNCORO_SCHEDULER")) {
        if (const std::optional<quint16> port = Discovery::portFromEnvironment()) {
            try {
                co_return co_await findScheduler(Secret::fromEnvironment(), *port, TimeToFindScheduler);
            } catch (const TimedOut &e) {
                qCInfo(lcComputation).noquote() << e.message();
            } catch (const SocketError &e) {
                qCWarning(lcComputation).noquote() << "cannot look for a scheduler:" << e.message();
            }
        }
    }
    const QString text = qEnvironmentVariable("ASYNCORO_SCHEDULER", QStringLiteral("127.0.0.1"));
    const Location location = Location::fromString(text, Scheduler::DefaultPort);
    if (!location.isValid())
        throw Error(QStringLiteral("ASYNCORO_SCHEDULER is \"%1\", not HOST:PORT").arg(text));
    co_return location;
}

QString textOf(const QVariant &value)
{
    switch (value.typeId()) {
    case QMetaType::QString: {
        QString text = value.toString();
        text.replace(u'\n', QStringLiteral("\\n"));
        return u'"' + text + u'"';
    }
    case QMetaType::QByteArray:
        return QStringLiteral("%1 bytes").arg(value.toByteArray().size());
    default:
        if (value.metaType() == QMetaType::fromType<SharedFile>())
            return textOf(value.value<SharedFile>().name());
        const QString text = value.toString();
        return text.isEmpty() ? QString::fromLatin1(value.typeName()) : text;
    }
}

QString textOf(const QVariantList &arguments)
{
    QStringList texts;
    for (const QVariant &argument : arguments)
        texts.append(textOf(argument));
    QString text = texts.join(u", ");
    if (text.size() > MaxTextLength)
        text = text.left(MaxTextLength - 1) + u'\u2026';
    return text;
}

Task<> hintWhileWaiting(Location scheduler)
{
    co_await sleep(HintAfter);
    qCInfo(lcComputation).noquote()
        << "still waiting for servers of the scheduler at" << scheduler.toString()
        << "- \"discoro status\" shows its nodes and computations; start a node with \"discoro-node --scheduler"
        << scheduler.toString() + u'"';
}

/** Terminates a helper when its block is left. */
struct EndAtExit {
    Coro<> coro;
    ~EndAtExit() { coro.terminate(); }
};

} // namespace

class ComputationPrivate
{
public:
    QList<Component> components;
    QTemporaryDir folder; // holds the package
    SharedFile package;
    Location scheduler;
    quint64 id = 0; // once it is open

    ~ComputationPrivate() { package.unshare(); }

    [[nodiscard]] Protocol::ComputationFacts pack();
    [[nodiscard]] Protocol::JobFacts factsOf(const QString &function, const QVariantList &arguments) const;
};

Protocol::ComputationFacts ComputationPrivate::pack()
{
    PackageContents contents;
    contents.program = QCoreApplication::applicationFilePath();
    contents.functions = Detail::functionNames();
    for (const Component &component : std::as_const(components)) {
        if (component.function())
            static_cast<void>(Detail::functionName(component.function())); // throws if it was not declared
        else
            contents.files.append(PackageFile::fromSource(component.file()));
    }
    if (!folder.isValid())
        throw Error(QStringLiteral("cannot make a temporary folder: %1").arg(folder.errorString()));
    const QString archive = folder.filePath(QStringLiteral("package.tar.zst"));
    const PackageManifest manifest = Package::write(contents, archive);
    package = SharedFile(network(), archive);

    Protocol::ComputationFacts facts;
    facts.version = Protocol::Version;
    facts.name = QFileInfo(contents.program).fileName();
    facts.packageHash = manifest.archiveHash;
    facts.package = package;
    facts.anchor = network().anchor();
    return facts;
}

Protocol::JobFacts ComputationPrivate::factsOf(const QString &function, const QVariantList &arguments) const
{
    if (id == 0)
        throw Error(QStringLiteral("the computation is not open: co_await schedule() first"));
    Protocol::JobFacts facts;
    facts.function = function;
    facts.text = textOf(arguments);
    facts.arguments = network().toBytes(arguments);
    return facts;
}

Computation::Computation(const QList<Component> &components)
    : d(std::make_shared<ComputationPrivate>())
{
    Protocol::registerTypes();
    d->components = components;
}

Computation::Computation(std::initializer_list<Component> components)
    : Computation(QList<Component>(components))
{
}

Computation::~Computation()
{
    if (d->id == 0)
        return;
    const Coro<> closer = spawn([](std::shared_ptr<ComputationPrivate> data) -> Task<> {
        try {
            co_await network().call(data->scheduler, Protocol::Close, data->id);
        } catch (const Error &) {
            // the scheduler is gone, and the computation with it
        }
    }, d);
    closer.setName(QStringLiteral("end of a computation"));
}

Task<> Computation::schedule(Location scheduler)
{
    const auto self = d;
    if (self->id != 0)
        co_return;
    self->scheduler = scheduler.isValid() ? scheduler : co_await defaultScheduler();
    try {
        co_await joinNetworkOf(self->scheduler);
    } catch (const PeerLost &e) {
        throw PeerLost(e.peer(), QStringLiteral("%1. Is a scheduler there? Start one with discoro-scheduler, or run the program with "
                                                "\"discoro local\"; ASYNCORO_SCHEDULER says where it is")
                                     .arg(e.reason()));
    }
    const Protocol::ComputationFacts facts = self->pack();
    const EndAtExit hint{spawn(hintWhileWaiting, self->scheduler)};
    hint.coro.setDaemon();
    self->id = co_await network().call<quint64>(self->scheduler, Protocol::Open, facts);
}

Task<QVariant> Computation::runJob(Job job)
{
    const auto self = d;
    const auto facts = self->factsOf(job.function, job.arguments);
    co_return network().fromBytes(co_await network().call<QByteArray>(self->scheduler, Protocol::Run, self->id, facts));
}

Task<Coro<>> Computation::startJob(Job job)
{
    const auto self = d;
    const auto facts = self->factsOf(job.function, job.arguments);
    co_return co_await network().call<Coro<>>(self->scheduler, Protocol::Start, self->id, facts);
}

Task<> Computation::close()
{
    const auto self = d;
    if (self->id == 0)
        co_return;
    const quint64 id = std::exchange(self->id, 0);
    co_await network().call(self->scheduler, Protocol::Close, id);
}

} // namespace Asyncoro::Discoro
