// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "qmlpromise.h"

#include <Asyncoro/Error>

#include <QThread>

namespace Asyncoro::Detail {

namespace {

QJSEngine *engineOf(QObject *object)
{
    if (auto *const engine = qobject_cast<QJSEngine *>(object))
        return engine;
    return object ? qjsEngine(object) : nullptr;
}

} // namespace

ScriptPromise::ScriptPromise(QObject *object)
    : m_engine(engineOf(object))
{
    if (!m_engine)
        throw Error(QStringLiteral("toPromise(): the object is not known to a JavaScript engine"));
    if (m_engine->thread() != QThread::currentThread())
        throw Error(QStringLiteral("toPromise(): the JavaScript engine belongs to another thread"));
    const QJSValue parts = m_engine->evaluate(QStringLiteral(
        "(() => { const p = {};"
        " p.promise = new Promise((resolve, reject) => { p.resolve = resolve; p.reject = reject; });"
        " return p; })()"));
    m_promise = parts.property(QStringLiteral("promise"));
    m_resolve = parts.property(QStringLiteral("resolve"));
    m_reject = parts.property(QStringLiteral("reject"));
}

void ScriptPromise::resolve(const QJSValue &value)
{
    if (m_engine)
        m_resolve.call({value});
}

void ScriptPromise::reject(const QString &message)
{
    if (m_engine)
        m_reject.call({m_engine->newErrorObject(QJSValue::GenericError, message)});
}

} // namespace Asyncoro::Detail
