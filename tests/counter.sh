#!/usr/bin/env bash
# Runs a command of nextest. A terminal has its progress bar; elsewhere one line says every 50 tests how many are done.
set -euo pipefail
[ ! -t 2 ] || exec "$@"
"$@" --status-level pass --show-progress counter 2>&1 | {
  is_over=''
  while IFS= read -r line; do
    if [[ -z $is_over && $line =~ ^\ +PASS\ \[.*\]\ \(\ *([0-9]+)/([0-9]+)\) ]]; then
      ((BASH_REMATCH[1] % 50)) || echo "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} tests done after $SECONDS s"
      continue
    fi
    # What tests have said follows, with a line like those above each.
    [[ $line != *Summary\ \[* ]] || is_over=yes
    printf '%s\n' "$line"
  done
}
