#!/usr/bin/env bash
# Runs the relay under a real systemd: a small Debian in a virtual machine, in memory, without disk and network, in which
# guest.sh does what docs/operating/install.md tells an operator, and says what it saw. The exit code is 0 if all of it was
# as it should be.
#
# Nothing is installed or changed outside of target/systemd, and no service runs on this machine: the packages of the
# virtual machine are unpacked here, but none of their scripts is run. `make test-systemd` builds and installs the relay
# into it. The release of Debian must not be older than the system that the relay was built on.
#   SUITE=trixie      another release of Debian
#   MIRROR=URL        from elsewhere
#   TIMEOUT=900       seconds after which the virtual machine is given up
set -euo pipefail
cd "$(dirname "$0")/../.."

MIRROR=${MIRROR:-http://deb.debian.org/debian}
TIMEOUT=${TIMEOUT:-900}
# systemd brings dbus along only as a recommendation, and the relay needs none. procps is left out: a relay has to be
# reloaded without it.
PACKAGES=systemd-sysv,linux-image-cloud-amd64

die() {
  echo "test-systemd: $*" >&2
  exit 1
}

# The release of Debian that this machine runs, or else one that is new.
suite() {
  # shellcheck source=/dev/null
  (. /etc/os-release && [ "${ID-}" = debian ] && echo "${VERSION_CODENAME-}") || echo trixie
}

look_for_tools() {
  local missing='' tool
  for tool in qemu-system-x86:qemu-system-x86_64 debootstrap:debootstrap dpkg:dpkg-deb cpio:cpio; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${tool#*:}" >/dev/null || missing+=" ${tool%%:*}"
  done
  [ -z "$missing" ] || die "these packages are missing (apt-get install --no-install-recommends):$missing"
  [ "$(uname -sm)" = 'Linux x86_64' ] || die "made for Linux on x86_64, not for $(uname -sm)"
  if [ "$(id -u)" = 0 ]; then FAKEROOT=; else
    FAKEROOT=fakeroot
    command -v fakeroot >/dev/null || die 'debootstrap takes root, or the package fakeroot'
  fi
}

# Fetches the packages into $WORK/packages, once.
fetch() {
  [ ! -e "$WORK/packages/complete" ] || return 0
  echo "test-systemd: fetching the packages of Debian $SUITE from $MIRROR"
  rm -rf "$WORK/packages"
  mkdir -p "$WORK/packages"
  PATH="$PATH:/usr/sbin:/sbin" $FAKEROOT debootstrap --download-only --variant=minbase --include="$PACKAGES" \
    "$SUITE" "$WORK/packages" "$MIRROR" >"$WORK/debootstrap.log" 2>&1 || die "debootstrap: $(tail -n 3 "$WORK/debootstrap.log")"
  touch "$WORK/packages/complete"
}

# Makes $WORK/root: the packages as they are, and the few files that their scripts would have made.
unpack() {
  local package directory
  rm -rf "$WORK/root"
  mkdir -p "$WORK/root/usr"
  for directory in bin sbin lib lib64; do
    mkdir "$WORK/root/usr/$directory"
    ln -s "usr/$directory" "$WORK/root/$directory"
  done
  for package in "$WORK"/packages/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$WORK/root" \
      --exclude './usr/share/doc' --exclude './usr/share/man' --exclude './usr/share/locale' --exclude '*/lib/modules'
  done
  cp "$WORK"/root/usr/share/base-passwd/passwd.master "$WORK/root/etc/passwd"
  cp "$WORK"/root/usr/share/base-passwd/group.master "$WORK/root/etc/group"
  echo relay-1 >"$WORK/root/etc/hostname"
  : >"$WORK/root/etc/machine-id"
  mv "$WORK"/root/boot/vmlinuz-* "$WORK/kernel"
}

# Puts the relay there, as `make install` does, and the part of the sources that an operator has at hand.
install_relay() {
  make --no-print-directory -o plugins install DESTDIR="$WORK/root" >/dev/null
  install -d "$WORK/root/srv/pusud/config"
  install -m 644 docs/operating/install.md "$WORK/root/srv/pusud/"
  install -m 644 config/*.yaml "$WORK/root/srv/pusud/config/"
  install -m 755 tests/systemd/guest.sh tests/systemd/checks.sh "$WORK/root/srv/"
  install -m 644 tests/systemd/guest.service "$WORK/root/etc/systemd/system/"
  mkdir -p "$WORK/root/etc/systemd/system/multi-user.target.wants"
  ln -s ../guest.service "$WORK/root/etc/systemd/system/multi-user.target.wants/guest.service"
}

# Boots it. The first serial line is the console, the second one carries what guest.sh says. The processor is emulated,
# which works inside of other virtual machines too. With its instruction cmpxchg16b Linux 6.12 crashed in qemu 7.2.
boot() {
  (cd "$WORK/root" && find . -print0 | cpio --quiet --null --create --format=newc --owner=+0:+0) >"$WORK/root.cpio"
  timeout --foreground --kill-after=10 "$TIMEOUT" qemu-system-x86_64 \
    -accel tcg -cpu max,-cx16 -smp 1 -m 2048 -nic none -display none -monitor none -no-reboot \
    -kernel "$WORK/kernel" -initrd "$WORK/root.cpio" \
    -append 'rdinit=/sbin/init console=ttyS0 panic=-1 systemd.show_status=no systemd.mask=serial-getty@ttyS0.service' \
    -serial "file:$WORK/console.log" -serial stdio </dev/null 2>"$WORK/qemu.log" | tee "$WORK/checks.log"
}

main() {
  look_for_tools
  SUITE=${SUITE:-$(suite)}
  WORK=$PWD/target/systemd/$SUITE
  mkdir -p "$WORK"
  fetch
  unpack
  install_relay
  local began=$SECONDS checks failed
  boot || die "the virtual machine did not come to an end within $TIMEOUT s; see $WORK/console.log and $WORK/qemu.log"
  checks=$(grep -c '^CHECK ' "$WORK/checks.log" || true)
  failed=$(grep -c '^CHECK [^ ]* FAILED' "$WORK/checks.log" || true)
  grep -q '^END' "$WORK/checks.log" || die "guest.sh did not come to its end; see $WORK/console.log"
  [ "$failed" = 0 ] || die "$failed of $checks checks failed"
  echo "test-systemd: $checks checks passed in $((SECONDS - began)) s"
}

main
