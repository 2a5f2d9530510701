#!/usr/bin/env bash
# The database beneath the MongoDB-compatible server of the tests: DocumentDB, an extension of PostgreSQL, from Debian's packages.
# tests/DocumentGateway speaks MongoDB's protocol in front of it.
#
#   documentdb.sh build         unpacks once (half a minute), about 400 MB
#   documentdb.sh start [DIR]   prints DOCUMENTDB_POSTGRES (a connection string), DOCUMENTDB_PORT, DOCUMENTDB_DIR; unpacks first
#                               when it has to (start: 3 s)
#   documentdb.sh kill DIR      ends every process of it at once, as kill -9 does; its data stay
#   documentdb.sh halt DIR      ends it in order, clients cut off; its data stay. For faults under load: killed in the middle of many
#                               writes its RUM indexes can be left in a state in which a later insert never ends
#   documentdb.sh restart DIR   starts it again on the same port with the same data; ends what still runs of it first
#   documentdb.sh stop DIR      ends what 'start' left running and removes its state
PEER=documentdb
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
ROOT=$PEERS_CACHE/documentdb
UIDS=7003:7003
BIN=/usr/lib/postgresql/18/bin

# No maintainer script runs: what they would have linked is linked here.
make_documentdb() {
  unpack forky "$1" postgresql-18-documentdb
  mkdir -p "$1/state" "$1/tmp"
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0::/root:/bin/sh\npostgres:x:7003:7003::/state:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\npostgres:x:7003:\n' >"$1/etc/group"
  printf '127.0.0.1 localhost\n' >"$1/etc/hosts"
  [ -e "$1/usr/share/postgresql/18/extension/postgis.control" ] || ln -s postgis-3.control "$1/usr/share/postgresql/18/extension/postgis.control"
  rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/var/cache/apt" "$1/var/lib/apt"
}

build() {
  need_root "or set MONGO_URI to use a MongoDB elsewhere"
  build_once documentdb 1 make_documentdb "half a minute"
}

# ENTER STATE ROOT COMMAND...: in the root, as postgres, STATE as /state. The mount lives in a namespace that ends with the
# command, so that any number of servers share one root. The path of libraries names what alternatives would have linked.
ENTER=(unshare --mount sh -c 'mount --bind "$1" "$2/state" && root=$2 && shift 2 && exec env -i PATH='$BIN':/usr/sbin:/usr/bin:/sbin:/bin HOME=/state LANG=C.UTF-8 LD_LIBRARY_PATH=$(cd "$root" && printf "/%s:" usr/lib/*-linux-gnu/blas usr/lib/*-linux-gnu/lapack) chroot --userspec='$UIDS' "$root" "$@"' enter)

inside() { local state=$1/pg; shift; "${ENTER[@]}" "$state" "$ROOT" "$@"; }

# synchronous_commit stays on: off, a killed server forgets writes that it has acknowledged. fsync may be off: only processes die
# here, never the machine.
configuration() {
  cat <<END
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = '/state'
max_connections = 300
max_worker_processes = 16
dynamic_shared_memory_type = mmap
fsync = off
full_page_writes = off
synchronous_commit = on
shared_buffers = 256MB
max_wal_size = 2GB
idle_in_transaction_session_timeout = 60s
ssl = off
timezone = 'UTC'
log_timezone = 'UTC'
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
cron.use_background_workers = on
cron.host = '/state'
cron.log_run = off
documentdb.localhost_connection_string = 'host=/state port=$1'
documentdb_core.enableCollation = on
documentdb.useFileBasedPersistedCursors = on
END
}

sql() { inside "$1" psql -h /state -p "$2" -U documentdb -d postgres -v ON_ERROR_STOP=1 -qAtc "$3"; }

run() {
  local dir=$1 port=$2
  launch "$dir" postgres "${ENTER[@]}" "$dir/pg" "$ROOT" postgres -D /state/data
  wait_for 60 eval "! running '$dir/postgres.pid' || sql '$dir' $port 'select 1'" || return 1
  running "$dir/postgres.pid"
}

attempt() {
  local dir=$1 port=$2 version
  rm -rf "$dir/pg"
  mkdir -p "$dir/pg"
  chown $UIDS "$dir/pg"
  inside "$dir" initdb -D /state/data -U documentdb -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.out" 2>&1 || return 1
  configuration "$port" >>"$dir/pg/data/postgresql.conf"
  run "$dir" "$port" || return 1
  sql "$dir" "$port" 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE' >>"$dir/initdb.out" 2>&1 || return 1
  # Expired documents go within seconds; nobody here has indexes built in the background.
  sql "$dir" "$port" "select cron.alter_job(jobid, schedule := '5 seconds') from cron.job where command ~ 'delete_expired_rows';
    select cron.unschedule(jobid) from cron.job where command ~ 'build_index_concurrently'" >>"$dir/initdb.out" 2>&1 || return 1
  # The suite that it comes from cannot be pinned: say which one it was when tests fail for a reason of its own.
  version=$(sql "$dir" "$port" 'select documentdb_api.binary_version()') || return 1
  case $version in 1.0*) ;; *) say "DocumentDB is $version: the gateway was written for 1.0" ;; esac
}

# The server with all its children: they notice the end of the first one, but not at once.
end_now() {
  local dir=$1 pid children
  running "$dir/postgres.pid" || return 0
  read -r pid _ <"$dir/postgres.pid"
  children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
  kill -KILL "$pid" $children 2>/dev/null || true
  wait_for 10 eval "! running '$dir/postgres.pid'" || say "process $pid does not end"
}

start() {
  build
  local dir port try
  dir=$(state_dir "${1:-}")
  for try in 1 2 3; do
    port=$(free_port)
    if attempt "$dir" "$port"; then
      printf '%s\n' "$port" >"$dir/port"
      printf 'DOCUMENTDB_POSTGRES=Host=127.0.0.1;Port=%s;Username=documentdb;Database=postgres\nDOCUMENTDB_PORT=%s\nDOCUMENTDB_DIR=%s\n' "$port" "$port" "$dir"
      end_with_owner "$dir"
      return
    fi
    say "attempt $try did not answer: $(tail -qn 1 "$dir"/*.out 2>/dev/null | cut -c 1-300 | tr '\n' ' ')"
    end_now "$dir"
  done
  rm -rf "$dir"
  fail "did not start"
}

# PostgreSQL's fast shutdown: transactions are rolled back, connections cut, everything written.
end_in_order() {
  local dir=$1 pid
  running "$dir/postgres.pid" || return 0
  read -r pid _ <"$dir/postgres.pid"
  kill -INT "$pid" 2>/dev/null || true
  wait_for 20 eval "! running '$dir/postgres.pid'" || end_now "$dir"
}

state_of() { [ "$(cat "$1/.pxbackup-peer" 2>/dev/null)" = "$PEER" ] || fail "$1 holds no state of a DocumentDB"; }

restart() {
  state_of "$1"
  end_now "$1"
  # Nothing of it runs; but its pid may be another program's by now, or wait for its parent: then PostgreSQL would take it for itself.
  rm -f "$1/pg/data/postmaster.pid" "$1"/pg/.s.PGSQL.*
  run "$1" "$(cat "$1/port")" || fail "did not start again: $(tail -n 1 "$1/postgres.out")"
}

stop() {
  state_of "$1"
  end_now "$1"
  stop_all "$1" postgres
}

case ${1:-} in
  build) build ;;
  start) start "${2:-}" ;;
  kill) state_of "${2:-}" && end_now "$2" ;;
  halt) state_of "${2:-}" && end_in_order "$2" ;;
  restart) restart "${2:-}" ;;
  stop) [ -z "${2:-}" ] || stop "$2" ;;
  *) fail "usage: documentdb.sh build | start [DIR] | kill DIR | halt DIR | restart DIR | stop DIR" ;;
esac
