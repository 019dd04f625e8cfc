#!/bin/sh
# Runs the suite in which Rust and Python runners share jobs and caches. Arguments go to pytest, for example: run.sh -k s3
#
# Needs Rust, Python 3.11 or newer, Go 1.26 or newer and npm; installs what it runs against into target/mixed.
#
# BOXWOOD_BIN   the server under test; default target/debug/boxwood, built here
# PYTHON        the interpreter for the virtual environment; default python3.11, else python3 (3.11 or newer)
set -eu

suite=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$suite/../.." && pwd)
installed=$root/target/mixed
python=$(sh "$suite/../python/venv.sh")

mkdir -p "$installed/azurite"

# An emulator of Azure Blob Storage. The versions are those of package-lock.json; nothing is run while it is installed.
install_azurite() {
    cmp -s "$suite/servers/package-lock.json" "$installed/azurite/package-lock.json" && return
    cp "$suite/servers/package.json" "$suite/servers/package-lock.json" "$installed/azurite"
    # A failed installation must not look like a finished one.
    npm --prefix "$installed/azurite" ci --no-audit --no-fund --ignore-scripts --loglevel error ||
        { rm "$installed/azurite/package-lock.json"; return 1; }
}
install_azurite &
azurite=$!

# An S3 server. The versions are those of go.mod and go.sum.
(cd "$suite/servers" && go build -ldflags '-s -w' -o "$installed/versitygw" github.com/versity/versitygw/cmd/versitygw)
wait "$azurite"

# With all packages, features and tests, so that what `cargo test --workspace --all-features` has built is used as it is.
cd "$root"
cargo build --quiet --workspace --all-features --bins --examples --tests

cd "$suite"
BOXWOOD_BIN=${BOXWOOD_BIN:-$root/target/debug/boxwood} exec "$python" -m pytest "$@"
