#!/bin/sh
# `make setup`: the environment in .venv, with the locked dependencies. Needs Python >= 3.11 and a shell.
set -eu

uv_version=0.13.9
venv_python=.venv/bin/python

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# A Python that can fill an environment by itself (Debian moves `ensurepip` into a package of its own) goes first.
find_python() {
    for need in ensurepip sys; do
        for name in python3.13 python3.12 python3.11 python3 python3.14; do
            if is_new_enough "$name" && "$name" -c "import venv, $need" >/dev/null 2>&1; then
                echo "$name"
                return
            fi
        done
    done
}

create_venv() {
    python=$(find_python)
    if [ -z "$python" ]; then
        echo "ChatCraft needs Python 3.11 or newer; found: $(python3 --version 2>/dev/null || echo none)." >&2
        echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) and run this again." >&2
        exit 1
    fi
    rm -rf .venv
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        "$python" -m venv .venv
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip .venv
        "$python" -m pip --python "$venv_python" install --quiet --disable-pip-version-check "uv==$uv_version"
    else
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "This Python $version cannot create environments: its module 'ensurepip' is missing." >&2
        echo "Install it (Debian, Ubuntu: apt-get install python$version-venv) and run this again." >&2
        exit 1
    fi
}

# An environment holds its own path: after the checkout has moved, or its Python has gone, a new one is due.
if ! is_new_enough "$venv_python" || ! grep -qF "$(pwd -P)/.venv" .venv/bin/activate; then
    echo "Creating .venv …"
    create_venv
fi
if [ ! -x .venv/bin/uv ]; then
    "$venv_python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi
echo "Installing the locked dependencies …"
# --inexact: uv itself lives in there and is no dependency of ours.
UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV='' .venv/bin/uv sync --quiet --locked --inexact --compile-bytecode --python "$venv_python"
touch .venv/.done
