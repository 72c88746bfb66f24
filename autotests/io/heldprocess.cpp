// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A process that hands its standard input, output and error to a test, which then is the other end of its streams, and
// runs until the test closes the connection. Usage: io_heldprocess NAME, of an abstract local socket.

#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = argc == 2 ? std::strlen(argv[1]) : sizeof address.sun_path;
    if (length >= sizeof address.sun_path)
        return 1;
    std::memcpy(address.sun_path + 1, argv[1], length);
    const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + length);
    if (::connect(connection, reinterpret_cast<sockaddr *>(&address), size) != 0)
        return 1;

    const int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
    char byte = 'd';
    iovec bytes{&byte, 1};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr *const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptors);
    std::memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
    if (::sendmsg(connection, &message, 0) != 1)
        return 1;

    for (const int descriptor : descriptors)
        ::close(descriptor);
    if (::write(connection, &byte, 1) != 1) // the test has them alone now
        return 1;
    while (::read(connection, &byte, 1) > 0) { }
    return 0;
}
