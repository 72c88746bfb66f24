// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"

#include <QCoreApplication>
#include <QProcess>

#include <csignal>

namespace DistributedTest {

using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

/** A process that runs peerprocess.cpp. */
class PeerProcess
{
public:
    static constexpr qint64 MaxFileSize = 1'000'000;

    struct Options {
        quint16 port = 0;
        bool busy = false;
        bool sameLimits = false; // as this process has now; else those of every process
        bool quiet = false; // expects so many broken connections that its warnings would hide others
        QString secret = QStringLiteral("s3cret");
        QString name = {};
        QString external = {}; // address of a router that passes connections to the port on to it
        QString store = {}; // folder of a FileStore that takes files of up to MaxFileSize bytes; empty: none
    };

    PeerProcess()
        : PeerProcess(Options())
    {
    }

    explicit PeerProcess(const Options &options)
    {
        QStringList arguments{QStringLiteral("--port"), QString::number(options.port),
                              QStringLiteral("--secret"), options.secret,
                              QStringLiteral("--name"), options.name};
        if (!options.store.isEmpty())
            arguments << QStringLiteral("--store") << options.store
                      << QStringLiteral("--max-file-size") << QString::number(MaxFileSize);
        if (!options.external.isEmpty())
            arguments << QStringLiteral("--external") << Location(options.external, options.port).toString();
        if (options.busy)
            arguments << QStringLiteral("--busy");
        if (options.sameLimits) {
            const PeerLimits &limits = peerLimits();
            QStringList texts;
            for (const auto limit : {limits.handshake, limits.retry, limits.ping, limits.silence})
                texts << QString::number(limit.count());
            arguments << QStringLiteral("--limits") << texts.join(u',');
        }
        if (options.quiet) {
            auto environment = QProcessEnvironment::systemEnvironment();
            environment.insert(QStringLiteral("QT_LOGGING_RULES"), QStringLiteral("asyncoro.*.warning=false"));
            m_process.setProcessEnvironment(environment);
        }
        m_process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        m_process.start(QCoreApplication::applicationDirPath() + QStringLiteral("/distributed_peerprocess"), arguments);
        while (!m_process.canReadLine()) {
            if (!m_process.waitForReadyRead(30'000))
                throw Error(QStringLiteral("the process does not start: ") + m_process.errorString());
        }
        const QString line = QString::fromUtf8(m_process.readLine()).trimmed();
        location = Location::fromString(line);
        if (!location.isValid()) {
            kill();
            throw Error(QStringLiteral("the process does not start: ") + line);
        }
    }

    ~PeerProcess() { kill(); }
    PeerProcess(const PeerProcess &) = delete;
    PeerProcess &operator=(const PeerProcess &) = delete;

    void signal(int number) const { ::kill(pid_t(m_process.processId()), number); }
    [[nodiscard]] qint64 id() const { return m_process.processId(); }

    void kill()
    {
        m_process.kill();
        m_process.waitForFinished();
    }

    Location location;

private:
    QProcess m_process;
};

} // namespace DistributedTest
