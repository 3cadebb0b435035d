# shellcheck shell=bash
# tools/lib.sh: what tools/demo and tools/test share. Sourced, from the top folder of the tree.

say() { printf '%s\n' "$*"; }
heading() { printf '\n==== %s\n' "$*"; }

# The Debian packages of tools/packages for these commands.
packages_for() {
    local command
    for command in "$@"; do
        awk -v command="$command" '$1 == command { print $2 }' tools/packages
    done
}

# npm comes with some builds of nodejs.
is_installed() {
    if [ "$1" = npm ] && command -v npm >/dev/null; then return 0; fi
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends --no-remove "$@" </dev/null
}

# need COMMAND...: sees to it that the packages for these commands are there. Says what is missing and
# installs it; where it cannot (no root, no apt) it prints the list and ends the program with 2.
# POSTA_PACKAGES=skip trusts the machine, for systems that are no Debian.
need() {
    local package missing=()
    [ "${POSTA_PACKAGES-}" != skip ] || return 0
    for package in $(packages_for "$@"); do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Missing Debian packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        say "Install them as root:  apt-get install --no-install-recommends ${missing[*]}"
        say "(or, where they are there under other names: POSTA_PACKAGES=skip $0)"
        exit 2
    fi
    say "Installing them by apt ..."
    # The lists of a fresh machine are empty or old: then the first try fails at once.
    apt_install "${missing[@]}" >/dev/null 2>&1 && return 0
    apt-get -q update </dev/null || true
    apt_install "${missing[@]}" && return 0
    say "apt could not install them all; nothing was removed."
    exit 2
}

# quietly LOG COMMAND...: shows the output only when the command fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 && return 0
    cat "$log"
    say "FAILED: $*"
    return 1
}
