# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Runs the examples of sockets, files and processes: with each other, and with nc, curl and openssl."""

import hashlib
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

TIMEOUT = 60  # seconds, for what takes one


def run(*command, text=None, env=None):
    """What a program prints; it must end well."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT, env=env)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def complaint(*command, env=None):
    """The one line with which a program fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=env)
    lines = done.stderr.splitlines()
    if (done.returncode, len(lines)) != (1, 1):
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return lines[0]


class Server:
    """A program that prints a line with its port, or its whole location, first; ended with the block."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)

    def __enter__(self):
        self.port = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def talk(port, question, *options):
    """What nc gets from a port of this machine for `question`, up to the end of the stream."""
    command = ("nc", *(options or ("-N",)), "127.0.0.1", port)  # -N: our end of the stream ends, too
    done = subprocess.run(command, input=question, capture_output=True, timeout=TIMEOUT)
    if done.returncode != 0 and not done.stdout:  # it may be told more than it could say
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def free_port(kind):
    """A port of this machine that no other program has."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def message(text):
    """As AsyncSocket frames it."""
    return struct.pack(">I", len(text)) + text


class Examples(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "numbers"
        self.file.write_text("".join(f"{n}\n" for n in range(20_000)))

    def test_echo(self):
        for threads in "1", "2":
            with Server("echo-server", "--threads", threads, "0") as server:
                lines = run("tcp-client", "127.0.0.1", server.port).splitlines()
                self.assertEqual(sorted(lines), [f"client id: {n}" for n in range(10)])
                self.assertEqual(talk(server.port, self.file.read_bytes()), self.file.read_bytes())

    def test_pong(self):
        with Server("pong-server", "0") as server:
            get = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
            answer = talk(server.port, get * 3)
            self.assertEqual((answer.count(b"HTTP/1.1 200 OK"), answer.count(b"Pong\n")), (3, 3))
            answer = talk(server.port, get.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + get)
            self.assertEqual(answer.count(b"Pong"), 1)
            answer = talk(server.port, get.replace(b"1.1", b"1.0") + get)
            self.assertEqual(answer.count(b"Pong"), 1)
            self.assertIn(b"431", talk(server.port, b"GET /" + b"x" * 20_000))
            if shutil.which("curl"):
                url = f"http://127.0.0.1:{server.port}/"
                self.assertEqual(run("curl", "--silent", url, url), "Pong\nPong\n")
                self.assertEqual(run("curl", "--silent", "--http1.0", url), "Pong\n")

    def test_wrong_ports(self):
        for command in ("echo-server PORT", "pong-server PORT", "tutorial-socket-server PORT",
                        "chat-socket-server PORT", "remote-channel-server PORT", "remote-coro-server PORT",
                        "chat-channel-server PORT", "rci-monitor-server PORT", "file-send --serve here --port PORT",
                        "tcp-client 127.0.0.1 PORT", "tls-client localhost PORT", "tutorial-socket-client 1 PORT",
                        "chat-socket-client Ann PORT", "udp ask PORT text"):
            for port in "abc", "99999":
                done = subprocess.run(command.replace("PORT", port).split(), capture_output=True, text=True,
                                      timeout=TIMEOUT)
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), command)
                self.assertIn(f'"{port}" is no port', done.stderr)

    def test_tutorial(self):
        with Server("tutorial-socket-server", "0") as server:
            self.assertIn("100 clients have said all", run("tutorial-socket-client", "100", server.port))
            self.assertEqual(talk(server.port, b"one\ntwo\n"), b"thank you\n" * 2)

    def test_tutorial_client_of_nc(self):
        port = free_port(socket.SOCK_STREAM)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(("nc", "-nvl", "127.0.0.1", port), **pipes) as server:
            try:
                self.assertIn("Listening", server.stderr.readline())
                client = subprocess.Popen(("tutorial-socket-client", "1", port), stdout=subprocess.DEVNULL)
                self.addCleanup(client.wait)
                self.addCleanup(client.kill)
                said, _ = server.communicate("thank you\n" * 3, timeout=TIMEOUT)
                self.assertEqual(said, "".join(f"client 1 says {n}\n" for n in (1, 2, 3)))
                self.assertEqual(client.wait(TIMEOUT), 0)
            finally:
                server.kill()

    def test_chat(self):
        with Server("chat-socket-server", "0") as server:
            ann, bob = self.chat_client("Ann", server.port), self.chat_client("Bob", server.port)
            try:
                ready, _, _ = select.select([ann.stdout, bob.stdout], [], [], TIMEOUT)
                news = ready[0].readline()  # whoever came first hears of the other
                self.assertIn("has joined", news)
                speaker, hearer = (bob, ann) if news.startswith("Bob") else (ann, bob)
                speaker.stdin.write("hello\n")
                speaker.stdin.flush()
                self.assertTrue(hearer.stdout.readline().strip().endswith(": hello"))
                talk(server.port, message(b"nc") + message(b"no more than a pipe"))
                heard = [hearer.stdout.readline() for _ in range(3)]
                self.assertEqual(heard, ["nc has joined\n", "nc: no more than a pipe\n", "nc has left\n"])
            finally:
                for client in ann, bob:
                    client.kill()
                    client.communicate()

    def chat_client(self, name, port):
        command = ("chat-socket-client", name, port)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def test_remote_coro(self):
        with Server("remote-coro-server") as server:
            run("remote-coro-client", server.port)
            run("remote-coro-client", "--quit", server.port)
            printed = server.process.communicate(timeout=TIMEOUT)[0].splitlines()
            self.assertEqual(printed, [f"message {n} of 5" for n in range(1, 6)] * 2)
            self.assertEqual(server.process.returncode, 0)
            self.assertIn("nothing listens there", complaint("remote-coro-client", server.port))

    def test_remote_coro_discovered(self):
        here = os.environ | {"ASYNCORO_DISCOVERY": free_port(socket.SOCK_DGRAM)}
        with Server("remote-coro-server", env=here) as server:
            run("remote-coro-client", "--quit", env=here)
            self.assertEqual(len(server.process.communicate(timeout=TIMEOUT)[0].splitlines()), 5)

    def test_remote_channel(self):
        with Server("remote-channel-server") as server:
            self.assertEqual(run("remote-channel-client", server.port), "sum 15\nproduct 120\n")
            printed = server.process.communicate(timeout=TIMEOUT)[0].splitlines()
            self.assertEqual(printed, [f"{n}: 2 recipients" for n in (1, 2, 3, 4, 5, 0)])

    def test_rci_monitor(self):
        secret = self.folder / "secret"
        secret.write_text("of both\n")
        secret.chmod(0o600)
        known, other = (os.environ | {"ASYNCORO_SECRET": text} for text in ("of both", "another"))
        client = "rci-monitor-client"
        with Server("rci-monitor-server", env=known, stderr=subprocess.DEVNULL) as server:
            ends = [f"{n}: " + (f"failed: {n} is odd" if n % 2 else f"finished with {n * n}") for n in range(10)]
            self.assertEqual(sorted(run(client, server.port, env=known).splitlines()), ends)
            self.assertEqual(sorted(run(client, "--secret-file", str(secret), server.port).splitlines()), ends)
            self.assertIn("another secret", complaint(client, server.port, env=other))
        self.assertIn("nothing listens there", complaint(client, server.port, env=known))
        self.assertIn("there is no secret", complaint("rci-monitor-server"))

    def test_chat_channel(self):
        with Server("chat-channel-server") as server:
            ann = subprocess.Popen(("chat-channel-client", "Ann", server.port), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                self.assertEqual(ann.stdout.readline(), "Ann has joined\n")
                run("chat-channel-client", "Bob", server.port, text="hello\nI AM SHOUTING\n1 + 1\n")
                lines = [ann.stdout.readline().strip() for _ in range(4)]
                self.assertEqual(lines, ["Bob has joined", "Bob: hello", "Bob: 1 + 1", "Bob has left"])
                if shutil.which("chat-channel-window"):  # where there is Qt Widgets
                    run("chat-channel-window", "Eve", server.port, "good evening")
                    lines = [ann.stdout.readline().strip() for _ in range(3)]
                    self.assertEqual(lines, ["Eve has joined", "Eve: good evening", "Eve has left"])
                server.process.kill()
                self.assertIn(server.port, ann.stderr.readline())  # who was lost
                self.assertEqual(ann.wait(TIMEOUT), 1)
            finally:
                ann.kill()
                ann.communicate()

    def test_udp(self):
        with Server("udp", "serve", "2") as server:
            answers = run("udp", "ask", server.port, "a", "b").splitlines()
            self.assertEqual(sorted(answer[-1] for answer in answers), ["a", "b"])
        with Server("udp", "serve", "1") as server:
            self.assertEqual(talk(server.port, b"c", "-u", "-W", "1"), b"message 1: c")

    def test_pipe_checksum(self):
        lines = run("pipe-checksum", str(self.file)).splitlines()
        self.assertEqual(lines[-1], "equal")

    def test_pipe_grep(self):
        lines = run("pipe-grep", "^199", str(self.file)).splitlines()
        self.assertEqual(len([line for line in lines if line.split()[-1].startswith("199")]), 111)

    def test_socket_file(self):
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        self.assertEqual(run("socket-file", str(self.file)).count(digest), 2)

    def test_file_send(self):
        store = self.folder / "store"
        with Server("file-send", "--serve", str(store)) as server:
            send = ("file-send", str(self.file), server.port, "--as", "in/a")  # its port is the whole location
            self.assertEqual(run(*send), "1 sent, 0 there already, 108890 bytes\n")
            self.assertEqual((store / "in/a").read_bytes(), self.file.read_bytes())
            self.assertEqual(run(*send), "0 sent, 1 there already, 0 bytes\n")
            self.file.write_text("other")
            refused = subprocess.run(send, capture_output=True, timeout=TIMEOUT)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(b"another file of that name is there", refused.stderr)
            run(*send, "--replace")
            self.assertEqual((store / "in/a").read_text(), "other")

    def test_tls_client(self):
        certificate, key = str(self.folder / "cert.pem"), str(self.folder / "key.pem")
        names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        made = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
        run("openssl", "req", *made, *names, "-out", certificate, "-keyout", key)
        command = ("openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            try:
                line = next(line for line in server.stdout if line.startswith("ACCEPT "))
                port = line.rsplit(":", 1)[1].strip()
                self.assertIn("TLSv1.3", run("tls-client", "localhost", port, certificate))
                refused = subprocess.run(("tls-client", "localhost", port), capture_output=True, timeout=TIMEOUT)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(b"signed by itself", refused.stderr + refused.stdout)
            finally:
                server.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
