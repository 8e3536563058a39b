#!/usr/bin/env bash
# Builds the AssemblyScript and C examples into docs/examples/wasm/build, from any folder. What is newer than its sources is left as it is.
#   bash docs/examples/wasm/build.sh
# Node.js with npm builds the AssemblyScript ones; clang and lld the C ones. The Rust and C++ ones say in their first lines how they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p build

stop() { echo "$1" >&2; exit 1; }

clang=$(command -v clang || true)
[ -n "$clang" ] || stop "clang is needed for the C examples (Debian, Ubuntu: apt-get install clang lld)."
command -v wasm-ld >/dev/null || stop "wasm-ld is needed for the C examples (Debian, Ubuntu: apt-get install lld)."
command -v npm >/dev/null || stop "Node.js 20 or later with npm is needed for the AssemblyScript examples: no npm on PATH."

fresh() { # the target, then what it is made of
  local target=$1 source
  shift
  [ -f "$target" ] || return 1
  for source in "$@"; do [ ! "$source" -nt "$target" ] || return 1; done
}

for folder in c-*; do
  target=build/$folder.wasm
  fresh "$target" "$folder"/*.c c/proxy_wasm.h build.sh && continue
  echo "$folder"
  "$clang" --target=wasm32 -O2 -mbulk-memory -nostdlib -Wall -Wextra -Werror -Wl,--no-entry -Ic -o "$target.new" "$folder"/*.c \
    || stop "$folder was not compiled. Does this clang know the target wasm32? ($("$clang" --version | head -1))"
  mv "$target.new" "$target"
done

for folder in assemblyscript-*; do
  target=build/$folder.wasm
  fresh "$target" "$folder"/assembly/*.ts "$folder"/package.json "$folder"/package-lock.json build.sh && continue
  echo "$folder"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build) || stop "$folder was not built."
done
