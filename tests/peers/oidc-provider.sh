#!/bin/bash
# A real OIDC provider (npm oidc-provider 9) on a free loopback port, for the identity suite.
#   oidc-provider.sh start           prints OIDC_ISSUER=, OIDC_DIR=, OIDC_PID=
#   oidc-provider.sh rotate DIR      restarts it on the same port with a new signing key
#   oidc-provider.sh stop DIR        stops it and removes DIR
# Packages are kept in ${PXBACKUP_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/pxbackup/peers}/oidc; remove that folder to fetch them again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${PXBACKUP_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/pxbackup/peers}/oidc

fail() { echo "oidc-provider: $*" >&2; exit 1; }

packages() {
  command -v node >/dev/null && command -v npm >/dev/null || fail "node and npm are needed on PATH (Debian: apt-get install nodejs npm)"
  mkdir -p "$cache"
  (
    flock 9
    [ -f "$cache/complete" ] && exit 0
    echo '{"private":true,"type":"module"}' > "$cache/package.json"
    npm install --prefix "$cache" --no-audit --no-fund --loglevel=error 'oidc-provider@^9' >&2 || fail "npm could not install oidc-provider"
    touch "$cache/complete"
  ) 9> "$cache/lock"
}

# Modules are resolved from the script's own place: it runs from beside the packages, under a name of its own.
launch() {
  local dir=$1 port=$2
  ln -sfn "$cache/node_modules" "$dir/node_modules"
  cp "$here/oidc-provider.mjs" "$dir/server.mjs"
  : > "$dir/out"
  nohup node --no-warnings "$dir/server.mjs" "$port" "$dir/keys.json" > "$dir/out" 2> "$dir/err" < /dev/null &
  echo $! > "$dir/pid"
  for _ in $(seq 1 300); do
    grep -q '^issuer ' "$dir/out" && return
    kill -0 "$(cat "$dir/pid")" 2>/dev/null || fail "it ended: $(cat "$dir/err")"
    sleep 0.1
  done
  fail "it did not print its issuer within 30 s: $(cat "$dir/err")"
}

halt() {
  local pid
  pid=$(cat "$1/pid")
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 1 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
}

case "${1:-}" in
  start)
    packages
    dir=$(mktemp -d "${TMPDIR:-/tmp}/pxbackup-oidc.XXXXXX")
    launch "$dir" 0
    issuer=$(sed -n 's/^issuer //p' "$dir/out")
    echo "${issuer##*:}" > "$dir/port"
    printf 'OIDC_ISSUER=%s\nOIDC_DIR=%s\nOIDC_PID=%s\n' "$issuer" "$dir" "$(cat "$dir/pid")"
    ;;
  rotate)
    halt "$2"
    rm -f "$2/keys.json"
    launch "$2" "$(cat "$2/port")"
    ;;
  stop)
    [ -f "${2:?which DIR}/pid" ] || fail "$2 was not made by start"
    halt "$2"
    rm -rf "$2"
    ;;
  *) fail "usage: $0 start | rotate DIR | stop DIR" ;;
esac
