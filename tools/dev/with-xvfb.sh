#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# Usage: with-xvfb.sh COMMAND...
# Runs a command with an off-screen X display of its own, and ends both together. xvfb-run would not pass signals on.

set -euo pipefail

stop() {
    [[ -z ${command_process:-} ]] || kill -TERM "$command_process" 2>/dev/null || true
}
trap stop INT TERM HUP

display_file=$(mktemp)
setpriv --pdeathsig TERM -- Xvfb -displayfd 3 -screen 0 1600x1000x24 -nolisten tcp -noreset 3>"$display_file" &>/dev/null &
xvfb=$!
trap 'kill "$xvfb" 2>/dev/null || true; wait "$xvfb" 2>/dev/null || true; rm -f "$display_file"' EXIT

until [[ -s $display_file ]]; do
    kill -0 "$xvfb" 2>/dev/null || { echo "with-xvfb.sh: Xvfb does not start" >&2; exit 1; }
    sleep 0.05
done
export DISPLAY=:$(<"$display_file") QT_QPA_PLATFORM=xcb
unset WAYLAND_DISPLAY XAUTHORITY

setpriv --pdeathsig TERM -- "$@" &
command_process=$!
while kill -0 "$command_process" 2>/dev/null; do
    status=0
    wait "$command_process" || status=$?
done
exit "$status"
