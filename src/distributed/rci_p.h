// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "rci.h"

namespace Asyncoro::Detail {

class NetworkCore;
class PeerLink;

/** What an Rci handle points to. Does not change. */
class RciData final
{
public:
    const std::shared_ptr<NetworkCore> core;
    const std::shared_ptr<PeerLink> link; // null for a function of this process
    const Location location;
    const QString name;
    const QString signature;

    [[nodiscard]] QByteArray process() const; ///< as CoroData::process()
};

} // namespace Asyncoro::Detail
