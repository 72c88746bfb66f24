#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Holds every #include under src, qml, tools and examples to the table of layers.

Usage: layering.py SOURCE_DIRECTORY QT_HEADERS_DIRECTORY

A layer may include its own headers, the public headers of the layers that LAYERS gives it (<Asyncoro/Name>), and the Qt
modules given there. A private header (_p.h) never crosses a layer; one in detail/ stays within src.
docs/architecture.md explains the layers, and must have a row for each.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CORE = "src/core"
IO = "src/io"
SQL = "src/sql"
NETWORK = "src/network"
DISTRIBUTED = "src/distributed"
DNS_SD = "src/dnssd"
DISCORO = "src/discoro"
TESTING = "src/testing"
EVENT_DISPATCHER = "src/eventdispatcher"
QML_PROMISE = "src/qmlpromise"
WEB_SOCKETS = "src/websockets"
QML = "qml"
UP_TO_DISCORO = {CORE, IO, NETWORK, DISTRIBUTED, DISCORO}


@dataclass(frozen=True)
class Rule:
    """What the files of one layer may include, besides the standard library and the system's headers."""

    layers: frozenset
    libraries: frozenset  # Qt modules and KDE frameworks by the name of their CMake target


def rule(layers, *libraries):
    return Rule(frozenset(layers), frozenset(libraries))


# The longest folder that a file is under decides.
LAYERS = {
    CORE: rule((), "Qt6::Core"),
    EVENT_DISPATCHER: rule((), "Qt6::Core"),
    IO: rule({CORE}, "Qt6::Core"),
    SQL: rule({CORE}, "Qt6::Core", "Qt6::Sql"),
    QML_PROMISE: rule({CORE}, "Qt6::Core", "Qt6::Qml"),
    NETWORK: rule({CORE, IO}, "Qt6::Core", "Qt6::Network"),
    WEB_SOCKETS: rule({CORE, IO, NETWORK}, "Qt6::Core", "Qt6::Network", "Qt6::WebSockets"),
    DISTRIBUTED: rule({CORE, IO, NETWORK}, "Qt6::Core", "Qt6::Network"),
    DNS_SD: rule({CORE, IO, NETWORK, DISTRIBUTED}, "Qt6::Core", "Qt6::Network", "Qt6::DBus", "KF6::DNSSD"),
    DISCORO: rule({CORE, IO, NETWORK, DISTRIBUTED}, "Qt6::Core", "Qt6::Network", "KF6::Archive"),
    TESTING: rule(UP_TO_DISCORO, "Qt6::Core", "Qt6::Network", "Qt6::Test"),
    QML: rule(UP_TO_DISCORO, "Qt6::Core", "Qt6::Gui", "Qt6::Qml", "Qt6::QmlIntegration", "Qt6::Quick"),
    "tools": rule(UP_TO_DISCORO | {DNS_SD, EVENT_DISPATCHER}, "Qt6::Core", "Qt6::Network"),
    "tools/discoro-dashboard": rule(
        UP_TO_DISCORO | {QML},
        *("Qt6::" + module for module in ("Core", "Network", "Gui", "Widgets", "Svg")),
        *("Qt6::" + module for module in ("Qml", "Quick", "QuickControls2")),
        *("KF6::" + framework for framework in ("ColorScheme", "IconThemes", "I18n", "CoreAddons")),
    ),
    "examples": rule(
        UP_TO_DISCORO | {DNS_SD, EVENT_DISPATCHER, QML, QML_PROMISE, SQL, WEB_SOCKETS},
        *("Qt6::" + module for module in ("Core", "Network", "Gui", "Qml", "Quick", "Widgets")),
    ),
}

# KDE's headers have no folder of their module in their name.
KDE_HEADERS = {
    "Archive": {"karchive", "karchivedirectory", "karchiveentry", "karchivefile", "kcompressiondevice", "ktar", "kzip"},
    "ColorScheme": {"kcolorscheme", "kcolorschememanager"},
    "CoreAddons": {"kaboutdata"},
    "DNSSD": {"publicservice", "remoteservice", "servicebrowser"},
    "IconThemes": {"kicontheme"},
    "I18n": {"klocalizedstring", "klocalizedcontext"},
}

# Layers that do without sockets do so by the system's headers too.
SOCKET_HEADERS = re.compile(r"(sys/socket|sys/un|netinet/.*|arpa/inet|netdb)\.h")
LAYERS_WITHOUT_SOCKETS = {CORE, IO, SQL}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
GENERATED = re.compile(r"(.*\.moc|moc_.*\.cpp|asyncoro\w*_export\.h|qrc_.*|.*_logging\.h|asyncoro\w*version\.h)")


class Tree:
    def __init__(self, source, qt_headers):
        self.source = source
        self.qt_modules = {}  # lower-case header -> module
        for folder in sorted(qt_headers.glob("Qt*")):
            for header in folder.iterdir():
                self.qt_modules.setdefault(header.name.lower().removesuffix(".h"), folder.name.removeprefix("Qt"))
        self.public_headers = {}  # lower-case class -> layer
        for folder in LAYERS:
            for header in (source / folder).rglob("*.h") if folder.startswith(("src", "qml")) else ():
                if not header.name.endswith("_p.h") and "detail" not in header.parts:
                    self.public_headers[header.stem] = folder

    def layer_of(self, path):
        folders = [parent.as_posix() for parent in path.relative_to(self.source).parents]
        return next((folder for folder in folders if folder in LAYERS), None)

    def files(self):
        for top in ("src", "qml", "tools", "examples"):
            for path in sorted((self.source / top).rglob("*")):
                if path.suffix in (".h", ".cpp") and path.is_file():
                    yield path

    def violations(self):
        for path in self.files():
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                complaint = match and self.complaint(path, match[1], match[2])
                if complaint:
                    yield f"{path.relative_to(self.source)}:{number}: {line.strip()}: {complaint}"

    def complaint(self, path, bracketed, quoted):
        """Why a file must not include this, or None."""
        layer = self.layer_of(path)
        if layer is None:
            return "this folder is in no layer"
        if quoted:
            return self.complaint_quoted(path, layer, quoted)
        if bracketed.startswith("Asyncoro/"):
            return self.complaint_asyncoro(layer, bracketed.removeprefix("Asyncoro/"))
        if layer in LAYERS_WITHOUT_SOCKETS and SOCKET_HEADERS.fullmatch(bracketed):
            return f"{layer} knows no sockets"
        library = self.library_of(bracketed)
        if library and library not in LAYERS[layer].libraries:
            return f"{layer} may not use {library}"
        return None

    def complaint_quoted(self, path, layer, name):
        if GENERATED.fullmatch(Path(name).name):
            return None
        outer = Path(layer).parent.as_posix()  # tools for tools/discoro-dashboard
        for folder in (path.parent, self.source / layer, self.source / outer):
            target = (folder / name).resolve()
            if target.is_file():
                same = target.is_relative_to(self.source) and self.layer_of(target) in (layer, outer)
                return None if same else "a header of another layer is included as <Asyncoro/Name>, if it is public"
        return f"there is no such file in {layer}; a header of another layer is included as <Asyncoro/Name>"

    def complaint_asyncoro(self, layer, name):
        if name.endswith("_p.h") or "detail/" in name:
            return "private headers never cross a layer"
        owner = self.public_headers.get(name.lower())
        if owner is None:
            return "no layer has such a public header"
        if owner != layer and owner not in LAYERS[layer].layers:
            return f"{layer} may not include {owner}"
        return None

    def library_of(self, name):
        module = re.match(r"Qt(\w+)/", name)
        if module:
            return "Qt6::" + module[1]
        header = name.lower().removesuffix(".h").split("/")[-1]
        if re.match(r"[qQ]", name) and header in self.qt_modules:
            return "Qt6::" + self.qt_modules[header]
        if re.match(r"K[A-Z]", name):
            return next(("KF6::" + framework for framework, headers in KDE_HEADERS.items() if header in headers), name)
        return None


def undocumented_layers(source):
    document = source / "docs/architecture.md"
    if not document.exists():
        return
    rows = [line for line in document.read_text().splitlines() if line.startswith("|")]
    for layer in LAYERS:
        if "/" in layer and layer.startswith("src") and not any(f"`{layer}`" in row for row in rows):
            yield f"docs/architecture.md: no row of a table names `{layer}`"


def self_test(qt_headers):
    """The check is worth something only if it finds wrong includes: each line here with "wrong" must be reported."""
    files = {
        "src/core/task.h": "#include <QObject>\n#include \"detail/promise.h\"\n#include <coroutine>\n",
        "src/core/detail/promise.h": "#include \"task.h\"\n#include \"asyncorocore_export.h\"\n",
        "src/core/timerqueue_p.h": "#include <QTcpSocket> // wrong\n#include <QtNetwork/QHostInfo> // wrong\n",
        "src/core/task.cpp": "#include <Asyncoro/AsyncSocket> // wrong\n#include <sys/socket.h> // wrong\n",
        "src/network/asyncsocket.h": "#include <Asyncoro/Task>\n#include <QTcpSocket>\n#include <KTar> // wrong\n",
        "src/network/asyncsocket.cpp": "#include \"../core/timerqueue_p.h\" // wrong\n"
        "#include \"timerqueue_p.h\" // wrong\n",
        "src/discoro/node.h": "#include <KTar>\n#include <Asyncoro/AsyncSocket>\n#include <QGuiApplication> // wrong\n",
        "src/other/stray.h": "#include <vector> // wrong\n",
        "tools/discoro/main.cpp": "#include <Asyncoro/Node>\n#include <Asyncoro/detail/promise.h> // wrong\n",
        "examples/hello/main.cpp": "#include <Asyncoro/Task>\n#include <Asyncoro/Missing> // wrong\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder).resolve()
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(content)
        found = {violation.split(": ")[0] for violation in Tree(source, qt_headers).violations()}
    expected = {
        f"{name}:{number}"
        for name, content in files.items()
        for number, line in enumerate(content.splitlines(), 1)
        if "wrong" in line
    }
    assert found == expected, f"self-test: not found {expected - found}, found by mistake {found - expected}"


def main():
    source, qt_headers = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    self_test(qt_headers)
    complaints = [*Tree(source, qt_headers).violations(), *undocumented_layers(source)]
    print("\n".join(complaints) or "all includes keep to the layers")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
