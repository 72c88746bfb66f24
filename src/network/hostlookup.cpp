// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "hostlookup.h"

namespace Asyncoro {

HostNotFound::HostNotFound(const QString &operation, const QString &subject, const QString &reason)
    : SocketError(QAbstractSocket::HostNotFoundError, operation, QStringLiteral("\"%1\"").arg(subject), reason)
{
}

HostNotFound::~HostNotFound() = default;

namespace Detail {

LookUpSuspension::LookUpSuspension(const char *operation, const QString &subject, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_operation(operation)
    , m_subject(subject)
{
}

LookUpSuspension::~LookUpSuspension() = default;

bool LookUpSuspension::start()
{
    m_receiver = std::make_unique<QObject>();
    m_id = QHostInfo::lookupHost(m_subject, m_receiver.get(), [this](const QHostInfo &answer) {
        m_answer = answer;
        complete();
    });
    return true;
}

void LookUpSuspension::abandon() noexcept
{
    QHostInfo::abortHostLookup(m_id); // takes it out of QHostInfo's queue, if it is there still
    m_receiver.reset();
}

QString LookUpSuspension::operation() const
{
    return QStringLiteral("%1, \"%2\"").arg(QLatin1StringView(m_operation), m_subject);
}

const QHostInfo &LookUpSuspension::answer() const
{
    throwUnlessComplete();
    if (m_answer.error() != QHostInfo::NoError)
        throw HostNotFound(QLatin1StringView(m_operation), m_subject, m_answer.errorString());
    return m_answer;
}

// QHostInfo would look for the name of an address.
bool LookUpAwaiter::start()
{
    if (const QHostAddress address(m_subject); !address.isNull()) {
        m_answer.setAddresses({address});
        return false;
    }
    return LookUpSuspension::start();
}

QString ReverseLookUpAwaiter::await_resume() const
{
    const QString name = answer().hostName();
    if (name == m_subject) // what QHostInfo gives where there is no name
        throw HostNotFound(QLatin1StringView(m_operation), m_subject,
                           QStringLiteral("no name is known for this address"));
    return name;
}

} // namespace Detail
} // namespace Asyncoro
