#!/bin/sh
# Runs the Go conformance suite against the server's program.
#
#   conformance/go/run.sh                     all tests
#   conformance/go/run.sh -run 'TestR40|T112' some of them; arguments go to `go test`
#
# Needs Go 1.26 or newer and a server: BOXWOOD_BIN, else target/release/boxwood, else target/debug/boxwood.
# Tests with Python runners need BOXWOOD_PYTHON, else target/python-venv/bin/python; without
# the official Python SDK there they are skipped, and fail when CI=true.
set -eu
cd "$(dirname "$0")"
go mod download
go run ./gen -proto ../../crates/proto/proto
go vet ./...
exec go test ./... -count=1 "$@"
