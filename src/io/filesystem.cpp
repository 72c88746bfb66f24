// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filesystem.h"

#include "asyncfile.h"
#include "filesystem_p.h"

namespace Asyncoro {

using namespace Detail;

Task<QByteArray> readFile(QString path)
{
    AsyncFile file;
    co_await file.open(path);
    QByteArray content = co_await file.readAll();
    co_await file.close();
    co_return content;
}

Task<> writeFile(QString path, QByteArray content)
{
    co_await onFileThread(
        [path = std::move(path), content = std::move(content)] { writeFileNow(path, content); });
}

Task<> copyFile(QString from, QString to, CopyOptions options)
{
    const OfFileThread<FileCopy> copy(co_await onFileThread(
        [from, to, existing = options.existing] { return std::make_shared<FileCopy>(from, to, existing); }));
    bool more = true;
    while (more) {
        more = co_await onFileThread([copy = copy.get()] { return copy->step(); });
        if (options.progress)
            options.progress(copy.get()->done(), copy.get()->size());
    }
    co_await onFileThread([copy = copy.get()] { copy->finish(); });
}

Task<> renameFile(QString from, QString to, Existing existing)
{
    co_await onFileThread([from = std::move(from), to = std::move(to), existing] { renameFileNow(from, to, existing); });
}

Task<> removeFile(QString path)
{
    co_await onFileThread([path = std::move(path)] { removeFileNow(path); });
}

Task<> makePath(QString path)
{
    co_await onFileThread([path = std::move(path)] { makePathNow(path); });
}

AsyncGenerator<FolderEntry> listFolder(QString path, ListOptions options)
{
    const OfFileThread<FolderWalk> walk(
        co_await onFileThread([path, options] { return std::make_shared<FolderWalk>(path, options); }));
    while (true) {
        std::vector<FolderEntry> entries
            = co_await onFileThread([walk = walk.get()](std::stop_token stop) { return walk->next(stop); });
        if (entries.empty())
            co_return;
        for (FolderEntry &entry : entries)
            co_yield std::move(entry);
    }
}

} // namespace Asyncoro
