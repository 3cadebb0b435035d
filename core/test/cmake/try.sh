#!/bin/sh
# The ways of a C host into posta: pkg-config, find_package, add_subdirectory.
#   try.sh ROOT TREE WORK      ROOT: the sources, TREE: an install tree, WORK: made anew
set -u
root=$1 tree=$2 work=$3
use=$root/core/test/cmake
passed=0
failed=0

# try NAME PROGRAM: the program must run and print the code of a status.
try() {
    if [ "$("$2")" = tls.not_built ]; then
        passed=$((passed + 1))
    else
        say "$1: $2 does not work"
        failed=$((failed + 1))
    fi
}

say() { printf '%s\n' "$*"; }

# by NAME COMMAND...: a build step; its output is shown only when it fails.
by() {
    name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 && return 0
    cat "$work/$name.log"
    say "$name: failed: $*"
    failed=$((failed + 1))
    return 1
}

rm -rf "$work"
mkdir -p "$work"

PKG_CONFIG_PATH=$tree/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
if by pkgconf cc -std=c11 -o "$work/by_pkgconf" "$use/host.c" $(pkg-config --cflags --libs posta) \
    "-Wl,-rpath,$tree/lib"; then
    try pkgconf "$work/by_pkgconf"
fi

if by find cmake -S "$use/find" -B "$work/find" "-DCMAKE_PREFIX_PATH=$tree" &&
    by find cmake --build "$work/find"; then
    for kind in posta shared core; do
        try "find_package, posta::$kind" "$work/find/host_$kind"
    done
fi

if by inside cmake -S "$use/inside" -B "$work/inside" "-DPOSTA_ROOT=$root" &&
    by inside cmake --build "$work/inside" -j 2 &&
    by inside cmake --install "$work/inside" --prefix "$work/inside_tree"; then
    try "add_subdirectory" "$work/inside/host_posta"
    count=$(find "$work/inside_tree" -type f | wc -l)
    if [ "$count" -eq 1 ]; then
        passed=$((passed + 1))
    else
        say "add_subdirectory installed posta too: $count files"
        failed=$((failed + 1))
    fi
fi

say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
