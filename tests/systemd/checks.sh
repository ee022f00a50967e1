#!/bin/bash
# What `make test-systemd` checks, a function each: what install.md tells an operator to do, and what may become of a
# service. guest.sh has the words that they are made of, and runs them in its order, each on what the ones before left.
# shellcheck disable=SC2154,SC2317 # The variables are those of guest.sh; the functions are called by their names.

# The block of commands below "Install as a service", as it is printed there.
as_the_page_says() {
  local line
  sudo() { "$@"; }
  # `make install` was done from outside.
  make() { [ "$*" = install ]; }
  sudoedit() { [ "$1" = "$SETTINGS" ] && settings PasswordAuthenticator 'passwords: {"first": ["*"]}'; }
  # shellcheck disable=SC2016 # These are no commands.
  sed -n '/^## Install as a service/,/^## Files and users/{/^```sh/,/^```/p}' install.md | grep -v '^```' >/tmp/commands
  grep -q 'systemctl enable --now pusud' /tmp/commands
  while read -r line; do
    echo "+ $line"
    eval "$line" </dev/null
  done </tmp/commands
  echo "$(wc -l </tmp/commands) commands of install.md"
}

it_serves() {
  [ "$(systemctl is-active pusud)" = active ]
  [ "$(systemctl is-enabled pusud)" = enabled ]
  [ "$(property NRestarts)" = 0 ]
  log_says 'serving clients'
  converse first
  systemctl status --no-pager --lines 0 pusud | grep -E 'Status|Active'
}

it_is_confined() {
  local facts
  facts=/proc/$(main_pid)/status
  grep -qE "^Uid:\s+$(id -u pusud)\s" "$facts"
  grep -qE '^CapEff:\s+0+$' "$facts"
  grep -qE '^CapBnd:\s+0+$' "$facts"
  grep -qE '^NoNewPrivs:\s+1$' "$facts"
  grep -qE '^Seccomp:\s+2$' "$facts"
  grep -E '^Max open files' "/proc/$(main_pid)/limits"
}

# 0 is the safest, 10 the most exposed.
it_is_hardened() {
  systemd-analyze security --no-pager --threshold=20 pusud.service | tail -n 1
}

status_is_for_root_and_the_relays_user() {
  pusud status --socket "$SOCKET"
  setpriv --reuid pusud --regid pusud --clear-groups pusud status --config "$SETTINGS"
  ! setpriv --reuid nobody --regid nogroup --clear-groups pusud status --socket "$SOCKET" || fail 'nobody may ask it'
  stat --format '%n %U:%G %a' /run/pusud "$SOCKET" | paste --serial --delimiters ' '
}

# /proc has little of the system for it: the time of its start is there all the same.
metrics() {
  exec 3<>/dev/tcp/127.0.0.1/55002
  printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  cat <&3
  exec 3>&-
}

operators_have_their_port() {
  stat --format '%n %U:%G %a' /var/lib/pusud/pusud-operations-55002.token | grep 'pusud:pusud 600$'
  metrics >/tmp/metrics
  grep '^process_start_time_seconds [1-9]' /tmp/metrics
}

has_been_heard_since() { [ "$(property WatchdogTimestampMonotonic)" -gt "$1" ]; }

the_watchdog_hears_it() {
  eventually has_been_heard_since "$(property WatchdogTimestampMonotonic)"
  eventually has_been_heard_since "$(property WatchdogTimestampMonotonic)"
}

# More clients than the 1024 open files that a process may have without LimitNOFILE.
many_clients() {
  ulimit -n 4096
  pusud bench --authorization first --listeners 1200 --rate 1 --duration 10s --patience 60s
  ! log_says 'LimitNOFILE' || fail 'too few open files'
  echo '1200 listeners, every message checked'
}

a_reload_changes_who_decides() {
  listen first
  settings PasswordAuthenticator 'passwords: {"second": ["*"]}'
  systemctl reload pusud
  eventually publish second 'after the reload'
  ! publish first no || fail 'the old password is still good'
  eventually grep -q 'after the reload' /tmp/heard
  eventually is_active
  kill "$listener"
}

a_reload_of_broken_settings_changes_nothing() {
  echo 'pasword: {}' >>"$SETTINGS"
  systemctl reload pusud
  eventually log_says 'nothing was changed'
  publish second still
  eventually is_active
  settings PasswordAuthenticator 'passwords: {"second": ["*"]}'
  log --priority err | grep 'nothing was changed'
}

# As systemd sees them, and so every tool that asks for what is serious.
the_log_has_levels() {
  log_says 'serving clients' --priority info..info || fail 'no line of level info'
  log_says 'nothing was changed' --priority err..err || fail 'no line of level error'
  ! log_says 'serving clients' --priority warning || fail 'what is in order counts as a warning'
  ! log_says '^20[0-9][0-9]-' || fail 'the time is there twice'
  log --lines 1
}

a_drop_in_makes_each_line_an_object() {
  mkdir -p /etc/systemd/system/pusud.service.d
  printf '%s\n' '[Service]' 'ExecStart=' \
    "ExecStart=/usr/local/bin/pusud run --config $SETTINGS --log-format json" >/etc/systemd/system/pusud.service.d/json.conf
  systemctl daemon-reload
  systemctl restart pusud
  log_says '^{.*serving clients.*}$' --priority info..info
  rm -r /etc/systemd/system/pusud.service.d
  systemctl daemon-reload
  systemctl restart pusud
}

# Its unit is a copy, its settings name another port, and the folder of the control sockets is the same.
a_second_relay_beside_it() {
  sed 's|/etc/pusud/settings.yaml|/etc/pusud/second.yaml|' /usr/local/lib/systemd/system/pusud.service \
    >/etc/systemd/system/pusud-second.service
  sed '$a client_port: 55100' "$SETTINGS" >/etc/pusud/second.yaml
  systemctl daemon-reload
  systemctl start pusud-second
  pusud publish --url ws://127.0.0.1:55100 --authorization second news.today hello
  systemctl stop pusud
  pusud status --config /etc/pusud/second.yaml
  systemctl start pusud
  systemctl stop pusud-second
  pusud status --config "$SETTINGS"
  echo 'each with a control socket that outlives the other relay'
}

every_plugin_loads() {
  local isolation id
  for isolation in thread process; do
    for id in MyAuthenticator JwtAuthenticator HttpAuthenticator CertificateAuthenticator PasswordAuthenticator \
      ExampleCAuthenticator; do
      echo "$id, isolation: $isolation"
      case $id in
      MyAuthenticator) settings $id "isolation: $isolation" ;;
      JwtAuthenticator) settings $id "isolation: $isolation" 'jwt_signing_algorithms: [HS256]' \
        'jwt_verification_key: "0123456789abcdef0123456789abcdef"' ;;
      HttpAuthenticator) settings $id "isolation: $isolation" 'authenticator_options: {http_url: "http://127.0.0.1:8080/"}' ;;
      CertificateAuthenticator) settings $id "isolation: $isolation" \
        'authenticator_options: {certificate_rules: [{read: ["*"]}]}' ;;
      PasswordAuthenticator) settings $id "isolation: $isolation" 'passwords: {"third": ["*"]}' ;;
      ExampleCAuthenticator) settings $id "isolation: $isolation" 'authenticator_options: {secrets: [third]}' ;;
      esac
      systemctl restart pusud
      log_says "serving clients.*$id"
      case $id in
      PasswordAuthenticator | ExampleCAuthenticator) converse third ;;
      esac
      [ "$(processes | wc -l)" = "$([ $isolation = thread ] && echo 1 || echo 2)" ]
    done
  done
  echo '6 plugins, in a thread and in a process, Rust and C'
}

is_another_plugin() { [ "$(plugin_pid)" != "$1" ] && publish third back; }

a_plugin_that_dies_comes_back() {
  local relay plugin
  relay=$(main_pid) plugin=$(plugin_pid)
  grep -qE '^Seccomp:\s+2$' "/proc/$plugin/status"
  kill -KILL "$plugin"
  eventually is_another_plugin "$plugin"
  [ "$(main_pid)" = "$relay" ]
}

a_stop_sees_clients_off() {
  local began
  listen third
  log --cursor-file /tmp/cursor >/dev/null
  began=$SECONDS
  systemctl stop pusud
  echo "stopped after $((SECONDS - began)) s" | tee /tmp/stopped
  ! wait "$listener" || fail 'the listener was not disconnected'
  cat /tmp/heard.err
  grep -q 1001 /tmp/heard.err
  [ "$(property Result) $(property ExecMainStatus) $(property ActiveState)" = 'success 0 inactive' ]
  ! log_says 'process has ended' --cursor-file /tmp/cursor || fail 'the plugin was stopped before the relay'
  [ -d /run/pusud ] && [ ! -e "$SOCKET" ]
  cat /tmp/stopped
}

is_stopping() { log --lines 2 | grep -q 'graceful shutdown: no new connections'; }

a_second_signal_ends_it_at_once() {
  local relay began
  local options=('isolation: process' 'authenticator_options: {secrets: [third]}')
  settings ExampleCAuthenticator "${options[@]}" 'limits: {drain_grace: 10min}'
  systemctl start pusud
  listen third
  relay=$(main_pid)
  systemctl stop --no-block pusud
  eventually is_stopping
  began=$SECONDS
  systemctl kill pusud
  eventually [ ! -e "/proc/$relay" ]
  log_says 'second signal: immediate shutdown' --priority warning..warning || fail 'it ended for another reason'
  settings ExampleCAuthenticator "${options[@]}"
  echo "$((SECONDS - began)) s"
}

serves_as_another() { [ "$(systemctl is-active pusud)" = active ] && [ "$(main_pid)" != "$1" ] && publish third back; }

a_crash_restarts_it() {
  local relay
  systemctl start pusud
  relay=$(main_pid)
  kill -KILL "$relay"
  eventually serves_as_another "$relay"
}

a_relay_that_hangs_is_restarted() {
  local relay began=$SECONDS
  relay=$(main_pid)
  kill -STOP "$relay"
  eventually serves_as_another "$relay"
  log_says 'Watchdog timeout'
  echo "$((SECONDS - began)) s"
}

# More than the five times in ten seconds after which systemd gives a service up unless it is told otherwise. (Where the
# processor is emulated they take longer than that.)
has_tried_often() { [ "$(property NRestarts)" -ge 7 ]; }

a_mended_relay_starts_by_itself() {
  systemctl stop pusud
  cp "$SETTINGS" /tmp/good.yaml
  settings None 'nonsense: 1'
  ! systemctl start pusud || fail 'it starts with broken settings'
  eventually has_tried_often
  log_says 'nonsense' --priority err..err || fail 'the reason is no error in the log'
  cat /tmp/good.yaml >"$SETTINGS"
  eventually serves_as_another 0
  echo "after $(property NRestarts) attempts"
}

# Something else has the port for a while, for example a connection to elsewhere: it is an ephemeral one.
it_starts_when_its_port_is_free_again() {
  local other
  systemctl stop pusud
  printf '%s\n' 'authenticator: None' 'control_socket: None' 'limits: {drain_grace: 0, drain_spread: 0}' >/tmp/other.yaml
  pusud run --config /tmp/other.yaml >/dev/null 2>&1 &
  other=$!
  eventually publish any hello
  ! systemctl start pusud || fail 'it starts without its port'
  log_says 'net.ipv4.ip_local_reserved_ports' --priority err..err || fail 'no word about ephemeral ports'
  kill "$other"
  eventually serves_as_another 0
  echo "after $(property NRestarts) attempts"
}

# The page's way to a port that stays open: nobody is refused while the relay is restarted.
a_restart_with_the_socket_unit_refuses_nobody() {
  local n
  systemctl stop pusud
  systemctl start pusud.socket
  systemctl start pusud
  log_says 'the service manager has handed the socket over'
  systemctl restart --no-block pusud
  for n in $(seq 20); do
    publish third "while it is restarted, $n" || fail "message $n was refused"
  done
  eventually is_active
  # Who connects starts it, too.
  systemctl stop pusud
  publish third 'to one that is stopped'
  eventually is_active
  systemctl stop pusud.socket pusud
  systemctl start pusud
  echo '20 messages while it was restarted'
}
