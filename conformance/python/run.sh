#!/bin/sh
# Runs the Python conformance suite. Arguments go to pytest, for example: run.sh -k optional -m "not slow"
#
# BOXWOOD_BIN   the binary under test; default target/release/boxwood, else target/debug/boxwood
# PYTHON        the interpreter for the virtual environment; default python3.11, else python3 (3.11 or newer)
set -eu

suite=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=$(sh "$suite/venv.sh")
cd "$suite"
exec "$python" -m pytest "$@"
