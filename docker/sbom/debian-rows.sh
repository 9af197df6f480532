#!/bin/sh
# The Debian packages that a build really took something from, one a line, sorted:
#   deb NAME VERSION ARCHITECTURE SOURCE SOURCE-VERSION     (with tabs between)
#
#   debian-rows.sh BUILD-FOLDER [LINKER-MAP]
#
# Asked are the compiler's own lists of the headers that it read (ninja -t deps), and the linker's map
# for the members of archives and the start files that it linked.
# shellcheck disable=SC2016  # the fields are dpkg-query's, not the shell's
set -eu
build=$1 map=${2-}
{
  (cd "$build" && ninja -t deps | sed -n 's/^ \{4\}//p')
  if [ -n "$map" ]; then
    sed -n -e 's/^\(\/[^ (]*\.a\)(.*/\1/p' -e 's/^LOAD \(\/.*\.o\)$/\1/p' "$map"
  fi
} | sort -u \
  | (cd "$build" && xargs -r -d '\n' realpath -e -q) \
  | grep '^/usr/' | grep -v '^/usr/local/' | sort -u \
  | { xargs -r -d '\n' dpkg-query -S 2>/dev/null || true; } \
  | sed 's/: \/.*//' | tr ',' '\n' | tr -d ' ' | sort -u \
  | xargs -r dpkg-query -W \
      -f 'deb\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' \
  | sort -u
