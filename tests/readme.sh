#!/usr/bin/env bash
# Runs the shell blocks of README.md as they stand, in order and in one shell, in a copy of the tracked files, which is what a fresh
# clone has. Exit code 0 when every command of every block succeeded; says in one line what went wrong otherwise.
#   bash tests/readme.sh
# The rules: a block marked ```bash is run, all others are not. The block that starts the product goes on beside those after it. A block
# that calls tests/run.sh is left out, since that calls this. What README only shows in its table (load runs) is no block.
# It happens in a network namespace of its own, with loopback alone, where that may be made; else on this machine's ports 9901, 10000 and
# 10001, which then have to be free. What npm fetches for the example modules is taken over from here.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
readonly start_seconds=${MANAGED_README_SECONDS:-900} block_seconds=300
readonly server='dotnet run --project admin-api'

fail() { echo "README: $1" >&2; exit 1; }

# With the network still there: what npm fetches is not what this is about.
[ -n "${MANAGED_README_INSIDE:-}" ] || bash docs/examples/wasm/build.sh >/dev/null || fail "the example modules were not built"
if [ -z "${MANAGED_README_INSIDE:-}" ] && command -v ip >/dev/null; then
  for flags in -n -rn; do
    if unshare "$flags" ip link set lo up 2>/dev/null; then
      MANAGED_README_INSIDE=1 exec unshare "$flags" bash -c 'ip link set lo up && exec bash "$0"' "$root/tests/readme.sh"
    fi
  done
fi
for port in 9901 10000 10001; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port, which README uses, is taken by another program of this machine; end it and run this again"
  fi
done

work=$(mktemp -d)
product=
finish() {
  if [ -n "$product" ]; then
    kill -TERM -- "-$product" 2>/dev/null
    for _ in $(seq 100); do kill -0 -- "-$product" 2>/dev/null || break; sleep 0.2; done
    kill -KILL -- "-$product" 2>/dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT

mkdir "$work/clone" "$work/blocks"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$work/clone" || fail "the tree could not be copied"
# Taken over: what would be fetched (node modules), and what was built of it (example modules, newer than the copied sources).
git ls-files -o -i --exclude-standard --directory | grep -E '(^|/)node_modules/$|^docs/examples/wasm/build/$' | while read -r folder; do
  mkdir -p "$work/clone/$(dirname "$folder")" && cp -a "$folder" "$work/clone/$folder"
done
find "$work/clone/docs/examples/wasm/build" -type f -exec touch {} + 2>/dev/null

awk -v out="$work/blocks" '
  /^```bash$/ { inside = 1; file = sprintf("%s/%02d.sh", out, ++n); print "# README.md line " NR + 1 > file; next }
  /^```/      { inside = 0; next }
  inside      { print > file }' README.md
[ -n "$(ls "$work/blocks")" ] || fail "no block is marked bash"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NO_COLOR=1
export NuGetAudit=false # asks a server for known weaknesses; there is none here
shell=$work/all.sh
{
  echo 'set -e'
  echo 'trap '"'"'echo "at: $BASH_COMMAND" >&2'"'"' ERR'
} >"$shell"
cd "$work/clone" || exit 1
for block in "$work"/blocks/*.sh; do
  if grep -q 'tests/run\.sh' "$block"; then continue; fi
  if grep -q "^$server\( \|$\)" "$block"; then
    : >"$work/product.log"
    setsid bash -e "$block" >"$work/product.log" 2>&1 </dev/null &
    product=$!
    started=$SECONDS
    until grep -q '^token ' "$work/product.log"; do
      kill -0 "$product" 2>/dev/null || { tail -20 "$work/product.log" >&2; product=; fail "'$server' ended"; }
      [ $((SECONDS - started)) -lt "$start_seconds" ] || { tail -20 "$work/product.log" >&2; fail "'$server' was not up within $start_seconds s"; }
      sleep 0.2
    done
    continue
  fi
  { echo "echo '== $(head -1 "$block")'"; cat "$block"; } >>"$shell"
done
[ -n "$product" ] || fail "no block starts the product with '$server'"
[ -s "$work/clone/data/admin-token" ] || fail "'$server' keeps no data in ./data"
timeout "$block_seconds" bash "$shell" >"$work/blocks.log" 2>&1 </dev/null || { tail -40 "$work/blocks.log" >&2; fail "a command failed (see above)"; }
grep -q 'x-hello: wasm' "$work/blocks.log" || { tail -40 "$work/blocks.log" >&2; fail "the module's header did not come"; }
echo "README: $(find "$work/blocks" -name '*.sh' | wc -l) blocks, all but the call of the tests themselves run as they stand"
