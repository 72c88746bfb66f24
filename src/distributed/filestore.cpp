// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filestore.h"

#include "filestorecore_p.h"

namespace Asyncoro {

FileStore::FileStore(PeerNetwork &network, const QString &folder, const Options &options)
    : m_core(std::make_shared<Detail::FileStoreCore>(network, folder, options))
{
    m_core->offerTo(network);
}

FileStore::FileStore(PeerNetwork &network, const QString &folder)
    : FileStore(network, folder, Options())
{
}

FileStore::~FileStore()
{
    m_core->close();
}

} // namespace Asyncoro
