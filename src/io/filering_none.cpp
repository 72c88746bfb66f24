// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Where there is no io_uring, threads do all that may block.

#include "filering_p.h"

namespace Asyncoro::Detail {

FileRing *FileRing::ofThisThread()
{
    return nullptr;
}

} // namespace Asyncoro::Detail
