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
  test [SUITE…]    build, start the real servers, run the suites InProcess, Adapters, EndToEnd (or those named)
  bench [NAME…]    measure; prints tables for docs/performance.md (bench list: the names)
  format           rewrite white space and usings
  clean            remove what was built
EOF
}

build() { dotnet build PxBackup.sln -c "$configuration" -v quiet "$@"; }

# Runs one suite and adds its counts to the totals.
passed=0 failed=0 skipped=0 broken=""
suite() {
  local log code=0 p f s
  log=$(mktemp)
  echo "== $1"
  dotnet "tests/$1/bin/$configuration/net10.0/PxBackup.Tests.$1.dll" 2>&1 | tee "$log" || code=$?
  # The last summary line: "… Total: 5, Errors: 0, Failed: 0, Skipped: 1, Not Run: 0, Time: 2.046s"
  local line
  line=$(grep -E 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -1 || true)
  if [ -z "$line" ]; then
    broken="$broken $1"
  else
    f=$(( $(sed -E 's/.*Errors: ([0-9]+).*/\1/' <<<"$line") + $(sed -E 's/.*Failed: ([0-9]+).*/\1/' <<<"$line") ))
    s=$(sed -E 's/.*Skipped: ([0-9]+).*/\1/' <<<"$line")
    p=$(( $(sed -E 's/.*Total: ([0-9]+).*/\1/' <<<"$line") - f - s ))
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then broken="$broken $1"; fi
  fi
  rm -f "$log"
}

test_all() {
  local suites=("$@")
  [ "${#suites[@]}" -gt 0 ] || suites=(InProcess Adapters EndToEnd)
  local peers=0
  for s in "${suites[@]}"; do [ "$s" = Adapters ] && peers=1; done
  # The real servers are built while the compiler works; what cannot be built is said there and fails here.
  local preparing=""
  if [ "$peers" = 1 ]; then tests/peers/peers.sh prepare & preparing=$!; fi
  build
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
  bench) build && exec dotnet "tests/Benchmarks/bin/$configuration/net10.0/PxBackup.Benchmarks.dll" "$@" ;;
  format) dotnet format whitespace PxBackup.sln "$@" ;;
  clean) git clean -fdX -- src tests ;;
  *) usage; [ "$command" = help ] || [ "$command" = --help ] || exit 64 ;;
esac
