# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# ./dev run: the main job, on a cluster that lives as long as the command. Part of ./dev.

run_main_job() { # [--screenshot FILE.png] [--] [FOLDER...]
    local screenshot='' folders=()
    while (($#)); do
        case $1 in
            --screenshot)
                [[ -n ${2:-} ]] || fail "--screenshot needs the name of a file"
                screenshot=$(absolute_path "$2")
                [[ -w $(dirname "$screenshot") ]] || fail "cannot write the screenshot $screenshot"
                shift
                ;;
            --) shift && folders+=("$@") && break ;;
            -*) fail "run does not know the option $1; folders come after --" ;;
            *) folders+=("$1") ;;
        esac
        shift
    done
    ((${#folders[@]})) || folders=("$checkout/src" "$checkout/autotests" "$checkout/examples")
    local index
    for index in "${!folders[@]}"; do
        folders[index]=$(absolute_path "${folders[index]}")
        [[ -d ${folders[index]} ]] || fail "no such folder: ${folders[index]}"
    done

    prepare_environment
    build_preset dev

    make_run_folder
    show_in_sandbox "${folders[@]}"
    local command=(discoro local --nodes 2 --servers 2)
    if [[ -n $screenshot ]]; then
        say "drawing the dashboard off-screen into $screenshot"
        sandbox_options+=(--bind "$(dirname "$screenshot")" "$(dirname "$screenshot")")
        command=(bash "$checkout/tools/dev/with-xvfb.sh" "${command[@]}" --screenshot "$screenshot")
    elif has_display; then
        command+=(--dashboard)
    else
        say "no display here, so no dashboard window; --screenshot FILE.png draws it off-screen"
    fi
    say "starting a scheduler, two nodes and a client on this machine"
    run_until_done "${command[@]}" -- file-statistics "${visible_folders[@]}"
}

absolute_path() { # PATH, relative to where ./dev was called
    (cd "$caller_directory" && realpath --canonicalize-missing -- "$1")
}

# --- The folder of one run -------------------------------------------------------------------------------------------

# Everything that a run leaves in the file system is in build/run/PROCESS_ID, also what it calls /tmp.
make_run_folder() {
    local stale
    for stale in build/run/*; do
        [[ ! -d $stale ]] || kill -0 "${stale##*/}" 2>/dev/null || rm -rf "$stale"
    done
    run_folder=$checkout/build/run/$$
    mkdir -p "$run_folder/tmp"
    trap 'rm -rf "$run_folder"' EXIT

    if [[ $environment == isolated ]]; then
        sandbox_options+=(--bind "$run_folder/tmp" /tmp)
        ! has_display || sandbox_options+=(--ro-bind-try /tmp/.X11-unix /tmp/.X11-unix)
        environment_variables+=(TMPDIR=/tmp ASYNCORO_RUN_DIR=/tmp)
    else
        environment_variables+=("TMPDIR=$run_folder/tmp" "ASYNCORO_RUN_DIR=$run_folder/tmp")
    fi
}

# Makes folders readable in the environment; visible_folders are their paths there.
show_in_sandbox() { # FOLDER...
    visible_folders=("$@")
    [[ $environment == isolated ]] || return 0
    local index folder
    for index in "${!visible_folders[@]}"; do
        folder=${visible_folders[index]}
        if [[ $folder/ == "$checkout"/* ]]; then
            continue
        elif can_be_mounted_in_place "$folder"; then
            sandbox_options+=(--ro-bind "$folder" "$folder")
        else
            visible_folders[index]=/host${folder%/}
            sandbox_options+=(--ro-bind "$folder" "/host${folder%/}")
            say "the job sees this system's $folder as /host${folder%/}"
        fi
    done
}

# --- The processes of one run ----------------------------------------------------------------------------------------

# Runs a command in the environment until it ends. It has a session of its own, so that an interrupt from the keyboard
# reaches this script only, which then tells the command to end in order.
run_until_done() { # COMMAND...
    local stopped='' status=0
    signals_for_command=INT,TERM,HUP
    exec_in_environment "$checkout" setsid "$@" </dev/null & # the background process becomes the command
    cluster=$!
    trap 'stopped=130; stop_cluster' INT
    trap 'stopped=143; stop_cluster' TERM
    trap 'stopped=129; stop_cluster' HUP
    while kill -0 "$cluster" 2>/dev/null; do
        status=0
        wait "$cluster" 2>/dev/null || status=$?
    done
    exit "${stopped:-$status}"
}

# Asks the command to end; one that has not after ten seconds is killed, and all its processes with it.
stop_cluster() {
    local command='' tenths
    trap '' INT TERM HUP
    say "stopping"
    for ((tenths = 0; tenths < 100; ++tenths)); do
        kill -0 "$cluster" 2>/dev/null || return 0
        if [[ -z $command ]] && command=$(command_process); then
            kill -TERM "$command" 2>/dev/null || true
        fi
        sleep 0.1
    done
    say "it does not end; killing it"
    kill -KILL "$cluster" 2>/dev/null || true
}

# Prints the process id of the command. In the isolated Debian it is the child of that one's process 1, which is the
# child of bwrap.
command_process() {
    local process=$cluster level
    if [[ $environment == isolated ]]; then
        for level in 1 2; do
            process=$(child_of "$process")
            [[ -n $process ]] || return 1
        done
    fi
    echo "$process"
}

child_of() { # PROCESS_ID
    grep --no-messages --files-with-matches "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | head -n 1 | cut -d / -f 3 || true
}
