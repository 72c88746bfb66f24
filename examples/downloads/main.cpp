// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Downloads, hashes and saves fifty files at once, with progress and a Cancel that works: in one thread, and without a
// callback. The files come from a server in the same program, or from elsewhere.
//
//   downloads [FOLDER [URL...]]

#include "server.h"
#include "window.h"

#include <QApplication>

using namespace Asyncoro;

int main(int argc, char **argv)
{
    QApplication app(argc, argv);
    const QDir folder(app.arguments().value(1, QDir::tempPath() + "/downloads"));
    folder.mkpath(".");

    AsyncServer server;
    QList<QUrl> urls;
    for (const QString &url : app.arguments().mid(2))
        urls << QUrl(url);
    if (urls.isEmpty()) {
        server.listen(QHostAddress::LocalHost);
        spawn(serveFiles, std::ref(server)).setDaemon();
        for (int n = 1; n <= 50; ++n)
            urls << QUrl(QString("http://%1/%2").arg(server.location().toString()).arg(n));
    }
    Window window(urls, folder);
    window.start();
    window.show();
    return Asyncoro::exec();
}
