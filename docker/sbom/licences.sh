#!/bin/sh
# Copies the licences of the packages whose rows (debian-rows.sh) come in to FOLDER/PACKAGE/copyright:
#
#   licences.sh FOLDER <ROWS
# shellcheck disable=SC2016  # the fields are dpkg-query's, not the shell's
set -eu

copyright_of() { # package
  for file in "/usr/share/doc/$1/copyright" "/usr/local/share/doc/$1/copyright"; do
    if [ -e "$file" ]; then echo "$file" && return; fi
  done
  # A source: whatever of it is installed has its copyright.
  dpkg-query -W -f '${source:Package} ${Package}\n' \
    | sed -n "s|^$1 \(.*\)|/usr/share/doc/\1/copyright|p" | head -n 1
}

cut -f 2 | while read -r package; do
  install -D -m 644 "$(copyright_of "$package")" "$1/$package/copyright"
done
