// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#pragma once

#include <Asyncoro/Channel>
#include <Asyncoro/PeerNetwork>

#include <QWidget>

class QLabel;
class QLineEdit;
class QListWidget;

/** A chat: what all say, who is there, and a line to say something. */
class Window : public QWidget
{
public:
    /** `network` must outlive it. */
    Window(Asyncoro::PeerNetwork &network, const QString &name, const Asyncoro::Location &location);

    /** Joins, and takes part until the window is gone or the server is; with a `text`, says only that and closes. */
    void start(const QString &text = {});

private:
    Asyncoro::Task<> run(QString text);
    Asyncoro::Task<> chat(QString text);
    Asyncoro::Task<> talk(Asyncoro::Channel channel, int id, QString text);
    Asyncoro::Task<> showLines(Asyncoro::Rci<QStringList()> members);

    Asyncoro::PeerNetwork &m_network;
    const QString m_name;
    const Asyncoro::Location m_location;
    QLabel *m_status;
    QListWidget *m_lines;
    QLineEdit *m_edit;
};
