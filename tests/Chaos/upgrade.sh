#!/usr/bin/env bash
# Builds another commit of this project beside this one and lets the chaos tool upgrade from it to this working tree and back while
# clients work. usage: ./build.sh upgrade REF [options of ./build.sh chaos]
set -euo pipefail
cd "$(dirname "$0")/../.."
configuration=${CONFIGURATION:-Release}
ref=${1:?usage: ./build.sh upgrade REF [options of ./build.sh chaos]; REF is the commit or tag to upgrade from}
shift
commit=$(git rev-parse --verify --quiet "$ref^{commit}") || { echo "no commit '$ref' in this repository" >&2; exit 64; }
git cat-file -e "$commit:src/Silo/Transport" 2>/dev/null || {
  echo "commit $ref has no authenticated connections between silos and gateways: an upgrade from it needs a stop of all processes (docs/operations/silos-and-gateways.md)" >&2; exit 64; }
folder=${XDG_CACHE_HOME:-$HOME/.cache}/pxbackup/builds/$commit
program=$folder/src/Silo/bin/Release/net10.0/PxBackup.Silo.dll
if [ ! -f "$folder/built" ]; then
  rm -rf "$folder"
  git clone --quiet --no-checkout . "$folder"
  git -C "$folder" checkout --quiet --detach "$commit"
  (cd "$folder" && dotnet build src/Silo/PxBackup.Silo.csproj -c Release -v quiet)
  touch "$folder/built"
fi
exec dotnet "tests/Chaos/bin/$configuration/net10.0/PxBackup.Chaos.dll" --upgrade "$program" "$@"
