# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A cluster whose connections use TLS: scheduler, node, server processes, client and `discoro status`."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from programs import Program, environment_without_cluster, run


class Certificates:
    """Files NAME.pem and NAME.key, made by the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        for authority in ("ca", "other-ca"):
            self._make(authority, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        for name in ("scheduler", "node", "client"):
            self._make(name, "basicConstraints=critical,CA:FALSE", authority="ca")
        self._make("foreign", "basicConstraints=critical,CA:FALSE", authority="other-ca")
        self._openssl("pkey", "-in", self.path("node.key"), "-aes128", "-passout", "pass:secret", "-out",
                      self.path("encrypted.key"))
        self._openssl("x509", "-in", self.path("node.pem"), "-outform", "DER", "-out", self.path("node.der"))
        shutil.copy(self.path("node.key"), self.path("open.key"))
        os.chmod(self.path("open.key"), 0o644)

    def path(self, name):
        return str(self.folder / name)

    def options(self, name, authority="ca"):
        return ("--certificate", self.path(f"{name}.pem"), "--key", self.path(f"{name}.key"),
                "--authority", self.path(f"{authority}.pem"))

    def environment(self, name, authority="ca"):
        return {"ASYNCORO_CERTIFICATE": self.path(f"{name}.pem"), "ASYNCORO_KEY": self.path(f"{name}.key"),
                "ASYNCORO_AUTHORITY": self.path(f"{authority}.pem")}

    def _make(self, name, *extensions, authority=None):
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem")]
        for extension in extensions:
            words += ["-addext", extension]
        if authority:
            words += ["-CA", self.path(f"{authority}.pem"), "-CAkey", self.path(f"{authority}.key")]
        self._openssl(*words)

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)


def servers_of(node):
    """The command line and the environment of each process that the program `node` has started, as bytes."""
    texts = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == node.process.pid:
                texts.append((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes())
        except OSError:
            pass  # it has ended meanwhile
    return texts


class TlsOfTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = Certificates(Path(folder.name))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environment = environment_without_cluster()

    def start(self, *command):
        program = Program(self.environment, *command)
        self.addCleanup(program.close)
        return program

    def start_scheduler(self, *options):
        """Where it listens."""
        return self.start("discoro-scheduler", "--port", "0", *options).wait_for("listening").split()[1]

    def start_node(self, scheduler, *options):
        return self.start("discoro-node", "--scheduler", scheduler, "--name", "safe", "--cpus", "1", "--work-dir",
                          str(self.folder / "node"), *options)

    def status(self, scheduler, *options):
        return run(self.environment, "discoro", "status", "--scheduler", scheduler, *options)

    def test_a_job_runs(self):
        scheduler = self.start_scheduler(*self.certificates.options("scheduler"))
        node = self.start_node(scheduler, *self.certificates.options("node"))
        node.wait_for("joined")
        environment = self.environment | self.certificates.environment("client") | {"ASYNCORO_SCHEDULER": scheduler}
        client = Program(environment, "cluster-map")
        self.addCleanup(client.close)
        servers = []
        while client.process.poll() is None:
            servers += servers_of(node)
            time.sleep(0.01)
        for line in ("1", "2", "3"):
            self.assertEqual(client.wait_for(""), line)
        self.assertEqual(client.process.returncode, 0)
        self.assertTrue(any(b"ASYNCORO_DISCORO_SERVER" in server for server in servers))
        for server in servers:
            if b"ASYNCORO_DISCORO_SERVER" in server:  # else it is not what it becomes
                self.assertNotIn(b"node.key", server)
                self.assertNotIn(b"PRIVATE", server)

        status = self.status(scheduler, *self.certificates.options("client"))
        self.assertIn("safe", status.stdout, status.stderr)
        self.assertIn("3 done", status.stdout)
        peers = self.status(scheduler, "--peers", *self.certificates.options("client"))
        self.assertIn("Peers", peers.stdout, peers.stderr)

    def test_a_cluster_on_this_machine(self):
        result = run(self.environment, "discoro", "local", "--servers", "1", *self.certificates.options("node"), "--",
                     "cluster-map")
        self.assertEqual((result.returncode, result.stdout), (0, "1\n2\n3\n"), result.stderr)
        result = run(self.environment, "discoro", "local", *self.certificates.options("node"), "--", "env", "-u",
                     "ASYNCORO_CERTIFICATE", "-u", "ASYNCORO_KEY", "-u", "ASYNCORO_AUTHORITY", "discoro", "status")
        self.assertEqual(result.returncode, 1)
        self.assertIn("uses TLS, and this process has no certificate", result.stderr)

    def test_certificates_of_another_authority(self):
        scheduler = self.start_scheduler(*self.certificates.options("scheduler"))
        status = self.status(scheduler, *self.certificates.options("foreign"))
        self.assertEqual(status.returncode, 1)
        self.assertIn("it does not accept the certificate of this side", status.stderr)
        environment = self.environment | self.certificates.environment("foreign") | {"ASYNCORO_SCHEDULER": scheduler}
        client = run(environment, "cluster-map")
        self.assertEqual(client.returncode, 1)
        self.assertIn("it does not accept the certificate of this side", client.stderr)
        node = self.start_node(scheduler, *self.certificates.options("foreign"))
        node.wait_for("it does not accept the certificate of this side")
        self.assertEqual(node.process.wait(), 1)

        status = self.status(scheduler, *self.certificates.options("client", authority="other-ca"))
        self.assertEqual(status.returncode, 1)
        self.assertIn('scheduler" comes from an authority that is not trusted', status.stderr)

    def test_one_side_without(self):
        secure = self.start_scheduler(*self.certificates.options("scheduler"))
        status = self.status(secure)
        self.assertEqual(status.returncode, 1)
        self.assertIn(f"{secure} uses TLS, and this process has no certificate", status.stderr)
        client = run(self.environment | {"ASYNCORO_SCHEDULER": secure}, "cluster-map")
        self.assertEqual(client.returncode, 1)
        self.assertIn(f"{secure} uses TLS, and this process has no certificate", client.stderr)
        plain = self.start_scheduler()
        status = self.status(plain, *self.certificates.options("client"))
        self.assertEqual(status.returncode, 1)
        self.assertIn(f"{plain} does not use TLS, and this process does", status.stderr)

    def test_all_addresses(self):
        status = run(self.environment, "discoro-scheduler", "--port", "0", "--address", "0.0.0.0")
        self.assertEqual(status.returncode, 1)
        self.assertIn("a secret or a certificate is needed to listen on 0.0.0.0", status.stderr)
        location = self.start_scheduler("--address", "0.0.0.0", *self.certificates.options("scheduler"))
        local = "127.0.0.1:" + location.rpartition(":")[2]
        self.assertEqual(self.status(local, *self.certificates.options("client")).returncode, 0)

    def test_a_secret_besides(self):
        secret = self.folder / "secret"
        secret.write_text("s3cret")
        secret.chmod(0o600)
        scheduler = self.start_scheduler("--secret-file", str(secret), *self.certificates.options("scheduler"))
        both = self.status(scheduler, "--secret-file", str(secret), *self.certificates.options("client"))
        self.assertEqual(both.returncode, 0, both.stderr)
        status = self.status(scheduler, *self.certificates.options("client"))
        self.assertEqual(status.returncode, 1)
        self.assertIn("it has another secret", status.stderr)

    def test_files_that_cannot_be_used(self):
        path = self.certificates.path
        good = {"certificate": path("node.pem"), "key": path("node.key"), "authority": path("ca.pem")}
        cases = (
            ({"certificate": path("none.pem")}, f"cannot read the certificate in {path('none.pem')}: No such file"),
            ({"key": path("none.key")}, f"cannot read the key in {path('none.key')}: No such file"),
            ({"authority": path("none.pem")}, f"{path('none.pem')}: No such file"),
            ({"key": path("")}, f"cannot read the key in {path('')}: "),
            ({"certificate": path("node.der")}, f"{path('node.der')} has no certificate in PEM"),
            ({"authority": path("ca.key")}, f"{path('ca.key')} has no certificate in PEM"),
            ({"key": path("node.pem")}, f"{path('node.pem')} has no private key in PEM"),
            ({"key": path("encrypted.key")}, f"{path('encrypted.key')} is encrypted, and no pass phrase was given"),
            ({"key": path("client.key")},
             f"{path('client.key')} does not belong to the first certificate of {path('node.pem')}"),
            ({"key": ""}, "missing: its key (--key FILE or ASYNCORO_KEY)"),
            ({"certificate": ""}, "missing: the certificate (--certificate FILE or ASYNCORO_CERTIFICATE)"),
            ({"authority": "", "key": ""}, "ASYNCORO_KEY), the authority of all processes (--authority FILE"),
        )
        environment = self.environment | {"ASYNCORO_SCHEDULER": "127.0.0.1:1"}
        for wrong, text in cases:
            files = good | wrong
            variables = {f"ASYNCORO_{name.upper()}": file for name, file in files.items()}
            for program in ("discoro-scheduler", "cluster-map"):
                with self.subTest(files=wrong, program=program):
                    result = run(environment | variables, program)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(text, result.stderr)
                    self.assertEqual(result.stderr.count("\n"), 1)
        options = self.certificates.options("node")[:2] + self.certificates.options("client")[2:]
        for before, after in (("discoro-scheduler", ()), ("discoro-node", ()), ("discoro status", ()),
                              ("discoro local", ("true",))):
            result = run(environment, *before.split(), *options, *after)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"{path('client.key')} does not belong to", result.stderr)

    def test_a_key_that_others_can_read(self):
        scheduler = self.start_scheduler(*self.certificates.options("scheduler"))
        options = ["--certificate", self.certificates.path("node.pem"), "--key", self.certificates.path("open.key"),
                   "--authority", self.certificates.path("ca.pem")]
        status = self.status(scheduler, *options)
        self.assertEqual(status.returncode, 0)
        key = self.certificates.path("open.key")
        self.assertIn(f"the key in {key} can be read by other users: run chmod 600 {key}", status.stderr)
        quiet = self.status(scheduler, *self.certificates.options("node"))
        self.assertEqual((quiet.returncode, quiet.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
