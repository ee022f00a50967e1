#!/usr/bin/env bash
# Runs the tests that a change can break and that take little time: what differs from BASE (HEAD, unless told otherwise)
# and what git does not know yet, or, where that is nothing, the last commit. tests/quick.txt says what a path is tested by.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

changed=$({ git diff --name-only "${BASE:-HEAD}"; git ls-files --others --exclude-standard; } | sort -u)
[ -n "$changed" ] || changed=$(git diff --name-only HEAD~1)

# Whatever is changed, the style of the tree is looked at, and a client is greeted.
names='tidy:: clients::protocol::hello' wings='' packages='' skipped=''
while read -r path words; do
  case $path in '' | '#'*) continue ;; esac
  grep -q "^$path" <<<"$changed" || continue
  case $path in
  pusud/src/*) wings+=" $(basename "$path")::" ;;
  */) [ ! -f "$path/Cargo.toml" ] || packages+=" $(sed -n 's/^name = "\(.*\)"/\1/p' "$path/Cargo.toml" | head -1)" ;;
  esac
  for word in $words; do
    case $word in -*) skipped+=" ${word#-}" ;; *) names+=" $word" ;; esac
  done
done <tests/quick.txt
# Tests themselves: tests/it/clients/close.rs is clients::close, and what has no test belongs to the module above.
for file in $(grep '^tests/it/.*/.*\.rs$' <<<"$changed" | grep -v '^tests/it/harness/'); do
  module=${file#tests/it/} module=${module%.rs} module=${module%/mod}
  grep -qE '#\[test\]|on_1_and_3_|in_both_isolations' "$file" 2>/dev/null || module=${module%/*}
  names+=" ${module//\//::}::"
done
once() { tr -s ' ' '\n' <<<"$1" | sed '/^$/d' | sort -u; }
names=$(once "$names") wings=$(once "$wings") packages=$(once "$packages") skipped=$(once "$skipped")

echo "changed:" $changed
echo "tests through the door:" $names
echo "unit tests:" $wings $packages ${skipped:+without $skipped}
if ! $cargo nextest --version >/dev/null 2>&1; then
  for name in $skipped; do names+=" --skip=$name"; done
  exec $cargo test --workspace --lib --bins --tests -- $wings $names
fi
chosen='none()'
for name in $names; do chosen+=" + (binary(it) & test(/^$name/))"; done
for wing in $wings; do chosen+=" + (package(pusud) & (kind(lib) + kind(bin)) & test(/^$wing/))"; done
for package in $packages; do chosen+=" + package($package)"; done
chosen="($chosen)"
for name in $skipped; do chosen+=" - test(/^$name/)"; done
exec $cargo nextest run --workspace --lib --bins --tests --no-fail-fast -E "$chosen"
