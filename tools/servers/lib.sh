# shellcheck shell=bash
#
# lib.sh: what the scripts beside it share. Sourced, never run.
#
# A server here is a process that we started, known by three things kept in its home, RUNDIR/NAME:
# its process id, the moment it started (so that a reused id is never mistaken for it), and a mark.
# The mark is the source name of a mount in the server's private view of the file system, hence it
# is found again in /proc/ID/mountinfo of each of its children, whatever session they moved to.
#
# Limits: Linux with /proc; bash; 127.0.0.1 only. Ports are drawn below the range
# that the kernel gives to outgoing connections, and each start proves by a one-time host name in
# the greeting that the server answering there is the one just started.

umask 022

HELD_UIDS='Debian-exim:64061 opensmtpd:64062 opensmtpq:64063 inbox:64064 dovecot:64065 dovenull:64066'

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need_root() {
    [[ $EUID -eq 0 ]] && return
    printf '%s: the test servers need root (they drop it themselves); run as root\n' "${0##*/}" >&2
    exit 2
}

# Paths go into the configuration languages of three servers; only letters that mean nothing in
# any of them are let through.
plain_path() {
    local path
    path=$(realpath -m -- "$1")
    [[ $path =~ ^/[A-Za-z0-9/._+-]+$ ]] || die "$path: a path here may hold A-Z a-z 0-9 / . _ + - only"
    printf '%s\n' "$path"
}

# The name of the first folder on the way to $1 which users other than root may not pass, if any.
closed_on_the_way() {
    local at=$1
    while [[ $at != / ]]; do
        [[ -d $at && $(( 8#$(stat -c %a "$at") & 1 )) -eq 0 ]] && printf '%s\n' "$at" && return
        at=$(dirname "$at")
    done
}

# claim FOLDER: what is in it may be removed by us only if it was empty when we first came, so that
# no slip of the hand (RUNDIR=/etc, and in it a folder postfix) costs anybody his own server.
claim() {
    mkdir -p "$1" || exit
    [[ -e $1/.posta-test-servers ]] && return
    [[ -z $(ls -A "$1") ]] || die "$1: not empty, and not made by these scripts; name another folder"
    : >"$1/.posta-test-servers"
}

fresh_home() {
    claim "$1"
    [[ ! -e $1/id ]] || ! is_alive "$1" || die "$1: a server is running here; stop it first"
    rm -rf "${1:?}"/*
}

once_word() {
    printf '%04x%04x%04x' $RANDOM $RANDOM $RANDOM
}

free_port() {
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return; }
    done
    die 'no free port on 127.0.0.1 between 20000 and 32000'
}

# Folders of shared libraries below an unpacked tree, as LD_LIBRARY_PATH wants them.
library_path() {
    local folder path=
    for folder in "$1"/{usr/lib/postfix,usr/lib/dovecot,usr/lib,usr/lib/*-linux-gnu,lib,lib/*-linux-gnu}; do
        [[ -d $folder ]] && path+=${path:+:}$folder
    done
    printf '%s\n' "$path"
}

# The start moment of a process, in clock ticks since boot; nothing if it is gone or a zombie.
started_at() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} == [ZX] ]] || printf '%s\n' "${fields[19]}"
}

# remember HOME ID MARK: the one record that everything below relies on.
remember() {
    printf '%s %s %s\n' "$2" "$(started_at "$2")" "$3" >"$1/id"
    printf '%s\n' "$2" >"$1/pid"
}

is_alive() {
    local id moment _
    read -r id moment _ <"$1/id"
    [[ -n $moment && $(started_at "$id") == "$moment" ]]
}

# Ids of the living processes of the server recorded in HOME. The kernel does not reuse a number
# while a session of that number has members; so session ID is ours unless ID is somebody new.
family() {
    local id moment mark proc stat fields now
    read -r id moment mark <"$1/id"
    now=$(started_at "$id")
    {
        for proc in /proc/[0-9]*; do
            { stat=$(<"$proc/stat"); } 2>/dev/null || continue
            read -ra fields <<<"${stat##*) }"
            [[ ${fields[3]} == "$id" && ( -z $now || $now == "$moment" ) ]] && printf '%s\n' "${proc##*/}"
        done
        [[ $mark == - ]] || grep -lsF " $mark " /proc/[0-9]*/mountinfo | cut -d/ -f3
    } | sort -un | while read -r id; do
        [[ -z $(started_at "$id") ]] || printf '%s\n' "$id"
    done
}

# Ends the server of HOME: first by asking its main process, then each that stays behind; some
# children finish their mail before they listen to a signal, hence the last one.
end_server() {
    local home=$1 signal ids tries
    [[ -e $home/id ]] || { printf '%s: nothing was started here\n' "$home" >&2; return; }
    for signal in main TERM KILL; do
        if [[ $signal == main ]]; then
            is_alive "$home" && kill -TERM "$(<"$home/pid")" 2>/dev/null
        else
            mapfile -t ids < <(family "$home")
            [[ ${#ids[@]} -eq 0 ]] || kill "-$signal" "${ids[@]}" 2>/dev/null
        fi
        for ((tries = 0; tries < 15; tries++)); do
            [[ -n $(family "$home") ]] || { rm -f "$home/id" "$home/pid"; return; }
            [[ $signal != main ]] || is_alive "$home" || break
            sleep 0.1
        done
    done
    die "$home: these processes do not end: $(family "$home" | tr '\n' ' ')"
}

# greets PORT WORD: the server on PORT says WORD in its greeting. It is taken leave of properly,
# as some servers count an abrupt end as an error of the client.
greets() {
    local line
    { exec 7<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    IFS= read -r -t 5 -u 7 line
    printf 'QUIT\r\n' >&7
    IFS= read -r -t 5 -u 7 _
    exec 7>&-
    [[ $line == 220*"$2"* ]]
}

# await_greeting HOME PORT WORD: waits at most 15 seconds, and not for a process that has ended.
await_greeting() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        is_alive "$1" || return 1
        greets "$2" "$3" 2>/dev/null && return
        sleep 0.05
    done
    return 1
}

# start_server HOME LAUNCHER: LAUNCHER HOME PORT WORD starts one process and calls remember; what it
# puts into the variable also is printed behind the rest. Another program may take the port between
# our look and the server's bind, hence several attempts. Two Postfixes even bind the same port
# without an error (SO_REUSEPORT) and share the mail: from the look to the greeting a lock keeps all
# starts on the machine apart. The server must not inherit it.
start_server() {
    local home=$1 launch=$2 port word
    exec 6</tmp
    flock -w 60 6 || die 'another start has held the lock on /tmp for a minute'
    for _ in 1 2 3 4; do
        port=$(free_port)
        word=$(once_word)
        fresh_home "$home"
        if "$launch" "$home" "$port" "$word" 6<&- && await_greeting "$home" "$port" "$word"; then
            printf 'PORT=%s MAILDIR=%s PIDFILE=%s%s\n' \
                "$port" "$home/mail/inbox" "$home/pid" "${also:+ $also}"
            return
        fi
        [[ ! -e $home/id ]] || end_server "$home"
    done
    die "$home: did not start: $(cat "$home"/*.log "$home"/log/* 2>/dev/null | tail -n 1)"
}

# A place for the private view: an empty folder of every Debian system, but not one that holds
# the trees to be shown there.
view_place() {
    local place
    for place in /mnt /srv /media; do
        [[ -d $place && "$1/" != "$place"/* && "$2/" != "$place"/* ]] || continue
        printf '%s\n' "$place"
        return
    done
    die 'none of /mnt /srv /media can be used as the place of a private view'
}

# launch_in_view HOME ROOT PLACE WORD SCRIPT: runs "SCRIPT inside HOME ROOT PLACE WORD" as the
# leader of a session in a mount namespace of its own; the process id stays the same until the
# server itself runs under it.
launch_in_view() {
    local home=$1 mark=posta-$4
    setsid unshare --mount --propagation private -- \
        "$5" inside "$home" "$2" "$3" "$mark" </dev/null >"$home/server.log" 2>&1 &
    remember "$home" $! "$mark"
}

# enter_view HOME ROOT PLACE MARK: inside the namespace. PLACE/root shows the unpacked tree and
# PLACE/home the server's home, so that both can be reached by the server's users even below a
# closed folder such as /root. The account files get the users which the servers have compiled
# in; the machine's own files are not touched.
enter_view() {
    local home=$1 root=$2 place=$3 entry name number
    cp /etc/passwd "$home/passwd"
    cp /etc/group "$home/group"
    for entry in $HELD_UIDS; do
        name=${entry%:*} number=${entry#*:}
        grep -q "^$name:" "$home/passwd" ||
            printf '%s:x:%s:%s::%s/home:/bin/sh\n' "$name" "$number" "$number" "$place" >>"$home/passwd"
        grep -q "^$name:" "$home/group" || printf '%s:x:%s:\n' "$name" "$number" >>"$home/group"
    done
    chmod 644 "$home/passwd" "$home/group"
    mount -t tmpfs -o mode=755 "$4" "$place"
    mkdir "$place/root" "$place/home"
    mount --bind "$root" "$place/root"
    mount --bind "$home" "$place/home"
    mount --bind "$home/passwd" /etc/passwd
    mount --bind "$home/group" /etc/group
}

usage() {
    printf 'usage: %s start DIR RUNDIR | stop RUNDIR\n' "${0##*/}" >&2
    exit 2
}
