// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "protocol_p.h"

#include "joblost.h"

#include <Asyncoro/MessageType>

namespace Asyncoro::Discoro {

JobLost::~JobLost() = default;

void Protocol::registerTypes()
{
    registerMessageType<NodeFacts>();
    registerMessageType<NodeLoad>();
    registerMessageType<ComputationFacts>();
    registerMessageType<QList<ServerFacts>>();
    registerMessageType<JobFacts>();
    registerErrorType<JobLost>();
}

} // namespace Asyncoro::Discoro
