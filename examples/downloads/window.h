// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#pragma once

#include <Asyncoro/Coro>

#include <QDir>
#include <QNetworkAccessManager>
#include <QWidget>

class QLabel;
class QProgressBar;
class QPushButton;

/** Downloads files, all at once, into a folder, and shows how far it is. */
class Window : public QWidget
{
public:
    Window(const QList<QUrl> &urls, const QDir &folder);

    /** Downloads when the button is pressed, and cancels when it is pressed again; until the window is gone. */
    Asyncoro::Coro<> start();

private:
    Asyncoro::Task<> run();
    Asyncoro::Task<> downloadAll();
    Asyncoro::Task<> download(int n);
    void showProgress(int n, qint64 received, qint64 total);

    const QList<QUrl> m_urls;
    const QDir m_folder;
    QNetworkAccessManager m_network;
    QList<QProgressBar *> m_bars; // one for each file
    QProgressBar *m_overall;
    QLabel *m_status;
    QPushButton *m_button;
};
