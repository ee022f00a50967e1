//! The daemon, tested through the door: every test starts the real `pusud` on a port of its own and talks to it as its
//! users do, over sockets, by files and by signals. Nothing of the daemon's code is called.
//!
//! Each file is one part of what is promised. Tests wait for a condition with a deadline and sleep only where
//! something lasts a fixed time, such as a fault; what has to hold whatever the number of shards runs with 1 and with 3
//! of them ([`shards`](crate::on_1_and_3_shards)).

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed, and says where")]

mod harness;

mod bad_plugins;
mod bench;
mod check;
mod clients;
mod close;
mod commands;
mod conformance;
#[cfg(unix)]
mod containment;
#[cfg(unix)]
mod control;
mod deliveries;
mod door;
mod draining;
mod expiry;
mod fan_out;
#[cfg(target_os = "linux")]
mod frame_floods;
mod frames;
mod handshake;
#[cfg(unix)]
mod health;
mod hot_swap;
mod http;
mod isolation;
mod jwt;
mod keepalive;
mod limits;
mod listen_publish;
#[cfg(target_os = "linux")]
mod many_sources;
#[cfg(target_os = "linux")]
mod memory_ceiling;
mod messages;
mod network;
#[cfg(target_os = "linux")]
mod open_files;
mod order;
#[cfg(target_os = "linux")]
mod overload;
#[cfg(target_os = "linux")]
mod pages;
mod permissions;
mod plugin_errors;
mod plugins;
mod protocol;
#[cfg(target_os = "linux")]
mod queued;
#[cfg(target_os = "linux")]
mod random_load;
mod secrets;
#[cfg(unix)]
mod service;
mod settings;
#[cfg(target_os = "linux")]
mod slow_readers;
#[cfg(target_os = "linux")]
mod soak;
mod stopping;
mod strangers;
mod subscriptions;
mod tidy;
mod workbench;

/// Makes two tests of each named function, which takes a running [`Daemon`](harness::Daemon): on 1 shard and on 3.
macro_rules! on_1_and_3_shards {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn on_1_shard() {
                super::$name(crate::harness::Daemon::on_shards(1));
            }

            #[test]
            fn on_3_shards() {
                super::$name(crate::harness::Daemon::on_shards(3));
            }
        }
    )+};
}
pub(crate) use on_1_and_3_shards;

/// Makes two tests of each named function, which takes a running [`Daemon`](harness::Daemon): one with a relay that is
/// alone in its network, and one with three, to which its clients are connected in turn.
macro_rules! on_1_and_3_relays {
    ($($name:ident),+ $(,)?) => {
        mod in_a_network {
            $(mod $name {
                #[test]
                fn of_1_relay() {
                    super::super::$name(crate::harness::Daemon::on_relays(1));
                }

                #[test]
                fn of_3_relays() {
                    super::super::$name(crate::harness::Daemon::on_relays(3));
                }
            })+
        }
    };
}
pub(crate) use on_1_and_3_relays;
