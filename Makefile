# The two commands of the README are `make run` and `make test`. Needs Rust, a C compiler and Python 3; everything else
# the targets fetch or build themselves, into target/.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
PYTHON ?= python3

UNAME := $(shell uname -s)
SUFFIX := $(if $(filter Darwin,$(UNAME)),dylib,so)

# What is loaded by name at run time: the Rust plugins as cargo names them, and the C example.
RUST_PLUGINS := password_authenticator my_authenticator
C_PLUGIN := example_c_authenticator
PLUGINS_DIR := target/plugins
PLUGINS := $(foreach name,$(RUST_PLUGINS) $(C_PLUGIN),$(PLUGINS_DIR)/lib$(name).$(SUFFIX))

# The published Python client and what it needs, in an environment of its own.
VENV := target/venv
VENV_PACKAGES := pypusu==1.0.6 ws4py==0.6.0 future==1.0.0

.PHONY: help run plugins build test venv check install

help:
	@echo 'make run      builds everything and serves 127.0.0.1:55000 with config/quickstart.yaml'
	@echo 'make test     runs all tests, the published Python client included'
	@echo 'make check    formatting, lints, documentation, and the C header against the Rust types'
	@echo 'make plugins  builds the bundled plugins into $(PLUGINS_DIR)'
	@echo 'make install  installs daemon, plugins, header and example settings below $$(DESTDIR)$$(PREFIX)'

run: plugins
	exec target/release/pusud run --config config/quickstart.yaml --plugins-dir $(PLUGINS_DIR)

build:
	$(CARGO) build --release --workspace

# Installing makes new files and moves them into place: a daemon that runs from this folder is not disturbed. Neither
# the folder nor the libraries may be writable by everybody, whatever the umask: the daemon would refuse them.
plugins: build
	install -d -m 755 $(PLUGINS_DIR)
	for name in $(RUST_PLUGINS); do \
	  install -m 755 target/release/lib$$name.$(SUFFIX) $(PLUGINS_DIR)/ || exit 1; \
	done
	$(MAKE) --no-print-directory -C plugins/example-c OUT=$(abspath target/release/lib$(C_PLUGIN).$(SUFFIX))
	install -m 755 target/release/lib$(C_PLUGIN).$(SUFFIX) $(PLUGINS_DIR)/

# nextest gives every test a process of its own and ends those that hang; without it, cargo's own runner serves.
test: venv
	$(CARGO) build --workspace --all-targets
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) $(CARGO) nextest run --workspace --no-fail-fast; \
	else \
	  PUSU_TEST_PYTHON=$(abspath $(VENV)/bin/python) $(CARGO) test --workspace --all-targets --no-fail-fast; \
	fi
	$(CARGO) test --workspace --doc

venv: $(VENV)/.complete

$(VENV)/.complete: Makefile
	rm -rf $(VENV)
	mkdir -p target
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(VENV_PACKAGES)
	touch $@

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps
	$(CARGO) test --package pusu-plugin-api --test header

install: plugins
	install -d -m 755 $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pusud/plugins $(DESTDIR)$(PREFIX)/include
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/doc/pusud
	install -m 755 target/release/pusud $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(PLUGINS) $(DESTDIR)$(PREFIX)/lib/pusud/plugins/
	install -m 644 pusu-plugin-api/include/pusu_plugin.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 config/settings.example.yaml PROTOCOL.md $(DESTDIR)$(PREFIX)/share/doc/pusud/
