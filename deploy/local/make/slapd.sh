#!/bin/sh
# OpenLDAP's server for the tests of signing in by a directory: installed, else Debian's packages, unpacked
# into .venv/slapd. Nothing is installed and nothing started: whoever runs the tests may have no root.
set -eu

if [ -x /usr/sbin/slapd ] || [ -x .venv/slapd/usr/sbin/slapd ]; then
    exit 0
fi
fail() {
    echo "No slapd for the tests of LDAP: $1 Install one as /usr/sbin/slapd and run this again." >&2
    exit 1
}
command -v apt-get >/dev/null 2>&1 || fail "this is no Debian or Ubuntu."
echo "Fetching slapd for the tests …"
packages=.venv/slapd.packages
rm -rf "$packages"
mkdir -p "$packages"
list_missing() {
    apt-get -s install --no-install-recommends slapd 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p'
}
names=$(list_missing)
if [ -z "$names" ]; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    $as_root apt-get update -qq >/dev/null 2>&1 || fail "apt-get knows no packages."
    names=$(list_missing)
fi
# shellcheck disable=SC2086 - names of packages, separated by spaces
(cd "$packages" && apt-get download -qq $names >/dev/null 2>&1) || fail "its packages cannot be fetched."
for package in "$packages"/*.deb; do
    dpkg-deb -x "$package" .venv/slapd.part
done
rm -rf "$packages"
mv .venv/slapd.part .venv/slapd
