#!/bin/sh
# What Debian ships as shared libraries only, from Debian's own sources: their signatures are checked
# and their security patches applied, like those of any other package.
#
#   static-libraries.sh ROWS
#
# Leaves in /usr/local: lib/libhwy.a, include/httplib.h (one header, with zlib and without TLS, which
# is a proxy's), a cpp-httplib.pc that pkg-config finds first, and the copyrights. Appends a row for
# each to the file ROWS (docker/sbom/).
set -eu
rows=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources
apt-get update -qq
apt-get source -qq -o APT::Sandbox::User=root cpp-httplib highway

(cd highway-*/ && c++ -O2 -fPIE -DHWY_STATIC_DEFINE -I. -c hwy/aligned_allocator.cc \
  hwy/per_target.cc hwy/targets.cc && mv ./*.o "$work")
# D: no times, no users.
ar rcsD /usr/local/lib/libhwy.a aligned_allocator.o per_target.o targets.o

install -D -m 644 cpp-httplib-*/httplib.h /usr/local/include/httplib.h
install -D -m 644 /dev/stdin /usr/local/lib/pkgconfig/cpp-httplib.pc <<'PC'
Name: cpp-httplib
Description: cpp-httplib as one header
Version: 0
Cflags: -I/usr/local/include -DCPPHTTPLIB_ZLIB_SUPPORT
Libs: -pthread
PC

for source in cpp-httplib highway; do
  version=$(sed -n 's/^Version: //p' "$source"_*.dsc | head -n 1)
  printf 'deb\t%s\t%s\tsource\t%s\t%s\n' "$source" "$version" "$source" "$version" >>"$rows"
  install -D -m 644 "$source"-*/debian/copyright "/usr/local/share/doc/$source/copyright"
done
