#!/usr/bin/env bash
# Builds the product with its seeded bugs (a copy of the tree with the patches of bugs/ applied, configuration SeededBugs) and runs against
# each the tests that are to find it. Prints the table of docs/reliability.md. Arguments: names of bugs; none means all; --compile only
# shows that the patches still fit and compile.
set -euo pipefail
cd "$(dirname "$0")/../.."
list=$PWD/tests/Simulation/bugs.txt
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done | xargs -0 cp --parents -t "$copy"
cd "$copy"
for patch in tests/Simulation/bugs/*.patch; do
  [ -e "$patch" ] || continue
  git apply "$patch" || { echo "the seeded bug $patch does not fit the source any more: make it again" >&2; exit 1; }
done
if [ "${1:-}" = --compile ]; then
  dotnet build src/Silo/PxBackup.Silo.csproj -c SeededBugs -v quiet >&2
  exit
fi
set -f
[ $# -eq 0 ] || { wanted=$(printf '^%s \n' "$@"); list=$copy/wanted; grep -E "$wanted" tests/Simulation/bugs.txt >"$list"; }
for suite in $(cut -d' ' -f2 "$list" | sort -u); do
  dotnet build "tests/$suite/PxBackup.Tests.$suite.csproj" -c SeededBugs -v quiet >&2
done
found=0 missed=0 log=$(mktemp)
echo "| bug | found by | after |"
echo "|---|---|---|"
while read -r bug suite arguments; do
  started=$SECONDS
  # shellcheck disable=SC2086 # the arguments are several words
  if PXBACKUP_SEEDED_BUG=$bug timeout "${BUG_SECONDS:-600}" dotnet "tests/$suite/bin/SeededBugs/net10.0/PxBackup.Tests.$suite.dll" $arguments >"$log" 2>&1 </dev/null; then
    missed=$((missed + 1)) how="**not found**" after="$((SECONDS - started)) s"
  else
    found=$((found + 1))
    after="$(sed -nE 's/.*after ([0-9]+ histories).*/\1, /p' "$log" | head -1)$((SECONDS - started)) s"
    how=$(sed -E 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/.*after [0-9]+ histories in [^:]*: [0-9:.]+ (.*)/\1/p; s/^ *PxBackup\.Tests\.[A-Za-z]+\.([A-Za-z0-9_.]+)(\(.*)? \[FAIL\]$/\1/p' | grep -v 'Histories_keep_every_promise' | head -1 | cut -c1-140 || true)
    [ -n "$how" ] || { how="no result (time limit or a broken run)" missed=$((missed + 1)) found=$((found - 1)); }
  fi
  echo "| $bug | $suite: $how | $after |"
done <"$list"
echo "$found found, $missed not found" >&2
[ "$missed" -eq 0 ]
