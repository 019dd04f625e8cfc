#!/usr/bin/env bash
# Runs the tests that need PostgreSQL on a server of their own, which is removed in the end.
#
#   conformance/postgres/run.sh                 the tests of the store, of simulations, and of several servers as processes
#   conformance/postgres/run.sh COMMAND ...     something else, with BOXWOOD_TEST_POSTGRES naming the server, and
#                                               BOXWOOD_TEST_POSTGRES_BIN the folder of its programs
#
# Needs initdb and pg_ctl of PostgreSQL 13 or newer, in the path or where Debian's packages put them.
set -euo pipefail
cd "$(dirname "$0")/../.."

initdb=$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
programs=$(dirname "$(readlink -f "$initdb")")
folder=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL does not run as root.
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    chown "$user" "$folder"
fi
control() {
    (cd "$folder" && "${as[@]}" "$programs/pg_ctl" -D "$folder/data" -s "$@")
}
end() {
    control stop -m immediate || true
    rm -rf "$folder"
}
(cd "$folder" && "${as[@]}" "$programs/initdb" -D "$folder/data" -U boxwood -A trust -E UTF8 --no-sync >"$folder/initdb.log") ||
    { cat "$folder/initdb.log"; exit 1; }
trap end EXIT
started=
for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM))
    options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=300"
    if control start -w -l "$folder/log" -o "$options"; then
        started=yes
        break
    fi
done
[ -n "$started" ] || { cat "$folder/log"; exit 1; }

export BOXWOOD_TEST_POSTGRES="host=127.0.0.1 port=$port user=boxwood"
export BOXWOOD_TEST_POSTGRES_BIN=$programs
if [ $# -gt 0 ]; then
    "$@"
else
    # The whole workspace, so that what the other tests have built is not built with other features once more.
    cargo test --workspace --all-features --test postgres --test telemetry --test transfer --test shared --test crowd \
        --test postgres_connections
    cargo test --workspace --all-features --test sim on_postgres
    cargo test -p boxwood-store --all-features --lib postgres
fi
