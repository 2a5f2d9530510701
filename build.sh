#!/usr/bin/env bash
# The one way to build, run, test and measure. Needs the .NET SDK that global.json names; `test` also needs a Debian with
# apt-get (and root) for the real servers that it starts, or the environment variables of tests/peers/README.md.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
configuration=${CONFIGURATION:-Release}

usage() {
  cat <<'EOF'
usage: ./build.sh COMMAND [ARGUMENTS]
  build            restore and build everything, warnings are errors
  run [ARGUMENTS]  start PxBackup on this machine with a simulated fleet, perform the walk, stay up (--help: options)
  test [SUITE…]    build, start the real servers, run the suites InProcess, Simulation, Adapters, EndToEnd (or those named)
  bugs [NAME…]     build with seeded bugs and show which test finds each; prints the table for docs/reliability.md
  chaos [OPTIONS]  faults against real processes (--seed N, --minutes M, --short, --keep), docs/reliability.md
  hostile [OPTIONS] one tenant's cluster, store and requests against everybody else (--short, --only NAME, --list), docs/security.md
  upgrade REF      upgrades real processes from another commit to this one and back while clients work, docs/reliability.md
  bench [NAME…]    measure; prints tables for docs/performance.md (bench list: the names)
  format           rewrite white space and usings
  clean            remove what was built
EOF
}

build() { dotnet build PxBackup.sln -c "$configuration" -v quiet "$@"; }

# The counts of a run's summary: "… Total: 5, Errors: 0, Failed: 0, Skipped: 1, Not Run: 0, Time: 2.046s" → "TOTAL FAILED SKIPPED".
counts() {
  sed -nE 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+).*/\1 \2 \3 \4/p' "$1" | tail -1 | awk '{print $1, $2 + $3, $4}'
}

# The methods that a run's log names as failed, without the colours and the arguments of theories.
failures() { sed -E 's/\x1b\[[0-9;]*m//g' "$1" | sed -nE 's/^ *([A-Za-z0-9_.+]+)(\(.*)? \[FAIL\]$/\1/p' | sort -u; }

# Runs one suite and adds its counts to the totals. The suites share a machine with whatever else runs there: up to three tests
# that fail are run once more, alone, and are named if they pass then.
passed=0 failed=0 skipped=0 broken=""
suite() {
  local exe log code=0 t f s name again=()
  exe="tests/$1/bin/$configuration/net10.0/PxBackup.Tests.$1.dll"
  log=$(mktemp)
  echo "== $1"
  dotnet "$exe" 2>&1 | tee "$log" || code=$?
  read -r t f s <<<"$(counts "$log")" || true
  if [ -z "${t:-}" ] || { [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; }; then
    broken="$broken $1"
  fi
  if [ "${f:-0}" -gt 0 ] && [ "$f" -le 3 ]; then
    for name in $(failures "$log"); do again+=(-method "$name"); done
    echo "== $1: once more: ${again[*]}"
    if [ "${#again[@]}" -gt 0 ] && dotnet "$exe" "${again[@]}" 2>&1 | tee "$log"; then
      echo "unsteady, passed alone: ${again[*]}" >&2
      f=0
    fi
  fi
  if [ -n "${t:-}" ]; then passed=$((passed + t - f - s)) failed=$((failed + f)) skipped=$((skipped + s)); fi
  rm -f "$log"
}

test_all() {
  local suites=("$@")
  [ "${#suites[@]}" -gt 0 ] || suites=(InProcess Simulation Adapters EndToEnd)
  local peers=0
  for s in "${suites[@]}"; do [ "$s" = InProcess ] || peers=1; done
  # The real servers are built while the compiler works; what cannot be built is said there and fails here.
  local preparing=""
  if [ "$peers" = 1 ]; then tests/peers/peers.sh prepare & preparing=$!; fi
  build
  # The seeded bugs must at least fit and compile; ./build.sh bugs shows that they are found.
  tests/Simulation/bugs.sh --compile
  if [ -n "$preparing" ]; then wait "$preparing" || { echo "the real servers for the tests could not be prepared (see above)" >&2; failed=$((failed + 1)); }; fi
  for s in "${suites[@]}"; do suite "$s"; done
  for s in $broken; do echo "suite $s ended without a result" >&2; failed=$((failed + 1)); done
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command" in
  build) build "$@" ;;
  run) build && exec dotnet "tests/QuickStart/bin/$configuration/net10.0/PxBackup.QuickStart.dll" "$@" ;;
  test) test_all "$@" ;;
  bugs) exec tests/Simulation/bugs.sh "$@" ;;
  chaos) build && exec dotnet "tests/Chaos/bin/$configuration/net10.0/PxBackup.Chaos.dll" "$@" ;;
  hostile) build && exec dotnet "tests/Hostile/bin/$configuration/net10.0/PxBackup.Hostile.dll" "$@" ;;
  upgrade) build && exec tests/Chaos/upgrade.sh "$@" ;;
  bench) build && exec dotnet "tests/Benchmarks/bin/$configuration/net10.0/PxBackup.Benchmarks.dll" "$@" ;;
  format) dotnet format whitespace PxBackup.sln "$@" ;;
  clean) git clean -fdX -- src tests ;;
  *) usage; [ "$command" = help ] || [ "$command" = --help ] || exit 64 ;;
esac
