#!/bin/sh
# promtool for the tests of the alert rules: installed, else out of Debian's package, which is not installed
# (it would run a Prometheus here). Without either, those tests are skipped.
set -eu

if command -v promtool >/dev/null 2>&1 || [ -x .venv/bin/promtool ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    echo "No promtool: the alert rules are parsed, not fired." >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "Getting promtool for the tests of the alert rules …"
if (cd "$folder" && apt-get download -qq prometheus >/dev/null 2>&1 && dpkg-deb -x prometheus_*.deb .); then
    cp "$folder/usr/bin/promtool" .venv/bin/promtool
else
    echo "No promtool: the alert rules are parsed, not fired." >&2
fi
