#!/bin/sh
# Chromium for the browser tests. The best is Debian's without windows, unpacked into .venv/chromium and not
# installed: its tests need a third less of the processor. Else an installed one, else Playwright's own.
set -eu

shell=.venv/chromium/usr/lib/chromium/chromium-headless-shell

is_installed() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

as_root=
[ "$(id -u)" -eq 0 ] || as_root='sudo -n'

install() {
    echo "Installing chromium for the browser tests …"
    $as_root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium' >/dev/null 2>&1
}

part=.venv/chromium.part

download_shell() {
    (cd "$part" && apt-get download -qq chromium-headless-shell chromium-common >/dev/null 2>&1)
}

unpack_shell() {
    rm -rf "$part"
    mkdir -p "$part"
    download_shell || { $as_root apt-get update -qq >/dev/null 2>&1 && download_shell; } || return 1
    for package in "$part"/*.deb; do
        dpkg-deb -x "$package" "$part" && rm "$package" || return 1
    done
    # It starts only where the libraries are that it shares with the installed one.
    "$part/usr/lib/chromium/chromium-headless-shell" --version >/dev/null 2>&1 || return 1
    mv "$part" .venv/chromium
}

if [ -x "$shell" ]; then
    exit 0
fi
if command -v apt-get >/dev/null 2>&1 && { is_installed || install; }; then
    echo "Fetching a chromium without windows for the browser tests …"
    unpack_shell || rm -rf "$part"
fi
if [ -x "$shell" ] || is_installed; then
    exit 0
fi
.venv/bin/python -m playwright install chromium || {
    echo "No Chromium for the browser tests: install one as 'chromium' and run this again." >&2
    exit 1
}
