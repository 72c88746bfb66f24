// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"
#include "function.h"
#include "joblost.h"

#include <Asyncoro/Coro>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/SharedFile>

#include <memory>
#include <vector>

namespace Asyncoro::Discoro {

class ComputationPrivate;

/** A file that goes with a computation: jobs find it under the same relative path in their working folder. */
class File
{
public:
    explicit File(const QString &path)
        : m_path(path)
    {
    }
    [[nodiscard]] const QString &path() const { return m_path; }

private:
    QString m_path;
};

/** A part of a computation: a function declared by DISCORO_FUNCTION, or a File. */
class ASYNCORO_DISCORO_EXPORT Component
{
public:
    template<typename T, typename... P>
    Component(Task<T> (*function)(P...)) // NOLINT: a function is a component
        : m_function(reinterpret_cast<Detail::AnyFunction>(function))
    {
    }
    Component(const File &file) // NOLINT: a file is a component
        : m_file(file.path())
    {
    }

    [[nodiscard]] Detail::AnyFunction function() const { return m_function; }
    [[nodiscard]] const QString &file() const { return m_file; }

private:
    Detail::AnyFunction m_function = nullptr;
    QString m_file;
};

/**
 * This program's network: in a client the one over which it reaches the cluster, in a job the server's. Made at the first use,
 * with the secret and the certificate of the environment (see Secret::fromEnvironment() and
 * TlsFiles::fromEnvironment()); throws as these, TlsFiles::read() and PeerNetwork's constructor do.
 */
[[nodiscard]] ASYNCORO_DISCORO_EXPORT PeerNetwork &network();

/** In a job: the name of the node that it runs on. Empty in a client. */
[[nodiscard]] ASYNCORO_DISCORO_EXPORT QString nodeName();

/**
 * A session in which a client runs functions of its own program on the servers of a cluster.
 *
 * The program and the files are packed into one archive, which each node gets once. On the nodes, the program is started as
 * server processes, one for each processor offered; a server runs one job at a time.
 */
class ASYNCORO_DISCORO_EXPORT Computation
{
public:
    Computation(std::initializer_list<Component> components);
    explicit Computation(const QList<Component> &components);
    /** Closes it, without waiting. */
    ~Computation();
    Computation(const Computation &) = delete;
    Computation &operator=(const Computation &) = delete;

    /**
     * Opens the computation at a scheduler, and waits until it has the cluster and at least one server: until earlier
     * computations are closed, and a node has joined.
     *
     * @param scheduler where; else what ASYNCORO_SCHEDULER says, else one that is found in the network within two seconds
     * (unless ASYNCORO_DISCOVERY is "off"), else port 51350 of this machine.
     *
     * Throws PeerLost if no scheduler answers, PeerRefused if it has another secret or authority, PackageError if the
     * package cannot be made, an Error if no node can run it, which says why. Cancelling it withdraws the computation.
     */
    Task<> schedule(Location scheduler = {});

    /**
     * Runs `function(arguments...)` as a job on the next free server, and gives its value.
     *
     * Any number may overlap: they wait in line at the scheduler, first come, first served. Throws what the function throws (as
     * PeerNetwork::call() does), JobLost if its server or node is gone, PeerLost if the scheduler is. Cancelling it ends
     * the job, wherever it is.
     */
    template<typename T, typename... P, typename... A>
    Task<T> runResult(Task<T> (*function)(P...), A... arguments)
    {
        QVariant value = co_await runJob(jobOf(function, argumentList<P...>(std::move(arguments)...)));
        if constexpr (!std::is_void_v<T>)
            co_return Detail::takeArgument<T>(value, 0);
    }

    /**
     * Starts `function(arguments...)` as a job on the next free server and gives the handle of its coroutine, which can be sent
     * messages, monitored, awaited and terminated as one of this process. The job has its server until it ends.
     */
    template<typename T, typename... P, typename... A>
    Task<Coro<T>> run(Task<T> (*function)(P...), A... arguments)
    {
        const Coro<> coro = co_await startJob(jobOf(function, argumentList<P...>(std::move(arguments)...)));
        co_return Coro<T>(coro.data());
    }

    /**
     * Runs `function` for each element of `list`, as many at a time as there are servers, and gives the values in the order of the
     * list. If a job fails, the others are ended and its exception is thrown.
     */
    template<typename T, typename P, typename Element>
    auto runResults(Task<T> (*function)(P), QList<Element> list) -> Task<std::conditional_t<std::is_void_v<T>, void, QList<T>>>
    {
        std::vector<Coro<T>> jobs;
        jobs.reserve(std::size_t(list.size()));
        struct EndAll {
            ~EndAll()
            {
                for (const Coro<T> &job : coros)
                    job.terminate();
            }
            std::vector<Coro<T>> &coros;
        } const endAll{jobs};
        for (Element &element : list)
            jobs.push_back(spawn(runResult(function, std::move(element))));
        if constexpr (std::is_void_v<T>) {
            for (const Coro<> &job : jobs)
                co_await job;
        } else {
            QList<T> values;
            values.reserve(list.size());
            for (const Coro<T> &job : jobs)
                values.append(co_await job);
            co_return values;
        }
    }

    /** Ends the computation: its servers end, and the cluster is the next one's. Jobs that still run are lost. */
    Task<> close();

private:
    struct Job {
        QString function;
        QVariantList arguments;
    };

    template<typename... P, typename... A>
    static QVariantList argumentList(A &&...arguments)
    {
        static_assert(sizeof...(P) == sizeof...(A), "the function takes another number of arguments");
        static_assert((std::is_convertible_v<A, std::decay_t<P>> && ...), "an argument does not fit the function's parameter");
        return {QVariant::fromValue<std::decay_t<P>>(std::forward<A>(arguments))...};
    }

    template<typename Function>
    static Job jobOf(Function *function, QVariantList arguments)
    {
        return {Detail::functionName(reinterpret_cast<Detail::AnyFunction>(function)), std::move(arguments)};
    }

    Task<QVariant> runJob(Job job);
    Task<Coro<>> startJob(Job job);

    std::shared_ptr<ComputationPrivate> d;
};

} // namespace Asyncoro::Discoro
