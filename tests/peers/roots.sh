# Sourced by the peers' scripts: where their roots are cached, how one is unpacked, and how daemons are started and ended.
# Nothing here runs by itself. Every function fails with a sentence on stderr.

set -euo pipefail

PEERS_CACHE=${PXBACKUP_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/pxbackup/peers}

say() { printf '%s: %s\n' "${PEER:-peers}" "$*" >&2; }
fail() { say "$*"; exit 1; }

# The Debian mirror of this machine's apt, so that no mirror is named here. PXBACKUP_MIRROR overrides it.
mirror() {
  local uri
  uri=${PXBACKUP_MIRROR:-$(
    {
      sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | tr ' ' '\n'
      sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
    } | sed -n 's#/*$##; \#/debian$#p' | head -n 1
  )}
  [ -n "$uri" ] || fail "apt on this machine has no Debian mirror: set PXBACKUP_MIRROR to one"
  printf '%s\n' "$uri"
}

need_root() { [ "$(id -u)" = 0 ] || fail "this needs root (it unpacks a Debian root and enters it); $1"; }

# Tools that unpack a root; both are small packages of the distribution.
need_tools() {
  local missing=() tool
  for tool in mmdebstrap eatmydata; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  mkdir -p "$PEERS_CACHE"
  (
    flock 9
    apt-get install -y --no-install-recommends "${missing[@]}" || { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; }
  ) 9>"$PEERS_CACHE/apt.lock" >"$PEERS_CACHE/apt.log" 2>&1 || fail "cannot install ${missing[*]}: $(tail -n 1 "$PEERS_CACHE/apt.log")"
}

# unpack SUITE DIR PACKAGES: packages with what they depend on; no maintainer script runs.
unpack() {
  eatmydata mmdebstrap --mode=root --variant=extract --format=directory \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "3"' \
    --include="$3,base-files,netbase,dash,coreutils" "$1" "$2" "$(mirror)"
}

# build_once NAME RECIPE FUNCTION: runs FUNCTION with an empty folder and keeps the result as $PEERS_CACHE/NAME.
# Kept only when FUNCTION succeeded (the folder is renamed last), made again when RECIPE changed, and made by one at a time.
build_once() {
  local name=$1 recipe=$2 make=$3 target=$PEERS_CACHE/$1 work log=$PEERS_CACHE/$1.log started=$SECONDS
  mkdir -p "$PEERS_CACHE"
  exec 8>"$PEERS_CACHE/$name.lock"
  flock 8
  if [ "$(cat "$target/.recipe" 2>/dev/null)" != "$recipe" ]; then
    need_tools
    say "building (about $4); log: $log"
    rm -rf "$target" "$PEERS_CACHE/$name".building.*
    work=$(mktemp -d "$PEERS_CACHE/$name.building.XXXXXX")
    # A child shell: 'set -e' does not hold inside a function whose result is tested. It must not keep the lock either.
    bash -euo pipefail -c "$(declare -f say fail mirror unpack "$make"); PEER=$PEER; $make \"\$1\"" build "$work" >"$log" 2>&1 8>&- || {
      rm -rf "$work"
      fail "could not be built: $(grep -E '^E: |error|cannot|No such' "$log" | tail -n 2 | tr '\n' ' ') (all of it: $log)"
    }
    chmod 755 "$work"
    printf '%s\n' "$recipe" >"$work/.recipe"
    mv "$work" "$target"
    say "built in $((SECONDS - started)) s"
  fi
  exec 8>&-
}

# A state folder: the one asked for (new or empty), else one from mktemp. The marker lets 'stop' remove it and nothing else.
state_dir() {
  local dir=${1:-}
  [ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/pxbackup-$PEER.XXXXXX")
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty: state of a peer needs a folder of its own"
  printf '%s\n' "$PEER" >"$dir/.pxbackup-peer"
  printf '%s\n' "$dir"
}

# A loopback port nobody listens on, below the range that the kernel hands to clients. Somebody may still be faster:
# whoever starts a daemon on it tries again with another one.
free_port() {
  local port try
  for try in $(seq 100); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    grep -qi ":$(printf '%04X' "$port") " /proc/net/tcp /proc/net/tcp6 2>/dev/null || { printf '%s\n' "$port"; return; }
  done
  fail "no free loopback port between 20000 and 32000 after $try tries"
}

# launch DIR NAME COMMAND...: a daemon of its own session; its pid and start time (a pid may be used again) go to DIR/NAME.pid.
launch() {
  local dir=$1 name=$2
  shift 2
  setsid "$@" </dev/null >>"$dir/$name.out" 2>&1 &
  printf '%s %s\n' "$!" "$(started_at "$!")" >"$dir/$name.pid"
}

# Field 22 of /proc/PID/stat, counted behind the command's name, which may hold blanks; nothing for one that has ended and waits
# for its parent to take notice.
started_at() { sed -n 's/.*) //; /^Z/!p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

running() {
  local pid at
  read -r pid at <"$1" 2>/dev/null && [ -n "$at" ] && [ "$(started_at "$pid")" = "$at" ]
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.2
  done
}

# Ends one daemon if it still is the one we started. Killed at once: its state is thrown away, there is nothing to flush.
stop_daemon() {
  local file=$1 pid at
  running "$file" || return 0
  read -r pid at <"$file"
  kill -KILL "$pid" 2>/dev/null || true
  wait_for 10 eval "! running $file" || say "process $pid does not end"
}

# With PXBACKUP_PEER_OWNER=PID in the environment a peer ends when that one has ended, however it ended.
end_with_owner() {
  local dir=$1 owner=${PXBACKUP_PEER_OWNER:-}
  [ -n "$owner" ] || return 0
  launch "$dir" guard bash -c 'while [ -d "/proc/$1" ] && [ -d "$2" ]; do sleep 2; done; [ ! -d "$2" ] || exec "$3" stop "$2"' \
    guard "$owner" "$dir" "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$PEER.sh"
}

# stop_all DIR NAME...: ends what 'launch' recorded there, in this order, and removes the state.
stop_all() {
  local dir=$1 name
  shift
  [ -f "$dir/.pxbackup-peer" ] || fail "$dir holds no state of a peer"
  for name in "$@"; do stop_daemon "$dir/$name.pid"; done
  rm -rf "$dir"
}
