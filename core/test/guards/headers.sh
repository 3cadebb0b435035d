#!/bin/sh
# Guard: each public header compiles by itself, without a warning.
#   headers.sh FOLDER COMPILER FLAG...
set -u
folder=$1
shift
bad=0
n=0
for header in "$folder"/posta/*.h; do
    n=$((n + 1))
    printf '#include "posta/%s"\n' "${header##*/}" |
        "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only "-I$folder" - || {
        echo "posta/${header##*/} does not compile by itself: $*"
        bad=$((bad + 1))
    }
done
echo "$n headers, $bad faults"
[ "$n" -gt 0 ] && [ "$bad" -eq 0 ]
