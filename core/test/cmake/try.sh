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

# check WHAT COMMAND...
check() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        say "not so: $what"
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
# shellcheck disable=SC2046
if by pkgconf_static cc -static -std=c11 -o "$work/by_pkgconf_static" "$use/host_tls.c" \
    $(pkg-config --static --cflags --libs posta); then
    try "pkgconf --static" "$work/by_pkgconf_static"
fi

if by find cmake -S "$use/find" -B "$work/find" "-DCMAKE_PREFIX_PATH=$tree" &&
    by find cmake --build "$work/find" -j 2; then
    for kind in posta shared session core tls_posta tls_shared tls_session; do
        try "find_package, host_$kind" "$work/find/host_$kind"
    done
fi
check "the CMake package names no library by its path here" \
    test -z "$(grep -rE '/libmbed|/mbedtls|/libidn2' "$tree/lib/cmake/posta")"

# inside NAME CMAKE-OPTION...: posta's sources in a host's tree.
inside() {
    kind=$1
    shift
    by "$kind" cmake -S "$use/inside" -B "$work/$kind" "-DPOSTA_ROOT=$root" \
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" &&
        by "$kind" cmake --build "$work/$kind" -j 2 &&
        by "$kind" cmake --install "$work/$kind" --prefix "$work/${kind}_tree" || return
    try "add_subdirectory ($kind)" "$work/$kind/host_posta"
    try "add_subdirectory ($kind)" "$work/$kind/host_tls"
    count=$(find "$work/${kind}_tree" -type f | wc -l)
    check "add_subdirectory ($kind) installs the host alone, not $count files" test "$count" -eq 1
}
inside inside
inside inside_mbedtls -DHOST_HAS_MBEDTLS=ON
check "the definitions of the host's mbedTLS reach posta's sources" \
    grep -q 'HOST_MBEDTLS.*/core/tls/' "$work/inside_mbedtls/compile_commands.json"

say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
