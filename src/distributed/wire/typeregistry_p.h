// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "messagetype.h"

#include <memory>

namespace Asyncoro::Detail {

/** How values of `type` travel, if that was registered; null otherwise. */
std::shared_ptr<const MessageTypeCodec> codecOf(QMetaType type);

/**
 * The type that a peer names; invalid if there is none. Qt knows the types of its GUI libraries by name even in a
 * process without these, and writes a warning for each that is looked up: so they are only if they were registered.
 */
QMetaType typeNamed(const QByteArray &name);

/** Whether Qt has access to what is in a container of that type: a list or set, or a map. */
bool isSequence(QMetaType type);
bool isAssociation(QMetaType type);

/** What to tell who sends a value of a type that does not travel. */
QString whyUnsendable(QMetaType type);

/** Makes the names of containers of Qt's values known, which decodeValue() looks up. Once for a process. */
void registerContainerTypes();

} // namespace Asyncoro::Detail
