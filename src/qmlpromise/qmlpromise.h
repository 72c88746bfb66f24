// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqmlpromise_export.h"

#include <Asyncoro/Coro>

#include <QJSEngine>
#include <QJSValue>
#include <QPointer>

namespace Asyncoro {

namespace Detail {

/** A JavaScript promise with what keeps it. On its engine's thread; may outlive the engine. */
class ASYNCORO_QMLPROMISE_EXPORT ScriptPromise
{
public:
    /** In the engine that `object` is known to, or is. Throws an Error if there is none. */
    explicit ScriptPromise(QObject *object);

    [[nodiscard]] QJSValue promise() const { return m_promise; }
    /** nullptr once it is destroyed. */
    [[nodiscard]] QJSEngine *engine() const { return m_engine; }

    void resolve(const QJSValue &value);
    /** With an Error object. */
    void reject(const QString &message);

private:
    QPointer<QJSEngine> m_engine;
    QJSValue m_promise;
    QJSValue m_resolve;
    QJSValue m_reject;
};

template<typename T>
Task<> settle(ScriptPromise promise, Coro<T> coro)
{
    try {
        if constexpr (std::is_void_v<T>) {
            co_await coro;
            promise.resolve(QJSValue());
        } else {
            const T value = co_await coro;
            if (QJSEngine *const engine = promise.engine())
                promise.resolve(engine->toScriptValue(value));
        }
    } catch (const Cancelled &) {
        throw; // the thread ends, and the engine with it
    } catch (...) {
        promise.reject(errorText(std::current_exception()));
    }
}

} // namespace Detail

/**
 * A JavaScript promise of what a coroutine will give, for a function that is called from QML:
 *
 *     Q_INVOKABLE QJSValue load(const QUrl &url) { return toPromise(this, spawn(download, url)); }
 *
 *     Button { onClicked: loader.load(url).then(text => label.text = text).catch(error => label.text = error.message) }
 *
 * The coroutine's value becomes a JavaScript value by QJSEngine::toScriptValue(). If it fails or is terminated, the
 * promise is rejected with an Error object whose message is the exception's text.
 *
 * `object` is the one whose function was called, or any other that the engine knows, or the engine itself. On the
 * engine's thread, which needs an event loop; the coroutine may run on another, or in another process. If the engine is
 * destroyed meanwhile, the coroutine goes on and its value is dropped. Throws an Error if `object` is not known to an
 * engine of this thread.
 */
template<typename T>
[[nodiscard]] QJSValue toPromise(QObject *object, const Coro<T> &coro)
{
    Detail::ScriptPromise promise(object);
    const QJSValue result = promise.promise();
    spawn(Detail::settle<T>, std::move(promise), coro).setDaemon();
    return result;
}

/** The same for a task, which is started. */
template<typename T>
[[nodiscard]] QJSValue toPromise(QObject *object, Task<T> task)
{
    return toPromise(object, spawn(std::move(task)));
}

} // namespace Asyncoro
