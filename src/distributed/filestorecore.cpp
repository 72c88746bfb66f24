// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filestorecore_p.h"

#include "filequeue_p.h"

#include <Asyncoro/FileSystem>
#include <Asyncoro/Scope>
#include <Asyncoro/Semaphore>
#include <Asyncoro/Timeout>

#include <QFile>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr int MaxFoundSources = 256;
constexpr int MaxFilesOfSender = 1000; // that arrive or wait
constexpr int SendersShare = 4; // the part of all places that one may have
constexpr int MaxAppending = 2; // pieces of a file: while one is written, the next one is at hand
constexpr auto CleaningInterval = 1h;
constexpr qint64 DigestPerSecond = 10'000'000; // bytes of a file that are hashed even by a slow peer

template<typename T>
Task<T> inTime(QDeadlineTimer deadline, StorePath path, Task<T> task)
{
    try {
        co_return co_await withTimeout(deadline, std::move(task));
    } catch (const TimedOut &) {
        path.refuse(FileRefused::Reason::Stalled, QStringLiteral("its bytes do not come"));
    }
}

/** Behind a shield: whoever goes on with the file finds it done. */
Task<> append(std::shared_ptr<FileQueue> queue, std::shared_ptr<PartialFile> file, QByteArray bytes, qint64 position,
              Semaphore::Guard)
{
    co_await shield(queue->run([file, bytes, position] { file->append(bytes, position); }));
}

/** What is the same for two transfers of the same file to the same place. */
QByteArray contentOf(const StorePath &path, qint64 size, qint64 modified)
{
    Sha256 hash;
    hash.add(QStringLiteral("%1 %2 %3").arg(size).arg(modified).arg(path.text()).toUtf8());
    return hash.result().first(16);
}

/** What is there for `key`, as long as somebody has it; made of the arguments if nobody has. */
template<typename Key, typename T, typename... A>
std::shared_ptr<T> sharedIn(QHash<Key, std::weak_ptr<T>> &all, const std::type_identity_t<Key> &key, A... arguments)
{
    all.removeIf([](const auto &entry) { return entry.value().expired(); });
    std::weak_ptr<T> &known = all[key];
    auto shared = known.lock();
    if (!shared)
        known = shared = std::make_shared<T>(arguments...);
    return shared;
}

} // namespace

QString storeFunction(const QString &store, QLatin1StringView verb)
{
    return QStringLiteral("asyncoro.store.%1.%2").arg(store, verb);
}

QVariantList valuesOf(QVariantList answer, qsizetype count)
{
    const int reason = answer.value(0).toInt();
    if (reason > 0 && reason <= int(FileRefused::Reason::TooMany) && answer.size() == 3)
        throw FileRefused(FileRefused::Reason(reason), answer[1].toString(), answer[2].toString());
    if (reason != 0 || answer.size() != count + 1)
        throw WireError(QStringLiteral("malformed answer of a store"));
    answer.removeFirst();
    return answer;
}

// --- life ---

FileStoreCore::FileStoreCore(const PeerNetwork &network, const QString &folder, const FileStore::Options &options)
    : m_network(network)
    , m_anchor(network.anchor())
    , m_options(options)
    , m_folder(std::make_shared<StoreFolder>(folder))
    , m_transfers(options.maxTransfers)
    , m_found(MaxFoundSources)
    , m_used(options.quota) // until that is measured
    , m_nextCleaning(CleaningInterval)
{
    m_folder->removePartials(options.keepPartial);
}

FileStoreCore::~FileStoreCore() = default;

void FileStoreCore::close()
{
    m_closed.request_stop();
    m_found.clear();
}

void FileStoreCore::offerTo(PeerNetwork &network)
{
    const auto self = weak_from_this();
    const auto offer = [&](const char *verb, auto function) {
        network.offer(storeFunction(m_options.name, QLatin1StringView(verb)), std::move(function));
    };
    const auto put = [self](Peer caller, QString path, QByteArray key, qint64 size, qint64 modified, int mode,
                            int overwrite) {
        if (size < 0 || overwrite < 0 || overwrite > int(Overwrite::Always))
            throw WireError(QStringLiteral("a file of %1 bytes, to be put by rule %2").arg(size).arg(overwrite));
        const StoreFolder::Attributes attributes{modified, mode};
        return serve(self, caller, path, Access::Add, [=](FileStoreCore &core, StorePath to) {
            return core.put({caller, key, std::move(to), size, attributes, Overwrite(overwrite)});
        });
    };
    const auto withPath = [self](Access needed, Work work) {
        return [=](Peer caller, QString path) { return serve(self, caller, path, needed, work); };
    };
    offer("put", put);
    offer("folder", withPath(Access::Add, &FileStoreCore::makeFolder));
    offer("remove", withPath(Access::Remove, &FileStoreCore::remove));
    offer("find", withPath(Access::Read, &FileStoreCore::find));
}

/** Does what a peer asks for. A FileRefused is a value, by which it keeps its reason. */
Task<QVariantList> FileStoreCore::serve(std::weak_ptr<FileStoreCore> weak, Peer caller, QString path, Access needed,
                                        Work work)
{
    const auto self = weak.lock();
    const auto closed = [&] {
        return QVariantList{int(Reason::NotAllowed), path, QStringLiteral("\"%1\": the store is closed").arg(path)};
    };
    if (!self || self->m_closed.stop_requested())
        co_return closed();
    try {
        self->check(caller, needed, path);
        co_return QVariantList{0} + co_await withStopToken(self->m_closed.get_token(), work(*self, StorePath(path)));
    } catch (const FileRefused &refused) {
        co_return QVariantList{int(refused.reason()), refused.path(), refused.message()};
    } catch (const Cancelled &) {
        if (!self->m_closed.stop_requested())
            throw;
        co_return closed();
    }
}

void FileStoreCore::check(const Peer &caller, Access needed, const QString &path) const
{
    const auto refuse = [&](const QString &why) {
        throw FileRefused(Reason::NotAllowed, path, QStringLiteral("\"%1\": %2").arg(path, why));
    };
    if (!m_options.allowed.testFlag(needed) || (m_options.accepts && !m_options.accepts(caller)))
        refuse(QStringLiteral("the store does not allow that"));
}

// --- files that arrive ---

/** Room for a file. What has arrived in the end counts as all of it, until it is measured. */
class FileStoreCore::Reservation
{
public:
    Reservation(std::shared_ptr<FileStoreCore> core, qint64 size)
        : m_core(std::move(core))
        , m_size(size)
    {
        m_core->m_reserved += size;
    }
    ~Reservation()
    {
        m_core->m_reserved -= m_size;
        m_core->m_used += m_size;
        m_core->m_released += m_size;
    }
    Q_DISABLE_COPY_MOVE(Reservation)

private:
    const std::shared_ptr<FileStoreCore> m_core;
    const qint64 m_size;
};

/** Also removes what nobody has gone on with for long, and what is in the way. */
Task<std::unique_ptr<FileStoreCore::Reservation>> FileStoreCore::reserve(StorePath path, qint64 size)
{
    const auto turn = co_await m_reserving.acquire();
    const auto clean = [folder = m_folder](std::chrono::seconds age) { folder->removePartials(age); };
    if (m_nextCleaning.hasExpired()) {
        m_nextCleaning = QDeadlineTimer(CleaningInterval);
        co_await onFileThread([clean, age = m_options.keepPartial] { clean(age); });
    }
    if (m_options.quota == std::numeric_limits<qint64>::max())
        co_return nullptr;
    const auto fits = [&] { return size <= m_options.quota && m_used + m_reserved <= m_options.quota - size; };
    bool cleaned = false;
    while (!fits()) {
        const qint64 before = m_released;
        const qint64 used
            = co_await onFileThread([folder = m_folder](const std::stop_token &stop) { return folder->usage(stop); });
        const qint64 released = m_released - before;
        m_used = used + released; // which may be counted twice
        if (fits() || released > 0)
            continue;
        if (std::exchange(cleaned, true))
            path.refuse(Reason::QuotaExceeded, QStringLiteral("there is no room for %1 bytes in the store").arg(size));
        co_await onFileThread([clean] { clean(0s); });
    }
    co_return std::make_unique<Reservation>(shared_from_this(), size);
}

/** One that puts files. Only one of these waits for a place among all transfers: so senders take turns. */
struct FileStoreCore::Sender {
    explicit Sender(int atATime)
        : transfers(atATime)
    {
    }

    Semaphore files{MaxFilesOfSender};
    Semaphore transfers;
    Lock next;
};

/** How long the digest of so many bytes may take, which are here: a peer may say anything about others. */
std::chrono::milliseconds FileStoreCore::patienceFor(qint64 hashed) const
{
    return m_options.patience + std::chrono::seconds(hashed / DigestPerSecond);
}

/** Whether a file of that content is in its place. Throws FileRefused if something else is there that is to stay. */
Task<bool> FileStoreCore::isThere(Incoming incoming, PieceReader *reader)
{
    const StorePath &path = incoming.path;
    const auto file = co_await onFileThread(
        [folder = m_folder, path] { return std::make_shared<const Descriptor>(folder->openForReading(path)); });
    if (!file->isOpen() || (incoming.overwrite == Overwrite::Always && mayReplace()))
        co_return false;
    if (file->status().st_size == incoming.size) {
        const QByteArray ours
            = co_await onFileThread([file, path](const std::stop_token &stop) { return digestOf(*file, path, stop); });
        if (ours == co_await inTime(patienceFor(incoming.size), path, reader->digest(incoming.size)))
            co_return true;
    }
    if (incoming.overwrite == Overwrite::Never || !mayReplace())
        path.refuse(Reason::Exists, QStringLiteral("another file of that name is there"));
    co_return false;
}

/** Lets the partial file, which has so many bytes, become whole. Gives how many bytes that took. */
Task<qint64> FileStoreCore::receive(Incoming incoming, PieceReader *reader, std::shared_ptr<PartialFile> partial,
                                    qint64 position)
{
    const auto onPartial = [partial](auto work) { return onFileThread([partial, work] { return work(*partial); }); };
    const auto digest = [](PartialFile &file) { return file.digest(); };
    if (position > 0) {
        const QByteArray theirs = co_await inTime(patienceFor(position), incoming.path, reader->digest(position));
        if (theirs != co_await onPartial(digest)) {
            co_await onPartial([](PartialFile &file) { file.restart(); });
            position = 0;
        }
    }
    reader->start(position);
    qint64 received = 0;
    const auto queue = std::make_shared<FileQueue>();
    Semaphore appending(MaxAppending);
    co_await withScope([&](Scope &scope) -> Task<> {
        for (;;) {
            const QByteArray bytes = co_await inTime(m_options.patience, incoming.path, reader->read());
            if (bytes.isEmpty())
                break;
            scope.spawn(append, queue, partial, bytes, position + received, co_await appending.acquire());
            received += bytes.size();
        }
    });
    const auto patience = patienceFor(incoming.size);
    if (co_await inTime(patience, incoming.path, reader->digest(incoming.size)) != co_await onPartial(digest)) {
        co_await onPartial([](PartialFile &file) { file.remove(); });
        incoming.path.refuse(Reason::Corrupted, QStringLiteral("it has not arrived as it was sent"));
    }
    co_return received;
}

Task<QVariantList> FileStoreCore::put(Incoming incoming)
{
    const StorePath path = incoming.path;
    if (incoming.size > m_options.maxFileSize)
        path.refuse(Reason::TooLarge, QStringLiteral("it has %1 bytes, and the store takes files of up to %2")
                                          .arg(incoming.size)
                                          .arg(m_options.maxFileSize));
    const auto sender
        = sharedIn(m_senders, incoming.sender.link().get(), std::max(1, m_options.maxTransfers / SendersShare));
    const auto admission = sender->files.tryAcquire();
    if (!admission)
        path.refuse(Reason::TooMany,
                    QStringLiteral("%1 files of this process are arriving or waiting already").arg(MaxFilesOfSender));
    const auto permit = co_await sender->transfers.acquire();
    const QByteArray content = contentOf(path, incoming.size, incoming.attributes.modified);
    const auto lock = sharedIn(m_turns, content);
    const auto turn = co_await lock->acquire();
    auto next = co_await sender->next.acquire();
    const auto place = co_await m_transfers.acquire();
    next.release();
    PieceReader reader(m_network, {incoming.sender, incoming.key, path.text(), incoming.size}, {});
    if (co_await isThere(incoming, &reader))
        co_return {true, qint64(0)};
    // Let go behind the partial file, which is not measured while somebody has it.
    std::unique_ptr<Reservation> reservation;
    const auto partial
        = co_await onFileThread([folder = m_folder, path, content] { return folder->openPartial(path, content); });
    const qint64 position = co_await onFileThread(
        [partial, size = incoming.size](const std::stop_token &stop) { return partial->resume(size, stop); });
    reservation = co_await reserve(path, incoming.size);
    const qint64 received = co_await receive(incoming, &reader, partial, position);
    const auto existing = incoming.overwrite == Overwrite::Never || !mayReplace() ? StoreFolder::Existing::Keep
                                                                                  : StoreFolder::Existing::Replace;
    const auto commit = [folder = m_folder, partial, attributes = incoming.attributes, existing] {
        return folder->commit(*partial, attributes, existing);
    };
    while (!co_await shield(onFileThread(commit))) {
        if (co_await isThere(incoming, &reader)) { // somebody else was faster
            co_await onFileThread([partial] { partial->remove(); });
            co_return {true, received};
        }
    }
    co_return {false, received};
}

// --- other functions ---

Task<QVariantList> FileStoreCore::makeFolder(StorePath path)
{
    co_await onFileThread([folder = m_folder, path] { folder->makeFolder(path); });
    co_return {};
}

Task<QVariantList> FileStoreCore::remove(StorePath path)
{
    m_found.remove(path.text());
    co_return {co_await onFileThread([folder = m_folder, path] { return folder->remove(path); })};
}

Task<QVariantList> FileStoreCore::find(StorePath path)
{
    const auto open = [folder = m_folder, path] {
        Descriptor file = folder->openForReading(path);
        if (!file.isOpen())
            path.refuse(Reason::Missing, QStringLiteral("there is no such file"));
        return file;
    };
    const qint64 size = co_await onFileThread([open] { return qint64(open().status().st_size); });
    if (!m_found.contains(path.text()))
        m_found.insert(path.text(), new FileSource(open));
    const QByteArray key = m_found.object(path.text())->key();
    co_return {QVariant::fromValue(SharedFile(m_anchor, key, QFile::decodeName(path.name()), size))};
}

} // namespace Asyncoro::Detail
