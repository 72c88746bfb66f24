// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filetransfer.h"

#include "filestorecore_p.h"

#include <Asyncoro/FileError>
#include <Asyncoro/FileSystem>
#include <Asyncoro/Scope>
#include <Asyncoro/Semaphore>
#include <Asyncoro/Timeout>

#include <QDir>
#include <QFileInfo>
#include <QSet>

namespace Asyncoro {

using namespace Detail;

namespace {

constexpr int FilesAtOnce = 4;

struct OutgoingFile {
    QString path;
    QString as;
    qint64 size = 0;
};

/** All that is to be sent. */
struct Plan {
    QList<OutgoingFile> files;
    QStringList emptyFolders;
    qint64 size = 0;

    void add(const QString &path, const QString &as, qint64 bytes)
    {
        files.append({path, as, bytes});
        size += bytes;
    }
};

struct RootFile {
    QString path; // without "." and the like
    bool isFolder = false;
    qint64 size = 0;
};

RootFile examine(const QString &path)
{
    const QFileInfo info(path);
    const RootFile root{info.absoluteFilePath(), info.isDir(), info.size()};
    if (!root.isFolder)
        openForReading(path); // throws if that cannot be, before anybody is asked
    return root;
}

Task<> addFolder(Plan *plan, QString root, QString as, Unsendable unsendable)
{
    QStringList folders{as};
    QSet<QString> filled; // folders in which there is something
    AsyncGenerator<FolderEntry> entries = listFolder(root, {.recursive = true});
    while (const std::optional<FolderEntry> entry = co_await entries.next()) {
        if (entry->error)
            throw FileError(entry->path, entry->error,
                            QStringLiteral("cannot read %1: %2")
                                .arg(entry->path, QString::fromStdString(entry->error.message())));
        const QString name = as + u'/' + QDir(root).relativeFilePath(entry->path);
        if (entry->type == FolderEntry::Type::Folder) {
            folders.append(name);
        } else if (entry->type == FolderEntry::Type::File) {
            plan->add(entry->path, name, entry->size);
        } else if (unsendable == Unsendable::Refuse) {
            const QString what = entry->type == FolderEntry::Type::SymLink
                ? QStringLiteral("a symbolic link")
                : QStringLiteral("neither a file nor a folder");
            throw FileRefused(FileRefused::Reason::BadPath, entry->path,
                              QStringLiteral("%1 is %2, which cannot be sent").arg(entry->path, what));
        } else {
            continue;
        }
        filled.insert(name.first(name.lastIndexOf(u'/')));
    }
    for (const QString &folder : std::as_const(folders)) {
        if (!filled.contains(folder))
            plan->emptyFolders.append(folder);
    }
}

/** A call of sendFiles(). */
class Sending : public std::enable_shared_from_this<Sending>
{
public:
    Sending(NetworkReference network, Location to, SendOptions options)
        : m_network(std::move(network))
        , m_to(std::move(to))
        , m_options(std::move(options))
    {
    }

    Task<SentFiles> run(QString path, QString as)
    {
        const auto self = shared_from_this();
        const RootFile root = co_await onFileThread([path] { return examine(path); });
        if (as.isEmpty())
            as = QFileInfo(root.path).fileName();
        static_cast<void>(StorePath(as)); // throws if it is none, before anybody is asked
        Plan plan;
        if (root.isFolder)
            co_await addFolder(&plan, root.path, as, m_options.unsendable);
        else
            plan.add(root.path, as, root.size);
        m_size = plan.size;
        co_await withScope([&](Scope &scope) -> Task<> {
            Semaphore permits(FilesAtOnce);
            for (const OutgoingFile &file : std::as_const(plan.files)) {
                auto permit = co_await permits.acquire();
                scope.spawn(&Sending::sendFile, self, file, std::make_shared<Semaphore::Guard>(std::move(permit)));
            }
        });
        for (const QString &folder : std::as_const(plan.emptyFolders))
            valuesOf(co_await m_network.call<QVariantList>(m_to, function("folder"), folder), 0);
        co_return m_result;
    }

private:
    [[nodiscard]] QString function(const char *verb) const
    {
        return storeFunction(m_options.store, QLatin1StringView(verb));
    }

    Task<> sendFile(OutgoingFile file, std::shared_ptr<Semaphore::Guard> permit)
    {
        Q_UNUSED(permit)
        const auto self = shared_from_this();
        const auto open = [path = file.path] { return openForReading(path); };
        const struct stat status = co_await onFileThread([open] { return open().status(); });
        const qint64 size = status.st_size;
        m_size += size - file.size; // as it was in the plan
        qint64 done = 0;
        const auto advance = [&](qint64 position) {
            m_done += std::max(position, done) - done;
            done = std::max(position, done);
            if (m_options.progress)
                m_options.progress(m_done, m_size);
        };
        const FileSource source(open, advance);
        QVariantList values;
        try {
            values = valuesOf(co_await m_network.call<QVariantList>(m_to, function("put"), file.as, source.key(), size,
                                                                    modifiedAt(status), int(status.st_mode & 0777),
                                                                    int(m_options.overwrite)),
                              2);
        } catch (const Error &) {
            if (source.failure())
                std::rethrow_exception(source.failure()); // which the store could only tell in words
            throw;
        }
        ++(values[0].toBool() ? m_result.alreadyThere : m_result.sent);
        m_result.bytes += values[1].toLongLong();
        advance(size);
    }

    const NetworkReference m_network;
    const Location m_to;
    const SendOptions m_options;
    SentFiles m_result;
    qint64 m_done = 0;
    qint64 m_size = 0;
};

Task<SentFiles> runInTime(std::shared_ptr<Sending> sending, QString path, QString as, QDeadlineTimer deadline)
{
    try {
        co_return co_await withTimeout(deadline, sending->run(path, std::move(as)));
    } catch (const TimedOut &) {
        throw TimedOut(QStringLiteral("sending %1").arg(path));
    }
}

/** A function of a store that gives one value. */
Task<QVariant> callStore(NetworkReference network, Location location, QString store, const char *verb, QString path)
{
    const QString function = storeFunction(store, QLatin1StringView(verb));
    co_return valuesOf(co_await network.call<QVariantList>(location, function, path), 1).first();
}

Task<qint64> toNumber(Task<QVariant> call)
{
    const QVariant value = co_await std::move(call);
    co_return value.toLongLong();
}

Task<SharedFile> toFile(Task<QVariant> call)
{
    const QVariant value = co_await std::move(call);
    if (value.metaType() != QMetaType::fromType<SharedFile>())
        throw WireError(QStringLiteral("malformed answer of a store"));
    co_return value.value<SharedFile>();
}

} // namespace

Task<SentFiles> sendFiles(PeerNetwork &network, Location to, QString path, QString as, SendOptions options)
{
    const QDeadlineTimer deadline = options.deadline;
    auto sending = std::make_shared<Sending>(NetworkReference(network), std::move(to), std::move(options));
    return runInTime(std::move(sending), std::move(path), std::move(as), deadline);
}

Task<qint64> removeFiles(PeerNetwork &network, Location from, QString path, QString store)
{
    return toNumber(
        callStore(NetworkReference(network), std::move(from), std::move(store), "remove", std::move(path)));
}

Task<SharedFile> findFile(PeerNetwork &network, Location from, QString path, QString store)
{
    return toFile(callStore(NetworkReference(network), std::move(from), std::move(store), "find", std::move(path)));
}

} // namespace Asyncoro
