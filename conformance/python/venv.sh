#!/bin/sh
# Makes the virtual environment in which the suites with the official Python SDK run, and prints its interpreter.
#
# PYTHON        the interpreter to make it with; default python3.11, else python3 (3.11 or newer)
set -eu

suite=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$suite/../.." && pwd)
venv=$root/target/python-venv
stamp=$venv/installed-requirements.txt

if [ ! -x "$venv/bin/python" ]; then
    python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
    if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "Python 3.11 or newer is needed; install it or name one with PYTHON=/path/to/python3" >&2
        exit 1
    fi
    mkdir -p "$root/target"
    "$python" -m venv "$venv" >&2
fi

# Installing again is skipped while the list of requirements is the one that was installed last.
if ! cmp -s "$suite/requirements.txt" "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$suite/requirements.txt" >&2
    cp "$suite/requirements.txt" "$stamp"
fi
echo "$venv/bin/python"
