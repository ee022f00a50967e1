#!/bin/bash
# Runs the checks of `make test-systemd` (checks.sh) inside of the virtual machine, as root. A line `CHECK name ok` carries
# the last line that the check wrote; what stands below `CHECK name FAILED` is all that it wrote, and the end of the log.
# shellcheck disable=SC2317 # The functions are called by their names.
set -uo pipefail

SETTINGS=/etc/pusud/settings.yaml
SOCKET=/run/pusud/pusud-55000.sock
# Nothing here takes so long, even where the processor is emulated on a busy machine.
DEADLINE=120

check() {
  local seen status began=$SECONDS
  seen=$(set -euo pipefail; "$1" 2>&1)
  status=$?
  if [ "$status" = 0 ]; then
    echo "CHECK $1 ok ($((SECONDS - began)) s) ${seen##*$'\n'}"
  else
    echo "CHECK $1 FAILED ($((SECONDS - began)) s)"
    { echo "$seen"; journalctl --unit pusud --no-pager --lines 25; } | sed 's/^/    /'
  fi
}

fail() {
  echo "$*"
  exit 1
}

# Until the command succeeds.
eventually() {
  local began=$SECONDS
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - began < DEADLINE)) || fail "not within $DEADLINE s: $*"
    sleep 0.2
  done
}

property() { systemctl show --property "$1" --value pusud; }
main_pid() { property MainPID; }
processes() { cat /sys/fs/cgroup/system.slice/pusud.service/cgroup.procs; }
# The process of the plugin, with `isolation: process`.
plugin_pid() { processes | grep -vx "$(main_pid)"; }
# The log, with all that has been written by now.
log() { journalctl --sync && journalctl --unit pusud --output cat --no-pager "$@"; }
# Without `grep -q`, which would leave before journalctl has written everything, and make that fail.
log_says() { log "${@:2}" | grep -e "$1" >/dev/null; }
is_active() { [ "$(property ActiveState)" = active ]; }
publish() { pusud publish --authorization "$1" news.today "$2"; }

# Settings with an authenticator and whatever else is given. The file keeps its owner and mode. The machine has one
# processor, for which there would be one shard.
settings() {
  printf '%s\n' "authenticator: $1" 'plugins_dir: /usr/local/lib/pusud/plugins' 'shards: 2' "${@:2}" >"$SETTINGS"
}

# A listener in the background, which is there when this returns. It writes to /tmp/heard, and to /tmp/heard.err.
listen() {
  pusud listen --no-reconnect --authorization "$1" news.today >/tmp/heard 2>/tmp/heard.err &
  listener=$!
  eventually heard_of "$1"
}

# Messages are sent until the listener hears one: it does not say when it has subscribed.
heard_of() {
  publish "$1" hello && grep -q hello /tmp/heard
}

converse() {
  : >/tmp/heard
  listen "$1"
  kill "$listener"
}

# shellcheck source=tests/systemd/checks.sh
. /srv/checks.sh

echo "systemd: $(systemctl --version | head -n 1), Linux $(uname -r), booted in $(cut -d ' ' -f 1 /proc/uptime) s"
check as_the_page_says
check it_serves
check it_is_confined
check it_is_hardened
check status_is_for_root_and_the_relays_user
check operators_have_their_port
check the_watchdog_hears_it
check many_clients
check a_reload_changes_who_decides
check a_reload_of_broken_settings_changes_nothing
check the_log_has_levels
check a_drop_in_makes_each_line_an_object
check a_second_relay_beside_it
check every_plugin_loads
check a_plugin_that_dies_comes_back
check a_stop_sees_clients_off
check a_second_signal_ends_it_at_once
check a_crash_restarts_it
check a_relay_that_hangs_is_restarted
check a_mended_relay_starts_by_itself
check it_starts_when_its_port_is_free_again
check a_restart_with_the_socket_unit_refuses_nobody
echo END
