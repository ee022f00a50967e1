//! What the tests share: a running daemon, a client that speaks the protocol in verbs, a client that speaks in bytes,
//! plugins to load, and commands to run.
//!
//! **Invariant:** whatever waits has a deadline ([`DEADLINE`]) and says what it waited for when it passes.

mod asking;
mod authorization_service;
mod certificates;
mod checker;
mod chunks;
mod client;
mod client_address;
mod command;
mod daemon;
mod detour;
mod event_request;
mod event_stream;
mod fake_relay;
#[cfg(target_os = "linux")]
mod footprint;
mod frame;
mod grants;
mod history;
mod http;
mod listener;
mod log;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod memory_group;
mod name_server;
mod namespace;
mod nats;
mod network;
mod operations;
#[cfg(unix)]
mod operator;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(target_os = "linux")]
mod pair;
mod plugin_files;
mod process;
mod prometheus;
mod python;
mod raw;
mod router;
mod scripted;
mod setup;
mod stalls;
mod starting;
#[cfg(target_os = "linux")]
mod stopped_thread;
mod stream;
mod telling;
mod terminal;
mod tls_front;
mod token_server;

pub(crate) use authorization_service::AuthorizationService;
pub(crate) use certificates::{Authority, DAY, Issued, self_signed};
pub(crate) use checker::{Checker, LATE, Late, numbered, stamped};
pub(crate) use client::Client;
pub(crate) use client_address::ClientAddress;
pub(crate) use command::{Finished, Running, pusud, run, run_kit, run_with_input};
pub(crate) use daemon::Daemon;
pub(crate) use detour::Detour;
pub(crate) use event_request::{NoStream, bearer, channels_query, escaped, events_request};
pub(crate) use event_stream::{Event, EventListener, Gone};
pub(crate) use fake_relay::{FakeRelay, LinkFrame, frame, hash, hello, kind, named};
#[cfg(target_os = "linux")]
pub(crate) use footprint::Footprint;
pub(crate) use frame::{Frame, close_code, text_message};
pub(crate) use grants::{grants_file, grants_plugin, grants_setup};
pub(crate) use history::Joined;
pub(crate) use http::{Answer, Http, Request};
pub(crate) use listener::{Ended, Listener};
pub(crate) use log::{Log, is_disconnect};
#[cfg(target_os = "linux")]
pub(crate) use memory::{Memory, checked, memory_ceiling};
#[cfg(target_os = "linux")]
pub(crate) use memory_group::MemoryGroup;
pub(crate) use name_server::NameServer;
pub(crate) use namespace::Namespace;
pub(crate) use nats::{
    Named, NatsClient, NatsCluster, NatsOp, NatsProgram, NatsSettings, USER, fixture, on_each_program, signed,
};
pub(crate) use network::{Network, ReservedPort, tests_run_over_nats};
pub(crate) use operations::{OperationsEvents, operations_order, operations_request};
#[cfg(target_os = "linux")]
pub(crate) use pages::{blocks, kept_target, pages_below, run_as_printed};
#[cfg(target_os = "linux")]
pub(crate) use pair::{Pair, Spans};
pub(crate) use plugin_files::{
    PluginsDir, bad_plugin, certificate_plugin, example_c_plugin, example_cpp_plugin, http_plugin, jwt_plugin,
    library_name, my_plugin, password_plugin, patched_copy, ws_echo,
};
pub(crate) use prometheus::{NO_PROMETHEUS, Prometheus, has_prometheus};
pub(crate) use python::script;
pub(crate) use raw::{Raw, upgrade_request};
pub(crate) use router::{Hook, Router};
pub(crate) use scripted::{ALL, scripted_no_swap, scripted_plugin, scripted_version};
pub(crate) use setup::{Setup, write_secret};
#[cfg(target_os = "linux")]
pub(crate) use stalls::watch_stalls;
pub(crate) use stalls::{StallWatch, Stalls, time_without_stalls};
pub(crate) use starting::Starting;
#[cfg(target_os = "linux")]
pub(crate) use stopped_thread::{StoppedThread, stop_thread};
pub(crate) use stream::{HOST, Stream, encrypt_at, trusting, write_certificate};
pub(crate) use telling::{not_run, tell};
pub(crate) use terminal::OnTerminal;
pub(crate) use tls_front::TlsFront;
#[cfg(unix)]
pub(crate) use tls_front::unix_front;
pub(crate) use token_server::TokenServer;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a test waits for anything: far more than it takes on a loaded machine, far less than for ever.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Lets this process and the daemons it starts from here on have as many open files as the system allows: for tests with
/// a thousand clients.
#[cfg(unix)]
pub(crate) fn many_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Here the system has no such limit.
#[cfg(not(unix))]
pub(crate) fn many_open_files() {}

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("pusud/ has a parent").to_owned()
}

/// A folder for what tests build and keep from run to run, inside cargo's target directory.
pub(crate) fn build_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}
