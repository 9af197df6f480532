#!/bin/sh
# The Debian packages that a build really took something from, one a line, sorted:
#   deb NAME VERSION ARCHITECTURE SOURCE SOURCE-VERSION DISTRIBUTION     (with tabs between)
#
#   debian-rows.sh BUILD-FOLDER [LINKER-MAP [ROWS]]
#   debian-rows.sh --packages NAME...
#
# Asked are the compiler's own lists of the headers that it read (ninja -t deps), and the linker's map
# for the members of archives and the start files that it linked. ROWS are those of libraries that were
# built here, without DISTRIBUTION. The second form is for packages whose programs are taken as they
# are, and names the sources that their maintainers have linked into them.
# shellcheck disable=SC1091,SC2016  # the fields are dpkg-query's, not the shell's
set -eu

linked() { # build folder, map
  {
    (cd "$1" && ninja -t deps | sed -n 's/^ \{4\}//p')
    if [ -n "$2" ]; then
      sed -n -e 's/^\(\/[^ (]*\.a\)(.*/\1/p' -e 's/^LOAD \(\/.*\.o\)$/\1/p' "$2"
    fi
  } | sort -u \
    | (cd "$1" && xargs -r -d '\n' realpath -e -q) \
    | grep '^/usr/' | grep -v '^/usr/local/' | sort -u \
    | { xargs -r -d '\n' dpkg-query -S 2>/dev/null || true; } \
    | sed 's/: \/.*//' | tr ',' '\n' | tr -d ' ' | sort -u
}

rows_of_packages() {
  xargs -r dpkg-query -W \
    -f 'deb\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'
}

rows_of_sources_in() { # packages
  dpkg-query -W -f '${Built-Using},${Static-Built-Using}\n' "$@" | tr ',' '\n' \
    | sed -n 's/^ *\([^ ]*\) (= \([^)]*\))$/deb\t\1\t\2\tsource\t\1\t\2/p'
}

distribution=$(. /etc/os-release && echo "$ID-$VERSION_ID")
if [ "$1" = --packages ]; then
  shift
  printf '%s\n' "$@" | rows_of_packages
  rows_of_sources_in "$@"
else
  linked "$1" "${2-}" | rows_of_packages
  [ -z "${3-}" ] || cat "$3"
fi | sort -u | sed "s/\$/	$distribution/"
