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
# The compiler's server makes this take half the time; it is ended before the tests, which need its memory and quiet more. Style is looked
# at by every other build (`dotnet build`), which takes three times as long for it.
dotnet build Managed.sln -c Release -v q -nodeReuse:false -p:RunAnalyzers=false >"$log" 2>&1
code=$?
dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1
if [ "$code" != 0 ]; then
  grep -E 'error|warning' "$log" | sort -u | head -40 || true
  tail -5 "$log"
  stop "The build failed."
fi

passed=0 failed=0 skipped=0 broken=
for project in tests/*/*.csproj; do
  folder=$(basename "$(dirname "$project")")
  grep -q 'Include="xunit.v3"' "$project" || continue
  case "$folder" in *"$only"*) ;; *) continue ;; esac
  assembly=$(sed -n 's:.*<AssemblyName>\(.*\)</AssemblyName>.*:\1:p' "$project")
  started=$SECONDS
  timeout --kill-after=10 "$per_project" "tests/$folder/bin/Release/net10.0/$assembly" -noColor -noLogo >"$log" 2>&1
  code=$?
  sum=$(grep -E "^ *$assembly +Total: [0-9]+" "$log" | tail -1)
  count() { sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$sum"; }
  if [ -z "$sum" ]; then
    tail -40 "$log"
    echo "$folder: ended without a summary (exit code $code; 124 is a time-out of $per_project s)"
    failed=$((failed + 1))
    continue
  fi
  total=$(count Total) bad=$(( $(count Failed) + $(count Errors) )) skip=$(count Skipped)
  good=$((total - bad - skip))
  [ "$code" = 0 ] || [ "$bad" -gt 0 ] || bad=1
  if [ "$bad" != 0 ]; then
    # Each failure with its message and trace; what the product logged meanwhile only where nothing says more.
    awk '/ \[FAIL\]$/ { on = 1; lines = 0 } !/ \[FAIL\]$/ && !/^      / { on = 0 } on && lines++ < 40' "$log"
    broken="$broken$(grep -E ' \[FAIL\]$' "$log" | sed 's/^ */  /')
"
    grep -qE ' \[FAIL\]$' "$log" || tail -60 "$log"
  fi
  echo "$folder: $good passed, $bad failed, $skip skipped in $((SECONDS - started)) s"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

case Readme in *"$only"*)
  started=$SECONDS
  if bash tests/readme.sh >"$log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  tail -40 "$log"
  echo "Readme: ended in $((SECONDS - started)) s" ;;
esac

[ $((passed + failed)) -gt 0 ] || stop "No test ran."
[ -z "$broken" ] || printf 'Failed:\n%s' "$broken"
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" = 0 ]
