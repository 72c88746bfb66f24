# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# Where compilers, Qt and everything else come from: the system itself where it is new enough, otherwise an isolated
# Debian 13 in build/debian13. Part of ./dev, which sets $checkout and stands in that folder.
#
#   prepare_environment [LIST]          installs what tools/dev/packages/*.txt names, once (LIST: benchmarks)
#   in_environment COMMAND...           runs a command there, in the checkout
#   exec_in_environment FOLDER COMMAND  the same in FOLDER, in place of this script

isolated_root=$(readlink -m "$checkout/build/debian13") # a link, where several checkouts share one
home_directory=$checkout/build/home

say() {
    printf '\e[1m%s\e[0m\n' "dev: $*" >&2
}
[[ -t 2 ]] || say() { printf 'dev: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 2
}

# --- Which environment -----------------------------------------------------------------------------------------------

version_at_least() { # VERSION MINIMUM
    [[ $(printf '%s\n' "$1" "$2" | sort --version-sort | head -n 1) == "$2" ]]
}

# Prints "system" where the system's own packages are new enough, "isolated" elsewhere.
choose_environment() (
    ID= ID_LIKE= VERSION_ID=
    # shellcheck source=/dev/null
    [[ ! -r /etc/os-release ]] || source /etc/os-release
    case $ID in
        debian) version_at_least "${VERSION_ID:-99}" 13 && echo system && exit ;; # testing and unstable have no number
        ubuntu) version_at_least "$VERSION_ID" 25.04 && echo system && exit ;;
        fedora) version_at_least "$VERSION_ID" 41 && echo system && exit ;;
        arch) echo system && exit ;;
    esac
    if [[ " $ID_LIKE " == *" arch "* ]]; then echo system; else echo isolated; fi
)

environment=${ASYNCORO_ENVIRONMENT:-$(choose_environment)}

environment_name() {
    if [[ $environment == system ]]; then echo "system itself"; else echo "isolated Debian 13 (build/debian13)"; fi
}

# --- Packages --------------------------------------------------------------------------------------------------------

prepare_environment() { # [benchmarks]
    mkdir -p build "$home_directory"
    [[ $environment == system || $environment == isolated ]] || fail "ASYNCORO_ENVIRONMENT is neither system nor isolated"
    local lock=build/environment.lock
    [[ $environment == system ]] || lock=$isolated_root.lock
    with_lock "$lock" install_what_is_missing "$@"
}

install_what_is_missing() {
    if [[ $environment == isolated ]]; then
        ensure_isolated_root
        install_list debian "$isolated_root/var/lib/asyncoro" install_in_isolated_root
        install_list debian-isolated "$isolated_root/var/lib/asyncoro" install_in_isolated_root
        [[ $# == 0 ]] || install_list "debian-$1" "$isolated_root/var/lib/asyncoro" install_in_isolated_root
    else
        local family
        family=$(package_family)
        install_list "$family" build/system-packages "install_with_$family"
        [[ $# == 0 ]] || install_list "$family-$1" build/system-packages "install_with_$family"
    fi
}

# Installs the packages of a list, unless that very list has been installed before.
install_list() { # LIST STAMP_FOLDER INSTALLER
    local file=tools/dev/packages/$1.txt stamp=$2/$1 packages
    ! cmp --quiet "$file" "$stamp" || return 0
    mapfile -t packages < <(packages_for "$(uname -m)" < "$file")
    say "installing ${#packages[@]} packages of $file in the $(environment_name); details: build/environment.log"
    logged "$3" "${packages[@]}"
    mkdir -p "$2"
    cp "$file" "$stamp"
}

# The packages of a list for a processor: "NAME" for each, "NAME [PROCESSOR]" for that one only.
packages_for() { # PROCESSOR
    sed --quiet --regexp-extended "/^#/d; s/ \[$1\]$//; /\[/!p"
}

# Runs a command that says much into the log, of which only a failure shows the end.
logged() { # COMMAND...
    local status
    set +e # in "(...) || status=$?" the subshell would not stop at its first failure
    (set -e; "$@") </dev/null >>build/environment.log 2>&1
    status=$?
    set -e
    ((status != 0)) || return 0
    tail -n 20 build/environment.log >&2
    fail "this failed: ${*:1:4} ...; see build/environment.log"
}

package_family() {
    if command -v apt-get >/dev/null; then echo debian
    elif command -v dnf >/dev/null; then echo fedora
    elif command -v pacman >/dev/null; then echo arch
    else fail "found none of apt-get, dnf and pacman; ASYNCORO_ENVIRONMENT=isolated works with mmdebstrap and bubblewrap"
    fi
}

as_administrator() {
    if ((EUID == 0)); then "$@"; else sudo -- "$@"; fi
}

install_with_debian() {
    as_administrator apt-get update -qq
    as_administrator env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@"
}

install_with_fedora() {
    as_administrator dnf install --assumeyes --setopt=install_weak_deps=False "$@"
}

install_with_arch() {
    as_administrator pacman -S --needed --noconfirm "$@" || fail "pacman failed; does 'pacman -Syu' help?"
}

# --- The isolated Debian 13 ------------------------------------------------------------------------------------------

# Root, or an ordinary user who is root in a user namespace that has room for Debian's system users.
in_root_namespace() {
    if ((EUID == 0)); then "$@"; else unshare --user --map-auto --map-root-user -- "$@"; fi
}

ensure_isolated_root() {
    if [[ -e $isolated_root.installing ]] && ! repair_isolated_root; then
        say "build/debian13 was left half-made and cannot be repaired; making it anew"
        in_root_namespace rm -rf "$isolated_root"
    fi
    [[ -d $isolated_root ]] || make_isolated_root
}

make_isolated_root() {
    ensure_isolation_tools
    say "making an isolated Debian 13 in build/debian13 (about 2 GB and some minutes, this once)"
    local new_root=$isolated_root.new
    in_root_namespace rm -rf "$new_root"
    mkdir "$new_root"
    logged bootstrap_debian "$new_root"
    mv "$new_root" "$isolated_root"
}

# By way of a tar archive: this works for an ordinary user too, whose folders mmdebstrap could not write.
bootstrap_debian() { # FOLDER
    mmdebstrap --variant=apt --include=ca-certificates --format=tar trixie - \
        | in_root_namespace tar --extract --directory "$1" --preserve-permissions --numeric-owner --exclude './dev/*'
}

ensure_isolation_tools() {
    local packages=()
    command -v mmdebstrap >/dev/null || packages+=(mmdebstrap)
    command -v bwrap >/dev/null || packages+=(bubblewrap)
    ((EUID == 0)) || command -v newuidmap >/dev/null || packages+=(uidmap)
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || packages+=(debian-archive-keyring)
    ((${#packages[@]})) || return 0
    command -v apt-get >/dev/null || fail "please install ${packages[*]} first; this system has no apt-get"
    say "installing ${packages[*]} on the system: with these, all else stays inside build/"
    logged install_with_debian "${packages[@]}"
}

install_in_isolated_root() {
    touch "$isolated_root.installing"
    administrate_isolated_root apt-get update -qq --error-on=any
    administrate_isolated_root apt-get install -qq --yes --no-install-recommends "$@"
    administrate_isolated_root apt-get clean
    rm "$isolated_root.installing"
}

# After an interrupted installation: true if the packages are in order again.
repair_isolated_root() {
    [[ -d $isolated_root ]] || return
    say "an installation in build/debian13 was interrupted; repairing it"
    {
        administrate_isolated_root dpkg --configure -a \
            && administrate_isolated_root apt-get -qq --yes --fix-broken install
    } </dev/null >>build/environment.log 2>&1
}

administrate_isolated_root() {
    in_root_namespace bwrap --bind "$isolated_root" / --dev-bind /dev /dev --unshare-pid --proc /proc \
        --ro-bind /sys /sys --perms 1777 --tmpfs /tmp --ro-bind /etc/resolv.conf /etc/resolv.conf --die-with-parent --chdir / \
        --setenv DEBIAN_FRONTEND noninteractive --setenv LC_ALL C.UTF-8 --setenv HOME /root \
        --setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -- "$@"
}

# --- Running commands ------------------------------------------------------------------------------------------------

# What a caller of in_environment may set: more options of bwrap; variables as NAME=VALUE; the signals that are for the
# command, which may need a moment to end in order, and not for bwrap, with which everything ends at once.
sandbox_options=()
environment_variables=()
signals_for_command=INT

in_environment() { # COMMAND...
    (exec_in_environment "$checkout" "$@")
}

exec_in_environment() { # FOLDER COMMAND...
    local folder=$1
    shift
    local variables=("PATH=$checkout/build/${preset:-dev}/bin:$PATH" "${environment_variables[@]}")
    if [[ $environment == system ]]; then
        cd "$folder"
        exec env --default-signal="$signals_for_command" "${variables[@]}" setpriv --pdeathsig TERM -- "$@"
    fi
    variables[0]="PATH=$checkout/build/${preset:-dev}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    set_sandbox_arguments "$folder"
    # shellcheck disable=SC2086 # one word for each signal
    trap '' ${signals_for_command//,/ }
    exec bwrap "${sandbox_arguments[@]}" -- env --default-signal="$signals_for_command" "${variables[@]}" "$@"
}

set_sandbox_arguments() { # FOLDER
    sandbox_arguments=(
        --bind "$isolated_root" / --dev-bind /dev /dev --unshare-pid --proc /proc --ro-bind /sys /sys --tmpfs /run
        --bind /tmp /tmp --ro-bind-try /etc/resolv.conf /etc/resolv.conf --ro-bind-try /etc/hosts /etc/hosts
        --die-with-parent --setenv HOME "$home_directory" --setenv LANG C.UTF-8 --unsetenv LC_ALL
        --unsetenv LD_LIBRARY_PATH --unsetenv LD_PRELOAD --unsetenv PYTHONPATH --unsetenv PYTHONHOME
    )
    ((EUID == 0)) || sandbox_arguments+=(--ro-bind /etc/passwd /etc/passwd --ro-bind /etc/group /etc/group)
    add_display_arguments
    if can_be_mounted_in_place "$1"; then
        sandbox_arguments+=(--bind "$1" "$1")
    fi
    sandbox_arguments+=("${sandbox_options[@]}" --bind "$checkout" "$checkout" --chdir "$1")
}

has_display() {
    [[ -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]
}

add_display_arguments() {
    if ! has_display; then
        sandbox_arguments+=(--unsetenv XDG_RUNTIME_DIR)
        return
    fi
    local authority=${XAUTHORITY:-$HOME/.Xauthority}
    [[ ! -r $authority ]] || sandbox_arguments+=(--ro-bind "$authority" "$authority" --setenv XAUTHORITY "$authority")
    [[ ! -d ${XDG_RUNTIME_DIR:-} ]] || sandbox_arguments+=(--bind "$XDG_RUNTIME_DIR" "$XDG_RUNTIME_DIR")
}

# Whether a folder of the host can be seen at its own path in the isolated Debian, with nothing of Debian's own hidden
# by it that programs need.
can_be_mounted_in_place() { # FOLDER
    case $1/ in
        /root/* | /usr/share/doc/* | /usr/share/man/* | /usr/share/info/*) return 0 ;;
        / | // | /dev/* | /proc/* | /sys/* | /run/* | /tmp/ | /usr/* | /etc/* | /var/ | /bin/* | /lib*/* | /sbin/*) return 1 ;;
    esac
    local inside=$isolated_root$1
    [[ ! -e $inside ]] || [[ -d $inside && -z $(find "$inside" -mindepth 1 -not -type d -print -quit 2>/dev/null) ]]
}

# --- Locks -----------------------------------------------------------------------------------------------------------

# Runs a command while no other ./dev is at the same.
with_lock() { # FILE COMMAND...
    local file=$1 lock
    shift
    exec {lock}>"$file"
    if ! flock --nonblock "$lock"; then
        say "waiting for another ./dev that is at the same"
        flock "$lock"
    fi
    "$@" {lock}>&-
    exec {lock}>&-
}
