#!/bin/sh
# Runs the Python conformance suite. Arguments go to pytest, for example: run.sh -k optional -m "not slow"
#
# BOXWOOD_BIN   the binary under test; default target/release/boxwood, else target/debug/boxwood
# PYTHON        the interpreter for the virtual environment; default python3.11, else python3 (3.11 or newer)
set -eu

suite=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$suite/../.." && pwd)
venv=$root/target/python-venv
stamp=$venv/installed-requirements.txt

if [ ! -x "$venv/bin/python" ]; then
    python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
    if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "run.sh: Python 3.11 or newer is needed; install it or name one with PYTHON=/path/to/python3" >&2
        exit 1
    fi
    mkdir -p "$root/target"
    "$python" -m venv "$venv"
fi

# Installing again is skipped while the list of requirements is the one that was installed last.
if ! cmp -s "$suite/requirements.txt" "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$suite/requirements.txt"
    cp "$suite/requirements.txt" "$stamp"
fi

cd "$suite"
exec "$venv/bin/python" -m pytest "$@"
