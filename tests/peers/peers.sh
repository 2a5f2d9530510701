#!/usr/bin/env bash
# peers.sh prepare: makes every real server that the test suites need, in parallel, each once. Names what could not be made.
PEER=peers
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
ALL=(radosgw kube-api documentdb postgres)

prepare() {
  local here name pids=() missing=() i
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  for name in "${ALL[@]}"; do
    "$here/$name.sh" build &
    pids+=("$!")
  done
  for i in "${!ALL[@]}"; do
    wait "${pids[$i]}" || missing+=("${ALL[$i]}")
  done
  [ ${#missing[@]} = 0 ] || fail "not available: ${missing[*]}"
  say "ready: ${ALL[*]} (in $PEERS_CACHE)"
}

case ${1:-} in
  prepare) prepare ;;
  *) fail "usage: peers.sh prepare" ;;
esac
