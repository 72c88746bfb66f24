// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#include "window.h"

#include <Asyncoro/Signal>
#include <Asyncoro/WhenAny>

#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

using namespace Asyncoro;
using namespace std::chrono_literals;

Window::Window(PeerNetwork &network, const QString &name, const Location &location)
    : m_network(network)
    , m_name(name)
    , m_location(location)
    , m_status(new QLabel("Connecting"))
    , m_lines(new QListWidget)
    , m_edit(new QLineEdit)
{
    setWindowTitle(name + " at " + location.toString());
    auto *const layout = new QVBoxLayout(this);
    layout->addWidget(m_status);
    layout->addWidget(m_lines);
    layout->addWidget(m_edit);
    m_status->setWordWrap(true);
    m_edit->setEnabled(false);
}

void Window::start(const QString &text)
{
    spawn(&Window::run, this, text);
}

Task<> Window::run(QString text)
{
    QString status = "The server has ended the chat";
    try {
        co_await chat(text);
    } catch (const Error &e) { // it cannot be reached, has another secret, or is lost
        status = e.message();
    }
    m_status->setText(status);
    m_edit->setEnabled(false);
}

Task<> Window::chat(QString text)
{
    const auto channel = co_await m_network.locate<Channel>(m_location, "chat", 10s);
    const auto join = co_await m_network.locate<Rci<int(QString, Coro<>)>>(m_location, "chat-join", 10s);
    const auto members = co_await m_network.locate<Rci<QStringList()>>(m_location, "chat-members", 10s);
    const Coro<> server = co_await m_network.anchorOf(m_location);
    co_await channel.subscribe(Coro<>::self(), 10s);
    const int id = co_await join.call(m_name, Coro<>::self());
    co_await whenAny(talk(channel, id, text), showLines(members), server); // the first that ends or fails, ends all
}

Task<> Window::talk(Channel channel, int id, QString text)
{
    const bool once = !text.isEmpty();
    m_edit->setEnabled(!once);
    m_edit->setFocus();
    do {
        if (!once) {
            co_await signal(m_edit, &QLineEdit::returnPressed);
            text = m_edit->text();
            m_edit->clear();
        }
        co_await channel.deliver(QVariantMap{{"from", id}, {"says", text}}, 0, 10s);
    } while (!once);
    close();
}

Task<> Window::showLines(Rci<QStringList()> members)
{
    for (;;) {
        m_lines->addItem(co_await receive<QString>());
        m_lines->scrollToBottom();
        m_status->setText("Here: " + (co_await members.call()).join(", ")); // somebody may have come or gone
    }
}
