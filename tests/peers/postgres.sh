#!/usr/bin/env bash
# A real PostgreSQL from the Debian packages of this machine's release.
#
#   postgres.sh build         unpacks once (half a minute), about 300 MB
#   postgres.sh start [DIR]   prints POSTGRES_URI, POSTGRES_DIR; unpacks first when it has to (start: 3 s); fresh data
#   postgres.sh kill DIR      ends the server with kill -9, all of its processes at once; the data stays
#   postgres.sh resume DIR    starts it again with its data, on the same port
#   postgres.sh stop DIR      ends what 'start' left running and removes its state
#
# Elsewhere: with POSTGRES_URI set (an ADO.NET connection string of a user who may create databases and roles), 'start' only
# prints it.
PEER=postgres
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
ROOT=$PEERS_CACHE/postgres
UIDS=7003:7003

make_postgres() {
  unpack "$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")" "$1" postgresql
  mkdir -p "$1/state" "$1/tmp"
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0::/root:/bin/sh\npostgres:x:7003:7003::/state:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\npostgres:x:7003:\n' >"$1/etc/group"
  printf '127.0.0.1 localhost\n' >"$1/etc/hosts"
  ls -d "$1"/usr/lib/postgresql/*/bin >/dev/null
  rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/var/cache/apt" "$1/var/lib/apt"
}

build() {
  need_root "or set POSTGRES_URI to use a server elsewhere"
  build_once postgres 1 make_postgres "half a minute"
}

# In the root, as postgres, DIR as /state; the mount ends with the command, so that any number of servers share one root.
ENTER=(unshare --mount sh -c 'mount --bind "$1" "$2/state" && bin=$(cd "$2" && ls -d usr/lib/postgresql/*/bin) && root=$2 && shift 2 && exec env -i PATH=/$bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/state LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC chroot --userspec='$UIDS' "$root" "$@"' enter)

inside() { local state=$1/pg; shift; "${ENTER[@]}" "$state" "$ROOT" "$@"; }

# fsync off: kill -9 ends processes, not the machine, and the kernel keeps what was written.
configuration() { # port
  cat <<END
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = ''
dynamic_shared_memory_type = sysv
max_connections = 200
shared_buffers = 128MB
fsync = off
password_encryption = scram-sha-256
timezone = 'UTC'
log_timezone = 'UTC'
END
}

answers() { inside "$1" env PGPASSWORD="$3" psql -h 127.0.0.1 -p "$2" -U postgres -d postgres -Atqc 'select 1'; }

run() { # DIR PORT PASSWORD
  launch "$1" postgres "${ENTER[@]}" "$1/pg" "$ROOT" postgres -D /state/data
  wait_for 60 eval "! running '$1/postgres.pid' || answers '$1' '$2' '$3'" || return 1
  running "$1/postgres.pid"
}

# kill -9: the first process, then the ones it had started, which would otherwise end by themselves a moment later.
kill_all() {
  local pid at children=()
  running "$1/postgres.pid" || return 0
  read -r pid at <"$1/postgres.pid"
  mapfile -t children < <(cat "/proc/$pid/task/$pid/children" 2>/dev/null | tr ' ' '\n' | sed '/^$/d')
  stop_daemon "$1/postgres.pid"
  [ ${#children[@]} = 0 ] || kill -KILL "${children[@]}" 2>/dev/null || true
}

tell() { # DIR PORT PASSWORD
  printf 'POSTGRES_URI=Host=127.0.0.1;Port=%s;Username=postgres;Password=%s;Database=postgres\nPOSTGRES_DIR=%s\n' "$2" "$3" "$1"
}

start() {
  if [ -n "${POSTGRES_URI:-}" ]; then
    printf 'POSTGRES_URI=%s\nPOSTGRES_DIR=\n' "$POSTGRES_URI"
    return
  fi
  build
  local dir port try password
  dir=$(state_dir "${1:-}")
  password=$(openssl rand -hex 16)
  mkdir -p "$dir/pg"
  printf '%s' "$password" >"$dir/pg/password"
  chmod 600 "$dir/pg/password"
  chown -R $UIDS "$dir/pg"
  inside "$dir" initdb -D /state/data -U postgres -E UTF8 --locale=C.UTF-8 -A scram-sha-256 --pwfile=/state/password --no-sync >>"$dir/initdb.out" 2>&1 ||
    { tail -n 3 "$dir/initdb.out" >&2; rm -rf "$dir"; fail "initdb failed"; }
  for try in 1 2 3; do
    port=$(free_port)
    configuration "$port" >"$dir/pg/data/postgresql.auto.conf"
    printf '%s %s\n' "$port" "$password" >"$dir/access"
    if run "$dir" "$port" "$password"; then
      tell "$dir" "$port" "$password"
      end_with_owner "$dir"
      return
    fi
    say "attempt $try did not answer: $(tail -n 1 "$dir/postgres.out" | cut -c 1-300)"
    kill_all "$dir"
  done
  rm -rf "$dir"
  fail "did not start"
}

# An ended server's processes may hold its shared memory a moment longer: a start that finds them is repeated.
resume() {
  local dir=$1 port password try
  [ -f "$dir/access" ] || fail "$dir holds no state of a PostgreSQL"
  read -r port password <"$dir/access"
  for try in 1 2 3 4 5 6 7 8; do
    if run "$dir" "$port" "$password"; then tell "$dir" "$port" "$password"; return; fi
    sleep 1
  done
  fail "did not start again: $(tail -n 1 "$dir/postgres.out" | cut -c 1-300)"
}

case ${1:-} in
  build) build ;;
  start) start "${2:-}" ;;
  kill) kill_all "${2:?}" ;;
  resume) resume "${2:?}" ;;
  stop) [ -z "${2:-}" ] || { kill_all "$2" && stop_all "$2" postgres; } ;;
  *) fail "usage: postgres.sh build | start [DIR] | kill DIR | resume DIR | stop DIR" ;;
esac
