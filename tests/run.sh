#!/usr/bin/env bash
# Builds everything once in Release and runs every test project. From any folder, with no terminal and no input.
#   bash tests/run.sh              all
#   bash tests/run.sh Proxy        only the projects whose folder has this in its name
# The last line is the sum: "N passed, N failed" (and ", N skipped"). Exit code 0 only when something ran and nothing failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
exec </dev/null
only=${1:-}
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NO_COLOR=1
per_project=${MANAGED_TEST_SECONDS:-600}

stop() { echo "$1" >&2; echo "0 passed, 1 failed"; exit 1; }

command -v dotnet >/dev/null || stop "The .NET SDK 10 is needed (https://dotnet.microsoft.com/download): no dotnet on PATH."
dotnet --list-sdks | grep -q '^10\.' || stop "The .NET SDK 10 is needed; this machine has: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')"
command -v node >/dev/null || stop "Node.js 20 or later is needed to bundle the dashboard's scripts: no node on PATH."
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || stop "Node.js 20 or later is needed to bundle the dashboard's scripts; this is $(node --version)."

# The browser tests drive a real Chromium.
if [ ! -x /usr/bin/chromium ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests."
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >/tmp/managed-apt.log 2>&1 \
      || { tail -5 /tmp/managed-apt.log >&2; stop "Chromium could not be installed."; }
  else
    stop "The browser tests need /usr/bin/chromium; install the package chromium, or run this as root."
  fi
fi

# The example modules of docs/examples/wasm are built, and tested as they are: AssemblyScript with npm, C with clang.
if ! command -v clang >/dev/null || ! command -v wasm-ld >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing clang and lld for the example modules."
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends clang lld; } >/tmp/managed-apt.log 2>&1 \
      || { tail -5 /tmp/managed-apt.log >&2; stop "clang and lld could not be installed."; }
  else
    stop "The example modules need clang and wasm-ld; install the packages clang and lld, or run this as root."
  fi
fi
bash docs/examples/wasm/build.sh || stop "The example modules were not built."

# The idle and EMFILE tests open a few thousand sockets.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Building Managed.sln (Release)."
# The compiler's server makes this take half the time; it is ended before the tests, which need its memory and quiet more.
dotnet build Managed.sln -c Release -v q -nodeReuse:false >"$log" 2>&1
code=$?
dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1
if [ "$code" != 0 ]; then
  grep -E 'error|warning' "$log" | sort -u | head -40 || true
  tail -5 "$log"
  stop "The build failed."
fi

# One project: its failures and its line on the terminal when it has ended, "passed failed skipped" and the names of what failed in $results.
results=$(mktemp -d)
trap 'rm -rf "$log" "$results"' EXIT
run_project() {
  local project=$1 folder assembly log started=$SECONDS code sum total good bad skip
  folder=$(basename "$(dirname "$project")")
  log=$results/$folder.log
  assembly=$(sed -n 's:.*<AssemblyName>\(.*\)</AssemblyName>.*:\1:p' "$project")
  timeout --kill-after=10 "$per_project" "tests/$folder/bin/Release/net10.0/$assembly" -noColor -noLogo >"$log" 2>&1
  code=$?
  sum=$(grep -E "^ *$assembly +Total: [0-9]+" "$log" | tail -1)
  count() { sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$sum"; }
  if [ -z "$sum" ]; then
    tail -40 "$log"
    echo "$folder: ended without a summary (exit code $code; 124 is a time-out of $per_project s)"
    echo "0 1 0" >"$results/$folder.sum"
    return
  fi
  total=$(count Total) bad=$(( $(count Failed) + $(count Errors) )) skip=$(count Skipped)
  good=$((total - bad - skip))
  [ "$code" = 0 ] || [ "$bad" -gt 0 ] || bad=1
  if [ "$bad" != 0 ]; then
    # Each failure with its message and trace; what the product logged meanwhile only where nothing says more.
    awk '/ \[FAIL\]$/ { on = 1; lines = 0 } !/ \[FAIL\]$/ && !/^      / { on = 0 } on && lines++ < 40' "$log"
    grep -E ' \[FAIL\]$' "$log" | sed 's/^ */  /' >"$results/$folder.broken" || tail -60 "$log"
  fi
  echo "$folder: $good passed, $bad failed, $skip skipped in $((SECONDS - started)) s"
  echo "$good $bad $skip" >"$results/$folder.sum"
}

# README's commands as they stand: one test.
run_readme() {
  local log=$results/Readme.log started=$SECONDS sum="1 0 0"
  bash tests/readme.sh >"$log" 2>&1 || sum="0 1 0"
  tail -40 "$log"
  echo "Readme: ended in $((SECONDS - started)) s"
  echo "$sum" >"$results/Readme.sum"
}

# The browser's tests wait more than they compute: they run beside the others, which follow one another.
beside=() others=()
for project in tests/*/*.csproj; do
  grep -q 'Include="xunit.v3"' "$project" || continue
  folder=$(basename "$(dirname "$project")")
  case "$folder" in *"$only"*) ;; *) continue ;; esac
  case "$folder" in Dashboard.Tests) beside+=("$project") ;; *) others+=("$project") ;; esac
done
{
  for project in "${beside[@]}"; do run_project "$project"; done
  case Readme in *"$only"*) run_readme ;; esac
} &
for project in "${others[@]}"; do run_project "$project"; done
wait

read -r passed failed skipped < <(cat "$results"/*.sum 2>/dev/null | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
[ $((passed + failed)) -gt 0 ] || stop "No test ran."
if compgen -G "$results/*.broken" >/dev/null; then echo "Failed:"; cat "$results"/*.broken; fi
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" = 0 ]
