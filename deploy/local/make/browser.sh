#!/bin/sh
# A Chromium for the browser tests: installed, else Debian's package, else Playwright's own.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if command -v apt-get >/dev/null 2>&1; then
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root='sudo -n'
    fi
    echo "Installing chromium for the browser tests …"
    if $as_root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium' >/dev/null 2>&1; then
        exit 0
    fi
fi
.venv/bin/python -m playwright install chromium || {
    echo "No Chromium for the browser tests: install one as 'chromium' and run this again." >&2
    exit 1
}
