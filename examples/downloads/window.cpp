// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#include "window.h"

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncReply>
#include <Asyncoro/Scope>
#include <Asyncoro/Signal>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAny>

#include <QCryptographicHash>
#include <QGridLayout>
#include <QHttp1Configuration>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScopeGuard>

using namespace Asyncoro;

Window::Window(const QList<QUrl> &urls, const QDir &folder)
    : m_urls(urls)
    , m_folder(folder)
    , m_overall(new QProgressBar)
    , m_status(new QLabel(QString("%1 files to %2").arg(urls.size()).arg(folder.path())))
    , m_button(new QPushButton("Download"))
{
    setWindowTitle("Downloads");
    auto *const grid = new QGridLayout(this);
    for (int n = 0; n < urls.size(); ++n) {
        m_bars << new QProgressBar;
        m_bars.last()->setFormat(urls.at(n).fileName());
        m_bars.last()->setMaximum(1000);
        m_bars.last()->setValue(0);
        grid->addWidget(m_bars.last(), n / 5, n % 5);
    }
    const int below = grid->rowCount();
    grid->addWidget(m_overall, below, 0, 1, 5);
    grid->addWidget(m_status, below + 1, 0, 1, 4);
    grid->addWidget(m_button, below + 1, 4);
    m_overall->setMaximum(int(urls.size()) * 1000);
    m_overall->setValue(0);
}

Coro<> Window::start()
{
    return spawn(&Window::run, this);
}

Task<> Window::run()
{
    for (;;) {
        co_await signal(m_button, &QPushButton::clicked);
        m_button->setText("Cancel");
        try {
            const auto first = co_await whenAny(downloadAll(), signal(m_button, &QPushButton::clicked));
            m_status->setText(first.index() == 0 ? "All files are there" : "Cancelled: what was complete is there");
        } catch (const Error &e) {
            m_status->setText(e.message());
        }
        m_button->setText("Download");
    }
}

Task<> Window::downloadAll()
{
    m_status->setText("Downloading");
    co_await withScope([this](Scope &scope) -> Task<> {
        for (int n = 0; n < m_urls.size(); ++n) {
            showProgress(n, 0, 1);
            scope.spawn(&Window::download, this, n);
        }
        co_return;
    }); // all are here, or one has failed and the others were cancelled
}

Task<> Window::download(int n)
{
    QNetworkRequest request(m_urls.at(n));
    QHttp1Configuration http;
    http.setNumberOfConnectionsPerHost(m_urls.size()); // mostly six
    request.setHttp1Configuration(http);
    AsyncReply reply(m_network.get(request));
    co_await reply.started();

    const QString path = m_folder.filePath(m_urls.at(n).fileName());
    const QString part = path + ".part";
    const auto removePart = qScopeGuard([part] { QFile::remove(part); });
    AsyncFile file;
    co_await shield(file.open(part, QIODevice::WriteOnly)); // to its end: it shall not appear after it was removed
    QCryptographicHash hash(QCryptographicHash::Sha256);
    for (QByteArray chunk = co_await reply.read(); !chunk.isEmpty(); chunk = co_await reply.read()) {
        hash.addData(chunk);
        co_await file.write(chunk);
        showProgress(n, reply.received(), reply.total());
    }
    co_await file.close();
    QFile::remove(path);
    QFile::rename(part, path);
    m_bars.at(n)->setFormat(hash.result().toHex().first(12));
    m_bars.at(n)->setToolTip("SHA-256 " + hash.result().toHex());
}

void Window::showProgress(int n, qint64 received, qint64 total)
{
    const int before = m_bars.at(n)->value();
    const int now = int(received * 1000 / qMax<qint64>(total, 1));
    m_bars.at(n)->setValue(now);
    m_overall->setValue(m_overall->value() + now - before);
    if (now == 0)
        m_bars.at(n)->setFormat(m_urls.at(n).fileName());
}
