// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// The chat of chat-channel-server as a window. Its coroutine belongs to it: when the window is gone, it has left.
//
//   chat-channel-window NAME LOCATION [TEXT]       LOCATION: what the server prints; with a TEXT, says it and closes

#include "window.h"

#include <QApplication>

#include <cstdio>

using namespace Asyncoro;

int main(int argc, char **argv)
{
    QApplication app(argc, argv);
    const Location location = Location::fromString(app.arguments().value(2));
    if (!location.isValid()) {
        std::fputs("usage: chat-channel-window NAME LOCATION [TEXT]\n", stderr);
        return 2;
    }
    try {
        PeerNetwork::Options options;
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        Window window(network, app.arguments().at(1), location);
        window.start(app.arguments().value(3));
        window.show();
        return QApplication::exec();
    } catch (const Error &e) { // there is no network
        std::fprintf(stderr, "chat-channel-window: %s\n", e.what());
        return 1;
    }
}
