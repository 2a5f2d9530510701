#!/usr/bin/env bash
# with.sh mongodb|postgresql COMMAND…: starts that server, runs the command with MONGO_URI or POSTGRES_URI set, and stops the server.
PEER=with
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PXBACKUP_PEER_OWNER=$$

value() { sed -n "s/^$1=//p" <<<"$said"; }

free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

[ $# -ge 2 ] || fail "usage: with.sh mongodb|postgresql COMMAND…"
case $1 in
  postgresql)
    said=$("$here/postgres.sh" start)
    trap '"$here/postgres.sh" stop "$(value POSTGRES_DIR)"' EXIT
    POSTGRES_URI=$(value POSTGRES_URI)
    export POSTGRES_URI
    ;;
  mongodb)
    program=$here/../DocumentGateway/bin/${CONFIGURATION:-Release}/net10.0/PxBackup.DocumentGateway.dll
    [ -f "$program" ] || fail "run ./build.sh build first"
    said=$("$here/documentdb.sh" start)
    trap '"$here/documentdb.sh" stop "$(value DOCUMENTDB_DIR)"' EXIT
    port=$(free_port)
    dotnet "$program" --postgres "$(value DOCUMENTDB_POSTGRES)" --port "$port" --set pxbackup >&2 &
    gateway=$!
    trap 'kill "$gateway"; wait "$gateway"; "$here/documentdb.sh" stop "$(value DOCUMENTDB_DIR)"' EXIT
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      kill -0 "$gateway" 2>/dev/null || fail "the MongoDB-compatible server did not start"
      sleep 0.2
    done
    export MONGO_URI="mongodb://127.0.0.1:$port/?replicaSet=pxbackup"
    ;;
  *) fail "unknown server '$1': mongodb or postgresql" ;;
esac
shift
code=0
"$@" || code=$?
exit "$code"
