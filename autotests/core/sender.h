// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QMetaMethod>
#include <QObject>
#include <QThread>

#include <memory>

/** An object with the kinds of signals that there are. */
class Sender : public QObject
{
    Q_OBJECT

public:
    [[nodiscard]] bool isConnected() const { return isSignalConnected(QMetaMethod::fromSignal(&Sender::changed)); }
    void emitSealed(int value) { Q_EMIT sealed(value, QPrivateSignal()); }

Q_SIGNALS:
    void fired();
    void changed(int value);
    void moved(int x, const QString &name);
    void sealed(int value, QPrivateSignal);
    void overloaded(int value);
    void overloaded(const QString &text);
    void constant(int value) const;
};

class DerivedSender : public Sender
{
    Q_OBJECT
};

/** Emits a signal as soon as somebody connects to it. */
class EagerSender : public QObject
{
    Q_OBJECT

Q_SIGNALS:
    void changed(int value);

protected:
    void connectNotify(const QMetaMethod &) override { Q_EMIT changed(5); }
};

/**
 * A thread with an event loop, which ends with it. No Q_OBJECT: the thread sanitizer would see the thread ask for its
 * metaObject(), and not see that it is waited for.
 */
class WorkerThread : public QThread
{
public:
    WorkerThread() { start(); }
    ~WorkerThread() override { end(); }
    void end()
    {
        quit();
        wait();
    }
    /** Blocks until `function` has run there. */
    template<typename Function>
    void run(Function function)
    {
        QObject context;
        context.moveToThread(this);
        QMetaObject::invokeMethod(
            &context,
            [&] {
                function();
                context.moveToThread(nullptr);
            },
            Qt::BlockingQueuedConnection);
    }
};
