#!/bin/sh
# Runs the suite of the console in headless Chromium. Arguments go to pytest, for example: run.sh -k hostile
#
# BOXWOOD_BIN        the binary under test; default target/release/boxwood, else target/debug/boxwood
# BOXWOOD_CHROMIUM   the browser; default chromium, chromium-browser or google-chrome in the path
# PYTHON             the interpreter for the virtual environment; default python3.11, else python3 (3.11 or newer)
set -eu

suite=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=$(sh "$suite/../python/venv.sh")
stamp=$(dirname -- "$python")/../installed-console-requirements.txt
if ! cmp -s "$suite/requirements.txt" "$stamp"; then
    "$python" -m pip install --quiet --disable-pip-version-check -r "$suite/requirements.txt" >&2
    cp "$suite/requirements.txt" "$stamp"
fi
cd "$suite"
exec "$python" -m pytest "$@"
