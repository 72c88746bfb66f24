# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Runs the examples of sockets, files and processes: with each other, and with curl, openssl and plain sockets."""

import hashlib
import select
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

TIMEOUT = 60  # seconds, for what takes one


def run(*command, text=None):
    """What a program prints; it must end well."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


class Server:
    """A program that prints a line with its port first; ended with the block."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.port = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def talk(port, question):
    """The answer to `question`, up to the end of the stream, as nc would show it."""
    with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT) as connection:
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


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

    def test_tutorial(self):
        with Server("tutorial-socket-server", "0") as server:
            self.assertIn("100 clients have said all", run("tutorial-socket-client", "100", server.port))

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
            finally:
                for client in ann, bob:
                    client.kill()
                    client.communicate()

    def chat_client(self, name, port):
        command = ("chat-socket-client", name, port)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def test_udp(self):
        with Server("udp", "serve", "2") as server:
            answers = run("udp", "ask", server.port, "a", "b").splitlines()
            self.assertEqual(sorted(answer[-1] for answer in answers), ["a", "b"])

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
